"""Every statement on the `job` table that changes who holds a job. Each is one UPDATE, fenced by the token."""

import secrets
from collections.abc import Sequence
from datetime import datetime
from typing import Any, cast

from sqlalchemy import CursorResult, Table, bindparam, delete, func, insert, null, select, tuple_, update

from ementa.db.database import ReadSession, Session
from ementa.jobs.models import JobRecord
from ementa.jobs.types import ENDED, Claim, JobState, Submission
from ementa.kit.clock import now

_table = cast("Table", JobRecord.__table__)
_job = _table.c


def new_token() -> str:
    """A fence nobody else can hold. Random and not a counter: a claim that a database crash undid must never share its
    token with the claim that replaces it."""
    return secrets.token_hex(16)


_next_in_queue = (
    select(_job.id)
    .where(_job.queue == bindparam("b_queue"), _job.state == JobState.QUEUED, _job.run_at <= bindparam("b_now"))
    .order_by(_job.priority.desc(), _job.run_at, _job.id)
    .limit(bindparam("b_limit"))
)
_claim = (
    update(_table)
    .where(_job.id.in_(_next_in_queue.scalar_subquery()))
    .values(
        state=JobState.RUNNING,
        token=bindparam("b_token"),
        attempts=_job.attempts + 1,
        started_at=bindparam("b_now"),
        updated_at=bindparam("b_now"),
    )
    .returning(_job.id, _job.kind, _job.payload, _job.attempts, _job.priority, _job.run_at)
)


_DONE: dict[str, Any] = {
    "state": JobState.DONE,
    "token": None,
    "progress": 1.0,
    "error": null(),
    "updated_at": bindparam("b_now"),
    "finished_at": bindparam("b_now"),
}
_finish = (
    update(_table)
    .where(_job.id == bindparam("b_id"), _job.token == bindparam("b_token"), _job.state == JobState.RUNNING)
    .values(_DONE)
)
_finish_many = (
    update(_table)
    .where(
        _job.id.in_(bindparam("b_ids", expanding=True)),  # finds the rows by their primary key
        tuple_(_job.id, _job.token).in_(bindparam("b_held", expanding=True)),  # each fenced by its own token
        _job.state == JobState.RUNNING,
    )
    .values(_DONE)
    .returning(_job.id)
)
_insert = insert(_table)


async def insert_job(session: Session, submission: Submission) -> None:
    """Put a new job on record."""
    moment = now()
    values = {
        "id": submission.id,
        "kind": submission.kind,
        "queue": submission.queue,
        "state": JobState.QUEUED,
        "priority": submission.priority,
        "key": submission.key,
        "payload": submission.payload,
        "attempts": 0,
        "progress": 0.0,
        "run_at": submission.run_at or moment,
        "created_at": moment,
        "updated_at": moment,
    }
    await session.execute(_insert, values)


async def claim(session: Session, queue: str, limit: int) -> list[Claim]:
    """Take up to `limit` jobs of `queue` whose time has come, the most urgent first (one statement)."""
    token = new_token()
    found = await session.execute(_claim, {"b_queue": queue, "b_limit": limit, "b_token": token, "b_now": now()})
    rows = sorted(found.all(), key=lambda row: (-row.priority, row.run_at, row.id))
    return [Claim(row.id, row.kind, queue, row.payload, row.attempts, token) for row in rows]


async def finish(session: Session, claim: Claim) -> bool:
    """End the job as done if the claim still holds; whether it did."""
    return await _count(session, _finish, {"b_id": claim.id, "b_token": claim.token, "b_now": now()}) == 1


async def finish_many(session: Session, claims: Sequence[Claim]) -> list[bool]:
    """End jobs as done, those whose claims still hold (one statement); for each whether its claim did."""
    held = [(claim.id, claim.token) for claim in claims]
    values = {"b_ids": [claim.id for claim in claims], "b_held": held, "b_now": now()}
    ended = set((await session.execute(_finish_many, values)).scalars())
    return [claim.id in ended for claim in claims]


async def fail(session: Session, claim: Claim, error: dict[str, Any]) -> bool:
    """End the job as failed if the claim still holds; whether it did."""
    return await _write(session, claim, {"state": JobState.FAILED, "token": None, "finished_at": now(), "error": error})


async def requeue(session: Session, claim: Claim, run_at: datetime, error: dict[str, Any] | None) -> bool:
    """Put the job back for another attempt if the claim still holds; whether it did."""
    values = {"state": JobState.QUEUED, "token": None, "run_at": run_at, "progress": 0.0, "error": error}
    return await _write(session, claim, values)


async def give_back(session: Session, claim: Claim) -> bool:
    """Put the job back as if it had not been claimed (a stopping worker); whether the claim still held."""
    values = {"state": JobState.QUEUED, "token": None, "attempts": _job.attempts - 1, "progress": 0.0}
    return await _write(session, claim, values)


async def set_progress(session: Session, claim: Claim, fraction: float) -> bool:
    """Note how far it is if the claim still holds; whether it did."""
    return await _write(session, claim, {"progress": fraction})


async def cancel(session: Session, job_id: str) -> tuple[bool, int | None]:
    """Cancel a job that has not ended: whether it had not, and its number in the engine's tables."""
    moment = now()
    statement = (
        update(_table)
        .where(_job.id == job_id, _job.state.in_((JobState.QUEUED, JobState.RUNNING)))
        .values(state=JobState.CANCELLED, token=None, updated_at=moment, finished_at=moment)
        .returning(_job.engine_ref)
    )
    found = await session.execute(statement)
    row = found.one_or_none()
    return row is not None, row.engine_ref if row else None


async def recover(session: Session) -> int:
    """Return every running job to its queue: for an engine that knows itself to be the only one. How many."""
    statement = (
        update(_table)
        .where(_job.state == JobState.RUNNING)
        .values(state=JobState.QUEUED, token=None, progress=0.0, updated_at=now())
    )
    return await _count(session, statement)


async def still_held(session: ReadSession, claims: list[Claim]) -> set[tuple[str, str]]:
    """Id and token of those claims that still hold."""
    rows = await session.execute(select(_job.id, _job.token).where(_job.id.in_({claim.id for claim in claims})))
    return {(row.id, row.token) for row in rows}


async def positions(session: ReadSession, job_ids: list[str]) -> dict[str, int]:
    """For each of those jobs that waits, its place in its queue, from 1."""
    queues = select(_job.queue).where(_job.id.in_(job_ids), _job.state == JobState.QUEUED).distinct()
    place = func.row_number().over(partition_by=_job.queue, order_by=(_job.priority.desc(), _job.run_at, _job.id))
    waiting = (
        select(_job.id, place.label("place")).where(_job.state == JobState.QUEUED, _job.queue.in_(queues)).subquery()
    )
    rows = await session.execute(select(waiting.c.id, waiting.c.place).where(waiting.c.id.in_(job_ids)))
    return {row.id: row.place for row in rows}


async def counts(session: ReadSession) -> dict[str, dict[str, int]]:
    """How many jobs stand in each state, by queue."""
    statement = select(_job.queue, _job.state, func.count().label("many")).group_by(_job.queue, _job.state)
    result: dict[str, dict[str, int]] = {}
    for row in await session.execute(statement):
        result.setdefault(row.queue, {})[row.state] = row.many
    return result


async def remove_ended(session: Session, before: datetime) -> int:
    """Delete the records of jobs that ended before `before`; how many."""
    return await _count(session, delete(_table).where(_job.state.in_(ENDED), _job.finished_at < before))


async def _write(session: Session, claim: Claim, values: dict[str, Any]) -> bool:
    statement = (
        update(_table)
        .where(_job.id == claim.id, _job.token == claim.token, _job.state == JobState.RUNNING)
        .values(updated_at=now(), **values)
    )
    return await _count(session, statement) == 1


async def _count(session: Session, statement: Any, values: dict[str, Any] | None = None) -> int:
    done = await session.execute(statement, values)
    return cast("CursorResult[Any]", done).rowcount
