"""What the emulated models draw: a simple scene by the prompt's words and the seed, people by their LoRAs.

The same trigger word is always the same face, so that one sees whose model made the picture. What was asked
for is written below.
"""

import math
import random
import textwrap
import zlib
from collections.abc import Callable, Mapping, Sequence

from PIL import Image, ImageDraw, ImageFilter, ImageFont, ImageOps

Colour = tuple[int, int, int]
Size = tuple[int, int]
Place = Callable[[ImageDraw.ImageDraw, Size, random.Random], None]

_PROMPT_WORDS = 14
_MOST_PEOPLE = 3
_SKIN: Sequence[Colour] = ((245, 208, 178), (226, 176, 140), (196, 140, 102), (141, 94, 66), (94, 62, 45))
_HAIR: Sequence[Colour] = (
    (40, 28, 24),
    (92, 58, 36),
    (150, 98, 52),
    (206, 160, 88),
    (150, 62, 38),
    (70, 70, 78),
)


def draw(size: Size, *, prompt: str, seed: int, triggers: Sequence[str]) -> Image.Image:
    words = {word.strip(".,;:!?()").lower() for word in prompt.split()}
    random_ = random.Random(f"{seed} {prompt}")
    top, bottom, place = next((scene for names, scene in _PLACES.items() if words & set(names)), _STUDIO)
    ramp = Image.linear_gradient("L").resize(size)
    image = ImageOps.colorize(ramp, _near(random_, top), _near(random_, bottom))
    canvas = ImageDraw.Draw(image)
    place(canvas, size, random_)
    if place is _studio:
        image = image.filter(ImageFilter.GaussianBlur(min(size) / 80))
        canvas = ImageDraw.Draw(image)
    people = triggers[:_MOST_PEOPLE]
    for number, trigger in enumerate(people):
        _person(
            canvas, size, (number + 1) / (len(people) + 1) + random_.uniform(-0.05, 0.05), trigger, random_
        )
    if {"black", "white"} <= words or "monochrome" in words:
        image = ImageOps.grayscale(image).convert("RGB")
    _label(image, prompt, seed, triggers)
    return image


def _near(random_: random.Random, colour: Colour) -> Colour:
    red, green, blue = (max(0, min(255, part + random_.randint(-18, 18))) for part in colour)
    return red, green, blue


# --- places ---


def _sun(canvas: ImageDraw.ImageDraw, size: Size, random_: random.Random, colour: Colour) -> None:
    x, y, radius = size[0] * random_.uniform(0.1, 0.9), size[1] * random_.uniform(0.1, 0.3), min(size) * 0.07
    canvas.ellipse((x - radius, y - radius, x + radius, y + radius), fill=colour)


def _hills(
    canvas: ImageDraw.ImageDraw, size: Size, random_: random.Random, colours: Sequence[Colour]
) -> None:
    """One ridge for each colour, the farthest first."""
    width, height = size
    for number, colour in enumerate(colours):
        base, waves = height * (0.5 + 0.14 * number), random_.uniform(1, 3)
        phase, swing = random_.uniform(0, 6), height * random_.uniform(0.03, 0.09)
        ridge = [
            (
                x,
                base
                + swing * math.sin(phase + waves * 6.3 * x / width)
                + swing * math.sin(x / width * 17) / 3,
            )
            for x in range(0, width + 16, 16)
        ]
        canvas.polygon([*ridge, (width, height), (0, height)], fill=colour)


def _country(canvas: ImageDraw.ImageDraw, size: Size, random_: random.Random) -> None:
    _sun(canvas, size, random_, (255, 244, 200))
    _hills(canvas, size, random_, [(122, 166, 142), (84, 136, 98), (52, 98, 66)])


def _mountains(canvas: ImageDraw.ImageDraw, size: Size, random_: random.Random) -> None:
    _sun(canvas, size, random_, (255, 250, 230))
    width, height = size
    for x in range(0, width, max(1, width // 5)):
        peak, half = height * random_.uniform(0.22, 0.45), width * random_.uniform(0.14, 0.24)
        canvas.polygon([(x - half, height * 0.75), (x, peak), (x + half, height * 0.75)], fill=(96, 110, 138))
        canvas.polygon(
            [(x - half * 0.3, peak + height * 0.1), (x, peak), (x + half * 0.3, peak + height * 0.1)],
            fill=(245, 248, 252),
        )
    _hills(canvas, size, random_, [(168, 184, 196), (232, 238, 244)])


def _beach(canvas: ImageDraw.ImageDraw, size: Size, random_: random.Random) -> None:
    _sun(canvas, size, random_, (255, 236, 170))
    width, height = size
    canvas.rectangle((0, height * 0.52, width, height), fill=_near(random_, (38, 134, 168)))
    for _ in range(14):
        x, y = random_.uniform(0, width), height * random_.uniform(0.54, 0.72)
        canvas.line((x, y, x + width * 0.07, y), fill=(176, 222, 232), width=max(2, height // 300))
    canvas.polygon(
        [(0, height * 0.8), (width, height * random_.uniform(0.7, 0.78)), (width, height), (0, height)],
        fill=(238, 212, 160),
    )


def _city(canvas: ImageDraw.ImageDraw, size: Size, random_: random.Random) -> None:
    width, height = size
    left = 0
    while left < width:
        wide, roof = width * random_.uniform(0.08, 0.16), height * random_.uniform(0.2, 0.55)
        canvas.rectangle((left, roof, left + wide, height), fill=_near(random_, (34, 30, 62)))
        light = random_.choice(((255, 78, 170), (60, 224, 232), (250, 206, 80)))
        step = max(8, int(min(size) * 0.035))
        for x in range(int(left) + step // 2, int(left + wide) - step // 2, step):
            for y in range(int(roof) + step, int(height * 0.8), step):
                if random_.random() < 0.35:
                    canvas.rectangle((x, y, x + step * 0.4, y + step * 0.4), fill=light)
        left += int(wide) + 2
    canvas.rectangle((0, height * 0.82, width, height), fill=(16, 14, 34))


def _space(canvas: ImageDraw.ImageDraw, size: Size, random_: random.Random) -> None:
    width, height = size
    for _ in range(160):
        x, y, radius = random_.uniform(0, width), random_.uniform(0, height), random_.uniform(0.5, 2.2)
        canvas.ellipse((x - radius, y - radius, x + radius, y + radius), fill=(255, 255, 255))
    x, y, radius = width * random_.uniform(0.1, 0.9), height * random_.uniform(0.15, 0.35), min(size) * 0.16
    canvas.ellipse((x - radius, y - radius, x + radius, y + radius), fill=_near(random_, (74, 142, 214)))
    _hills(canvas, size, random_, [(150, 148, 158), (116, 114, 126)])


def _studio(canvas: ImageDraw.ImageDraw, size: Size, random_: random.Random) -> None:
    """Lights, which are out of focus."""
    width, height = size
    for _ in range(24):
        x, y = random_.uniform(0, width), random_.uniform(0, height)
        radius = min(size) * random_.uniform(0.02, 0.08)
        fill = _near(random_, (222, 208, 190))
        canvas.ellipse((x - radius, y - radius, x + radius, y + radius), fill=fill)


_STUDIO: tuple[Colour, Colour, Place] = ((214, 198, 176), (122, 108, 104), _studio)
_PLACES: Mapping[Sequence[str], tuple[Colour, Colour, Place]] = {
    ("moon", "space", "astronaut", "stars", "mars", "espacio", "luna"): ((8, 10, 34), (40, 30, 78), _space),
    ("beach", "sea", "harbour", "ocean", "boat", "boats", "playa", "mar"): (
        (88, 168, 222),
        (252, 206, 152),
        _beach,
    ),
    ("city", "street", "neon", "night", "ciudad", "noche"): ((26, 14, 64), (176, 56, 142), _city),
    ("mountain", "mountains", "snow", "ski", "nieve", "montaña"): (
        (120, 172, 226),
        (232, 240, 248),
        _mountains,
    ),
    ("forest", "garden", "hill", "field", "park", "bosque", "jardín"): (
        (132, 192, 232),
        (242, 232, 204),
        _country,
    ),
}


# --- people ---


def _person(
    canvas: ImageDraw.ImageDraw, size: Size, place: float, trigger: str, random_: random.Random
) -> None:
    """Head and shoulders; the features are the trigger word's, the pose is the seed's."""
    own = random.Random(zlib.crc32(trigger.encode()))
    skin, hair = own.choice(_SKIN), own.choice(_HAIR)
    shirt: Colour = (own.randint(30, 210), own.randint(30, 210), own.randint(30, 210))
    long_hair, glasses = own.random() < 0.5, own.random() < 0.35
    width, height = size
    head = min(width * 0.3, height * 0.24)
    x, y = width * place, height * random_.uniform(0.44, 0.5)
    turn = head * random_.uniform(-0.07, 0.07)

    def oval(dx: float, dy: float, rx: float, ry: float, fill: Colour) -> None:
        canvas.ellipse((x + dx - rx, y + dy - ry, x + dx + rx, y + dy + ry), fill=fill)

    if long_hair:
        oval(0, head * 0.22, head * 0.56, head * 0.85, hair)
    oval(0, head * 1.75, head * 1.05, head * 0.95, shirt)
    canvas.rectangle((x - head * 0.17, y + head * 0.4, x + head * 0.17, y + head * 0.95), fill=skin)
    oval(0, -head * 0.12, head * 0.5, head * 0.6, hair)
    oval(0, head * 0.06, head * 0.42, head * 0.54, skin)
    canvas.pieslice(
        (x - head * 0.46, y - head * 0.66, x + head * 0.46, y + head * 0.22),
        180 + turn,
        360 + turn,
        fill=hair,
    )
    for side in (-1, 1):
        eye = side * head * 0.17 + turn
        oval(eye, 0, head * 0.07, head * 0.055, (252, 252, 250))
        oval(eye, 0, head * 0.035, head * 0.045, (44, 34, 30))
        if glasses:
            canvas.ellipse(
                (x + eye - head * 0.13, y - head * 0.11, x + eye + head * 0.13, y + head * 0.11),
                outline=(40, 40, 44),
                width=max(2, int(head * 0.025)),
            )
    smile = head * random_.uniform(0.1, 0.18)
    canvas.arc(
        (x - smile + turn, y + head * 0.16, x + smile + turn, y + head * 0.38),
        15,
        165,
        fill=(158, 70, 66),
        width=max(2, int(head * 0.04)),
    )


# --- words ---


def _label(image: Image.Image, prompt: str, seed: int, triggers: Sequence[str]) -> None:
    width, height = image.size
    font_size = max(11, min(image.size) // 40)
    words = prompt.split()
    shown = " ".join(words[:_PROMPT_WORDS]) + (" …" if len(words) > _PROMPT_WORDS else "")
    last = " · ".join([*(f"LoRA {trigger}" for trigger in triggers), f"seed {seed}", "drawn by the sandbox"])
    lines = [*textwrap.wrap(shown, max(10, int(width * 1.7 / font_size))), last]
    tall = int(font_size * (1.35 * len(lines) + 0.9))
    bar = Image.new("RGB", (width, tall), (12, 12, 18))
    image.paste(Image.blend(image.crop((0, height - tall, width, height)), bar, 0.6), (0, height - tall))
    ImageDraw.Draw(image).multiline_text(
        (font_size, height - tall + font_size * 0.4),
        "\n".join(lines),
        fill="white",
        font=ImageFont.load_default(font_size),
        spacing=font_size * 0.3,
    )
