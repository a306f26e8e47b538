"""Which addresses fal may be sent to: public https ones, by the text alone, since fal fetches and not we."""

import ipaddress
import re
from urllib.parse import urlsplit

_VISIBLE = re.compile(r"[\x21-\x7e]+")
_LABEL = re.compile(r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?")
# A host whose last label looks like this is an IPv4 address to a browser, in whatever notation
# (https://url.spec.whatwg.org/#ends-in-a-number-checker).
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")
_PRIVATE_SUFFIXES = (
    "localhost",
    "local",
    "localdomain",
    "internal",
    "intranet",
    "private",
    "corp",
    "home",
    "lan",
    "home.arpa",
)


def why_not_public(url: str) -> str | None:
    """What is wrong with `url`, as a sentence, or None where it is a public https address."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return _SENTENCE
    host = (parts.hostname or "").rstrip(".")
    if not _VISIBLE.fullmatch(url) or "\\" in url or parts.scheme != "https" or not host:
        return _SENTENCE
    if "@" in parts.netloc:
        return "The address must not hold a user name or a password."
    if port not in {None, 443}:
        return "The address must not name a port other than 443."
    return None if _is_public(host, in_brackets="[" in parts.netloc) else _PRIVATE


_SENTENCE = "This has to be an address that POST /training/upload gave you, or a public https:// address."
_PRIVATE = "This address is private: the trainer can't fetch from it. It has to be a public https:// address."


def _is_public(host: str, *, in_brackets: bool) -> bool:
    labels = host.split(".")
    if in_brackets or _NUMBER.fullmatch(labels[-1]):
        try:
            return _is_public_ip(ipaddress.ip_address(host))
        except ValueError:
            return False
    return (
        len(labels) > 1
        and len(host) <= 253
        and all(_LABEL.fullmatch(label) for label in labels)
        and not any(host == suffix or host.endswith(f".{suffix}") for suffix in _PRIVATE_SUFFIXES)
    )


def _is_public_ip(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    if isinstance(address, ipaddress.IPv6Address):
        # Those that carry an IPv4 address are not needed by anybody, and hide one.
        if address.ipv4_mapped or address.sixtofour or address.teredo or address.scope_id:
            return False
        if address not in _GLOBAL_UNICAST:
            return False
    return address.is_global and not address.is_multicast and not address.is_reserved


_GLOBAL_UNICAST = ipaddress.IPv6Network("2000::/3")
