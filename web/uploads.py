"""POST /training/upload: photos into a zip, and the zip to where the trainer can fetch it."""

import asyncio
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar
from uuid import UUID, uuid4

from aiohttp import web
from pydantic import BaseModel, Json

from config import Settings
from media.archives import ArchiveEntry, ArchiveLimits, ArchiveRefused, write_archive
from media.images import NEAR_DUPLICATE_DISTANCE, Accepted, Inspected, Refused, distance
from models import photo as photos
from models.errors import Invalid, LimitReached
from models.photo import Drafts, Upload
from web import bodies, schemas
from web.auth import known
from web.errors import from_client
from web.keys import DRAFTS, PROVIDER, SETTINGS, SPOOL, UPLOAD_SLOTS

_FETCHED_AT_ONCE = 4

T = TypeVar("T")


class _Captions(BaseModel):
    captions: Json[dict[str, schemas.Caption]]


@dataclass(frozen=True)
class Candidate:
    """A photo that came, not looked at yet."""

    path: Path
    file_name: str
    caption: str | None = None


@dataclass
class Batch:
    """What may go into a zip, and what is thought of everything that was offered."""

    entries: list[ArchiveEntry] = field(default_factory=list)
    verdicts: list[schemas.UploadVerdict] = field(default_factory=list)
    photo_ids: list[UUID] = field(default_factory=list)  # of the draft
    preview: bytes | None = None  # what the model will be known by


async def upload(request: web.Request) -> web.Response:
    bodies.check_length(request, request.app[SETTINGS].upload_max_bytes, bodies.FORM_OVERHEAD)
    user = await known(request)
    slots = request.app[UPLOAD_SLOTS]
    with slots.of(user.id):
        async with bodies.folder(request.app[SPOOL]) as folder:
            form = await _read(request, folder)
            async with slots.work:
                if form:
                    candidates = await _candidates(request, form, folder)
                    batch = await _inspected(request.app[DRAFTS], candidates, folder)
                else:
                    batch = await _from_draft(request.app[DRAFTS], user.id, folder)
                made = await _stored(request, batch, folder)
    await Upload.create(
        id=uuid4(),
        user_id=user.id,
        url=made.images_data_url,
        photo_ids=batch.photo_ids,
        preview=batch.preview,
        expires_at=made.expires_at,
    )
    return bodies.json_answer(made)


async def _stored(request: web.Request, batch: Batch, folder: Path) -> schemas.Upload:
    """Packs the photos and puts them where the trainer can fetch them.

    Raises:
        Invalid: they are too few.
        Unavailable: they can't be put there now.
    """
    settings = request.app[SETTINGS]
    if len(batch.entries) < settings.photos_min:
        raise _too_few(batch, settings.photos_min)
    archive = folder / "photos.zip"
    await asyncio.to_thread(write_archive, batch.entries, archive)
    expires_at = datetime.now(UTC) + settings.upload_ttl
    url = await request.app[PROVIDER].store(archive, settings.upload_ttl)
    return schemas.Upload(
        images_data_url=url,
        verdicts=batch.verdicts,
        kept=len(batch.entries),
        photo_ids=batch.photo_ids,
        expires_at=expires_at,
    )


def _too_few(batch: Batch, minimum: int) -> Invalid:
    return Invalid(
        f"A training needs at least {minimum} photos, and {len(batch.entries)} of these can be used.",
        field="images",
        code="too_few_photos",
        minimum=minimum,
        verdicts=[verdict.model_dump() for verdict in batch.verdicts],
    )


@dataclass
class Form:
    """What came in a form, on the disk and not looked at yet."""

    images: list[tuple[Path, str]] = field(default_factory=list)
    captions: dict[str, str] = field(default_factory=dict)
    archive: Path | None = None


async def _read(request: web.Request, folder: Path) -> Form | None:
    """The form; None where nothing was sent, which means the draft."""
    if request.content_type.startswith("multipart/"):
        async with bodies.in_time():
            return await _read_form(request, folder)
    if await bodies.read_body(request, bodies.JSON_LIMIT):
        raise Invalid(
            "Send nothing, to use your draft, or a multipart form with `images` or an `archive`.",
            field="body",
        )
    return None


# --- from the draft ---


async def _from_draft(drafts: Drafts, user_id: int, folder: Path) -> Batch:
    rows = await photos.draft(user_id)
    if len(rows) > drafts.maximum:  # photos of a training that failed came back to newer ones
        raise _too_many(drafts.maximum)
    slots = asyncio.Semaphore(_FETCHED_AT_ONCE)

    async def fetch(row: photos.Photo) -> ArchiveEntry:
        path = folder / f"{row.id}.jpg"
        async with slots:
            await drafts.storage.get(row.storage_key, path)
        return ArchiveEntry(path, row.caption)

    return Batch(
        entries=await _all([fetch(row) for row in rows]),
        verdicts=[_verdict(row.file_name, row.warning) for row in rows],
        photo_ids=[row.id for row in rows],
        preview=_preview([(row.thumbnail, bool(row.warning)) for row in rows]),
    )


def _preview(thumbnails: Sequence[tuple[bytes, bool]]) -> bytes | None:
    """The first one without a warning, or else the first; with each comes whether it has one."""
    best = min(thumbnails, key=lambda one: one[1], default=None)
    return best[0] if best else None


# --- from a form ---


async def _candidates(request: web.Request, form: Form, folder: Path) -> list[Candidate]:
    if form.archive:
        return await _unpacked(request, form.archive, folder)
    unknown = form.captions.keys() - {file_name for _, file_name in form.images}
    if unknown:
        name = min(unknown)[:100]
        raise Invalid(f"There is a caption for {name!r}, but no such photo.", field="captions")
    return [
        Candidate(path, file_name, form.captions.get(file_name) or None) for path, file_name in form.images
    ]


async def _read_form(request: web.Request, folder: Path) -> Form:
    settings = request.app[SETTINGS]
    limit = room = settings.upload_max_bytes
    form = Form()
    async for part in bodies.form_parts(request):
        path = folder / f"part_{uuid4().hex}"
        match part.name:
            case "images" if form.archive is None:
                if len(form.images) == settings.photos_max:
                    raise _too_many(settings.photos_max)
                form.images.append((path, bodies.file_name(part)))
                room -= await bodies.save(bodies.part_chunks(part), path, room, limit)
            case "archive" if form.archive is None and not form.images:
                form.archive = path
                room -= await bodies.save(bodies.part_chunks(part), path, room, limit)
            case "captions":
                form.captions = _captions(await bodies.part_text(part))
            case "images" | "archive":
                raise Invalid("Send photos or one archive, not both.", field="archive")
            case name:
                raise Invalid(
                    "Only `images`, `captions` and `archive` are fields of this form.", field=str(name)[:100]
                )
    return form


def _captions(text: str) -> dict[str, str]:
    with from_client():
        return _Captions.model_validate({"captions": text}).captions


async def _unpacked(request: web.Request, archive: Path, folder: Path) -> list[Candidate]:
    settings = request.app[SETTINGS]
    into = folder / "unpacked"
    into.mkdir()
    try:
        unpacked = await request.app[DRAFTS].pool.unpack(archive, into, _archive_limits(settings))
    except ArchiveRefused as e:
        sentence = _ARCHIVE_SENTENCES[e.code].format_map(e.params)
        raise Invalid(sentence, field="archive", code=e.code, **e.params) from e
    if len(unpacked) > settings.photos_max:
        raise _too_many(settings.photos_max)
    return [Candidate(image.path, image.name, image.caption) for image in unpacked]


def _archive_limits(settings: Settings) -> ArchiveLimits:
    """Room for each photo's caption, for folders and what systems leave in them; photos hardly shrink."""
    return ArchiveLimits(
        max_entries=4 * settings.photos_max,
        max_total_bytes=2 * settings.upload_max_bytes,
        max_caption=schemas.CAPTION_MAX,
    )


def _too_many(limit: int) -> LimitReached:
    return LimitReached(f"A training takes at most {limit} photos.", limit=limit, code="too_many_photos")


async def _inspected(drafts: Drafts, candidates: list[Candidate], folder: Path) -> Batch:
    """Looks at every photo, and compares them with each other."""
    targets = [folder / f"clean_{number}.jpg" for number in range(len(candidates))]
    inspected = await _all(
        [
            drafts.inspect(candidate.path, target)
            for candidate, target in zip(candidates, targets, strict=True)
        ]
    )
    batch = Batch()
    kept: list[Accepted] = []
    for candidate, target, result in zip(candidates, targets, inspected, strict=True):
        verdict = _judged(candidate.file_name, result, kept)
        batch.verdicts.append(verdict)
        if isinstance(result, Accepted) and verdict.verdict != "refused":
            kept.append(result)
            batch.entries.append(ArchiveEntry(target, candidate.caption))
    batch.preview = _preview([(one.thumbnail, bool(one.warnings)) for one in kept])
    return batch


def _judged(file_name: str, result: Inspected, kept: Sequence[Accepted]) -> schemas.UploadVerdict:
    if isinstance(result, Refused):
        refusal = photos.refusal(result.code, result.params)
        return schemas.UploadVerdict(
            file_name=file_name, verdict="refused", code=refusal.code, reason=refusal.detail
        )
    if any(other.sha256 == result.sha256 for other in kept):
        return schemas.UploadVerdict(
            file_name=file_name,
            verdict="refused",
            code="duplicate",
            reason="This photo is there twice: it is taken once.",
        )
    if any(distance(other.dhash, result.dhash) <= NEAR_DUPLICATE_DISTANCE for other in kept):
        return _verdict(file_name, "near_duplicate")
    return _verdict(file_name, result.warnings[0].code if result.warnings else None)


def _verdict(file_name: str, warning: str | None) -> schemas.UploadVerdict:
    return schemas.UploadVerdict(
        file_name=file_name,
        verdict="warning" if warning else "ok",
        code=warning,
        reason=photos.WARNINGS[warning] if warning else None,
    )


async def _all(work: Sequence[Coroutine[Any, Any, T]]) -> list[T]:
    """The results of all, or the first one's error; then nothing of it goes on in a folder that is gone."""
    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(one) for one in work]
    except ExceptionGroup as e:
        raise e.exceptions[0] from None
    return [task.result() for task in tasks]


_ARCHIVE_SENTENCES = {
    "not_a_zip": "This is no zip archive.",
    "corrupt_archive": "The archive is damaged and can't be opened: make it anew.",
    "encrypted": "The archive is locked with a password: make it without one.",
    "unsupported_compression": "{name} is packed in a way that is not read here: make an ordinary zip.",
    "nested_archive": "{name} is an archive within the archive: put the photos in directly.",
    "too_many_entries": "The archive holds too many files: at most {max_entries}.",
    "too_large_unpacked": "The archive is too large unpacked: at most {max_bytes} bytes.",
    "compressed_too_much": "The archive unpacks to far more than photos would: at most {max_ratio} times.",
    "overlapping_entries": "The archive's files overlap, as no honest tool makes them.",
    "unsafe_path": "{name} is no safe path: put plain files into the archive.",
    "unexpected_file": "{name} is neither a photo nor the caption of one: take it out.",
    "caption_not_text": "{name} is no plain text in UTF-8.",
    "caption_too_long": "{name} is too long: a caption has at most {max_characters} characters.",
    "no_images": "There is no photo in the archive.",
}
