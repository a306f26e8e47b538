from collections.abc import AsyncIterator

import pytest

from tests.sandbox_fal.twin import Receiver, Twin, receiving, running


@pytest.fixture
async def twin() -> AsyncIterator[Twin]:
    async with running() as twin:
        yield twin


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with receiving() as receiver:
        yield receiver
