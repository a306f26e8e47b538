"""The Mini App's built files, and the way from them to the bot."""

from pathlib import Path

from aiohttp import web

from models.errors import NotFound, Unavailable
from web.keys import BOT_USERNAME, MINIAPP, SETTINGS

# `connect-src` is all that the app calls: us. Pictures come from us, alone or in an answer (data:), or are
# the person's own before they travel (blob:). Telegram's web clients load the app into a frame.
_POLICY = (
    "default-src 'none'; script-src 'self' https://telegram.org; style-src 'self'; connect-src 'self'; "
    "img-src 'self' data: blob:; base-uri 'none'; form-action 'none'; frame-ancestors {ancestors}"
)


async def from_root(_: web.Request) -> web.Response:
    return _to_app()


async def to_folder(_: web.Request) -> web.Response:
    return _to_app()


def _to_app() -> web.Response:
    return web.Response(status=302, headers={"Location": "/app/"})


async def to_bot(request: web.Request) -> web.Response:
    """For whoever opened the Mini App outside Telegram: a page from nowhere can't know the bot's name."""
    username = request.app[BOT_USERNAME]()
    if not username:
        raise Unavailable(
            "Telegram hasn't told us the bot's name yet: try again in a moment.", code="bot_unknown"
        )
    return web.Response(status=302, headers={"Location": f"https://t.me/{username}"})


async def file(request: web.Request) -> web.StreamResponse:
    """A file of the build, as its `.br` or `.gz` beside it where the client takes that.

    What Vite puts under `assets/` has its hash in its name and never changes.
    """
    path = request.match_info["path"]
    found = _find(request.app[MINIAPP], path or "index.html")
    headers = {"Vary": "Accept-Encoding"}  # aiohttp forgets it for what isn't compressed, and for 304
    if path.startswith("assets/"):
        headers["Cache-Control"] = "public, max-age=31536000, immutable"
    else:
        headers["Cache-Control"] = "no-cache"
    if found.suffix == ".html":
        headers["Content-Security-Policy"] = _POLICY.format(ancestors=request.app[SETTINGS].frame_ancestors)
    return web.FileResponse(found, headers=headers)


def _find(root: Path, path: str) -> Path:
    """The file at `path` within `root`, and never one outside, whatever `path` says."""
    if not (root / "index.html").is_file():
        raise NotFound("The Mini App is not built: `make install` builds it.", code="miniapp_not_built")
    try:
        found = (root / path).resolve(strict=True)
    except (OSError, ValueError, RuntimeError):
        found = None
    if found is None or not found.is_relative_to(root.resolve()) or not found.is_file():
        raise NotFound("The Mini App has no such file.", code="not_found")
    return found
