"""The Mini App's files: what is served, how, to whom; and what a first visit costs."""

import asyncio
from collections.abc import AsyncIterator
from io import BytesIO
from pathlib import Path

import pytest
from aiohttp import ClientResponse
from playwright.async_api import Browser, ConsoleMessage, Page, expect
from yarl import URL

from models.user import Person
from sandbox.telegram.initdata import launch
from tests.people import ANA, BETO, init_data, proof
from tests.photos import portrait
from tests.web.conftest import Client, Serve
from web.app import MINIAPP_BUILD

CSP = (
    "default-src 'none'; script-src 'self' https://telegram.org; style-src 'self'; connect-src 'self'; "
    "img-src 'self' data: blob:; base-uri 'none'; form-action 'none'; "
    "frame-ancestors https://web.telegram.org https://*.telegram.org"
)
BOT = "https://t.me/selfi_test_bot"
PAGE = "<!doctype html>"
SCRIPT = "export {}"
FOREVER = "public, max-age=31536000, immutable"

FIRST_LOAD_MOST = 60_000
"""Bytes of scripts and styles, gzipped, until photos can be chosen."""


@pytest.fixture
def build(tmp_path: Path) -> Path:
    """A build as Vite leaves it, but for what stands for compression: that only has to be told apart."""
    root = tmp_path / "dist"
    (root / "assets").mkdir(parents=True)
    for path, text in (("index.html", PAGE), ("assets/index-Ab12.js", SCRIPT), ("assets/icon-Cd34.svg", "")):
        (root / path).write_text(text)
        (root / f"{path}.br").write_text(f"br of {text}")
        (root / f"{path}.gz").write_text(f"gzip of {text}")
    (tmp_path / "secret").write_text("secret")
    (root / "link").symlink_to(tmp_path / "secret")
    return root


@pytest.fixture
async def client(serve: Serve, build: Path) -> Client:
    client = await serve(miniapp=build)
    client.session._auto_decompress = False  # to see what travels
    return client


async def test_the_ways_in(client: Client) -> None:
    for path in ("/", "/app"):
        answer = await client.get(path, allow_redirects=False)
        assert (answer.status, answer.headers["Location"]) == (302, "/app/")


async def test_the_page(client: Client) -> None:
    for path in ("/app/", "/app/index.html"):
        answer = await client.get(path, headers={"Accept-Encoding": "identity"})
        assert (await answer.text(), answer.content_type) == (PAGE, "text/html")
        assert answer.headers["Cache-Control"] == "no-cache"
        assert answer.headers["Content-Security-Policy"] == CSP
        assert answer.headers["X-Content-Type-Options"] == "nosniff"


async def test_what_has_its_hash_in_its_name_stays_in_the_cache(client: Client) -> None:
    for path, kind in (("assets/index-Ab12.js", "/javascript"), ("assets/icon-Cd34.svg", "/svg+xml")):
        answer = await client.get(f"/app/{path}")
        assert answer.content_type.endswith(kind)
        assert answer.headers["Cache-Control"] == FOREVER


# --- compression ---


@pytest.mark.parametrize("path", ["/app/", "/app/assets/index-Ab12.js"])
@pytest.mark.parametrize(
    ("accepted", "encoding"),
    [
        ("gzip, deflate, br, zstd", "br"),
        ("gzip, deflate", "gzip"),
        ("GZIP", "gzip"),
        ("identity", None),
        ("", None),
        ("zstd", None),
    ],
)
async def test_everybody_gets_the_file_as_they_take_it(
    client: Client, path: str, accepted: str, encoding: str | None
) -> None:
    plain = await client.get(path, headers={"Accept-Encoding": "identity"})
    answer = await client.get(path, headers={"Accept-Encoding": accepted})
    sent = await plain.text() if encoding is None else f"{encoding} of {await plain.text()}"
    assert (answer.status, answer.headers.get("Content-Encoding")) == (200, encoding)
    assert (await answer.text(), answer.content_length) == (sent, len(sent))
    assert answer.content_type == plain.content_type
    assert same(answer, plain, "Cache-Control", "Content-Security-Policy")
    assert answer.headers.getall("Vary") == plain.headers.getall("Vary") == ["Accept-Encoding"]
    assert (answer.headers["ETag"] == plain.headers["ETag"]) == (encoding is None)


@pytest.mark.parametrize("accepted", ["br", "gzip", "identity"])
async def test_what_is_known_already_is_not_sent_again(client: Client, accepted: str) -> None:
    headers = {"Accept-Encoding": accepted}
    first = await client.get("/app/", headers=headers)
    for known in (
        {"If-None-Match": first.headers["ETag"]},
        {"If-Modified-Since": first.headers["Last-Modified"]},
    ):
        again = await client.get("/app/", headers=headers | known)
        assert (again.status, await again.read()) == (304, b"")
        assert same(again, first, "ETag", "Cache-Control", "Content-Security-Policy", "Vary")
    other = await client.get("/app/", headers=headers | {"If-None-Match": '"another"'})
    assert other.status == 200


@pytest.mark.parametrize("accepted", ["br", "identity"])
async def test_a_head_says_what_a_get_would(client: Client, accepted: str) -> None:
    headers = {"Accept-Encoding": accepted}
    get = await client.get("/app/assets/index-Ab12.js", headers=headers)
    head = await client.head("/app/assets/index-Ab12.js", headers=headers)
    assert (head.status, await head.read()) == (200, b"")
    told = get.headers.keys() - {"Date", "X-Request-ID"}
    assert told == head.headers.keys() - {"Date", "X-Request-ID"}
    assert same(head, get, *told)


async def test_a_range_is_one_of_what_is_sent(client: Client) -> None:
    headers = {"Accept-Encoding": "br", "Range": "bytes=3-5"}
    answer = await client.get("/app/assets/index-Ab12.js", headers=headers)
    assert (answer.status, answer.headers["Content-Encoding"]) == (206, "br")
    assert await answer.text() == "of "
    assert answer.headers["Content-Range"] == f"bytes 3-5/{len('br of ' + SCRIPT)}"


def same(one: ClientResponse, other: ClientResponse, *names: str) -> bool:
    return all(one.headers.get(name) == other.headers.get(name) for name in names)


# --- nothing else ---


OUTSIDE = (
    *(
        "../secret",
        "..%2fsecret",
        "%2e%2e/secret",
        "assets/../../secret",
        "..\\secret",
        "link",
        "/etc/passwd",
    ),
    *("assets", "index.html/x", "%00", "%ff", "a" * 5000),
)


@pytest.mark.parametrize("path", OUTSIDE)
async def test_nothing_beside_the_mini_app(client: Client, path: str) -> None:
    status, body = await raw_request(client, f"GET /app/{path} HTTP/1.1")
    assert status == 404
    assert b"secret" not in body


async def test_a_mini_app_that_is_not_built_says_how(serve: Serve, tmp_path: Path) -> None:
    client = await serve(miniapp=tmp_path / "none")
    answer = await client.get("/app/")
    assert (answer.status, (await answer.json())["code"]) == (404, "miniapp_not_built")
    assert "make install" in (await answer.json())["detail"]


async def raw_request(client: Client, head: str) -> tuple[int, bytes]:
    """Sends a request that no client library would, and answers its status and the rest."""
    reader, writer = await asyncio.open_connection("127.0.0.1", client.port)
    writer.write(f"{head}\r\nHost: x\r\nConnection: close\r\n\r\n".encode("latin-1"))
    answer = await asyncio.wait_for(reader.read(), 10)
    writer.close()
    return int(answer.split(b" ", 2)[1]), answer


# --- the way to the bot ---


async def test_the_way_to_the_bot(client: Client) -> None:
    answer = await client.get("/bot", allow_redirects=False)
    assert (answer.status, answer.headers["Location"]) == (302, BOT)


async def test_the_bots_name_is_not_known_yet(serve: Serve) -> None:
    client = await serve(bot_username=str)
    answer = await client.get("/bot", allow_redirects=False)
    assert (answer.status, (await answer.json())["code"]) == (503, "bot_unknown")
    assert int(answer.headers["Retry-After"]) > 0


# --- the real build in a real browser ---


@pytest.fixture
async def page(chromium: Browser) -> AsyncIterator[Page]:
    """A phone's browser, in which nothing may go wrong but the network."""
    page = await chromium.new_page(viewport={"width": 390, "height": 844}, has_touch=True, locale="en")
    errors: list[str] = []

    def note(line: ConsoleMessage) -> None:
        if line.type == "error" and "net::ERR_FAILED" not in line.text:
            errors.append(line.text)

    page.on("console", note)
    page.on("pageerror", lambda error: errors.append(str(error)))
    yield page
    await page.close()
    assert errors == []


async def test_outside_telegram_it_leads_to_the_bot(serve: Serve, page: Page) -> None:
    client = await serve()
    await page.goto(str(client.make_url("/app/")))
    await expect(page.get_by_role("heading")).to_have_text("Selfi lives in Telegram")
    async with page.context.expect_event("request", lambda request: request.url == BOT):
        await page.get_by_role("link", name="Open the bot").click()


ASKED_FOR = """
window.asked = new Promise((resolve) => {
  const look = () => {
    if (!document.querySelector('#add-photos')) return requestAnimationFrame(look);
    resolve(performance.getEntriesByType('resource').map(({ name }) => name));
  };
  look();
});
"""
"""The addresses of all that was asked for until photos can be chosen: more is fetched ahead soon after."""


@pytest.mark.parametrize("person", [ANA, BETO], ids=["en", "es"])
async def test_a_first_load_is_small(serve: Serve, cast: None, page: Page, person: Person) -> None:
    client = await serve()
    await page.add_init_script(ASKED_FOR)
    await page.goto(in_telegram(client, person))
    asked = [URL(url).path for url in await page.evaluate("asked")]
    files = [path.removeprefix("/app/") for path in asked if path.endswith((".js", ".css"))]
    sizes = {file: (MINIAPP_BUILD / f"{file}.gz").stat().st_size for file in files}
    assert {Path(file).suffix for file in files} == {".js", ".css"}
    assert asked.count("/session") == 1
    # Each that is found out later costs another round trip; the language is asked for beside the session.
    lines = (MINIAPP_BUILD / "index.html").read_text().splitlines()
    asked_by_page = "".join(line for line in lines if 'rel="part"' not in line)
    found_out = [Path(file).name for file in files if file not in asked_by_page]
    assert [name.partition("-")[0] for name in found_out] == [person.language]
    assert sum(sizes.values()) <= FIRST_LOAD_MOST, sizes


async def test_a_session_that_fails_at_first_is_asked_for_again(serve: Serve, cast: None, page: Page) -> None:
    client = await serve()
    await page.route("**/session", lambda route: route.abort(), times=1)
    await page.goto(in_telegram(client, ANA))
    await expect(page.locator("#add-photos")).to_be_visible()


async def test_photos_from_the_chat_are_shown(serve: Serve, cast: None, page: Page) -> None:
    """Their thumbnails come as data: addresses, which the policy has to let in."""
    client = await serve()
    added = await client.post("/training/photos", data={"image": BytesIO(portrait(1))}, headers=proof(ANA))
    assert added.status == 201
    await page.goto(in_telegram(client, ANA))
    await page.locator("#add-photos").wait_for()
    await page.get_by_role("listitem").locator("img").evaluate("image => image.decode()")


def in_telegram(client: Client, person: Person) -> str:
    """The address that Telegram opens for the person."""
    address: str = launch(str(client.make_url("/app/")), init_data(person, signature="unread"))["url"]
    return address


def test_there_is_no_web_font() -> None:
    styles = [file.read_text() for file in MINIAPP_BUILD.rglob("*.css")]
    assert styles
    assert not any("@font-face" in style for style in styles)
