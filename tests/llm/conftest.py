"""A double of Ollama for each test."""

from collections.abc import AsyncIterator, Iterator

import pytest

from ementa.llm.settings import LlmSettings
from ementa.llm.transport import Transport
from ementa.testing.ollama.double import OllamaDouble


@pytest.fixture
def ollama() -> Iterator[OllamaDouble]:
    with OllamaDouble() as double:
        yield double


@pytest.fixture
def settings(ollama: OllamaDouble) -> LlmSettings:
    return LlmSettings(ollama_hosts=(ollama.url,), timeout_seconds=10.0)


@pytest.fixture
async def transport() -> AsyncIterator[Transport]:
    transport = Transport(connect_timeout_seconds=2.0)
    yield transport
    await transport.close()
