"""The line to Telegram, when what answers isn't Telegram."""

import asyncio
from collections import Counter

import pytest
from aiogram import Dispatcher
from aiohttp import web
from aiohttp.test_utils import TestServer

from bot import connection
from bot.app import create_bot
from bot.connection import Connection
from config import Settings

ME = {"id": 123456789, "is_bot": True, "first_name": "Selfi", "username": "selfi_bot"}


@pytest.mark.parametrize("public_url", ["https://selfi.example.org", None])
async def test_a_proxys_html_is_outlasted(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, public_url: str | None
) -> None:
    monkeypatch.setattr(connection, "FIRST_WAIT", 0.01)
    monkeypatch.setattr("bot.polling.PAUSE_SECONDS", 0.01)
    calls: Counter[str] = Counter()

    async def telegram(request: web.Request) -> web.Response:
        method = request.match_info["method"]
        calls[method] += 1
        if calls[method] == 1:
            return web.Response(status=502, text="<html>Bad Gateway</html>", content_type="text/html")
        if method == "getUpdates":
            await asyncio.sleep(0.05)
            return web.json_response({"ok": True, "result": []})
        return web.json_response({"ok": True, "result": ME if method == "getMe" else True})

    app = web.Application()
    app.router.add_post("/bot{token}/{method}", telegram)
    async with TestServer(app) as server:
        changes = {"telegram_api_url": str(server.make_url("")).rstrip("/"), "public_url": public_url}
        settings = settings.model_copy(update=changes)
        async with create_bot(settings).context() as bot:
            line = Connection(bot, Dispatcher(disable_fsm=True), settings)
            with pytest.raises(RuntimeError):
                await line.check()
            async with line.open(), asyncio.timeout(10):
                while calls["setWebhook" if public_url else "getUpdates"] < 2:
                    await asyncio.sleep(0.01)
                await asyncio.sleep(0.05)
                await line.check()
            assert line.username == "selfi_bot"
