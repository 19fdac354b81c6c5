"""The OpenAI-compatible adapter: the behaviour of every provider, and what is its own."""

from collections.abc import Iterator

import pytest
from tests.llm.openai_bench import OpenAIBench, connect

from ementa.llm.transport import Transport
from ementa.testing.openai.double import OpenAIDouble
from ementa.testing.provider_content import ImageBehaviour, ThinkingBehaviour, ToolBehaviour
from ementa.testing.provider_faults import NetworkBehaviour
from ementa.testing.provider_forwarding import ForwardingBehaviour
from ementa.testing.provider_verbs import EmbeddingBehaviour, RerankBehaviour
from ementa.testing.providers import ProviderBehaviour
from ementa.testing.server import free_port


@pytest.fixture
def double() -> Iterator[OpenAIDouble]:
    with OpenAIDouble() as double:
        yield double


@pytest.fixture
def bench(double: OpenAIDouble, transport: Transport) -> OpenAIBench:
    nobody = connect(f"http://127.0.0.1:{free_port()}", transport)
    return OpenAIBench(connect(double.url, transport), nobody, double)


class TestOpenAI(
    ProviderBehaviour,
    NetworkBehaviour,
    ToolBehaviour,
    ImageBehaviour,
    ThinkingBehaviour,
    EmbeddingBehaviour,
    RerankBehaviour,
    ForwardingBehaviour,
):
    """Every provider's behaviour."""
