"""What a newcomer does after `make run`, in a real browser: from /start to a trained model."""

import asyncio
import os
import re
import signal
import socket
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from playwright.async_api import Browser, FilePayload, expect

from tests.photos import portrait

ROOT = Path(__file__).parent.parent.parent


def three_ports() -> int:
    """The first of three free ports in a row."""
    for first in range(20_000 + os.getpid() % 5_000 * 3, 60_000, 3):
        try:
            for port in range(first, first + 3):
                with socket.socket() as probe:
                    probe.bind(("127.0.0.1", port))
        except OSError:
            continue
        return first
    raise RuntimeError("no three free ports in a row")


@pytest.fixture
async def chat_page() -> AsyncIterator[str]:
    """The address that `make run` prints."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "sandbox", "--port", str(three_ports()), cwd=ROOT,
        env=os.environ | {"SANDBOX_TRAINING_SECONDS": "6"}, stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert process.stdout is not None
    try:
        async with asyncio.timeout(90):
            async for line in process.stdout:
                if found := re.search(rb"Chat with the bot: +(\S+)", line):
                    yield found[1].decode()
                    break
    finally:
        process.send_signal(signal.SIGINT)
        assert await asyncio.wait_for(process.wait(), 60) == 0


async def test_a_newcomer_trains_a_model(chat_page: str, chromium: Browser) -> None:
    page = await chromium.new_page(viewport={"width": 1440, "height": 900}, locale="en")
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("console", lambda line: errors.append(line.text) if line.type == "error" else None)
    await page.goto(chat_page)

    await page.get_by_role("button", name="START").first.click()
    await expect(page.get_by_text("500 stars are yours")).to_be_visible()

    await page.get_by_role("button", name="Open Selfi").click()
    app = page.frame_locator("#app iframe")
    photos: list[FilePayload] = [
        {"name": f"{seed}.jpg", "mimeType": "image/jpeg", "buffer": portrait(seed)} for seed in range(6)
    ]
    await app.locator("input[type=file]").first.set_input_files(photos)
    await expect(app.get_by_text("6 of 50")).to_be_visible()
    await app.get_by_placeholder("TOK").fill("anatok")
    start = page.get_by_role("button", name="Train for 150")
    await expect(start).to_be_enabled(timeout=20_000)
    await start.click()

    await expect(page.get_by_text("is in training")).to_be_visible(timeout=20_000)
    await expect(app.get_by_text("Training", exact=True)).to_be_visible()
    await expect(page.get_by_text("anatok is ready!")).to_be_visible(timeout=30_000)
    await expect(app.get_by_text("Ready", exact=True)).to_be_visible()
    await expect(page.get_by_text("is in training")).to_have_count(0)
    assert errors == []
    if folder := os.environ.get("SCREENSHOTS"):
        await page.screenshot(path=Path(folder) / "sandbox.png")
    await page.close()
