"""procrastinate's job manager with fewer round trips: as many jobs as there are free places are fetched and claimed by
one statement, and those that end together are acknowledged together.

Nothing about safety rests on it. A job that a statement fetched but did not claim is claimed by its own statement, and
one whose acknowledgement was lost is delivered again and found to have ended.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from procrastinate import exceptions
from procrastinate.connector import BaseAsyncConnector
from procrastinate.jobs import Job, Status
from procrastinate.manager import JobManager

from ementa.jobs.queries import new_token
from ementa.jobs.types import Claim

log = logging.getLogger(__name__)

_FETCH = """
    WITH given AS MATERIALIZED (
        SELECT procrastinate_fetch_job_v2(%(queues)s::varchar[], %(worker_id)s) AS job
        FROM generate_series(1, %(many)s)
    ), fetched AS MATERIALIZED (
        SELECT (job).* FROM given WHERE (job).id IS NOT NULL
    ), claimed AS (
        UPDATE job
        SET state = 'running', token = %(token)s, attempts = job.attempts + 1, started_at = now(), updated_at = now()
        FROM fetched
        WHERE job.id = fetched.args->>'job_id' AND (job.state = 'running' OR job.state = 'queued' AND run_at <= now())
        RETURNING job.id, kind, queue, payload, job.attempts
    )
    SELECT fetched.*, claimed.id AS job_id, kind, queue, payload, claimed.attempts AS attempt
    FROM fetched LEFT JOIN claimed ON claimed.id = fetched.args->>'job_id'
    ORDER BY fetched.priority DESC, fetched.id
"""
_ACKNOWLEDGE = """
    DELETE FROM procrastinate_jobs
    WHERE id = ANY(%(numbers)s) AND status IN ('todo', 'doing') AND NOT EXISTS (
        SELECT 1 FROM job WHERE job.id = args->>'job_id' AND job.state IN ('queued', 'running')
    )
"""  # a delivery that lost its job to another must not take away the other's: after an outage both were alive


class DeliveryManager(JobManager):
    """Fetches, claims and acknowledges in batches. Every queue has one worker in this process."""

    def __init__(self, connector: BaseAsyncConnector, limits: Mapping[str, int]) -> None:
        super().__init__(connector)
        self._limits = limits
        self._waiting: dict[str, deque[Job]] = {queue: deque() for queue in limits}
        self._held: dict[str, set[int]] = {queue: set() for queue in limits}
        self._claims: dict[int, Claim] = {}
        self._ended: dict[int, asyncio.Future[None]] = {}
        self._acknowledging: asyncio.Task[None] | None = None

    async def fetch_job(self, queues: Iterable[str] | None, worker_id: int) -> Job | None:
        """The next job of the worker's queue; each call to the database takes as many as there are places."""
        queue = next(iter(queues or self._limits))
        waiting = self._waiting[queue]
        if not waiting:
            waiting.extend(await self._fetch(queue, worker_id))
        return waiting.popleft() if waiting else None

    async def finish_job(self, job: Job, status: Status, delete_job: bool) -> None:
        """Acknowledge a delivery: the job leaves procrastinate's table; how it ended stands in ours."""
        del status, delete_job
        number = job.id or 0
        try:
            acknowledged = self._ended[number] = asyncio.get_running_loop().create_future()
            if self._acknowledging is None:
                self._acknowledging = asyncio.create_task(self._acknowledge())
            await acknowledged
        finally:
            self._release(job)

    async def retry_job(
        self,
        job: Job,
        retry_at: datetime | None = None,
        priority: int | None = None,
        queue: str | None = None,
        lock: str | None = None,
    ) -> None:
        """Have it delivered again; quietly not, if another worker has taken it over meanwhile."""
        try:
            await super().retry_job(job, retry_at, priority, queue, lock)
        except exceptions.ConnectorException as error:
            log.info("not put back: %s", error.__cause__, extra={"number": job.id})
        finally:
            self._release(job)

    def take_claim(self, number: int) -> Claim | None:
        """The claim that came with the job, if one did."""
        return self._claims.pop(number, None)

    def take_undelivered(self, queue: str) -> list[Job]:
        """What was fetched and will not be delivered, because the queue's worker has ended."""
        undelivered = list(self._waiting[queue])
        self._waiting[queue].clear()
        return undelivered

    def held(self) -> set[int]:
        """The jobs between fetch and acknowledgement."""
        return set[int]().union(*self._held.values())

    async def _fetch(self, queue: str, worker_id: int) -> list[Job]:
        many, token = max(1, self._limits[queue] - len(self._held[queue])), new_token()
        rows = await self.connector.execute_query_all_async(
            _FETCH, queues=[queue], worker_id=worker_id, many=many, token=token
        )
        for row in rows:
            self._held[queue].add(row["id"])
            if row["job_id"]:
                self._claims[row["id"]] = _claim(row, token)
        return [Job.from_row(row) for row in rows]

    async def _acknowledge(self) -> None:
        """Acknowledge what has ended, and then what ended meanwhile."""
        while self._ended:
            ended, self._ended = self._ended, {}
            try:
                await self.connector.execute_query_async(_ACKNOWLEDGE, numbers=list(ended))
            except exceptions.ConnectorException as error:
                log.warning("acknowledgements lost; their jobs come again", extra={"cause": str(error.__cause__)})
            for acknowledged in ended.values():
                if not acknowledged.done():
                    acknowledged.set_result(None)
        self._acknowledging = None

    def _release(self, job: Job) -> None:
        self._held[job.queue].discard(job.id or 0)
        self._claims.pop(job.id or 0, None)


def _claim(row: dict[str, Any], token: str) -> Claim:
    return Claim(row["job_id"], row["kind"], row["queue"], row["payload"], row["attempt"], token)
