"""What is erased and when: on request, when its time is over, and what a kill left behind."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from ementa.analysis import queries
from ementa.analysis.models import Analysis
from ementa.db.database import Database, Session
from ementa.jobs import service as jobs
from ementa.kit import clock
from ementa.storage.base import BlobStore

TOMBSTONE = timedelta(hours=24)
"""How long after expiry an id still answers "expired" instead of "unknown"."""


async def erase(session: Session, analysis: Analysis) -> list[str]:
    """Blank everything the user gave or got; the blobs to delete after the commit."""
    blobs = [analysis.blob_key] if analysis.blob_key else []
    key = analysis.extraction_key
    if key and await queries.count_sharing(session, key, besides=analysis.id) == 0:
        blobs.append(key)
    empty: dict[str, Any] = dict.fromkeys(
        ("prompt", "format_text", "example_text", "spec", "selection", "outcome", "error", "callback_url",
         "idempotency_key", "blob_key", "extraction_key", "job_id"),
    )  # fmt: skip
    for name, value in {**empty, "filename": "", "sha256": "", "fingerprint": ""}.items():
        setattr(analysis, name, value)
    analysis.erased_at = analysis.updated_at = clock.now()
    return blobs


async def erase_expired(database: Database, store: BlobStore, now: datetime, batch: int = 100) -> int:
    """Erase what is past its time, content first to go, and forget old tombstones. Returns how many went."""
    erased = 0
    while True:
        async with database.transaction() as session:
            rows = await queries.list_expired(session, now, batch)
            blobs: list[str] = []
            for analysis in rows:
                if analysis.job_id is not None:
                    await jobs.cancel(session, analysis.job_id)
                blobs += await erase(session, analysis)
        await delete_blobs(store, blobs)
        erased += len(rows)
        if len(rows) < batch:
            break
    async with database.transaction() as session:
        await queries.delete_tombstones(session, now - TOMBSTONE)
    if erased:
        await database.forget()
    return erased


async def erase_orphans(database: Database, store: BlobStore, before: datetime) -> int:
    """Delete blobs that no living analysis needs (a kill between commit and delete leaves them). Returns how many."""
    removed = 0
    for prefix in ("uploads", "extractions"):
        old = [key async for key, stored_at in store.keys(prefix) if stored_at < before]
        for start in range(0, len(old), 500):
            keys = old[start : start + 500]
            async with database.read() as session:
                needed = await queries.existing_keys(session, keys)
            orphans = [key for key in keys if key not in needed]
            await delete_blobs(store, orphans)
            removed += len(orphans)
    return removed


async def delete_blobs(store: BlobStore, keys: Sequence[str]) -> None:
    """Delete blobs; one that is gone already is no error."""
    for key in keys:
        await store.delete(key)
