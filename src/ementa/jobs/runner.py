"""One attempt of one job, from the claim to the record of how it ended: the same on every engine."""

import asyncio
import logging
import random
import signal
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from ementa.db.database import Database, Session
from ementa.jobs import queries
from ementa.jobs.base import Engine, JobKind
from ementa.jobs.batch import Batch
from ementa.jobs.errors import DatabaseUnavailable, JobTaken, JobTimeout, WorkerLost
from ementa.jobs.settings import JobSettings
from ementa.jobs.types import Claim
from ementa.kit.clock import now
from ementa.kit.errors import EmentaError
from ementa.observability import context

log = logging.getLogger(__name__)

PROGRESS_SECONDS = 1.0
"""Progress is written at most this often."""
_RECORD_WAIT_SECONDS = 5.0
"""Longest wait before trying again to record an outcome that the database would not take."""

Endings = Batch[Claim, bool]
"""Ends jobs that have no result to store; each outcome: whether the claim still held."""


def make_endings(database: Database) -> Endings:
    """Jobs that end together are recorded by one statement and one commit, each fenced by its own token."""

    async def end(claims: Sequence[Claim]) -> list[bool]:
        async with database.transaction() as session:
            return await queries.finish_many(session, claims)

    return Batch(end)


class Attempt:
    """A claimed job as its handler sees it (`base.Job`)."""

    def __init__(self, database: Database, claim: Claim, endings: Endings) -> None:
        self._database = database
        self._claim = claim
        self._endings = endings
        self._told_at = time.monotonic()
        self.finished = False

    @property
    def id(self) -> str:
        """Its id."""
        return self._claim.id

    @property
    def kind(self) -> str:
        """The name of its kind."""
        return self._claim.kind

    @property
    def payload(self) -> dict[str, Any]:
        """Ids, never objects."""
        return self._claim.payload

    @property
    def attempt(self) -> int:
        """From 1."""
        return self._claim.attempt

    async def progress(self, fraction: float) -> None:
        """Tell how far it is, 0 to 1; raises `JobTaken` when the job is no longer ours."""
        if time.monotonic() - self._told_at < PROGRESS_SECONDS:
            return
        self._told_at = time.monotonic()
        async with self._database.transaction() as session:
            if not await queries.set_progress(session, self._claim, min(max(fraction, 0.0), 1.0)):
                raise JobTaken

    @asynccontextmanager
    async def finish(self) -> AsyncGenerator[Session]:
        """The transaction that stores the result and ends the job; raises `JobTaken` when it is no longer ours."""
        async with self._database.transaction() as session:
            if not await queries.finish(session, self._claim):
                raise JobTaken
            yield session
        self.finished = True

    async def end(self) -> None:
        """End the job with no result to store, in a transaction shared with others that end now; raises `JobTaken`."""
        if not await self._endings.add(self._claim):
            raise JobTaken
        self.finished = True


async def run_attempt(
    database: Database, settings: JobSettings, kind: JobKind, claim: Claim, endings: Endings
) -> datetime | None:
    """Run the handler and record how it ended; the time of the next attempt, None when there is none.

    Only cancellation leaves it early; whoever cancels says what becomes of the job.
    """
    attempt = Attempt(database, claim, endings)
    with context.bound(request=str(claim.payload.get("request_id", "")), job=claim.id):
        return await _run_bound(database, settings, kind, claim, attempt)


async def _run_bound(
    database: Database, settings: JobSettings, kind: JobKind, claim: Claim, attempt: Attempt
) -> datetime | None:
    started = time.monotonic()
    try:
        if claim.attempt > kind.max_attempts:
            raise WorkerLost(attempts=kind.max_attempts)
        await _call(kind, attempt)
        if not attempt.finished:
            await attempt.end()
        log.info("job done", extra={**_about(claim), "time_ms": round((time.monotonic() - started) * 1000, 1)})
    except JobTaken:
        log.info("job no longer ours", extra=_about(claim))
    except Exception as error:
        if attempt.finished:
            log.exception("handler failed after its result was stored", extra=_about(claim))
            return None
        return await _record_failure(database, settings, kind, claim, _explain(error, claim))
    return None


async def give_back(database: Database, claims: list[Claim], limit_seconds: float = 5.0) -> None:
    """Return unfinished jobs to their queues as if they had not been claimed: the worker stops.

    Should the database not take it in time, they are recovered like those of a worker that died.
    """
    try:
        async with asyncio.timeout(limit_seconds), database.transaction() as session:
            for claim in claims:
                await queries.give_back(session, claim)
    except (TimeoutError, *TROUBLE) as error:
        log.warning("could not hand jobs back", extra={"jobs": len(claims), "cause": str(error)})


async def wait(happened: asyncio.Event, seconds: float) -> None:
    """Wait for the event, `seconds` at most. Not by `wait_for`, which before Python 3.12 swallows a cancellation that
    arrives together with the event, so that a stopping engine would wait for ever."""
    try:
        async with asyncio.timeout(seconds):
            await happened.wait()
    except TimeoutError:
        return


async def cancel_all(tasks: Iterable[asyncio.Task[Any]], every_seconds: float = 0.5) -> None:
    """Cancel tasks until all have ended, whatever they end with. More than once, because a connection pool's `wait_for`
    swallows a cancellation too (see `wait`), and a loop that lives on would keep its engine from ever stopping."""
    pending = set(tasks)
    while pending:
        for task in pending:
            task.cancel()
        done, pending = await asyncio.wait(pending, timeout=every_seconds)
        for task in done:
            if not task.cancelled():
                task.exception()  # whoever needs it has seen it: do not complain that nobody looked


async def run_until_signalled(engine: Engine, grace_seconds: float) -> None:
    """Run jobs until SIGTERM or SIGINT, then stop gracefully: the whole life of a worker process."""
    loop = asyncio.get_running_loop()
    stopping: list[asyncio.Task[None]] = []

    def on_signal() -> None:
        if not stopping:
            stopping.append(asyncio.create_task(engine.stop(grace_seconds)))

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, on_signal)
    try:
        await engine.run()
        await asyncio.gather(*stopping)
    finally:
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(number)


TROUBLE = (OperationalError, InterfaceError, PoolTimeout)
"""What the database raises when it is down, locked or full, as opposed to when a statement is wrong."""


def is_trouble(error: BaseException) -> bool:
    """Whether the database itself was in trouble, so that the same work may succeed later."""
    return isinstance(error, TROUBLE) or (isinstance(error, DBAPIError) and error.connection_invalidated)


def retry_wait(settings: JobSettings, attempt: int) -> float:
    """Seconds before the attempt after this one: exponential, with jitter in its upper half so that jobs that failed
    together do not come back together."""
    longest = min(settings.retry_base_seconds * 2.0 ** min(attempt - 1, 30), settings.retry_max_seconds)
    return longest * random.uniform(0.5, 1.0)  # noqa: S311 - not a secret


async def _call(kind: JobKind, attempt: Attempt) -> None:
    limit = asyncio.timeout(kind.timeout_seconds)
    try:
        async with limit:
            await kind.handler(attempt)
    except TimeoutError as error:
        if not limit.expired():
            raise
        raise JobTimeout(seconds=round(kind.timeout_seconds)) from error


def _explain(error: Exception, claim: Claim) -> EmentaError:
    if isinstance(error, EmentaError):
        log.warning("job failed", extra={**_about(claim), "code": error.code, "cause": str(error)})
        return error
    if is_trouble(error):
        log.warning("job met a database in trouble", extra={**_about(claim), "cause": str(error)})
        return DatabaseUnavailable()
    log.error("job failed because of a bug", extra=_about(claim), exc_info=error)
    return EmentaError()


async def _record_failure(
    database: Database, settings: JobSettings, kind: JobKind, claim: Claim, error: EmentaError
) -> datetime | None:
    if error.retryable and claim.attempt < kind.max_attempts:
        run_at = now() + timedelta(seconds=retry_wait(settings, claim.attempt))

        async def put_back(session: Session) -> bool:
            return await queries.requeue(session, claim, run_at, error.to_record())

        return run_at if await _record(database, claim, put_back) else None

    async def fail(session: Session) -> bool:
        return await queries.fail(session, claim, error.to_record())

    async def fail_and_tell(session: Session) -> bool:
        held = await fail(session)
        if held and kind.on_failed:
            await kind.on_failed(session, claim.payload, error)
        return held

    try:
        await _record(database, claim, fail_and_tell)
    except Exception:
        log.exception("on_failed has a bug; the job is failed without it", extra=_about(claim))
        await _record(database, claim, fail)
    return None


async def _record(database: Database, claim: Claim, write: Callable[[Session], Awaitable[bool]]) -> bool:
    """Write the outcome, waiting for a database in trouble as long as it takes: an outcome is never dropped."""
    wait = 0.1
    while True:
        try:
            async with database.transaction() as session:
                return await write(session)
        except Exception as error:
            if not is_trouble(error):
                raise
            log.warning("waiting to record an outcome", extra={**_about(claim), "cause": str(error)})
        await asyncio.sleep(wait)
        wait = min(wait * 2, _RECORD_WAIT_SECONDS)


def _about(claim: Claim) -> dict[str, Any]:
    return {"job_id": claim.id, "kind": claim.kind, "attempt": claim.attempt}
