"""The engine on PostgreSQL: procrastinate decides who runs which job; our `job` table stays the record.

A procrastinate job carries only the id of ours. It is deferred on the caller's own connection, so both commit
together. Its bookkeeping connections run with `synchronous_commit=off`: should a crash of the database undo a fetch, a
claim or an acknowledgement, the job is delivered again and the fence decides (our tokens are random, so a claim undone
and its replacement never share one). What a caller was promised, enqueue and result, is committed synchronously.
"""

import asyncio
import logging
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, cast

import procrastinate
from procrastinate import exceptions
from procrastinate.job_context import AbortReason, JobContext
from procrastinate.jobs import DeleteJobCondition, Job
from procrastinate.retry import BaseRetryStrategy, RetryDecision
from procrastinate.worker import Worker
from psycopg import AsyncConnection
from psycopg.types.json import Jsonb
from sqlalchemy import text

from ementa.db.database import Database, Session
from ementa.jobs import queries
from ementa.jobs.base import JobKind
from ementa.jobs.engines.delivery import DeliveryManager
from ementa.jobs.errors import JobKindUnknown
from ementa.jobs.runner import cancel_all, give_back, make_endings, run_attempt, wait
from ementa.jobs.schedule import run_schedule
from ementa.jobs.settings import JobSettings
from ementa.jobs.types import Claim, Submission
from ementa.kit.clock import now

log = logging.getLogger(__name__)

_TASK = "ementa.job"
_REAPER_LOCK = 0x656D656E7461  # "ementa"
_SUBMIT = """
    WITH deferred AS (
        SELECT (procrastinate_defer_jobs_v1(ARRAY[ROW(
            %(queue)s, %(task)s, %(priority)s, NULL, NULL, jsonb_build_object('job_id', %(id)s::text), %(due)s
        )::procrastinate_job_to_defer_v1]))[1] AS number
    )
    INSERT INTO job (
        id, kind, queue, state, priority, key, payload, attempts, progress, engine_ref, run_at, created_at, updated_at
    )
    SELECT %(id)s, %(kind)s, %(queue)s, 'queued', %(priority)s, %(key)s, %(payload)s, 0, 0, number,
        coalesce(%(due)s, %(now)s), %(now)s, %(now)s
    FROM deferred
"""  # what defer_async runs and our record, in one round trip
_CLAIM = """
    UPDATE job SET state = 'running', token = %(token)s, attempts = attempts + 1, started_at = now(), updated_at = now()
    WHERE id = %(job_id)s AND (state = 'running' OR state = 'queued' AND run_at <= now())
    RETURNING kind, queue, payload, attempts
"""
_NOT_BEFORE = "SELECT run_at FROM job WHERE id = %(job_id)s AND state = 'queued'"
_MINE = "SELECT id FROM procrastinate_jobs WHERE status = 'doing' AND worker_id = ANY(%(workers)s)"


class _Later(Exception):
    """Tells procrastinate to deliver the job again at `at`."""

    def __init__(self, at: datetime) -> None:
        super().__init__(at.isoformat())
        self.at = at


class _Redeliver(BaseRetryStrategy):
    """Every delivery that did not end its job is made again: how often a job may fail is decided by our table."""

    def __init__(self, wait_seconds: float) -> None:
        self._wait = timedelta(seconds=wait_seconds)

    def get_retry_decision(self, *, exception: BaseException, job: Job) -> RetryDecision:
        """At the time asked for, else (the database failed under us) a little later."""
        del job
        return RetryDecision(retry_at=exception.at if isinstance(exception, _Later) else now() + self._wait)


class ProcrastinateEngine:
    """Runs jobs of one PostgreSQL database together with any number of other processes (`base.Engine`)."""

    def __init__(
        self, settings: JobSettings, database: Database, kinds: Mapping[str, JobKind], concurrency: Mapping[str, int]
    ) -> None:
        self._settings = settings
        self._database = database
        self._kinds = kinds
        self._limits = concurrency
        self._endings = make_endings(database)
        self._workers: dict[str, Worker] = {}
        self._ready = asyncio.Event()
        self._stopping = asyncio.Event()
        self._stopped = asyncio.Event()
        self._grace = settings.grace_seconds
        self._connector = procrastinate.PsycopgConnector(
            conninfo=database.url.set(drivername="postgresql").render_as_string(hide_password=False),
            min_size=1,
            max_size=len(concurrency) + 4,
            kwargs={"options": "-c synchronous_commit=off"},
            configure=_autocommit,
        )
        self._app = procrastinate.App(connector=self._connector)
        self._manager = self._app.job_manager = DeliveryManager(self._connector, concurrency)
        self._app.task(name=_TASK, pass_context=True, retry=_Redeliver(settings.retry_base_seconds))(self._deliver)
        logging.getLogger("procrastinate").setLevel(logging.WARNING)  # it tells of every job twice; we tell once

    @property
    def kinds(self) -> Mapping[str, JobKind]:
        """Every kind it runs, by name."""
        return self._kinds

    async def submit(self, session: Session, submission: Submission) -> None:
        """Put it on record and defer it on the caller's own connection: known to the workers if and only if the caller
        commits."""
        given = {
            "id": submission.id,
            "kind": submission.kind,
            "queue": submission.queue,
            "task": _TASK,
            "payload": Jsonb(submission.payload),
            "priority": submission.priority,
            "key": submission.key,
            "due": submission.run_at,
            "now": now(),
        }
        await session.run_sync(lambda sync: sync.connection().exec_driver_sql(_SUBMIT, given))

    async def withdraw(self, session: Session, job_id: str, engine_ref: int | None) -> None:
        """Remove it from the queue, or have its worker, wherever it is, interrupt it when the caller commits."""
        del job_id
        if engine_ref is not None:
            await self._manager.cancel_job_by_id_async(
                engine_ref, abort=True, delete_job=True, connection=await _connection(session)
            )

    @property
    def ready(self) -> asyncio.Event:
        """Set once `run` is at work."""
        return self._ready

    async def run(self) -> None:
        """Run jobs until stopped."""
        try:
            async with self._app.open_async():
                self._ready.set()
                await self._work()
        finally:
            self._stopped.set()

    async def stop(self, grace_seconds: float) -> None:
        """Claim nothing more, wait for running jobs, hand back the rest."""
        self._grace = grace_seconds
        self._stopping.set()
        await self._stopped.wait()

    async def _work(self) -> None:
        workers = [asyncio.create_task(self._supervise(queue)) for queue in self._limits]
        side = [
            asyncio.create_task(run_schedule(self._database, self._kinds.values())),
            asyncio.create_task(self._reap()),
        ]
        stop = asyncio.create_task(self._stopping.wait())
        try:
            done, _ = await asyncio.wait([stop, *workers, *side], return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()  # a loop only ends by itself because of a bug: let it be seen
        finally:
            self._stopping.set()
            for worker in self._workers.values():
                worker.shutdown_graceful_timeout = self._grace
                worker.stop()
            await cancel_all((stop, *side))
            await asyncio.gather(*workers, return_exceptions=True)
            await self._endings.settle()

    async def _supervise(self, queue: str) -> None:
        """Keep one worker on `queue`: when the database goes away it returns, sometimes as if all were well."""
        while not self._stopping.is_set():
            worker = self._workers[queue] = Worker(
                self._app,
                queues=[queue],
                name=queue,
                concurrency=self._limits[queue],
                fetch_job_polling_interval=self._settings.poll_seconds,
                abort_job_polling_interval=self._settings.poll_seconds,
                shutdown_graceful_timeout=self._settings.grace_seconds,
                delete_jobs=DeleteJobCondition.ALWAYS,
                install_signal_handlers=False,
                update_heartbeat_interval=self._settings.heartbeat_seconds,
                stalled_worker_timeout=self._settings.stalled_seconds,
            )
            try:
                await worker.run()
            except Exception as error:
                log.warning("the worker of a queue stopped", extra={"queue": queue, "cause": str(error)})
            await self._hand_back(self._manager.take_undelivered(queue))
            if not self._stopping.is_set():
                await wait(self._stopping, self._settings.poll_seconds)

    async def _hand_back(self, undelivered: list[Job]) -> None:
        for job in undelivered:
            claim = self._manager.take_claim(job.id or 0)
            if claim is not None:
                await give_back(self._database, [claim])
            await self._manager.retry_job(job, retry_at=now())

    async def _deliver(self, context: JobContext, job_id: str) -> None:
        try:
            claim = self._manager.take_claim(context.job.id or 0) or await self._claim(job_id)
            if claim is not None:
                await self._attempt(context, claim)
        except (_Later, exceptions.JobAborted):
            raise
        except Exception as error:
            log.warning("a delivery failed and is made again", extra={"job_id": job_id, "cause": str(error)})
            raise

    async def _claim(self, job_id: str) -> Claim | None:
        token = queries.new_token()
        rows = await self._connector.execute_query_all_async(_CLAIM, job_id=job_id, token=token)
        if rows:
            row = rows[0]
            return Claim(job_id, row["kind"], row["queue"], row["payload"], row["attempts"], token)
        for row in await self._connector.execute_query_all_async(_NOT_BEFORE, job_id=job_id):
            raise _Later(max(row["run_at"], now() + timedelta(seconds=1)))
        return None  # it ended, or was cancelled, before this delivery

    async def _attempt(self, context: JobContext, claim: Claim) -> None:
        kind = self._kinds.get(claim.kind)
        if kind is None:  # a newer version enqueued it; one of its workers will take it
            log.error(JobKindUnknown(kind=claim.kind).text("en"), extra={"job_id": claim.id})
            await give_back(self._database, [claim])
            raise _Later(now() + timedelta(seconds=self._settings.stalled_seconds))
        try:
            retry_at = await run_attempt(self._database, self._settings, kind, claim, self._endings)
        except asyncio.CancelledError:
            if context.abort_reason() is AbortReason.USER_REQUEST:
                raise exceptions.JobAborted from None
            await give_back(self._database, [claim])
            raise _Later(now()) from None
        if retry_at is not None:
            raise _Later(retry_at)

    async def _reap(self) -> None:
        """Give the jobs of dead workers back to the queue, in one process at a time; and our own that got lost between
        procrastinate's fetch and its acknowledgement because a connection broke."""
        suspects: set[int] = set()
        while True:
            await asyncio.sleep(min(self._settings.heartbeat_seconds, self._settings.stalled_seconds / 2))
            try:
                await self._take_over()
                strayed = await self._strayed()
                await self._redeliver(strayed & suspects)
                suspects = strayed - suspects
            except Exception as error:
                log.warning("could not look for dead workers", extra={"cause": str(error)})

    async def _take_over(self) -> None:
        async with self._database.engine.begin() as connection:
            alone = await connection.scalar(text("SELECT pg_try_advisory_xact_lock(:lock)"), {"lock": _REAPER_LOCK})
            if not alone:
                return
            manager, stalled = self._manager, self._settings.stalled_seconds
            dead = await manager.get_stalled_jobs(seconds_since_heartbeat=stalled)
            # after an outage of the database every worker looks dead, this one too
            await self._redeliver({job.id for job in dead if job.id} - manager.held())
            await manager.prune_stalled_workers(stalled)

    async def _strayed(self) -> set[int]:
        workers = [worker.worker_id for worker in self._workers.values() if worker.worker_id]
        rows = await self._connector.execute_query_all_async(_MINE, workers=workers)
        return {row["id"] for row in rows} - self._manager.held()

    async def _redeliver(self, numbers: set[int]) -> None:
        for number in numbers:
            try:
                await self._manager.retry_job_by_id_async(number, retry_at=now())
            except exceptions.ConnectorException as error:  # it ended between our look and our step
                log.info("not taken over", extra={"number": number, "cause": str(error)})
            else:
                log.warning("took over a job of a dead worker", extra={"number": number})


async def _autocommit(connection: AsyncConnection[Any]) -> None:
    await connection.set_autocommit(True)  # each piece of bookkeeping is one statement: no BEGIN and COMMIT around it


async def _connection(session: Session) -> AsyncConnection[Any]:
    """The driver's connection under the session's transaction."""
    connection = await session.connection()
    raw = await connection.get_raw_connection()
    return cast("AsyncConnection[Any]", raw.driver_connection)
