"""Pools and drawn pages shared by the tests of extraction."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from ementa.extraction.sandbox.pool import SandboxPool
from ementa.extraction.settings import ExtractionSettings
from ementa.storage.filesystem import FilesystemStore


@pytest.fixture
def settings() -> ExtractionSettings:
    return ExtractionSettings(children=2)


@pytest.fixture
async def pool(settings: ExtractionSettings) -> AsyncIterator[SandboxPool]:
    pool = SandboxPool(settings)
    yield pool
    await pool.close()


@pytest.fixture
def store(tmp_path: Path) -> FilesystemStore:
    return FilesystemStore(tmp_path / "blobs")
