"""A running Ementa in front of an Ollama, and people with keys."""

from collections.abc import AsyncIterator, Iterator

import ollama
import pytest

from ementa.testing.ollama.double import OllamaDouble
from ementa.testing.server import RunningServer


@pytest.fixture(scope="module")
def upstream() -> Iterator[OllamaDouble]:
    """The Ollama behind it."""
    with OllamaDouble() as double:
        yield double


@pytest.fixture(scope="module")
def server(upstream: OllamaDouble, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """`ementa serve`."""
    environment = {"OLLAMA_HOST": upstream.url, "EMENTA_LLM__REQUESTS_PER_MINUTE": "0"}
    with RunningServer(tmp_path_factory.mktemp("ollama") / "data", environment) as running:
        yield running
    assert "unexpected error" not in running.log.read_text(encoding="utf-8", errors="replace")


@pytest.fixture
def client(server: RunningServer) -> Iterator[ollama.Client]:
    """The official SDK of somebody who holds the first key."""
    with ollama.Client(server.url, headers={"Authorization": f"Bearer {server.key}"}) as sdk:
        yield sdk


@pytest.fixture
async def async_client(server: RunningServer) -> AsyncIterator[ollama.AsyncClient]:
    """The same, asynchronous; it says `Key`, as our own clients do."""
    async with ollama.AsyncClient(server.url, headers={"Key": server.key}) as sdk:
        yield sdk
