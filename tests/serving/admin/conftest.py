"""A real server with a double of Ollama, and its administrator."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from ementa.testing.caller import Caller
from ementa.testing.ollama.double import OllamaDouble
from ementa.testing.server import RunningServer


@pytest.fixture(scope="module")
def ollama() -> Iterator[OllamaDouble]:
    with OllamaDouble() as double:
        yield double


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    environment = {"EMENTA_IDENTITY__FAILED_KEYS_PER_MINUTE": "10000"}
    with RunningServer(tmp_path_factory.mktemp("administration") / "data", environment) as running:
        yield running


@pytest.fixture
def admin(server: RunningServer) -> Caller:
    return Caller(server.url, server.key)


@pytest.fixture
def data(server: RunningServer) -> Path:
    return server.data
