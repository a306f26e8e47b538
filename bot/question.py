"""The question for a prompt, which /gen asks by itself: its words, and the buttons below it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from aiogram.types import InlineKeyboardButton, InlineKeyboardMarkup

from bot.i18n import _, ngettext
from bot.keyboards import Choose, MakeNow, Menu, ShowMenu, Withdraw, app_button, column, rows, says
from bot.pictures import plain, shortened
from bot.views import View
from fal.pictures import ASPECTS, Painter
from models.lora import LoraModel
from models.params import Params
from models.styles import Style

_LABEL = 32  # characters of a button


@dataclass(frozen=True)
class Question:
    """What has been chosen so far, and what there is to choose from.

    `params` has everything that is known, saved parameters and all; `kept_seed` is whether it was chosen for
    this. `price` is in stars, None where no model is chosen, whose base model would say.
    """

    menu: Menu
    params: Params
    kept_seed: bool
    models: Sequence[LoraModel]
    others: Sequence[LoraModel]
    style: Style | None
    styles: Sequence[Style]
    painter: Painter
    price: int | None

    @property
    def aspect(self) -> str:
        return self.params.aspect or "1:1"

    @property
    def count(self) -> int:
        return self.params.count or 1


def question(asked: Question) -> View:
    lines = [
        _("✍️ <b>What shall the pictures show?</b>"),
        _("Write it as your next message."),
        "",
        *_chosen(asked),
    ]
    return View("\n".join(lines), _MENUS[asked.menu](asked))


def no_models(app_url: str | None) -> View:
    text = _("There is no model yet to make pictures with. Send me photos, and train the first.")
    return View(text, column(app_button(_("Open Selfi"), app_url)))


def _chosen(asked: Question) -> list[str]:
    if asked.models:
        names = ", ".join(lora.name for lora in asked.models)
        lines = [_("🎭 With {names}", names=names)]
    else:
        lines = [_("🎭 With which model? Choose it below.")]
    if asked.style:
        lines.append(_("🖌 In the style {name}", name=asked.style.name))
    if asked.kept_seed and asked.params.seed is not None:
        lines.append(
            _("🌱 With the seed <code>{seed}</code> and the settings of before", seed=str(asked.params.seed))
        )
    if asked.price is not None:
        lines.append(
            ngettext(
                "⭐ {n} star for {pictures}",
                "⭐ {n} stars for {pictures}",
                asked.price,
                pictures=_pictures(asked.count),
            )
        )
    return lines


def _pictures(count: int) -> str:
    return ngettext("{n} picture", "{n} pictures", count)


# --- the menus ---


def _main(asked: Question) -> InlineKeyboardMarkup | None:
    alone = says(_("▶️ Just the style, without words"), MakeNow()) if asked.style and asked.models else None
    return rows(
        [
            says(f"📐 {asked.aspect}", ShowMenu(menu=Menu.ASPECT)),
            says(f"🔢 {_pictures(asked.count)}", ShowMenu(menu=Menu.COUNT)),
        ],
        [
            says(_("🎭 Models"), ShowMenu(menu=Menu.MODELS)),
            says(_("🖌 Style"), ShowMenu(menu=Menu.STYLE)) if asked.styles else None,
        ],
        [alone],
        [says(_("Never mind"), Withdraw())],
    )


def _aspects(asked: Question) -> InlineKeyboardMarkup | None:
    return _choices(Menu.ASPECT, [(name, name, name == asked.aspect) for name in ASPECTS], 4)


def _counts(asked: Question) -> InlineKeyboardMarkup | None:
    numbers = range(1, asked.painter.max_pictures + 1)
    return _choices(Menu.COUNT, [(plain(n), str(n), n == asked.count) for n in numbers], 4)


def _styles(asked: Question) -> InlineKeyboardMarkup | None:
    chosen = asked.style.id if asked.style else ""
    there = [(style.name, style.id, style.id == chosen) for style in asked.styles]
    return _choices(Menu.STYLE, [(_("None"), "", not chosen), *there], 2)


def _models(asked: Question) -> InlineKeyboardMarkup | None:
    there = [(lora.name, lora.id.hex, True) for lora in asked.models]
    there.extend((lora.name, lora.id.hex, False) for lora in asked.others)
    return _choices(Menu.MODELS, there, 1)


_MENUS: dict[Menu, Callable[[Question], InlineKeyboardMarkup | None]] = {
    Menu.MAIN: _main,
    Menu.ASPECT: _aspects,
    Menu.COUNT: _counts,
    Menu.STYLE: _styles,
    Menu.MODELS: _models,
}


def _choices(menu: Menu, there: Sequence[tuple[str, str, bool]], wide: int) -> InlineKeyboardMarkup | None:
    """What can be chosen, `wide` to a line: the label, the value, and whether it is chosen already."""
    buttons: list[InlineKeyboardButton | None] = [
        says(f"{'✓ ' if chosen else ''}{shortened(label, _LABEL)}", Choose(menu=menu, value=value))
        for label, value, chosen in there
    ]
    lines = [buttons[at : at + wide] for at in range(0, len(buttons), wide)]
    return rows(*lines, [says(_("‹ Back"), ShowMenu(menu=Menu.MAIN))])
