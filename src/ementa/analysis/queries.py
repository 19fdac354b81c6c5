"""Reading analyses. Everything that a principal asks for starts from `access.readable`."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import delete, func, or_, select

from ementa.analysis import access
from ementa.analysis.models import Analysis
from ementa.db.database import ReadSession, Session
from ementa.identity.types import Principal
from ementa.jobs.models import JobRecord
from ementa.jobs.types import ENDED
from ementa.kit.ids import is_id

FINAL = ("done", "error", "cancelled")


async def find_readable(session: ReadSession, principal: Principal, analysis_id: str) -> Analysis | None:
    """One analysis, if the principal may see it. What is no id names nothing, and never reaches the database."""
    if not is_id(analysis_id):
        return None
    return await session.scalar(access.readable(principal).where(Analysis.id == analysis_id))


async def find(session: ReadSession, analysis_id: str) -> Analysis | None:
    """One analysis, for our own jobs."""
    return await session.get(Analysis, analysis_id)


async def find_by_idempotency_key(session: ReadSession, user_id: str, key: str) -> Analysis | None:
    """The analysis that the user asked for under this Idempotency-Key."""
    return await session.scalar(select(Analysis).where(Analysis.user_id == user_id, Analysis.idempotency_key == key))


async def list_queue(
    session: ReadSession, principal: Principal, *, status: str | None, before: str | None, limit: int, now: datetime
) -> tuple[Sequence[Analysis], int]:
    """Documents that still live, newest first, and how many there are in all."""
    statement = access.readable(principal).where(Analysis.expires_at > now)
    # A cancelled document stays listed, without its content, until it expires.
    statement = statement.where(or_(Analysis.erased_at.is_(None), Analysis.status == "cancelled"))
    if status is not None:
        statement = statement.where(Analysis.status == status)
    total = await session.scalar(select(func.count()).select_from(statement.subquery())) or 0
    if before is not None:
        statement = statement.where(Analysis.id < before)
    rows = await session.scalars(statement.order_by(Analysis.id.desc()).limit(limit))
    return rows.all(), total


async def list_changed(
    session: ReadSession, principal: Principal, *, since: datetime, limit: int = 200
) -> Sequence[Analysis]:
    """The principal's documents that changed at or after `since` or are being worked on, oldest change first."""
    working = Analysis.status.not_in(FINAL) & Analysis.erased_at.is_(None)
    statement = access.readable(principal).where(or_(Analysis.updated_at >= since, working))
    rows = await session.scalars(statement.order_by(Analysis.updated_at, Analysis.id).limit(limit))
    return rows.all()


async def list_expired(session: ReadSession, now: datetime, limit: int) -> Sequence[Analysis]:
    """Analyses past their time whose content is still here."""
    statement = select(Analysis).where(Analysis.expires_at <= now, Analysis.erased_at.is_(None)).limit(limit)
    return (await session.scalars(statement)).all()


async def list_stranded(session: ReadSession, before: datetime, limit: int) -> Sequence[Analysis]:
    """Analyses unchanged since `before` that are not over and whose job is gone or has ended."""
    statement = (
        select(Analysis)
        .outerjoin(JobRecord, JobRecord.id == Analysis.job_id)
        .where(Analysis.status.not_in(FINAL), Analysis.erased_at.is_(None), Analysis.updated_at < before)
        .where(or_(JobRecord.id.is_(None), JobRecord.state.in_(ENDED)))
        .limit(limit)
    )
    return (await session.scalars(statement)).all()


async def count_sharing(session: ReadSession, extraction_key: str, besides: str) -> int:
    """How many other living analyses use the same document as read."""
    statement = select(func.count()).where(
        Analysis.extraction_key == extraction_key, Analysis.id != besides, Analysis.erased_at.is_(None)
    )
    return await session.scalar(statement) or 0


async def existing_keys(session: ReadSession, keys: Sequence[str]) -> set[str]:
    """Which of these blob keys some living analysis still needs."""
    needed: set[str] = set()
    for column in (Analysis.blob_key, Analysis.extraction_key):
        rows = await session.scalars(select(column).where(column.in_(keys), Analysis.erased_at.is_(None)))
        needed.update(key for key in rows if key)
    return needed


async def delete_tombstones(session: Session, before: datetime) -> None:
    """Forget erased analyses whose time ended before `before`."""
    await session.execute(delete(Analysis).where(Analysis.erased_at.is_not(None), Analysis.expires_at < before))


async def job_progress(session: ReadSession, job_ids: Sequence[str]) -> dict[str, float]:
    """How far each of these jobs is, 0 to 1."""
    if not job_ids:
        return {}
    rows = await session.execute(select(JobRecord.id, JobRecord.progress).where(JobRecord.id.in_(job_ids)))
    return {row.id: row.progress for row in rows}
