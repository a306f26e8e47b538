"""Several pictures side by side on one: a message can have either an album or buttons."""

from collections.abc import Sequence
from pathlib import Path

from PIL import Image, ImageOps

_CELL = 1024  # pixels, and so wide and high at most is a picture on a sheet of two
_WIDEST = 2560  # what Telegram keeps of a photo
_GAP = 12


def make_sheet(sources: Sequence[Path], target: Path) -> None:
    """Writes a JPEG of the pictures, each whole, in a row of up to three or in two. It is work for a thread.

    Raises:
        OSError: one of them is no picture.
    """
    columns = len(sources) if len(sources) <= 3 else -(-len(sources) // 2)
    side = min(_CELL, (_WIDEST - (columns - 1) * _GAP) // columns)
    cells = [_fitted(source, side) for source in sources]
    rows = [cells[at : at + columns] for at in range(0, len(cells), columns)]
    heights = [max(cell.height for cell in row) for row in rows]
    widths = [max(row[column].width for row in rows if column < len(row)) for column in range(columns)]
    size = (sum(widths) + _GAP * (columns - 1), sum(heights) + _GAP * (len(rows) - 1))
    sheet = Image.new("RGB", size, "white")
    top = 0
    for row, height in zip(rows, heights, strict=True):
        left = 0
        for cell, width in zip(row, widths, strict=False):
            sheet.paste(cell, (left + (width - cell.width) // 2, top + (height - cell.height) // 2))
            left += width + _GAP
        top += height + _GAP
    sheet.save(target, "JPEG", quality=88)


def _fitted(source: Path, side: int) -> Image.Image:
    with Image.open(source, formats=["JPEG"]) as picture:
        return ImageOps.contain(picture.convert("RGB"), (side, side))
