"""The engine on SQLite: one process claims jobs from its own database file.

A lock on the data directory (`flock`) makes it the only one, so at its start every running job is known to belong to a
process that died, and returns to its queue. Enqueuing wakes it at the commit; the poll is for retries whose time comes
and for jobs that other processes (a command line) enqueue or cancel.
"""

import asyncio
import fcntl
import logging
import os
import sqlite3
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

from sqlalchemy import event, orm
from sqlalchemy.exc import OperationalError

from ementa.db.database import Database, Session
from ementa.jobs import queries
from ementa.jobs.base import JobKind
from ementa.jobs.errors import EngineBusy, JobKindUnknown
from ementa.jobs.runner import cancel_all, give_back, is_trouble, make_endings, run_attempt, wait
from ementa.jobs.schedule import run_schedule
from ementa.jobs.settings import JobSettings
from ementa.jobs.types import Claim, Submission

log = logging.getLogger(__name__)

_ACTIONS = "ementa.jobs.after_commit"
_LOCK_WAIT_SECONDS = 5.0
"""Children of a killed process may hold its lock for the moment it takes them to die."""


class EmbeddedEngine:
    """Runs the jobs of one SQLite database in this process (`base.Engine`)."""

    def __init__(
        self, settings: JobSettings, database: Database, kinds: Mapping[str, JobKind], concurrency: Mapping[str, int]
    ) -> None:
        self._settings = settings
        self._database = database
        self._kinds = kinds
        self._limits = concurrency
        self._endings = make_endings(database)
        self._wakes = {queue: asyncio.Event() for queue in concurrency}
        # By task, not by job: the next attempt of a job may be claimed before the last one has quite ended.
        self._running: dict[str, dict[asyncio.Task[None], Claim]] = {queue: {} for queue in concurrency}
        self._ready = asyncio.Event()
        self._stopping = asyncio.Event()
        self._stopped = asyncio.Event()
        self._grace = settings.grace_seconds

    @property
    def kinds(self) -> Mapping[str, JobKind]:
        """Every kind it runs, by name."""
        return self._kinds

    async def submit(self, session: Session, submission: Submission) -> None:
        """Put it on record, and wake its queue when the caller commits."""
        await queries.insert_job(session, submission)
        _after_commit(session, self._wakes[submission.queue].set)

    async def withdraw(self, session: Session, job_id: str, engine_ref: int | None) -> None:
        """Interrupt the job, if it runs here, when the caller commits."""
        del engine_ref
        _after_commit(session, lambda: self._interrupt(job_id))

    @property
    def ready(self) -> asyncio.Event:
        """Set once `run` is at work."""
        return self._ready

    async def run(self) -> None:
        """Run jobs until stopped; raises `EngineBusy` when another process holds the data directory."""
        async with self._alone():
            try:
                await self._recover()
                self._ready.set()
                await self._work()
            finally:
                self._stopped.set()

    async def stop(self, grace_seconds: float) -> None:
        """Claim nothing more, wait for running jobs, hand back the rest."""
        self._grace = grace_seconds
        self._stopping.set()
        for wake in self._wakes.values():
            wake.set()
        await self._stopped.wait()

    async def _work(self) -> None:
        loops = [asyncio.create_task(self._consume(queue)) for queue in self._limits]
        side = [
            asyncio.create_task(run_schedule(self._database, self._kinds.values())),
            asyncio.create_task(self._watch_cancellations()),
        ]
        stop = asyncio.create_task(self._stopping.wait())
        try:
            done, _ = await asyncio.wait([stop, *loops, *side], return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()  # a loop only ends by itself because of a bug: let it be seen
        finally:
            self._stopping.set()
            await cancel_all((stop, *loops, *side))
            await self._drain()
            await self._endings.settle()

    async def _drain(self) -> None:
        held = {task: claim for queue in self._running.values() for task, claim in queue.items()}
        if not held:
            return
        _, pending = await asyncio.wait(held, timeout=self._grace)
        for task in pending:
            task.cancel()
        await asyncio.gather(*pending, return_exceptions=True)
        unfinished = [claim for task, claim in held.items() if task in pending]
        if unfinished:
            await give_back(self._database, unfinished)

    async def _consume(self, queue: str) -> None:
        wake, running = self._wakes[queue], self._running[queue]
        while True:
            wake.clear()
            claims = await self._claim(queue) if len(running) < self._limits[queue] else []
            for claim in claims:
                self._start(claim)
            if claims and len(running) < self._limits[queue]:
                continue
            await wait(wake, self._settings.poll_seconds)

    async def _claim(self, queue: str) -> list[Claim]:
        try:
            async with self._database.transaction() as session:
                await session.connection()  # while we waited for the one writer more places may have come free
                return await queries.claim(session, queue, self._limits[queue] - len(self._running[queue]))
        except Exception as error:
            if not is_trouble(error):
                raise
            log.warning("could not claim", extra={"queue": queue, "cause": str(error)})
            await asyncio.sleep(self._settings.poll_seconds)
            return []

    def _start(self, claim: Claim) -> None:
        running, wake = self._running[claim.queue], self._wakes[claim.queue]
        task = asyncio.create_task(self._attempt(claim), name=f"job {claim.kind} {claim.id}")
        running[task] = claim

        def ended(task: asyncio.Task[None]) -> None:
            del running[task]
            wake.set()
            if not task.cancelled() and task.exception():
                log.error("the outcome of a job could not be recorded", exc_info=task.exception())

        task.add_done_callback(ended)

    async def _attempt(self, claim: Claim) -> None:
        kind = self._kinds.get(claim.kind)
        if kind is None:
            async with self._database.transaction() as session:
                error = JobKindUnknown(kind=claim.kind)
                await queries.fail(session, claim, error.to_record())
            return
        await run_attempt(self._database, self._settings, kind, claim, self._endings)

    def _interrupt(self, job_id: str) -> None:
        for running in self._running.values():
            for task, claim in running.items():
                if claim.id == job_id:
                    task.cancel()

    async def _watch_cancellations(self) -> None:
        """Notice jobs that another process cancelled while they run here."""
        while True:
            await asyncio.sleep(self._settings.poll_seconds)
            running = {task: claim for queue in self._running.values() for task, claim in queue.items()}
            if not running:
                continue
            try:
                async with self._database.read() as session:
                    held = await queries.still_held(session, list(running.values()))
            except Exception as error:
                if not is_trouble(error):
                    raise
                continue
            for task, claim in running.items():
                if (claim.id, claim.token) not in held:
                    task.cancel()  # this attempt: the next one of the same job may have begun while we looked

    async def _recover(self) -> None:
        deadline = asyncio.get_running_loop().time() + _LOCK_WAIT_SECONDS
        found = await self._recover_once(deadline)
        while found is None:
            await asyncio.sleep(self._settings.poll_seconds)
            found = await self._recover_once(deadline)
        if found:
            log.warning("jobs of a process that died are back in their queues", extra={"jobs": found})

    async def _recover_once(self, deadline: float) -> int | None:
        """How many jobs returned to their queues; None when others hold the database, until `deadline`."""
        try:
            async with self._database.transaction() as session:
                return await queries.recover(session)
        except OperationalError as error:
            held = getattr(error.orig, "sqlite_errorcode", None) == sqlite3.SQLITE_BUSY
            if not held or asyncio.get_running_loop().time() > deadline:
                raise
            return None

    @asynccontextmanager
    async def _alone(self) -> AsyncGenerator[None]:
        directory = Path(str(self._database.url.database)).parent
        descriptor = os.open(directory / "jobs.lock", os.O_CREAT | os.O_RDWR, 0o600)
        try:
            await _lock(descriptor, directory)
            yield
        finally:
            os.close(descriptor)


async def _lock(descriptor: int, directory: Path) -> None:
    deadline = asyncio.get_running_loop().time() + _LOCK_WAIT_SECONDS
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            if asyncio.get_running_loop().time() > deadline:
                raise EngineBusy(path=str(directory)) from error
            await asyncio.sleep(0.05)
        else:
            return


def _after_commit(session: Session, action: Callable[[], None]) -> None:
    session.info.setdefault(_ACTIONS, []).append(action)


def _act(session: orm.Session) -> None:
    for action in session.info.pop(_ACTIONS, ()):
        action()


event.listen(orm.Session, "after_commit", _act)  # on the class: listening on each session costs more than its INSERT
