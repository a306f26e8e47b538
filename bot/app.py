"""The bot, put together: its connection to Telegram, and which update goes to which handler."""

from pathlib import Path

from aiogram import Bot, Dispatcher, F, Router
from aiogram.client.default import DefaultBotProperties
from aiogram.client.session.aiohttp import AiohttpSession
from aiogram.client.telegram import TelegramAPIServer
from aiogram.enums import ChatType, ParseMode
from aiogram.filters import Command, CommandStart

from bot.deep_links import PROMO, STARS, TERMS
from bot.errors import Errors
from bot.handlers import (
    fallback,
    moderation,
    operators,
    photos,
    pictures,
    promotions,
    question,
    stars,
    start,
    support,
    till,
    training,
)
from bot.handlers.photos import Downloads
from bot.i18n import catalogues
from bot.keyboards import (
    Again,
    BuyPack,
    CancelPictures,
    CancelTraining,
    Choose,
    HistoryPage,
    KeepTraining,
    MakeNow,
    MakeWith,
    SameSeed,
    ShowMenu,
    UseSettings,
    Withdraw,
)
from bot.middlewares import InTurn, Once, People
from config import Settings
from models.asking import Rates
from models.payment import Till
from models.photo import Drafts
from models.styles import Styles
from models.turns import Turns

REQUEST_SECONDS = 30


def create_bot(settings: Settings) -> Bot:
    """The caller closes it: `await bot.session.close()`."""
    api = TelegramAPIServer.from_base(settings.telegram_api_url)
    return Bot(
        settings.telegram_bot_token.get_secret_value(),
        session=AiohttpSession(api=api, timeout=REQUEST_SECONDS),
        default=DefaultBotProperties(
            parse_mode=ParseMode.HTML,
            link_preview_is_disabled=True,
            allow_sending_without_reply=True,  # whoever deletes a message is answered all the same
        ),
    )


def create_dispatcher(settings: Settings, drafts: Drafts, temporary: Path, styles: Styles) -> Dispatcher:
    """What handlers ask for by parameter name comes from here and from the middlewares.

    `temporary` is the folder for photos on their way from Telegram into a draft.
    """
    catalogues()  # a broken one is found now, not with the first person
    dispatcher = Dispatcher(
        disable_fsm=True,
        settings=settings,
        drafts=drafts,
        downloads=Downloads(temporary),
        till=Till(**settings.till),
        rates=Rates(settings.stars_per_picture, Turns(**settings.turns)),
        styles=styles,
    )
    for middleware in (InTurn(), Once(settings.admin_ids), People(settings), Errors()):
        dispatcher.update.outer_middleware(middleware)
    dispatcher.include_routers(_payments(), _operators(settings), _private(settings), _groups())
    return dispatcher


def _payments() -> Router:
    """Wherever they were made."""
    router = Router(name="payments")
    router.pre_checkout_query.register(stars.check)
    router.message.register(stars.receive, F.successful_payment.as_("paid"))
    router.message.register(stars.take_back, F.refunded_payment.as_("refunded"))
    return router


def _operators(settings: Settings) -> Router:
    """To everybody else these commands are unknown."""
    router = Router(name="operators")
    router.message.filter(F.chat.type == ChatType.PRIVATE, F.from_user.id.in_(settings.admin_ids))
    router.message.register(till.refund, Command("refund"))
    router.message.register(till.pause, Command("pause"))
    router.message.register(till.resume, Command("resume"))
    router.message.register(operators.give, Command("grant"))
    router.message.register(operators.show_person, Command("user"))
    router.message.register(operators.show_days, Command("stats"))
    router.message.register(operators.promote, Command("promo"))
    router.message.register(moderation.edit_words, Command("words"))
    router.message.register(moderation.hide, Command("hide"))
    router.message.register(moderation.show, Command("show"))
    router.message.register(support.answer_by_number, Command("answer"))
    router.message.register(support.answer, ~F.text.startswith("/"), support.is_reply)
    return router


def _private(settings: Settings) -> Router:
    router = Router(name="private")
    router.message.filter(F.chat.type == ChatType.PRIVATE)
    router.callback_query.filter(F.message.chat.type == ChatType.PRIVATE)
    router.my_chat_member.filter(F.chat.type == ChatType.PRIVATE)

    router.message.register(stars.offer, CommandStart(magic=F.args == STARS))
    router.message.register(support.tell_terms, CommandStart(magic=F.args == TERMS))
    router.message.register(promotions.redeem_link, CommandStart(magic=F.args.startswith(PROMO)))
    router.message.register(start.greet, CommandStart())
    router.message.register(start.explain, Command("help"))
    router.message.register(question.ask, Command("gen", magic=~F.args))
    router.message.register(pictures.generate, Command("gen"))
    router.message.register(pictures.settle_settings, Command("settings"))
    router.message.register(training.tell_status, Command("status"))
    router.message.register(training.offer_cancel, Command("cancel"))
    router.message.register(stars.tell_balance, Command("balance"))
    router.message.register(stars.offer, Command("stars"))
    router.message.register(stars.tell_history, Command("history"))
    router.message.register(promotions.redeem, Command("code"))
    if settings.invitations:
        router.message.register(promotions.invite, Command("invite"))
    router.message.register(support.ask, Command("paysupport"))
    router.message.register(support.tell_terms, Command("terms"))
    router.message.register(photos.take, F.photo)
    router.message.register(photos.take, photos.is_image_document)
    router.message.register(fallback.unknown_command, F.text.startswith("/"))
    router.message.register(question.take_answer, F.text, question.is_answer)
    router.message.register(fallback.only_text, F.text)
    router.message.register(fallback.no_photo, F.content_type.in_(fallback.SENT_BY_PEOPLE))

    router.callback_query.register(training.cancel, CancelTraining.filter(F.sure))
    router.callback_query.register(training.confirm_cancel, CancelTraining.filter())
    router.callback_query.register(training.keep, KeepTraining.filter())
    router.callback_query.register(pictures.cancel, CancelPictures.filter(F.sure))
    router.callback_query.register(pictures.confirm_cancel, CancelPictures.filter())
    router.callback_query.register(pictures.again, Again.filter())
    router.callback_query.register(pictures.use_settings, UseSettings.filter())
    router.callback_query.register(question.ask_with_seed, SameSeed.filter())
    router.callback_query.register(question.ask_with_model, MakeWith.filter())
    router.callback_query.register(question.show_menu, ShowMenu.filter())
    router.callback_query.register(question.choose, Choose.filter())
    router.callback_query.register(question.make_now, MakeNow.filter())
    router.callback_query.register(question.withdraw, Withdraw.filter())
    router.callback_query.register(stars.send_invoice, BuyPack.filter())
    router.callback_query.register(stars.turn_page, HistoryPage.filter())
    router.callback_query.register(fallback.dead_button)

    router.my_chat_member.register(start.blocked_or_back)
    return router


def _groups() -> Router:
    router = Router(name="groups")
    router.message.filter(F.chat.type.in_({ChatType.GROUP, ChatType.SUPERGROUP}))
    router.message.register(start.greet_group, CommandStart())
    router.callback_query.register(fallback.dead_button)
    return router
