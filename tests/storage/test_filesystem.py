import resource
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path

import pytest

from ementa.storage.errors import BlobNotFound, BlobTooLarge, StorageFull
from ementa.storage.filesystem import FilesystemStore


async def chunks(*parts: bytes) -> AsyncIterator[bytes]:
    for part in parts:
        yield part


def files(root: Path) -> list[Path]:
    return [path for path in root.rglob("*") if path.is_file()]


async def test_what_goes_in_comes_out(tmp_path: Path) -> None:
    store = FilesystemStore(tmp_path)
    blob = await store.put(chunks(b"nota ", b"fiscal"), prefix="uploads")
    assert (blob.size, blob.sha256) == (11, sha256(b"nota fiscal").hexdigest())
    assert blob.key.startswith("uploads/")
    assert await store.get_bytes(blob.key) == b"nota fiscal"
    async with store.open_path(blob.key) as path:
        assert path.read_bytes() == b"nota fiscal"
    await store.delete(blob.key)
    assert not await store.exists(blob.key)
    assert files(tmp_path) == []


async def test_past_the_limit_nothing_stays(tmp_path: Path) -> None:
    store = FilesystemStore(tmp_path)
    with pytest.raises(BlobTooLarge):
        await store.put(chunks(b"x" * 60, b"x" * 60), prefix="uploads", max_bytes=100)
    assert files(tmp_path) == []


async def test_a_sender_that_breaks_off_leaves_nothing(tmp_path: Path) -> None:
    async def broken() -> AsyncIterator[bytes]:
        yield b"half"
        raise ConnectionError

    with pytest.raises(ConnectionError):
        await FilesystemStore(tmp_path).put(broken(), prefix="uploads")
    assert files(tmp_path) == []


async def test_a_full_disk_is_said_so_and_leaves_nothing(tmp_path: Path) -> None:
    store = FilesystemStore(tmp_path)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    # Past RLIMIT_FSIZE the kernel refuses the write just as a full disk does, for this process only.
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, hard))
    try:
        with pytest.raises(StorageFull):
            await store.put(chunks(b"x" * 200_000), prefix="uploads")
        with pytest.raises(StorageFull):
            await store.put_bytes("extractions/ab/one", b"x" * 200_000)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert files(tmp_path) == []


async def test_a_key_never_leaves_the_root(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("s")
    store = FilesystemStore(tmp_path / "blobs")
    for key in ("../secret", "/etc/passwd", "uploads/../../secret"):
        with pytest.raises(BlobNotFound):
            await store.get_bytes(key)


async def test_chosen_keys_are_replaced_whole(tmp_path: Path) -> None:
    store = FilesystemStore(tmp_path)
    await store.put_bytes("extractions/ab/one", b"1")
    await store.put_bytes("extractions/ab/one", b"22")
    assert await store.get_bytes("extractions/ab/one") == b"22"
    assert [key async for key, _ in store.keys("extractions")] == ["extractions/ab/one"]
    assert [key async for key, _ in store.keys("uploads")] == []


async def test_partial_uploads_of_a_killed_process_are_removed(tmp_path: Path) -> None:
    store = FilesystemStore(tmp_path)
    (tmp_path / ".incoming" / "partial").write_bytes(b"half")
    now = datetime.now(UTC)
    assert store.abandoned(now - timedelta(hours=1)) == 0
    assert store.abandoned(now + timedelta(seconds=1)) == 1
    assert files(tmp_path) == []
