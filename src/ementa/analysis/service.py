"""The verbs of the main job: ask, look, answer, cancel, erase.

Every function takes the session first; `jobs.py` calls the `store_…` ones from the three stages.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import msgspec

from ementa.analysis import queries, retention
from ementa.analysis.ask import Ask, clean_filename
from ementa.analysis.errors import AnalysisCancelled, AnalysisExpired, AnalysisNotFound, IdempotencyConflict
from ementa.analysis.models import Analysis
from ementa.analysis.types import Outcome
from ementa.db.database import Database, ReadSession, Session
from ementa.identity import service as identity
from ementa.identity.types import Principal
from ementa.jobs import service as jobs
from ementa.kit import clock
from ementa.kit.errors import EmentaError
from ementa.kit.ids import is_id, new_id
from ementa.kit.pagination import CursorInvalid, decode_cursor, encode_cursor
from ementa.storage.base import Blob

log = logging.getLogger(__name__)

_STAGES = {
    "uploaded": ("extract", 0.0, 0.5),
    "text_extracted": ("prompt", 0.5, 0.45),
    "prompt_processed": ("format", 0.95, 0.05),
}


@dataclass(frozen=True, slots=True)
class Upload:
    """A file received and checked."""

    blob: Blob
    filename: str
    media_type: str


@dataclass(frozen=True, slots=True)
class QueueEntry:
    """A document and how far it is."""

    analysis: Analysis
    progress: float
    position: int | None


async def add_analysis(
    session: Session, principal: Principal, ask: Ask, upload: Upload, *, spec: bytes, request_id: str
) -> tuple[Analysis, bool]:
    """Accept a document: its row and its first job in one transaction. Returns it and whether it is new.

    A repeated Idempotency-Key gives the first analysis again; raises `IdempotencyConflict` when what is asked differs.
    """
    fingerprint = ask.fingerprint(upload.blob.sha256)
    if ask.idempotency_key is not None:
        earlier = await queries.find_by_idempotency_key(session, principal.user_id, ask.idempotency_key)
        if earlier is not None and earlier.erased_at is None and earlier.expires_at > clock.now():
            if earlier.fingerprint != fingerprint:
                raise IdempotencyConflict
            return earlier, False
        if earlier is not None:
            earlier.idempotency_key = None  # what it named is gone, so the key is free again
            await session.flush()
    now = clock.now()
    analysis = Analysis(
        id=new_id(),
        tenant_id=principal.tenant_id,
        user_id=principal.user_id,
        key_id=principal.key_id,
        request_id=request_id,
        status="uploaded",
        priority=ask.priority,
        idempotency_key=ask.idempotency_key,
        fingerprint=fingerprint,
        filename=clean_filename(upload.filename),
        media_type=upload.media_type,
        size=upload.blob.size,
        sha256=upload.blob.sha256,
        blob_key=upload.blob.key,
        prompt=ask.prompt,
        format_text=ask.format_text,
        example_text=ask.example_text,
        spec=spec,
        model=ask.model,
        callback_url=ask.callback_url,
        created_at=now,
        updated_at=now,
        expires_at=now + timedelta(seconds=ask.ttl_seconds),
    )
    session.add(analysis)
    await _enqueue_stage(session, analysis)
    told = {"media_type": analysis.media_type, "size": analysis.size, "model": analysis.model}
    await identity.record_event(session, principal, "upload", f"analysis:{analysis.id}", told)
    return analysis, True


async def get_analysis(session: ReadSession, principal: Principal, analysis_id: str) -> Analysis:
    """One of the principal's documents that still lives; raises not found, expired or cancelled."""
    analysis = await queries.find_readable(session, principal, analysis_id)
    if analysis is None:
        raise AnalysisNotFound(id=analysis_id)
    if analysis.status == "cancelled":
        raise AnalysisCancelled(id=analysis_id)
    if analysis.erased_at is not None or analysis.expires_at <= clock.now():
        raise AnalysisExpired(id=analysis_id)
    return analysis


async def get_entry(session: ReadSession, principal: Principal, analysis_id: str) -> QueueEntry:
    """One document with its progress and position; a cancelled one can still be looked at."""
    analysis = await queries.find_readable(session, principal, analysis_id)
    if analysis is None or analysis.status != "cancelled":
        analysis = await get_analysis(session, principal, analysis_id)
    return (await _entries(session, [analysis]))[0]


async def list_queue(
    session: ReadSession, principal: Principal, *, status: str | None, cursor: str | None, limit: int
) -> tuple[list[QueueEntry], int, str | None]:
    """A page of the principal's documents, the total, and the next page's cursor."""
    before = decode_cursor(cursor, 1)[0] if cursor else None
    if before is not None and not is_id(before):
        raise CursorInvalid
    rows, total = await queries.list_queue(
        session, principal, status=status, before=before, limit=limit + 1, now=clock.now()
    )
    page = rows[:limit]
    following = encode_cursor(page[-1].id) if len(rows) > limit else None
    return await _entries(session, page), total, following


async def list_changed(session: ReadSession, principal: Principal, since: datetime) -> list[QueueEntry]:
    """The principal's documents that changed since, for the event stream."""
    return await _entries(session, await queries.list_changed(session, principal, since=since))


def get_outcome(analysis: Analysis) -> Outcome | None:
    """The answer when there is one, None while working; raises the document's own error when it failed."""
    if analysis.status == "error":
        raise EmentaError.from_record(analysis.error or {})
    if analysis.outcome is None:
        return None
    return msgspec.msgpack.decode(analysis.outcome, type=Outcome)


async def cancel_analysis(session: Session, principal: Principal, analysis_id: str) -> tuple[Analysis, list[str]]:
    """Cancel and erase. Returns it and the blobs to delete once this transaction is committed."""
    analysis = await get_analysis(session, principal, analysis_id)
    if analysis.job_id is not None:
        await jobs.cancel(session, analysis.job_id)
    blobs = await retention.erase(session, analysis)
    analysis.status = "cancelled"
    await identity.record_event(session, principal, "delete", f"analysis:{analysis_id}")
    return analysis, blobs


async def store_extraction(session: Session, analysis_id: str, extraction_key: str) -> None:
    """The first stage is done: the document was read."""
    analysis = await _living(session, analysis_id)
    analysis.extraction_key = extraction_key
    await _advance(session, analysis, "text_extracted")


async def store_selection(session: Session, analysis_id: str, selection: bytes) -> None:
    """The second stage is done: a value was chosen for every field."""
    analysis = await _living(session, analysis_id)
    analysis.selection = selection
    await _advance(session, analysis, "prompt_processed")


async def store_outcome(session: Session, analysis_id: str, outcome: bytes, model_used: str) -> Analysis:
    """The last stage is done: the answer and its proof."""
    analysis = await _living(session, analysis_id)
    analysis.outcome = outcome
    analysis.model_used = model_used
    analysis.selection = None  # everything it said is in the outcome
    await _advance(session, analysis, "done")
    return analysis


async def store_failure(session: Session, analysis_id: str, error: EmentaError) -> None:
    """A stage failed for good: the document says why."""
    analysis = await queries.find(session, analysis_id)
    if analysis is None or analysis.erased_at is not None:
        return
    analysis.error = error.to_record()
    await _advance(session, analysis, "error")


async def resume_stranded(database: Database, before: datetime, batch: int = 100) -> int:
    """Give a new job to every document unchanged since `before` that waits for one that is not there. Returns how many.

    No known road leads there; a restored backup or a bug could, and an accepted document must never wait in vain.
    """
    async with database.transaction() as session:
        rows = await queries.list_stranded(session, before, batch)
        for analysis in rows:
            log.warning("document without a job resumed", extra={"analysis": analysis.id, "status": analysis.status})
            await _enqueue_stage(session, analysis)
            analysis.updated_at = clock.now()
    return len(rows)


async def _living(session: Session, analysis_id: str) -> Analysis:
    analysis = await queries.find(session, analysis_id)
    if analysis is None or analysis.erased_at is not None:
        raise AnalysisNotFound(id=analysis_id)  # erased while its job ran: nothing may be stored any more
    return analysis


async def _advance(session: Session, analysis: Analysis, status: str) -> None:
    analysis.status = status
    analysis.updated_at = clock.now()
    analysis.job_id = None
    await _enqueue_stage(session, analysis)


async def _enqueue_stage(session: Session, analysis: Analysis) -> None:
    if analysis.status in _STAGES:
        kind = _STAGES[analysis.status][0]
        payload = {"analysis_id": analysis.id, "request_id": analysis.request_id}
        analysis.job_id = await jobs.enqueue(session, kind, payload, priority=analysis.priority)
    elif analysis.callback_url:
        await jobs.enqueue(session, "callback", {"analysis_id": analysis.id, "request_id": analysis.request_id})


async def _entries(session: ReadSession, rows: Sequence[Analysis]) -> list[QueueEntry]:
    job_ids = [row.job_id for row in rows if row.job_id]
    done = await queries.job_progress(session, job_ids)
    positions = await jobs.positions(session, job_ids)
    entries: list[QueueEntry] = []
    for row in rows:
        _, base, share = _STAGES.get(row.status, ("", 1.0 if row.status == "done" else 0.0, 0.0))
        progress = base + share * done.get(row.job_id or "", 0.0)
        entries.append(QueueEntry(row, round(progress, 3), positions.get(row.job_id or "")))
    return entries
