"""From a stored file to its `Extraction`: cache, text pass in the sandbox, single pages OCRed in parallel, assembly."""

import asyncio
import hashlib
import re
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import msgspec

from ementa.extraction.base import Limits
from ementa.extraction.engine import engine_version
from ementa.extraction.media_types import check_upload, detect
from ementa.extraction.sandbox.pool import SandboxPool
from ementa.extraction.settings import ExtractionSettings
from ementa.extraction.task import Task
from ementa.extraction.types import Extraction, from_bytes
from ementa.kit.errors import EmentaError
from ementa.storage.base import BlobStore
from ementa.storage.errors import BlobNotFound

__all__ = ["check_upload", "extract", "extract_bytes", "stored_key"]

Progress = Callable[[float], Awaitable[None]]

_TEXT_PRIORITY, _OCR_PRIORITY = 10, 0
_CODE_BATCH = 16
_TEXT_SHARE = 0.1
"""Of the progress, when pages follow that need OCR."""


async def extract(
    source: Path,
    *,
    filename: str,
    sha256: str,
    scope: str,
    store: BlobStore,
    pool: SandboxPool,
    settings: ExtractionSettings,
    progress: Progress | None = None,
    plugins: frozenset[str] = frozenset(),
) -> Extraction:
    """What `extract_bytes` gives, decoded. A long document is large in memory: prefer the bytes to pass them on."""
    data = await extract_bytes(
        source,
        filename=filename,
        sha256=sha256,
        scope=scope,
        store=store,
        pool=pool,
        settings=settings,
        progress=progress,
        plugins=plugins,
    )
    return from_bytes(data)


async def extract_bytes(
    source: Path,
    *,
    filename: str,
    sha256: str,
    scope: str,
    store: BlobStore,
    pool: SandboxPool,
    settings: ExtractionSettings,
    progress: Progress | None = None,
    plugins: frozenset[str] = frozenset(),
) -> bytes:
    """The document's text and layout in stored form (`extraction.types.from_bytes` reads it).

    The same content read before in the same `scope` by the same engines comes from the blob store. Raises the errors of
    `extraction/errors.py`. A single page that cannot be OCRed does not fail the document: it stays as it was, and the
    warning `PAGE_FAILED:<page>:<code>` says so; when nothing at all could be read, its error is raised.
    """
    media_type = (await asyncio.to_thread(detect, source, filename)).media_type
    engine = engine_version(settings, plugins)
    key = cache_key(scope, sha256, media_type, engine)
    try:
        return await store.get_bytes(key)
    except BlobNotFound:
        pass
    task = _task(source, filename, media_type, settings, plugins)
    data = await _Reader(pool, settings, task, progress).read(engine)
    await store.put_bytes(key, data)
    return data


def stored_key(
    source: Path,
    *,
    filename: str,
    sha256: str,
    scope: str,
    settings: ExtractionSettings,
    plugins: frozenset[str] = frozenset(),
) -> str:
    """Where `extract_bytes` keeps this document as read: whoever erases the document deletes that blob too."""
    return cache_key(scope, sha256, detect(source, filename).media_type, engine_version(settings, plugins))


def cache_key(scope: str, sha256: str, media_type: str, engine: str) -> str:
    """Where a result is kept: `extractions/<scope>/<content>-<how it was read>`."""
    if not re.fullmatch(r"[\w.-]{1,100}", scope) or not re.fullmatch(r"[0-9a-f]{64}", sha256):
        raise ValueError("scope or sha256 cannot be part of a key")
    how = hashlib.sha256(f"{media_type}\n{engine}".encode()).hexdigest()[:12]
    return f"extractions/{scope}/{sha256}-{how}"


class _Reader:
    """One document on its way through the sandbox."""

    def __init__(
        self, pool: SandboxPool, settings: ExtractionSettings, task: dict[str, Any], progress: Progress | None
    ) -> None:
        self._pool = pool
        self._settings = settings
        self._task = task
        self._progress = progress
        self._pages: list[bytes] = []
        self._found_codes: dict[int, bytes] = {}
        self._warnings: list[str] = []
        self._failures: list[EmentaError] = []

    async def read(self, engine: str) -> bytes:
        """Text pass, OCR of the pages that need it, assembly."""
        text: dict[str, Any] = await self._pool.call(
            "ementa.extraction.reading:read_file",
            self._task,
            timeout_seconds=self._settings.timeout_seconds,
            priority=_TEXT_PRIORITY,
        )
        numbers: list[int] = text["ocr_pages"]
        if numbers:
            await self._tell(_TEXT_SHARE)
            await self._ocr(numbers)
            if self._failures and not text["words"] and len(self._failures) == len(numbers):
                raise self._failures[0]
        await self._codes(text["code_pages"])
        data: bytes = await self._pool.call(
            "ementa.extraction.reading:assemble",
            self._task,
            text["reading"],
            self._pages,
            self._found_codes,
            self._warnings,
            engine,
            timeout_seconds=self._settings.timeout_seconds,
            priority=_TEXT_PRIORITY,
        )
        await self._tell(1.0)
        return data

    async def _ocr(self, numbers: list[int]) -> None:
        """As many pages at a time as there are children, no more: so documents take turns page by page."""
        waiting = iter(numbers)
        done = 0

        async def work() -> None:
            nonlocal done
            for number in waiting:
                await self._ocr_page(number)
                done += 1
                await self._tell(_TEXT_SHARE + (0.99 - _TEXT_SHARE) * done / len(numbers))

        async with asyncio.TaskGroup() as group:
            for _ in range(min(self._pool.size, len(numbers))):
                group.create_task(work())

    async def _ocr_page(self, number: int) -> None:
        try:
            result: dict[str, Any] = await self._pool.call(
                "ementa.extraction.reading:ocr_page",
                self._task,
                number,
                timeout_seconds=self._settings.page_timeout_seconds,
                priority=_OCR_PRIORITY,
            )
        except EmentaError as error:
            self._failures.append(error)
            self._warnings.append(f"PAGE_FAILED:{number}:{error.code}")
            return
        self._pages.append(result["page"])
        self._warnings += result["warnings"]

    async def _codes(self, pages: list[list[int]]) -> None:
        """Barcodes of the pages where the text pass saw something like one."""
        for start in range(0, len(pages), _CODE_BATCH):
            batch = pages[start : start + _CODE_BATCH]
            try:
                self._found_codes |= await self._pool.call(
                    "ementa.extraction.reading:code_pages",
                    self._task,
                    batch,
                    timeout_seconds=self._settings.page_timeout_seconds,
                    priority=_OCR_PRIORITY,
                )
            except EmentaError as error:
                self._warnings.append(f"BARCODES_FAILED:{batch[0][0]}-{batch[-1][0]}:{error.code}")

    async def _tell(self, share: float) -> None:
        if self._progress is not None:
            await self._progress(share)


def _task(
    source: Path, filename: str, media_type: str, settings: ExtractionSettings, plugins: frozenset[str]
) -> dict[str, Any]:
    limits = Limits(
        max_pages=settings.max_pages,
        max_pixels=settings.max_pixels,
        max_decompressed_bytes=settings.max_decompressed_bytes,
        max_depth=settings.max_depth,
    )
    task = Task(
        path=str(source.resolve()),
        filename=filename,
        media_type=media_type,
        limits=limits,
        languages=settings.ocr_languages,
        tessdata=settings.tessdata,
        plugins=tuple(sorted(plugins)),
    )
    return msgspec.to_builtins(task)
