"""One server for all the examples of the documentation."""

from collections.abc import Iterator

import pytest

from ementa.testing.ollama.double import OllamaDouble
from ementa.testing.openai.catalogue import DoubleModel
from ementa.testing.openai.double import OpenAIDouble
from ementa.testing.server import RunningServer

RERANKER = DoubleModel("BAAI/bge-reranker-v2-m3", 8192, "rerank")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """`ementa serve` with the key that examples use, in front of an Ollama and of a vLLM that ranks."""
    with OllamaDouble() as models, OpenAIDouble([RERANKER]) as ranking:
        data = tmp_path_factory.mktemp("examples") / "data"
        hosts = {"OLLAMA_HOST": models.url, "EMENTA_OPENAI_HOSTS": f"{ranking.url}/v1"}
        with RunningServer(data, hosts) as running:
            yield running
