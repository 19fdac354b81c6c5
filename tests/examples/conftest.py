"""One server for all the examples of the documentation."""

from collections.abc import Iterator

import pytest

from ementa.testing.ollama.double import OllamaDouble
from ementa.testing.server import RunningServer


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """`ementa serve` with the key that examples use, in front of a model server."""
    with OllamaDouble() as models:
        data = tmp_path_factory.mktemp("examples") / "data"
        with RunningServer(data, {"OLLAMA_HOST": models.url}) as running:
            yield running
