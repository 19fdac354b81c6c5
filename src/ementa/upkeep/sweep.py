"""What is removed by itself, round after round: each domain gives its sweeps, one job runs them all.

A sweep is `async (now) -> how many went`. One that fails does not keep the others from running, and its failure is
what the job then ends with.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from ementa.db.database import Database
from ementa.jobs import service as jobs
from ementa.kit import clock
from ementa.observability.logging import LOG_DIRECTORY
from ementa.storage.filesystem import FilesystemStore
from ementa.upkeep.settings import UpkeepSettings

log = logging.getLogger(__name__)

ABANDONED = timedelta(hours=25)
"""Age at which an upload that is still arriving is taken for abandoned. No upload may take so long: `Gate` gives a body
that trickles up long before."""


@dataclass(frozen=True, slots=True)
class Sweep:
    """One thing that is removed when its time has come."""

    name: str
    run: Callable[[datetime], Awaitable[int]]


async def run_sweeps(sweeps: Sequence[Sweep], now: datetime | None = None) -> dict[str, int]:
    """Run every sweep; how many things each removed. Raises the failures together, after all have run."""
    moment = now or clock.now()
    removed: dict[str, int] = {}
    failures: list[Exception] = []
    for sweep in sweeps:
        try:
            removed[sweep.name] = await sweep.run(moment)
        except Exception as error:
            log.exception("a sweep failed", extra={"sweep": sweep.name})
            failures.append(error)
    if any(removed.values()):
        log.info("swept", extra={"removed": {name: many for name, many in removed.items() if many}})
    if failures:
        raise ExceptionGroup("sweeps failed", failures)
    return removed


def house_sweeps(
    database: Database, store: FilesystemStore, data: Path, settings: UpkeepSettings, keep_finished_seconds: float
) -> list[Sweep]:
    """The sweeps that belong to no domain: old log files, abandoned uploads, records of ended jobs."""

    async def logs(now: datetime) -> int:
        return await asyncio.to_thread(remove_old_logs, data / LOG_DIRECTORY, now - timedelta(days=settings.log_days))

    async def incoming(now: datetime) -> int:
        return await asyncio.to_thread(store.abandoned, now - ABANDONED)

    async def finished(now: datetime) -> int:
        del now  # the jobs' own clock decides
        async with database.transaction() as session:
            return await jobs.remove_ended(session, keep_finished_seconds)

    return [Sweep("logs", logs), Sweep("incoming", incoming), Sweep("jobs", finished)]


def remove_old_logs(directory: Path, before: datetime) -> int:
    """Remove log files last written before `before`; how many went. The one being written is never that old, unless
    nothing was logged for as long; then it is emptied, because its writer still holds it."""
    removed = 0
    for path in directory.glob("*.log*"):
        try:
            stat = path.stat()
            if stat.st_mtime >= before.timestamp() or (path.suffix == ".log" and stat.st_size == 0):
                continue
            if path.suffix == ".log":
                path.write_bytes(b"")
            else:
                path.unlink()
            removed += 1
        except FileNotFoundError:
            continue  # rotated away meanwhile
    return removed
