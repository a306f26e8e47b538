"""What is looked at on every screen: axe-core, tap targets, what sticks out; and pictures, where wanted."""

import os
from pathlib import Path

from playwright.async_api import Frame, Page

from tests.miniapp.phone import Phone, Theme
from tests.service.running import ROOT

AXE = ROOT / "miniapp" / "node_modules" / "axe-core" / "axe.min.js"
PICTURES = os.environ.get("SCREENSHOTS")
TAP = 44
"""CSS pixels, each way."""

_RUN_AXE = """async () => {
    const { violations } = await axe.run(document, { resultTypes: ['violations'] });
    const told = ({ id, help }, { target, failureSummary }) =>
        `${id} (${help}) at ${target.join(' ')}: ${failureSummary}`;
    return violations.flatMap((rule) => rule.nodes.map((node) => told(rule, node)));
}"""

# Where a finger hits a control: its own box, its label's, or wherever else the browser says that it is hit,
# such as on a ::before that reaches beyond it. Under a modal dialog nothing else can be hit.
_SMALL_TARGETS = """(least) => {
    const within = document.querySelector('dialog:modal') ?? document.body;
    const roles = ['button', 'link', 'switch', 'radio', 'checkbox', 'tab', 'menuitem'];
    const kinds = ['a[href]', 'button', 'input', 'select', 'textarea', 'summary'];
    const controls = within.querySelectorAll([...kinds, ...roles.map((role) => `[role=${role}]`)]);
    const box = (element) => {
        const { width, height } = element.getBoundingClientRect();
        return [width, height];
    };
    const fits = (size) => size.every((side) => side >= least - 0.5);
    const reach = (element, owners) => {
        element.scrollIntoView({ block: 'center' });
        const { left, top, width, height } = element.getBoundingClientRect();
        const [x, y] = [left + width / 2, top + height / 2];
        const hits = (dx, dy) => {
            const hit = document.elementFromPoint(x + dx, y + dy);
            return owners.some((owner) => owner.contains(hit));
        };
        const along = (dx, dy) => {
            let far = 0;
            while (far < least && hits(dx * (far + 1), dy * (far + 1))) far += 1;
            return far;
        };
        return hits(0, 0) ? [along(-1, 0) + along(1, 0) + 1, along(0, -1) + along(0, 1) + 1] : [0, 0];
    };
    const { scrollY } = window;
    const small = [...controls].flatMap((control) => {
        const labels = [...(control.labels ?? [])].filter((label) => label.checkVisibility());
        const unseen = getComputedStyle(control).clipPath !== 'none' || Math.max(...box(control)) <= 1;
        if (!control.checkVisibility({ visibilityProperty: true }) || control.closest('[inert]')) return [];
        if (unseen && labels.length === 0) return [];  // nothing to tap: something else opens it
        const boxes = [...(unseen ? [] : [control]), ...labels];
        if (boxes.some((one) => fits(box(one)))) return [];
        const [width, height] = reach(boxes[0], [control, ...labels]);
        if (fits([width, height])) return [];
        const name = control.getAttribute('aria-label') ?? control.innerText ?? '';
        return [`<${control.localName} class="${control.className}"> ${name.trim()}: ${width} x ${height}`];
    });
    scrollTo(0, scrollY);
    return small;
}"""

_STICKING_OUT = """() => {
    const wide = document.documentElement.clientWidth;
    if (document.documentElement.scrollWidth <= wide) return [];
    return [...document.body.querySelectorAll('*')]
        .filter((element) => element.getBoundingClientRect().right > wide + 0.5)
        .map((element) => `<${element.localName} class="${element.className}"> ${element.innerText ?? ''}`);
}"""


# Colours are on their way for a moment when the theme has changed.
_SETTLED = """async () => {
    while (document.getAnimations().some(({ playState }) => playState === 'running'))
        await Promise.allSettled(document.getAnimations().map(({ finished }) => finished));
}"""


async def no_violations(frame: Frame) -> None:
    """axe-core finds nothing. It is run from outside, where the page's security policy has no say."""
    await frame.evaluate(_SETTLED)
    if not await frame.evaluate("'axe' in globalThis"):
        await frame.evaluate(AXE.read_text(encoding="utf-8"))
    _none(await frame.evaluate(_RUN_AXE))


async def tap_targets(frame: Frame) -> None:
    """Every control can be hit on at least 44 x 44 pixels."""
    _none(await frame.evaluate(_SMALL_TARGETS, TAP))


async def nothing_sticks_out(frame: Frame) -> None:
    """The page fits the phone: nobody has to scroll sideways."""
    _none(await frame.evaluate(_STICKING_OUT))


def _none(found: list[str]) -> None:
    if found:
        raise AssertionError("\n".join(found))


async def looks_right(phone: Phone, state: str) -> None:
    """Looks at a state of a screen, in both themes, and keeps pictures where SCREENSHOTS names a folder.

    Colours are the same in every language: axe-core looks at the other theme in English alone. The theme that
    the phone wore stays on.
    """
    frame = await phone.frame()
    worn: Theme = phone.theme
    other: Theme = "dark" if worn == "light" else "light"
    await tap_targets(frame)
    await nothing_sticks_out(frame)
    await no_violations(frame)
    await keep_picture(phone.page, f"{state}-{phone.words.language}-{worn}")
    if phone.words.language == "en" or PICTURES:
        await phone.wear(other)
        await no_violations(frame)
        await keep_picture(phone.page, f"{state}-{phone.words.language}-{other}")
        await phone.wear(worn)


async def keep_picture(page: Page, name: str) -> None:
    if PICTURES:
        path = Path(PICTURES) / f"{name}.jpg"
        await page.screenshot(path=path, type="jpeg", quality=80, scale="css", animations="disabled")
