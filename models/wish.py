"""From what somebody wants to an order that can be paid for: every rule of it, for app and chat alike.

All that is wrong is said at once (`Problems`).
"""

import hashlib
import math
import secrets
import unicodedata
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction

from fal.pictures import ASPECTS, SCALE_MAX, SEED_MAX, Painter
from fal.trainers import DEFAULT_TRAINER, TRAINERS
from models import lora as loras
from models import moderation
from models.db import storable
from models.errors import Invalid, Problems
from models.generation import Order, UsedLora
from models.lora import LoraModel
from models.params import Params, saved
from models.text import is_visible

PROMPT_MAX = 2000


@dataclass(frozen=True)
class Named:
    """A LoRA model as somebody names it: by its id, or by its trigger word. `scale` is None where none is."""

    id: uuid.UUID | None = None
    trigger: str | None = None
    scale: float | None = None


@dataclass(frozen=True)
class Wish:
    """`models` is None where none are named: then it is those that the person has selected."""

    prompt: str
    models: Sequence[Named] | None = None
    params: Params = field(default_factory=Params)


def price(painter: Painter, count: int, per_picture: int) -> int:
    """Stars for so many pictures: the price of one times the endpoint's factor, rounded up."""
    return count * math.ceil(per_picture * Fraction(str(painter.price_factor)))


async def problems(user_id: int, wish: Wish) -> list[Invalid]:
    """All that is wrong with the wish."""
    try:
        await order(user_id, wish, per_picture=0)
    except Problems as e:
        return list(e.problems)
    return []


async def order(user_id: int, wish: Wish, per_picture: int) -> Order:
    """Raises Problems: naming all that is wrong with the wish."""
    problems: list[Invalid] = []
    prompt = _prompt(wish.prompt, problems)
    if prompt and (word := await moderation.refused_word(prompt)):
        problems.append(_refused(word, "prompt"))
    params = wish.params.over(await saved(user_id))
    used = await _models(user_id, wish.models, params.scale, problems)
    painter = _painter([lora for lora, _ in used])
    problems.extend(_range_problems(params, painter))
    if problems:
        raise Problems(problems)
    count = params.count or 1
    return Order(
        user_id=user_id,
        base_model_id=used[0][0].base_model_id,
        prompt=prompt,
        loras=[UsedLora(lora.id, scale) for lora, scale in used],
        aspect=params.aspect or "1:1",
        steps=params.steps or painter.default_steps,
        guidance=painter.default_guidance if params.guidance is None else params.guidance,
        # Always one of ours: pictures can be made again, and a lost submit be told from its like.
        seed=secrets.randbelow(SEED_MAX + 1) if params.seed is None else params.seed,
        count=count,
        price=price(painter, count, per_picture),
    )


def check_params(params: Params) -> None:
    """Raises Problems: what no base model takes."""
    if problems := _range_problems(params, None):
        raise Problems(problems)


def another_seed(name: str) -> int:
    """One that nobody has saved; the same for the same `name`, so that a repeat asks for the same."""
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:4]) & SEED_MAX


def with_triggers(prompt: str, models: Sequence[LoraModel]) -> str:
    """The prompt as fal gets it: a LoRA does nothing unless its trigger word is there."""
    known = _folded(prompt)
    missing = [lora.trigger_word for lora in models if _folded(lora.trigger_word) not in known]
    return ", ".join([*missing, prompt])


def _folded(text: str) -> str:
    return unicodedata.normalize("NFKC", text).casefold()


def _prompt(text: str, problems: list[Invalid]) -> str:
    prompt = " ".join(storable(text).split())
    if not is_visible(prompt):
        problems.append(Invalid("Say what the pictures shall show.", field="prompt", code="prompt_empty"))
    elif len(prompt) > PROMPT_MAX:
        problems.append(
            Invalid(
                f"The prompt has {len(prompt)} characters: at most {PROMPT_MAX} are taken.",
                field="prompt",
                code="prompt_too_long",
                length=len(prompt),
                most=PROMPT_MAX,
            )
        )
    return prompt


def _refused(word: str, where: str) -> Invalid:
    return Invalid(f"“{word}” is not allowed here.", field=where, code="word_refused", word=word)


# --- models ---


async def _models(
    user_id: int, named: Sequence[Named] | None, scale: float | None, problems: list[Invalid]
) -> list[tuple[LoraModel, float]]:
    if named is None:
        chosen = await loras.for_bare_prompts(user_id)
        used = [(lora, 1.0 if scale is None else scale) for lora in chosen]
    else:
        used = []
        for one in named:
            if (found := await loras.named(user_id, one.id, one.trigger)) is None:
                problems.append(_unknown(one))
            elif found.id not in {lora.id for lora, _ in used}:
                default = 1.0 if scale is None else scale
                used.append((found, default if one.scale is None else one.scale))
    problems.extend(_scale_problems(used))
    if not used and not problems:
        problems.append(
            Invalid(
                "Say which model to use: select one in the app, or name it by its trigger word.",
                field="models",
                code="no_model",
            )
        )
    problems.extend(_fit_problems([lora for lora, _ in used]))
    return used


def _unknown(one: Named) -> Invalid:
    word = one.trigger or str(one.id)
    return Invalid(
        f"There is no model “{word}” that you may use.", field="models", code="model_unknown", word=word
    )


def _scale_problems(used: Sequence[tuple[LoraModel, float]]) -> list[Invalid]:
    return [
        Invalid(
            f"A model's scale is between 0 and {SCALE_MAX:g}: {lora.trigger_word} has {scale:g}.",
            field="models",
            code="scale_out_of_range",
            word=lora.trigger_word,
            most=SCALE_MAX,
        )
        for lora, scale in used
        if not 0 <= scale <= SCALE_MAX
    ]


def _fit_problems(used: Sequence[LoraModel]) -> list[Invalid]:
    """Whether one endpoint can use them together."""
    if not used:
        return []
    if len({TRAINERS[lora.base_model_id].painter.endpoint for lora in used}) > 1:
        names = ", ".join(f"{lora.trigger_word} ({TRAINERS[lora.base_model_id].title})" for lora in used)
        return [
            Invalid(
                f"These models are of different kinds and can't be used together: {names}.",
                field="models",
                code="models_mixed",
                names=names,
            )
        ]
    painter = _painter(used)
    if len(used) > painter.max_loras:
        title = TRAINERS[used[0].base_model_id].title
        return [
            Invalid(
                f"{title} takes at most {painter.max_loras} models at once.",
                field="models",
                code="too_many_models",
                title=title,
                most=painter.max_loras,
            )
        ]
    return []


def _painter(used: Sequence[LoraModel]) -> Painter:
    return TRAINERS[used[0].base_model_id].painter if used else DEFAULT_TRAINER.painter


# --- parameters ---


def _range_problems(params: Params, painter: Painter | None) -> list[Invalid]:
    """What is outside of what `painter` takes; without one, of what any does."""
    painters = [painter] if painter else [trainer.painter for trainer in TRAINERS.values()]
    ranges: Mapping[str, tuple[float | None, float, float]] = {
        "steps": (
            params.steps,
            min(one.min_steps for one in painters),
            max(one.max_steps for one in painters),
        ),
        "guidance": (
            params.guidance,
            min(one.min_guidance for one in painters),
            max(one.max_guidance for one in painters),
        ),
        "seed": (params.seed, 0, SEED_MAX),
        "count": (params.count, 1, max(one.max_pictures for one in painters)),
        "scale": (params.scale, 0, SCALE_MAX),
    }
    problems = [
        Invalid(
            f"{name} is between {least:g} and {most:.12g}.",
            field=name,
            code=f"{name}_out_of_range",
            least=least,
            most=most,
        )
        for name, (value, least, most) in ranges.items()
        if value is not None and not least <= value <= most
    ]
    if params.aspect is not None and params.aspect not in ASPECTS:
        known = ", ".join(ASPECTS)
        problems.append(
            Invalid(
                f"The aspect ratio is one of {known}.", field="aspect", code="aspect_unknown", known=known
            )
        )
    return problems
