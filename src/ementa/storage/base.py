"""What a blob store promises."""

from collections.abc import AsyncIterable, AsyncIterator
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from pathlib import Path
from typing import NamedTuple, Protocol


class Blob(NamedTuple):
    """A stored blob: its key, its size in bytes and the SHA-256 of its content (hex)."""

    key: str
    size: int
    sha256: str


class BlobStore(Protocol):
    """Keeps bytes under keys. A key names one immutable content; keys never come from a user's file name."""

    async def put(self, chunks: AsyncIterable[bytes], *, prefix: str, max_bytes: int | None = None) -> Blob:
        """Store a stream durably (fsync) under a new key starting with `prefix`.

        Raises `BlobTooLarge` past `max_bytes` and `StorageFull` when the disk is; either way nothing is left behind.
        """
        ...

    async def put_bytes(self, key: str, data: bytes) -> None:
        """Store `data` durably under a chosen key, replacing what was there, atomically."""
        ...

    async def get_bytes(self, key: str) -> bytes:
        """The whole content; raises `BlobNotFound`."""
        ...

    def open_path(self, key: str) -> AbstractAsyncContextManager[Path]:
        """A local, read-only path to the content while the block lasts; raises `BlobNotFound`."""
        ...

    async def delete(self, key: str) -> None:
        """Remove it; a key that is not there is no error."""
        ...

    async def exists(self, key: str) -> bool:
        """Whether the key holds content."""
        ...

    def keys(self, prefix: str) -> AsyncIterator[tuple[str, datetime]]:
        """Every key under `prefix` with the time it was stored, for sweeps."""
        ...
