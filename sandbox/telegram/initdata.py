"""Init data: how Telegram tells a Mini App who opened it (https://core.telegram.org/bots/webapps#initializing-mini-apps)."""

import base64
import hashlib
import hmac
import json
import secrets
import time
from urllib.parse import quote, urlencode

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from .errors import Refused
from .params import is_web_app_url
from .state import Json, Person

THEMES: dict[str, dict[str, str]] = {
    "light": {
        "accent_text_color": "#168acd",
        "bg_color": "#ffffff",
        "bottom_bar_bg_color": "#f0f0f0",
        "button_color": "#40a7e3",
        "button_text_color": "#ffffff",
        "destructive_text_color": "#d14e4e",
        "header_bg_color": "#ffffff",
        "hint_color": "#999999",
        "link_color": "#168acd",
        "secondary_bg_color": "#f0f0f0",
        "section_bg_color": "#ffffff",
        "section_header_text_color": "#168acd",
        "section_separator_color": "#e7e7e7",
        "subtitle_text_color": "#999999",
        "text_color": "#000000",
    },
    "dark": {
        "accent_text_color": "#6ab2f2",
        "bg_color": "#17212b",
        "bottom_bar_bg_color": "#17212b",
        "button_color": "#5288c1",
        "button_text_color": "#ffffff",
        "destructive_text_color": "#ec3942",
        "header_bg_color": "#17212b",
        "hint_color": "#708499",
        "link_color": "#6ab3f3",
        "secondary_bg_color": "#232e3c",
        "section_bg_color": "#17212b",
        "section_header_text_color": "#6ab3f3",
        "section_separator_color": "#111921",
        "subtitle_text_color": "#708499",
        "text_color": "#f5f5f5",
    },
}


class InitDataSigner:
    """Signs as Telegram does for one bot: HMAC with its token, Ed25519 with a key of the emulator's own."""

    def __init__(self, token: str) -> None:
        self._bot_id = token.partition(":")[0]
        self._secret = hmac.digest(b"WebAppData", token.encode(), "sha256")
        self._key = Ed25519PrivateKey.generate()

    @property
    def public_key(self) -> bytes:
        """The 32 bytes that stand in for Telegram's published key."""
        return self._key.public_key().public_bytes_raw()

    def init_data(
        self,
        person: Person,
        start_param: str | None = None,
        auth_date: int | None = None,
        query_id: str | None = None,
    ) -> str:
        user: Json = {
            "id": person.id,
            **person.names,
            "language_code": person.language,
        }
        if person.started and not person.blocked:
            user["allows_write_to_pm"] = True
        fields = {
            "query_id": query_id or f"AA{secrets.token_urlsafe(16)}",
            "user": json.dumps(user, ensure_ascii=False, separators=(",", ":")),
            "auth_date": str(int(time.time()) if auth_date is None else auth_date),
        }
        if start_param:
            fields["start_param"] = start_param
        third_party = f"{self._bot_id}:WebAppData\n{_lines(fields)}"
        signature = base64.urlsafe_b64encode(self._key.sign(third_party.encode()))
        fields["signature"] = signature.rstrip(b"=").decode()
        fields["hash"] = hmac.new(self._secret, _lines(fields).encode(), hashlib.sha256).hexdigest()
        return urlencode(fields, quote_via=quote)


def _lines(fields: dict[str, str]) -> str:
    return "\n".join(f"{name}={fields[name]}" for name in sorted(fields))


def launch(url: str, init_data: str, theme: str = "light", start_param: str | None = None) -> Json:
    """The address that a web client puts into its frame, with the launch parameters in the fragment.

    Raises:
        Refused: the address isn't one that Telegram opens, or there is no such theme.
    """
    if not is_web_app_url(url):
        raise Refused("Telegram opens Mini Apps by https:// only (here also by http:// on loopback).")
    if theme not in THEMES:
        raise Refused("theme is light or dark.")
    parameters = {
        "tgWebAppData": init_data,
        "tgWebAppVersion": "9.1",
        "tgWebAppPlatform": "web",
        "tgWebAppThemeParams": json.dumps(THEMES[theme], separators=(",", ":")),
    }
    base, mark, route = url.partition("#")
    if (
        start_param
    ):  # by the query, unlike the rest: https://docs.telegram-mini-apps.com/platform/start-parameter
        base += f"{'&' if '?' in base else '?'}{urlencode({'tgWebAppStartParam': start_param})}"
    joint = "" if not mark else f"{route}{'&' if '?' in route else '?'}"
    return {"url": f"{base}#{joint}{urlencode(parameters, quote_via=quote)}", "initData": init_data}
