"""What travels over HTTP: request bodies, and the answers that `/openapi.json` describes.

The seed's own names (`images_data_url`, `trigger_word`, …) stay as they are; everything else is camelCase.
"""

import uuid
from datetime import datetime
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints
from pydantic.alias_generators import to_camel

from models.generation import Origin
from models.ledger import LedgerKind
from models.lora import Scope
from models.moderation import REASON_MAX
from models.text import is_visible

TRIGGER_WORD_MAX = 64
NAME_MAX = 64
CAPTION_MAX = 1000
URL_MAX = 2048

# One line of visible text: no control characters, so no line breaks either.
_LINE = r"^[^\x00-\x1f\x7f\u2028\u2029]*$"

Caption = Annotated[
    str, StringConstraints(strip_whitespace=True, max_length=CAPTION_MAX, pattern=r"^[^\x00]*$")
]

Language = Literal["en", "es"]

JOINER = "\u200d"  # holds emoji together


def _name(name: str) -> str:
    """Anybody may come to read it: nothing that can't be seen, or that turns around what is beside it."""
    if not name.replace(JOINER, "").isprintable():
        raise ValueError("has characters that can't be seen")
    if not is_visible(name):
        raise ValueError("needs at least one character that can be seen")
    return name


Name = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=NAME_MAX, pattern=_LINE),
    AfterValidator(_name),
]


def _trigger(word: str) -> str:
    """A trainer learns it as a word, so there has to be something to read, and nothing that can't be seen."""
    if not any(c.isalnum() for c in word):
        raise ValueError("needs at least one letter or digit")
    if not word.isprintable():
        raise ValueError("has characters that can't be seen")
    return word


class Body(BaseModel):
    """A request body: exact types, and no field that we don't know."""

    model_config = ConfigDict(extra="forbid", strict=True)


class Answer(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, validate_by_name=True, serialize_by_alias=True)


class TrainingStart(Body):
    """The seed's request, with the trainer, the model's name and this product's defaults."""

    images_data_url: Annotated[
        str, StringConstraints(min_length=1, max_length=URL_MAX, pattern=r"^[\x21-\x7e]*$")
    ] = Field(
        description="The address that POST /training/upload answered, or any public https address of a zip."
    )
    trigger_word: Annotated[
        str,
        StringConstraints(strip_whitespace=True, min_length=1, max_length=TRIGGER_WORD_MAX, pattern=_LINE),
        AfterValidator(_trigger),
    ]
    steps: int | None = Field(
        default=None, description="A whole number within the trainer's own range; its default where left out."
    )
    is_style: bool = False
    create_masks: bool = True
    trainer: Annotated[str, StringConstraints(min_length=1, max_length=64)] | None = None
    name: Name | None = None


class PhotoEdit(Body):
    caption: Caption | None


class PhotoForm(BaseModel):
    image: bytes = Field(description="One JPEG, PNG, WebP or HEIC.")
    caption: Caption | None = None


class UploadForm(BaseModel):
    """Photos, or one ready zip, but not both."""

    images: list[bytes] | None = None
    captions: Annotated[dict[str, Caption], Field(description="Captions by file name, as JSON.")] | None = (
        None
    )
    archive: bytes | None = Field(default=None, description="A .zip of photos, with captions as .txt beside.")


class PageQuery(BaseModel):
    limit: int = Field(default=20, ge=1, le=100)
    cursor: Annotated[str, StringConstraints(max_length=200)] | None = Field(
        default=None, description="The `nextCursor` of the page before."
    )


class TrainingStarted(BaseModel):
    """The seed's answer to a start."""

    id: uuid.UUID = Field(description="The LoRA model's id.")
    trainingId: uuid.UUID  # noqa: N815 — the seed's own name


class ResultFiles(Answer):
    weights: str = Field(description="The LoRA's safetensors file.")
    config: str | None


class TrainingMetadata(Answer):
    progress: int = Field(ge=0, le=100)
    step: int | None
    total_steps: int
    eta_seconds: int | None = Field(description="Seconds left, by what trainings of its kind took before.")
    queue_position: int | None
    files: ResultFiles | None
    stars_spent: int
    refunded: bool
    error_code: str | None = Field(description="A stable word for machines, such as `cancelled`.")


class TrainingStatus(Answer):
    """The seed's answer to a status request."""

    status: Literal["PENDING", "TRAINING", "COMPLETED", "FAILED"]
    metadata: TrainingMetadata
    error: str | None = Field(description="What went wrong, in words for people.")
    completed_at: datetime | None


class Training(TrainingStatus):
    id: uuid.UUID = Field(description="The LoRA model's id.")
    training_id: uuid.UUID
    name: str
    trainer: str
    trigger_word: str
    steps: int
    is_style: bool
    create_masks: bool
    started_at: datetime


class TrainingPage(Answer):
    items: list[Training]
    next_cursor: str | None = Field(description="Give it as ?cursor= for the page after; null on the last.")


class Verdict(Answer):
    """What we think of one photo."""

    verdict: Literal["ok", "warning", "refused"]
    code: str | None = Field(description="The stable reason: too_small, blurred, near_duplicate, …")
    reason: str | None = Field(description="The same in words for people.")


class Photo(Verdict):
    id: uuid.UUID
    file_name: str
    caption: str | None
    width: int = Field(description="Pixels, as stored: turned upright, at most 2,048 on the longer side.")
    height: int
    bytes: int
    thumbnail: str = Field(description="A small JPEG as a data: address.")
    source: Literal["app", "chat"]
    created_at: datetime
    expires_at: datetime


class Draft(Answer):
    photos: list[Photo]
    minimum: int = Field(description="So many photos a training needs.")
    maximum: int


class UploadVerdict(Verdict):
    file_name: str


class Upload(Answer):
    images_data_url: str = Field(alias="images_data_url", description="The seed's own name.")
    verdicts: list[UploadVerdict]
    kept: int
    photo_ids: list[uuid.UUID] = Field(
        description="Those of the draft that are in it; none of another upload."
    )
    expires_at: datetime


class ModelsQuery(PageQuery):
    scope: Scope = Field(default=Scope.ALL, description="`all` are one's own and public ones.")


class ModelEdit(Body):
    """What is left out stays as it is."""

    name: Name | None = None
    # No alias: pydantic's JSON validation would pass over the name behind one without a word.
    isPublic: bool | None = Field(  # noqa: N815
        default=None, description="Everybody then sees its name, trigger word and preview, and may use it."
    )
    selected: bool | None = Field(default=None, description="For the person's own pictures.")


class Model(Answer):
    """A LoRA model that is ready: one's own, or a public one."""

    id: uuid.UUID
    name: str
    trigger_word: str
    trainer: str
    own: bool
    is_public: bool
    selected: bool
    hidden: bool = Field(description="An operator hid it from everybody but its owner.")
    preview: str | None = Field(description="Address of a small JPEG, good for a day or two.")
    created_at: datetime


class ModelPage(Answer):
    items: list[Model]
    next_cursor: str | None


class ModelReport(Body):
    reason: Annotated[str, StringConstraints(max_length=REASON_MAX)] | None = None


class SignedQuery(BaseModel):
    """What an address of ours proves itself by."""

    until: int = Field(ge=0, le=2**53)
    key: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]


Number = Annotated[float, Field(allow_inf_nan=False)]


class NamedModel(Body):
    id: uuid.UUID
    scale: Number | None = Field(
        default=None, description="0 to the session's `limits.scaleMax`; the saved one where left out."
    )


class GenerationStart(Body):
    """What is left out, or null, is as the person has saved it, and else as the base model has it."""

    prompt: str
    models: Annotated[list[NamedModel], Field(max_length=20)] | None = Field(
        default=None, description="Those that the person has selected where left out."
    )
    aspect: str | None = Field(default=None, description="One of the session's `aspects`.")
    steps: int | None = None
    guidance: Number | None = None
    seed: int | None = None
    count: int | None = None


class GenerationsQuery(PageQuery):
    scope: Literal["made", "all"] = Field(
        default="made",
        description="`made` are those that have pictures or will have; `all` failed ones, too.",
    )


class GenerationSend(Body):
    """Nothing to say yet."""


class UsedModel(Answer):
    id: uuid.UUID | None = Field(description="Null where the person can't use it (any more).")
    name: str
    trigger_word: str
    scale: float


class Picture(Answer):
    """Its addresses are good for a day or two, and need no proof of identity."""

    id: uuid.UUID
    width: int
    height: int
    thumbnail: str = Field(description="Address of a small square JPEG.")
    url: str = Field(description="Address of the whole JPEG.")
    download: str = Field(description="The same as a file to keep, for the Mini App's `downloadFile`.")


class Generation(Answer):
    id: uuid.UUID
    status: Literal["PENDING", "RUNNING", "COMPLETED", "FAILED"]
    prompt: str
    models: list[UsedModel]
    trainer: str = Field(description="The trainer whose `painter` makes the pictures.")
    aspect: str
    steps: int
    guidance: float
    seed: int
    count: int = Field(description="So many were asked for.")
    stars_spent: int
    stars_refunded: int
    position: int | None = Field(description="How many are before it, from 0; null when its turn has come.")
    error: str | None = Field(description="What went wrong, in words for people.")
    error_code: str | None = Field(description="A stable word for machines, such as `cancelled`.")
    origin: Origin
    created_at: datetime
    completed_at: datetime | None
    held_back: int = Field(description="So many were not made, and not charged.")
    command: str = Field(description="The /gen command that makes the same again in chat.")
    pictures: list[Picture]


class GenerationPage(Answer):
    items: list[Generation]
    next_cursor: str | None


class Params(Body):
    """What a generation is made with where it doesn't say; null is the base model's own."""

    aspect: str | None = None
    steps: int | None = None
    guidance: Number | None = None
    seed: int | None = None
    count: int | None = None
    scale: Number | None = Field(default=None, description="Of models for which none is named.")


class Style(Answer):
    id: str
    name: str
    prompt: str
    preview: str | None = Field(description="Address of a picture.")


class Styles(Answer):
    items: list[Style]


class AccountQuery(BaseModel):
    limit: int = Field(default=20, ge=1, le=100)
    cursor: Annotated[str, StringConstraints(pattern=r"^[0-9]{1,18}$")] | None = Field(
        default=None, description="The `nextCursor` of the page before."
    )


class AccountEdit(Body):
    language: Language


class InvoiceRequest(Body):
    pack: int = Field(ge=1, le=1_000_000, description="The price of one of the session's `packs`.")


class Invoice(Answer):
    link: str = Field(description="For the Mini App's `openInvoice`; only this person can pay it.")


class CodeRequest(Body):
    code: Annotated[str, StringConstraints(max_length=100)]


class CodeStars(Answer):
    stars: int = Field(description="What the code brought.")
    balance: int


class SupportText(Body):
    text: Annotated[str, StringConstraints(max_length=10_000)]


class Invitation(Answer):
    """What it brings to bring somebody along, once they first buy stars."""

    link: str = Field(description="Whoever is new and comes by it was invited.")
    inviter_stars: int
    invited_stars: int
    most: int = Field(description="For so many people the inviter is given stars.")


class HistoryTraining(Answer):
    id: uuid.UUID | None = Field(description="The LoRA model's id; null where that was deleted.")
    name: str


class HistoryGeneration(Answer):
    id: uuid.UUID | None = Field(description="Null where it was deleted.")
    count: int


class HistoryEntry(Answer):
    id: int
    kind: LedgerKind
    amount: int = Field(description="Stars; negative when taken.")
    balance_after: int
    reason: str
    training: HistoryTraining | None
    generation: HistoryGeneration | None
    created_at: datetime


class Account(Answer):
    balance: int
    debt: int = Field(description="Stars of a refunded payment that were spent; the next settle it.")
    history: list[HistoryEntry] = Field(description="Newest first.")
    next_cursor: str | None
    invitation: Invitation | None = Field(description="Null where inviting brings nothing.")


class User(Answer):
    id: int
    first_name: str
    language: Language


class Painter(Answer):
    """What makes pictures with a trainer's models. Those of one `kind` can be used together."""

    kind: str
    default_steps: int
    min_steps: int
    max_steps: int
    default_guidance: float
    min_guidance: float
    max_guidance: float
    max_models: int
    max_pictures: int
    price_factor: float


class TrainerOptions(Answer):
    id: str
    title: str
    default_steps: int
    min_steps: int
    max_steps: int
    step_size: int = Field(description="How far a slider moves; any whole number in the range will do.")
    supports_style: bool
    supports_masks: bool
    seconds_per_1000_steps: int = Field(alias="secondsPer1000Steps")
    price_factor: float
    painter: Painter


class Prices(Answer):
    stars_per_1000_steps: int = Field(
        alias="starsPer1000Steps", description="Linear in the steps, times the trainer's factor, rounded up."
    )
    minimum_stars: int
    stars_per_picture: int = Field(description="Times the painter's factor, rounded up.")


class Pack(Answer):
    price: int = Field(description="In Telegram's Stars.")
    stars: int = Field(description="What it brings, a bonus included.")


class Limits(Answer):
    photo_max_bytes: int
    photo_max_pixels: int
    photo_min_side: int
    photos_min: int
    photos_max: int
    upload_max_bytes: int
    trigger_word_max: int
    caption_max: int
    name_max: int
    models_selected_max: int
    prompt_max: int
    scale_max: float
    seed_max: int


class Session(Answer):
    """Everything the Mini App needs to draw its first screen."""

    token: str = Field(
        description="For `Authorization: Bearer`. POST /session takes it for a new one, after its end, too, "
        "until seven days after init data proved whose it is."
    )
    expires_at: datetime = Field(description="From then on, all other routes refuse it.")
    user: User
    balance: int
    debt: int = Field(description="Stars of a refunded payment that were spent; the next settle it.")
    bot_username: str
    prices: Prices
    packs: list[Pack] = Field(description="What can be bought, the smallest first.")
    trainers: list[TrainerOptions]
    limits: Limits
    aspects: list[str] = Field(description="Aspect ratios of pictures.")
    has_models: bool = Field(description="Whether there is a model of their own, or one that they selected.")
    trainings: list[Training] = Field(description="Those that haven't ended.")
    generations: list[Generation] = Field(description="Those that haven't ended.")


class FieldProblem(Answer):
    model_config = ConfigDict(extra="allow")

    field: str
    message: str
    code: str | None = Field(
        default=None,
        description="A stable word for machines, where there is one; what it speaks of is beside.",
    )


class Problem(Answer):
    """RFC 9457. `error` and `message` repeat `detail` for the existing mini app."""

    model_config = ConfigDict(extra="allow")

    type: str = "about:blank"
    title: str
    status: int
    code: str
    detail: str
    error: str
    message: str
    errors: list[FieldProblem] | None = None


class Health(Answer):
    status: Literal["ok"]


class Readiness(Answer):
    status: Literal["ready", "not ready"]
    checks: dict[str, Literal["ok", "failing"]]
