"""Pieces that both parse modes are made of: text as it grows, and the spans marked in it, in UTF-16 units."""

from dataclasses import dataclass, field, replace

from .errors import bad_request
from .state import Json


def utf16_length(text: str) -> int:
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def byte_offset(text: str, position: int) -> int:
    return len(text[:position].encode("utf-8", "surrogatepass"))


@dataclass(frozen=True)
class Span:
    kind: str
    offset: int
    length: int
    extra: Json = field(default_factory=dict)

    @classmethod
    def from_json(cls, entity: Json) -> "Span":
        """Raises `ApiError` where it isn't a message entity."""
        extra = dict(entity)
        try:
            return cls(str(extra.pop("type")), int(extra.pop("offset")), int(extra.pop("length")), extra)
        except (KeyError, TypeError, ValueError):
            raise bad_request("can't parse MessageEntity: type, offset and length are required") from None

    def to_json(self) -> Json:
        return {"type": self.kind, "offset": self.offset, "length": self.length, **self.extra}

    def within(self, cut: int, length: int) -> "Span":
        """The span after `cut` units went from the text's beginning and `length` were left."""
        start = max(0, self.offset - cut)
        end = min(length, self.offset + self.length - cut)
        return replace(self, offset=start, length=end - start)

    def overlaps(self, other: "Span") -> bool:
        return self.offset < other.offset + other.length and other.offset < self.offset + self.length


class TextBuilder:
    def __init__(self) -> None:
        self.spans: list[Span] = []
        self.length = 0
        self._parts: list[tuple[int, str]] = []

    @property
    def text(self) -> str:
        return "".join(part for _, part in self._parts)

    def add(self, part: str) -> None:
        self._parts.append((self.length, part))
        self.length += utf16_length(part)

    def since(self, offset: int) -> str:
        return "".join(part for start, part in self._parts if start >= offset)

    def mark(self, kind: str, offset: int, extra: Json | None = None) -> None:
        """Marks everything since `offset`."""
        self.spans.append(Span(kind, offset, self.length - offset, extra or {}))
