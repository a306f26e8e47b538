from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from media.pool import ImagePool


@pytest.fixture
def saved(tmp_path: Path) -> Callable[[bytes], Path]:
    """Puts bytes where an upload would lie: a file without a telling name."""

    def save(data: bytes) -> Path:
        path = tmp_path / f"upload-{len(list(tmp_path.iterdir()))}"
        path.write_bytes(data)
        return path

    return save


@pytest.fixture
def memory_growth() -> Callable[[], int]:
    """How many bytes more than now this process has held at once, when asked later."""

    def status(field: str) -> int:
        lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
        return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(field))

    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")  # proc(5): resets the peak, VmHWM
    before = status("VmRSS")
    return lambda: status("VmHWM") - before


@pytest.fixture
async def pool() -> AsyncIterator[ImagePool]:
    async with ImagePool(inspect_seconds=5, unpack_seconds=5) as pool:
        yield pool
