"""What others do with jobs: enqueue in their own transaction, cancel, look."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from ementa.db.database import ReadSession, Session
from ementa.jobs import queries
from ementa.jobs.binding import engine_of
from ementa.jobs.errors import JobKindUnknown, JobNotFound
from ementa.jobs.models import JobRecord
from ementa.jobs.types import JobState, Submission
from ementa.kit.clock import now
from ementa.kit.ids import new_id


async def enqueue(
    session: Session,
    kind: str,
    payload: dict[str, Any],
    *,
    priority: int = 0,
    key: str | None = None,
    run_at: datetime | None = None,
) -> str:
    """Add a job inside the caller's transaction: it exists if and only if that commits. Returns its id.

    With `key` it is idempotent: while a job of that key is on record, ended or not, its id is returned and nothing is
    added. `priority`: higher runs first. `run_at`: not before then. Raises `JobKindUnknown`.
    """
    engine = engine_of(session)
    if kind not in engine.kinds:
        raise JobKindUnknown(kind=kind)
    if key is None:
        return await _insert(session, kind, payload, priority, key, run_at)
    known = await _find_by_key(session, key)
    if known:
        return known
    try:
        async with session.begin_nested():
            return await _insert(session, kind, payload, priority, key, run_at)
    except IntegrityError:  # PostgreSQL: a transaction beside ours committed the same key in between
        known = await _find_by_key(session, key)
        if known is None:
            raise
        return known


async def cancel(session: Session, job_id: str) -> bool:
    """Cancel a job, also while it runs: its handler is interrupted and can store nothing any more.

    Returns False when it had already ended. `on_failed` is not called: whoever cancels knows.
    """
    cancelled, engine_ref = await queries.cancel(session, job_id)
    if cancelled:
        await engine_of(session).withdraw(session, job_id, engine_ref)
    return cancelled


async def get(session: ReadSession, job_id: str) -> JobRecord:
    """The record of a job; raises `JobNotFound`."""
    job = await session.get(JobRecord, job_id, populate_existing=True)
    if job is None:
        raise JobNotFound
    return job


async def list_jobs(
    session: ReadSession,
    *,
    state: JobState | None = None,
    queue: str | None = None,
    kind: str | None = None,
    after: str = "",
    limit: int = 100,
) -> Sequence[JobRecord]:
    """Jobs in the order of their creation, those after the id `after`."""
    statement = select(JobRecord).where(JobRecord.id > after).order_by(JobRecord.id).limit(limit)
    if state:
        statement = statement.where(JobRecord.state == state)
    if queue:
        statement = statement.where(JobRecord.queue == queue)
    if kind:
        statement = statement.where(JobRecord.kind == kind)
    return (await session.scalars(statement)).all()


async def counts(session: ReadSession) -> dict[str, dict[str, int]]:
    """How many jobs stand in each state, by queue: `{"extract": {"queued": 3, "running": 1}}`."""
    return await queries.counts(session)


async def positions(session: ReadSession, job_ids: Sequence[str]) -> dict[str, int]:
    """The places in their queues, from 1, of those jobs that wait; the others are absent. One statement."""
    return await queries.positions(session, list(job_ids)) if job_ids else {}


async def remove_ended(session: Session, older_than_seconds: float) -> int:
    """Remove the records of jobs that ended longer ago than that (see `keep_finished_seconds`); how many."""
    return await queries.remove_ended(session, now() - timedelta(seconds=older_than_seconds))


async def _insert(
    session: Session, kind: str, payload: dict[str, Any], priority: int, key: str | None, run_at: datetime | None
) -> str:
    engine = engine_of(session)
    submission = Submission(new_id(), kind, engine.kinds[kind].queue, payload, priority, key, run_at)
    await engine.submit(session, submission)
    return submission.id


async def _find_by_key(session: Session, key: str) -> str | None:
    return await session.scalar(select(JobRecord.id).where(JobRecord.key == key))
