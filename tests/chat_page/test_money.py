"""Paying in Stars: from a message and from a link."""

from playwright.async_api import expect

from .conftest import ChatPage, Twin


async def test_paying_an_invoice_in_the_chat(chat: ChatPage, twin: Twin) -> None:
    await chat.start()
    await chat.send("/stars")
    await chat.button("150").click()
    await expect(chat.dialog).to_contain_text("10,000")
    await chat.dialog.get_by_role("button", name="Confirm and pay").click()
    await expect(chat.page.locator(".row.service", has_text="You paid")).to_contain_text("150")
    await expect(chat.bubble("Thank you!")).to_be_visible()
    await expect(chat.page.locator(".person.current")).to_contain_text("9,850")
    await expect(chat.dialog).to_have_count(0)
    assert twin.telegram.person("Ana").stars == 9_850


async def test_a_refusal_is_shown_in_the_bots_words(chat: ChatPage, twin: Twin) -> None:
    await chat.start()
    twin.bot.refuses_payments = True
    await chat.send("/stars")
    await chat.button("150").click()
    await chat.dialog.get_by_role("button", name="Confirm and pay").click()
    await expect(chat.dialog.get_by_role("alert")).to_have_text("Sold out today.")
    await chat.dialog.get_by_role("button", name="Close").click()
    assert twin.telegram.person("Ana").stars == 10_000


async def test_a_refund_is_told(chat: ChatPage, twin: Twin) -> None:
    await chat.start()
    await chat.send("/stars")
    await chat.button("150").click()
    await chat.dialog.get_by_role("button", name="Confirm and pay").click()
    await expect(chat.bubble("Thank you!")).to_be_visible()
    paid = next(m for m in twin.telegram.messages("Ana") if "successful_payment" in m)
    charge = paid["successful_payment"]["telegram_payment_charge_id"]
    ana = twin.telegram.person("Ana").id
    await twin.bot.call("refundStarPayment", user_id=ana, telegram_payment_charge_id=charge)
    await expect(chat.page.locator(".row.service", has_text="refunded")).to_contain_text("150")
    await expect(chat.page.locator(".person.current")).to_contain_text("10,000")


async def test_an_invoice_link_opened_by_the_app(chat: ChatPage, twin: Twin) -> None:
    await chat.start()
    link = await twin.bot.call(
        "createInvoiceLink",
        title="50 stars",
        description="A few pictures",
        payload="pack-50",
        currency="XTR",
        prices=[{"label": "50 stars", "amount": 50}],
    )
    slug = link.rpartition("$")[2]
    await chat.open_app()
    await chat.call("web_app_open_invoice", {"slug": slug})
    await expect(chat.dialog).to_contain_text("A few pictures")
    await chat.page.keyboard.press("Escape")
    assert await chat.event("invoice_closed") == {"slug": slug, "status": "cancelled"}
    await chat.call("web_app_open_invoice", {"slug": slug})
    await chat.dialog.get_by_role("button", name="Confirm and pay").click()
    await expect(chat.bubble("Thank you!")).to_be_visible()
    assert await chat.event("invoice_closed") == {"slug": slug, "status": "paid"}
