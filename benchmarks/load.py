"""How long the Mini App takes to open on a phone: from an empty cache until photos can be chosen."""

import statistics
from collections import Counter
from dataclasses import dataclass
from typing import Any

from playwright.async_api import Browser, CDPSession

from tests.conftest import real_chromium
from tests.people import BETO
from tests.service.running import Service

RUNS = 7

PHONE: Any = {
    "viewport": {"width": 390, "height": 844},
    "device_scale_factor": 3,
    "is_mobile": True,
    "has_touch": True,
}
CPU = 4

# "Slow 4G" as Chrome's DevTools and Lighthouse have it: 1.6 Mbit/s down, 750 kbit/s up, 150 ms of round trip;
# × 0.9 and × 3.75, since what they hold up are whole requests, and not the packets of DNS, TCP and TLS
# (github.com/GoogleChrome/lighthouse/blob/main/docs/throttling.md).
SLOW_4G = {
    "offline": False,
    "downloadThroughput": 1_600_000 / 8 * 0.9,
    "uploadThroughput": 750_000 / 8 * 0.9,
    "latency": 150 * 3.75,
}

# What Telegram's apps put into the page.
TELEGRAM = "window.TelegramWebviewProxy = { postEvent() {} };"

# Taps the button that adds photos in every frame, until a file chooser would open: it's there and works.
USABLE = """
window.usable = new Promise((resolve) => {
  HTMLInputElement.prototype.click = () => setTimeout(() => resolve(performance.now()));
  const look = () => {
    const button = document.querySelector('#add-photos');
    if (button?.checkVisibility()) button.click();
    requestAnimationFrame(look);
  };
  look();
});
"""

STEPS = """
[...performance.getEntriesByType('navigation'), ...performance.getEntriesByType('resource')]
  .map(({ name, startTime, responseEnd }) => [new URL(name).pathname, startTime, responseEnd])
"""


@dataclass(frozen=True)
class Load:
    """`sizes` are the bytes that came, by kind; `steps` are path, start and end of each request."""

    milliseconds: float
    sizes: Counter[str]
    steps: list[tuple[str, float, float]]


async def first_load(service: Service, base_url: str) -> None:
    address = service.telegram.web_app(BETO.id, f"{service.url}/app/")["url"]
    async with real_chromium() as browser:
        bare = [await load(browser, f"{base_url}/page", "performance.now()") for _ in range(RUNS)]
        loads = [await load(browser, address, "window.usable") for _ in range(RUNS)]
    base = statistics.median(one.milliseconds for one in bare)
    loads.sort(key=lambda one: one.milliseconds)
    middle, longest = loads[RUNS // 2], loads[-1]
    print(f"bare page, slow 4G, CPU / {CPU}   {base:8.0f} ms in the median of {RUNS}   ratio 1.00")
    print(
        f"Mini App usable, the same    {middle.milliseconds:8.0f} ms in the median of {RUNS}, "
        f"{longest.milliseconds:.0f} ms at most   ratio {middle.milliseconds / base:.2f}"
    )
    for kind, size in middle.sizes.items():
        print(f"  {kind:26} {size:8} bytes")
    for path, start, end in middle.steps:
        print(f"  {start:6.0f} – {end:6.0f} ms  {path}")


async def load(browser: Browser, url: str, until: str) -> Load:
    """Opens the page on a phone that has never seen it; `until` answers when it is what it is to be."""
    context = await browser.new_context(**PHONE)
    page = await context.new_page()
    devtools = await context.new_cdp_session(page)
    sizes = await counted(devtools)
    await devtools.send("Network.emulateNetworkConditions", SLOW_4G)
    await devtools.send("Emulation.setCPUThrottlingRate", {"rate": CPU})
    await page.add_init_script(TELEGRAM + USABLE)
    await page.goto(url)
    milliseconds, steps = await evaluated(devtools, until), await evaluated(devtools, STEPS)
    await context.close()
    return Load(milliseconds, sizes, steps)


async def counted(devtools: CDPSession) -> Counter[str]:
    """What the page gets from now on: bytes of headers and bodies as they come over the wire, by kind."""
    kinds: dict[str, str] = {}
    sizes: Counter[str] = Counter()
    devtools.on("Network.responseReceived", lambda event: kinds.update({event["requestId"]: event["type"]}))
    devtools.on(
        "Network.loadingFinished",
        lambda event: sizes.update({kinds[event["requestId"]]: int(event["encodedDataLength"])}),
    )
    await devtools.send("Network.enable")
    return sizes


async def evaluated(devtools: CDPSession, expression: str) -> Any:
    """Without Playwright's own script in the page, which would take its share of the time."""
    options = {"expression": expression, "awaitPromise": True, "returnByValue": True}
    return (await devtools.send("Runtime.evaluate", options))["result"]["value"]
