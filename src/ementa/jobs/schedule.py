"""Work that comes round: one job a period, however many processes run this loop."""

import asyncio
import logging
import time
from collections.abc import Iterable

from sqlalchemy import select

from ementa.db.database import Database
from ementa.jobs import service
from ementa.jobs.base import JobKind
from ementa.jobs.models import JobRecord
from ementa.jobs.runner import is_trouble
from ementa.jobs.types import JobState

log = logging.getLogger(__name__)


async def run_schedule(database: Database, kinds: Iterable[JobKind]) -> None:
    """Enqueue each periodic kind at the start of each of its periods, until cancelled."""
    periodic = [(kind.name, kind.every_seconds) for kind in kinds if kind.every_seconds]
    if not periodic:
        await asyncio.Event().wait()
    while True:
        moment = time.time()
        for name, every in periodic:
            await _enqueue_once(database, name, int(moment // every))
        await asyncio.sleep(min(every - time.time() % every for _, every in periodic) + 0.001)


async def _enqueue_once(database: Database, name: str, period: int) -> None:
    """The unique key makes it one job a period. A kind that still waits or runs gets none: they never pile up."""
    key = f"schedule:{name}:{period}"
    pending = select(JobRecord.id).where(
        (JobRecord.key == key)
        | (JobRecord.kind == name)
        & JobRecord.state.in_((JobState.QUEUED, JobState.RUNNING))
        & JobRecord.key.startswith("schedule:")
    )
    try:
        async with database.read() as session:
            if await session.scalar(pending.limit(1)):
                return
        async with database.transaction() as session:
            await service.enqueue(session, name, {}, key=key)
    except Exception as error:
        if not is_trouble(error):
            raise
        log.warning("could not schedule", extra={"kind": name, "cause": str(error)})
