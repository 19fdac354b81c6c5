"""The product's own way from a file to an outcome, without the server: the same calls as the three stages make."""

import hashlib
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from tempfile import TemporaryDirectory
from types import TracebackType
from typing import Any

import msgspec

from benchmarks.documents.truth import Sample
from ementa.analysis import deciding
from ementa.analysis.settings import AnalysisSettings
from ementa.analysis.spec import encode_spec, parse_spec
from ementa.analysis.types import Outcome
from ementa.extraction import service as extraction
from ementa.extraction.sandbox.pool import SandboxPool
from ementa.extraction.settings import ExtractionSettings
from ementa.extraction.types import Extraction, to_bytes
from ementa.llm.reader import READER
from ementa.storage.filesystem import FilesystemStore


class Pipeline(AbstractAsyncContextManager["Pipeline"]):
    """Extraction and analysis over one pool of children and one temporary store."""

    def __init__(self) -> None:
        self._folder = TemporaryDirectory(prefix="ementa-bench-")
        self._settings, self._analysis = ExtractionSettings(), AnalysisSettings()
        self._store = FilesystemStore(Path(self._folder.name) / "blobs")
        self._pool = SandboxPool(self._settings)

    async def answer(self, sample: Sample) -> tuple[Extraction, Outcome]:
        """What the built-in reader answers to the sample's question."""
        path = Path(self._folder.name) / sample.filename
        path.write_bytes(sample.data)
        try:
            read = await extraction.extract(
                path,
                filename=sample.filename,
                sha256=hashlib.sha256(sample.data).hexdigest(),
                scope="bench",
                store=self._store,
                pool=self._pool,
                settings=self._settings,
            )
        finally:
            path.unlink()
        document = to_bytes(read)
        spec = parse_spec(sample.format, None, self._analysis)
        stored = encode_spec(spec)
        prepared = await self._in_child("prepare", document, stored, sample.prompt)
        options = deciding.Options(
            model=READER,
            escalation_model="",
            timeout_seconds=self._analysis.model_timeout_seconds,
            max_list_items=self._analysis.max_list_items,
        )
        selection = await deciding.select(prepared, sample.prompt, None, options)
        outcome = await self._in_child("assemble", document, stored, deciding.encode_selection(selection))
        return read, msgspec.msgpack.decode(outcome, type=Outcome)

    async def _in_child(self, function: str, *arguments: Any) -> bytes:
        result: bytes = await self._pool.call(f"ementa.analysis.kernel:{function}", *arguments, timeout_seconds=60)
        return result

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._pool.close()
        self._folder.cleanup()
