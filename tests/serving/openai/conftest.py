"""A running Ementa in front of an Ollama and of a vLLM, and people with keys."""

from collections.abc import AsyncIterator, Iterator

import aiohttp
import openai
import pytest

from ementa.testing.ollama.double import OllamaDouble
from ementa.testing.openai.catalogue import DEFAULT_MODELS, DoubleModel
from ementa.testing.openai.double import OpenAIDouble
from ementa.testing.server import RunningServer


@pytest.fixture(scope="module")
def upstream() -> Iterator[OllamaDouble]:
    """The Ollama behind it: its answers are written anew."""
    with OllamaDouble() as double:
        yield double


@pytest.fixture(scope="module")
def native() -> Iterator[OpenAIDouble]:
    """The vLLM behind it: its answers are passed on."""
    with OpenAIDouble((*DEFAULT_MODELS, DoubleModel("hang-mid:native"))) as double:
        yield double


@pytest.fixture(scope="module")
def server(
    upstream: OllamaDouble, native: OpenAIDouble, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RunningServer]:
    """`ementa serve`."""
    environment = {
        "OLLAMA_HOST": upstream.url,
        "EMENTA_OPENAI_HOSTS": f"{native.url}/v1",
        "EMENTA_LLM__REQUESTS_PER_MINUTE": "0",
        "EMENTA_LLM__CACHE": "off",
        "EMENTA_APP__MAX_MODEL_BODY_BYTES": "2000000",
        "EMENTA_IDENTITY__FAILED_KEYS_PER_MINUTE": "100000",
    }
    with RunningServer(tmp_path_factory.mktemp("openai") / "data", environment) as running:
        yield running
    assert "unexpected error" not in running.log.read_text(encoding="utf-8", errors="replace")


@pytest.fixture
def client(server: RunningServer) -> Iterator[openai.OpenAI]:
    """The official SDK of somebody who holds the first key."""
    with openai.OpenAI(base_url=f"{server.url}/v1", api_key=server.key, max_retries=0) as sdk:
        yield sdk


@pytest.fixture
async def async_client(server: RunningServer) -> AsyncIterator[openai.AsyncOpenAI]:
    """The same, asynchronous."""
    async with openai.AsyncOpenAI(base_url=f"{server.url}/v1", api_key=server.key, max_retries=0) as sdk:
        yield sdk


@pytest.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    """A client that sends whatever it is told to."""
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=60)) as session:
        yield session
