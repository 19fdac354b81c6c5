"""Blobs as files below one directory."""

import asyncio
import errno
import hashlib
import os
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import IO

from ementa.kit.ids import new_id
from ementa.storage.base import Blob
from ementa.storage.errors import BlobNotFound, BlobTooLarge, StorageFull

_NO_ROOM = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


class FilesystemStore:
    """One file a blob: `root/prefix/ab/<id>`; written under a temporary name, synced, then renamed."""

    name = "filesystem"

    def __init__(self, root: Path) -> None:
        self._root = root
        self._incoming = root / ".incoming"
        self._incoming.mkdir(parents=True, exist_ok=True, mode=0o700)

    async def put(self, chunks: AsyncIterable[bytes], *, prefix: str, max_bytes: int | None = None) -> Blob:
        """Store a stream durably under a new key; see `BlobStore.put`."""
        temporary = self._incoming / new_id()
        digest, size = hashlib.sha256(), 0
        try:
            with await asyncio.to_thread(temporary.open, "xb") as file:
                async for chunk in chunks:
                    size += len(chunk)
                    if max_bytes is not None and size > max_bytes:
                        raise BlobTooLarge(limit_mb=round(max_bytes / 1_000_000, 1))
                    digest.update(chunk)
                    await asyncio.to_thread(file.write, chunk)
                await asyncio.to_thread(_sync, file)
            name = new_id()
            key = f"{prefix}/{name[-2:]}/{name}"
            await asyncio.to_thread(self._move, temporary, key)
        except OSError as error:
            raise _explained(error) from error
        finally:
            with suppress(OSError):
                temporary.unlink(missing_ok=True)
        return Blob(key, size, digest.hexdigest())

    async def put_bytes(self, key: str, data: bytes) -> None:
        """Store `data` under `key`, atomically; see `BlobStore.put_bytes`."""
        await asyncio.to_thread(self._put_bytes, key, data)

    async def get_bytes(self, key: str) -> bytes:
        """The whole content; see `BlobStore.get_bytes`."""
        try:
            return await asyncio.to_thread(self._path(key).read_bytes)
        except FileNotFoundError as error:
            raise BlobNotFound from error

    @asynccontextmanager
    async def open_path(self, key: str) -> AsyncGenerator[Path]:
        """The file itself; see `BlobStore.open_path`."""
        path = self._path(key)
        if not path.is_file():
            raise BlobNotFound
        yield path

    async def delete(self, key: str) -> None:
        """Remove it; see `BlobStore.delete`."""
        await asyncio.to_thread(self._path(key).unlink, missing_ok=True)

    async def exists(self, key: str) -> bool:
        """Whether the key holds content."""
        return self._path(key).is_file()

    async def keys(self, prefix: str) -> AsyncIterator[tuple[str, datetime]]:
        """Every key under `prefix` with its time; uploads still arriving are under no prefix."""
        for key, stored_at in await asyncio.to_thread(self._list, prefix):
            yield key, stored_at

    def abandoned(self, before: datetime) -> int:
        """Remove partial uploads older than `before` (a killed process leaves them); how many went."""
        removed = 0
        for path in self._incoming.iterdir():
            with suppress(FileNotFoundError):
                if path.stat().st_mtime < before.timestamp():
                    path.unlink()
                    removed += 1
        return removed

    def _path(self, key: str) -> Path:
        path = (self._root / key).resolve()
        if self._root.resolve() not in path.parents:
            raise BlobNotFound  # a key never leaves the root, whoever made it
        return path

    def _move(self, temporary: Path, key: str) -> None:
        target = self._path(key)
        target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        temporary.replace(target)
        _sync_directory(target.parent)

    def _put_bytes(self, key: str, data: bytes) -> None:
        temporary = self._incoming / new_id()
        try:
            with temporary.open("xb") as file:
                file.write(data)
                _sync(file)
            self._move(temporary, key)
        except OSError as error:
            raise _explained(error) from error
        finally:
            with suppress(OSError):
                temporary.unlink(missing_ok=True)

    def _list(self, prefix: str) -> list[tuple[str, datetime]]:
        found: list[tuple[str, datetime]] = []
        for path in (self._root / prefix).rglob("*"):
            with suppress(FileNotFoundError):
                if path.is_file():
                    key = path.relative_to(self._root).as_posix()
                    found.append((key, datetime.fromtimestamp(path.stat().st_mtime, UTC)))
        return found


def _sync(file: IO[bytes]) -> None:
    file.flush()
    os.fsync(file.fileno())


def _sync_directory(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _explained(error: OSError) -> Exception:
    return StorageFull() if error.errno in _NO_ROOM else error
