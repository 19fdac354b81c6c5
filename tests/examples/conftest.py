"""One server for all the examples of the documentation."""

from collections.abc import Iterator

import pytest

from ementa.testing.server import RunningServer


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """`ementa serve` with the key that examples use."""
    with RunningServer(tmp_path_factory.mktemp("examples") / "data") as running:
        yield running
