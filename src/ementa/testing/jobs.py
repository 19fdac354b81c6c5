"""Tools for tests of jobs: engines with short clocks, and waiting for what they do."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

from ementa.db.database import Database, Session
from ementa.jobs import service
from ementa.jobs.base import Engine, Handler, Job, JobKind, OnFailed
from ementa.jobs.engines import create_engine
from ementa.jobs.models import JobRecord
from ementa.jobs.settings import JobSettings
from ementa.jobs.types import JobState
from ementa.kit.clock import now
from ementa.kit.errors import EmentaError, Invalid, Unavailable

QUICK = JobSettings(
    poll_seconds=0.1,
    heartbeat_seconds=0.2,
    stalled_seconds=1.0,
    grace_seconds=5.0,
    retry_base_seconds=0.05,
    retry_max_seconds=0.2,
)
"""Settings with short clocks."""


def make_kind(handler: Handler, *, on_failed: OnFailed | None = None, **changes: Any) -> JobKind:
    """A kind `work` on the queue `default`, limited to 20 s, tried up to 3 times."""
    given: dict[str, Any] = {"name": "work", "queue": "default", "timeout_seconds": 20.0, "max_attempts": 3, **changes}
    return JobKind(handler=handler, on_failed=on_failed, **given)


def make_engine(database: Database, *kinds: JobKind, concurrency: int = 4, settings: JobSettings = QUICK) -> Engine:
    """An engine for `kinds`, each queue running `concurrency` jobs at once."""
    return create_engine(settings, database, kinds, {kind.queue: concurrency for kind in kinds})


@asynccontextmanager
async def running(engine: Engine, grace_seconds: float = 5.0) -> AsyncGenerator[None]:
    """The engine runs while the block lasts."""
    task = asyncio.create_task(engine.run())
    try:
        yield
    finally:
        if not task.done():
            await engine.stop(grace_seconds)
        await task


async def enqueue(database: Database, kind: str = "work", payload: dict[str, Any] | None = None, **options: Any) -> str:
    """Enqueue one job in a transaction of its own."""
    async with database.transaction() as session:
        return await service.enqueue(session, kind, payload or {}, **options)


async def get(database: Database, job_id: str) -> JobRecord:
    """The job as it stands."""
    async with database.read() as session:
        return await service.get(session, job_id)


async def until(condition: Callable[[], Awaitable[bool]], seconds: float = 30.0) -> None:
    """Wait for something to become true; fails after `seconds`."""
    async with asyncio.timeout(seconds):
        while not await condition():  # noqa: ASYNC110 - what we wait for may happen in another process
            await asyncio.sleep(0.02)


async def until_state(database: Database, job_id: str, state: JobState, seconds: float = 30.0) -> JobRecord:
    """Wait until the job is in `state`."""

    async def reached() -> bool:
        return (await get(database, job_id)).state == state

    await until(reached, seconds)
    return await get(database, job_id)


class Absent(Unavailable):
    """Passes later."""

    code = "TEST_ABSENT"


class Wrong(Invalid):
    """Never passes."""

    code = "TEST_WRONG"


def recording(names: list[str]) -> Handler:
    """A handler that appends its payload's `name`."""

    async def handler(job: Job) -> None:
        names.append(job.payload["name"])

    return handler


def telling(told: list[tuple[dict[str, Any], str]]) -> OnFailed:
    """An `on_failed` that notes what it was told."""

    async def on_failed(session: Session, payload: dict[str, Any], error: EmentaError) -> None:
        told.append((payload, error.code))

    return on_failed


def result_kind() -> JobKind:
    """The kind `result`, whose jobs are the results of others and never run."""
    return make_kind(recording([]), name="result", queue="results")


async def results(database: Database) -> list[int]:
    """What was stored, in order."""
    async with database.read() as session:
        return [job.payload["of"] for job in await service.list_jobs(session, kind="result")]


def error_code(job: JobRecord) -> str:
    """The code of the job's error."""
    return str((job.error or {}).get("code"))


def never() -> Any:
    """A time that no test lives to see."""
    return now() + timedelta(days=1)


async def is_now(found: Sequence[Any], expected: Sequence[Any]) -> bool:
    """Whether they are equal by now."""
    return list(found) == list(expected)


async def at_least(found: Sequence[Any], many: int) -> bool:
    """Whether there are that many by now."""
    return len(found) >= many
