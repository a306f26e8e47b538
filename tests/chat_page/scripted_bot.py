"""A bot of a few lines over plain aiohttp: each command makes the chat page show one more thing."""

import io
import json
from pathlib import Path
from typing import Any

import aiohttp
from aiohttp import web
from PIL import Image

Json = dict[str, Any]

EVIL = '<img src=x onerror="hacked=1"><script>hacked=1</script> javascript:hacked=1 & &lt;b&gt;'
MINI_APP = Path(__file__).with_name("mini_app.html")


def jpeg(color: str, size: tuple[int, int] = (640, 800)) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", size, color).save(buffer, "JPEG")
    return buffer.getvalue()


def button(text: str, **what: Any) -> Json:
    return {"text": text, **what}


class ScriptedBot:
    """Answers commands by webhook; `address` is its own server, once it is known."""

    def __init__(self, api: str, session: aiohttp.ClientSession) -> None:
        self._api = api
        self._session = session
        self.address = ""
        self.refuses_payments = False

    def app(self) -> web.Application:
        app = web.Application()
        app.router.add_post("/webhook", self._webhook)
        app.router.add_get("/app", self._mini_app)
        return app

    async def call(self, method: str, **params: Any) -> Any:
        """Calls the Bot API; bytes are uploaded, everything else is JSON."""
        form = aiohttp.FormData()
        for name, value in params.items():
            if isinstance(value, bytes):
                form.add_field(name, value, filename=f"{name}.jpg", content_type="image/jpeg")
            else:
                form.add_field(name, value if isinstance(value, str) else json.dumps(value))
        async with self._session.post(f"{self._api}/{method}", data=form) as response:
            body = await response.json()
        assert body["ok"], body
        return body["result"]

    async def introduce(self) -> None:
        """What a bot tells Telegram about itself when it starts."""
        await self.call("setWebhook", url=f"{self.address}/webhook")
        await self.call("setMyDescription", description="I turn your photos into a model of you.")
        commands = [("start", "Begin"), ("status", "Your trainings"), ("stars", "Buy Stars")]
        await self.call("setMyCommands", commands=[{"command": c, "description": d} for c, d in commands])
        await self.call(
            "setChatMenuButton",
            menu_button={"type": "web_app", "text": "Open", "web_app": {"url": f"{self.address}/app"}},
        )

    async def _mini_app(self, _request: web.Request) -> web.FileResponse:
        return web.FileResponse(MINI_APP)

    async def _webhook(self, request: web.Request) -> web.Response:
        update = await request.json()
        if query := update.get("callback_query"):
            await self._pressed(query)
        elif checkout := update.get("pre_checkout_query"):
            refusal = {"error_message": "Sold out today."} if self.refuses_payments else {}
            await self.call(
                "answerPreCheckoutQuery",
                pre_checkout_query_id=checkout["id"],
                ok=not self.refuses_payments,
                **refusal,
            )
        elif message := update.get("message"):
            await self._said(message["chat"]["id"], message.get("text", ""), message)
        return web.Response()

    async def _said(self, chat: int, text: str, message: Json) -> None:
        command, _, payload = text.partition(" ")
        match command:
            case "/start":
                await self._greet(chat, payload)
            case "/album":
                media = [{"type": "photo", "media": f"attach://p{at}"} for at in range(4)]
                media[0]["caption"] = "Four of you"
                photos = {f"p{at}": jpeg(c) for at, c in enumerate(("#a33", "#3a3", "#33a", "#aa3"))}
                await self.call("sendMediaGroup", chat_id=chat, media=media, **photos)
            case "/stars":
                await self.call(
                    "sendInvoice",
                    chat_id=chat,
                    title="150 stars",
                    description="One training",
                    payload="pack-150",
                    currency="XTR",
                    prices=[{"label": "150 stars", "amount": 150}],
                )
            case "/evil":
                keyboard = {"inline_keyboard": [[button(EVIL[:60], callback_data="edit")]]}
                await self.call("sendMessage", chat_id=chat, text=EVIL, reply_markup=keyboard)
            case "/keys":
                rows = [["Yes", "No"], ["Later"]]
                await self.call(
                    "sendMessage",
                    chat_id=chat,
                    text="Shall we?",
                    reply_markup={"keyboard": [[button(text) for text in row] for row in rows]},
                )
            case _ if message.get("successful_payment"):
                await self.call("sendMessage", chat_id=chat, text="Thank you!")
            case _ if message.get("photo"):
                await self.call("sendChatAction", chat_id=chat, action="typing")
            case _:
                await self.call("sendMessage", chat_id=chat, text=f"You said: {text}")

    async def _greet(self, chat: int, payload: str) -> None:
        rows = [
            [button("Train", callback_data="edit", style="success"), button("Warn", callback_data="alert")],
            [button("Open the app", web_app={"url": f"{self.address}/app"}, style="primary")],
            [button("Website", url="https://example.com/"), button("Copy", copy_text={"text": "sks"})],
        ]
        await self.call(
            "sendMessage",
            chat_id=chat,
            text="<b>Hello!</b> 👋🏽 Send me <i>six <u>photos</u></i>, "
            f"<tg-spoiler>please</tg-spoiler>. {payload}",
            parse_mode="HTML",
            reply_markup={"inline_keyboard": rows},
        )

    async def _pressed(self, query: Json) -> None:
        message = query["message"]
        if query["data"] == "alert":
            await self.call(
                "answerCallbackQuery", callback_query_id=query["id"], text="Careful.", show_alert=True
            )
            return
        await self.call("answerCallbackQuery", callback_query_id=query["id"], text="Started")
        await self.call(
            "editMessageText",
            chat_id=message["chat"]["id"],
            message_id=message["message_id"],
            text="▰▰▰▱▱▱ 50%",
            reply_markup={"inline_keyboard": [[button("Cancel", callback_data="alert", style="danger")]]},
        )
