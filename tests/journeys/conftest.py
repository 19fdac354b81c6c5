"""A running house: a real server, and people who use it by HTTP."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from people import Person

from ementa.testing.server import RunningServer

EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[RunningServer]:
    """`ementa serve`, fresh, with nothing configured but its key."""
    async with RunningServer(tmp_path / "data") as running:
        yield running


@pytest.fixture
async def clerk(server: RunningServer) -> AsyncIterator[Person]:
    """Someone who holds the first key."""
    person = Person(server)
    yield person
    await person.close()


@pytest.fixture
def invoice() -> Path:
    """The invoice that ships with Ementa."""
    return EXAMPLES / "teste.jpg"
