"""What a job is to the one who writes its handler, and what an engine promises.

A handler does its work outside any transaction and then stores its result in ONE fenced transaction:

    async def extract(job: Job) -> None:
        result = await long_work(job.payload["analysis_id"], progress=job.progress)
        async with job.finish() as session:          # fenced: raises JobTaken when another worker took the job over
            await service.store(session, result)
            await jobs.service.enqueue(session, "prompt", {...})   # next stage, same transaction

Execution is at least once, stored results exactly once.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Any, Protocol

from ementa.db.database import Session
from ementa.jobs.types import Submission
from ementa.kit.errors import EmentaError


class Job(Protocol):
    """A claimed job, as its handler sees it."""

    @property
    def id(self) -> str:
        """Its id."""
        ...

    @property
    def kind(self) -> str:
        """The name of its kind."""
        ...

    @property
    def payload(self) -> dict[str, Any]:
        """Ids, never objects."""
        ...

    @property
    def attempt(self) -> int:
        """From 1."""
        ...

    async def progress(self, fraction: float) -> None:
        """Tell how far it is, 0 to 1; written at most once a second."""
        ...

    def finish(self) -> AbstractAsyncContextManager[Session]:
        """The transaction that stores the result and ends the job, fenced by its token.

        A handler that returns without it ends the job with no result to store.
        """
        ...


Handler = Callable[[Job], Awaitable[None]]
OnFailed = Callable[[Session, dict[str, Any], EmentaError], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class JobKind:
    """How one kind of job is run."""

    name: str
    queue: str
    handler: Handler
    timeout_seconds: float
    """Wall-clock limit of one attempt; past it the handler is cancelled and the attempt failed."""
    max_attempts: int = 5
    """For retryable errors (`EmentaError.retryable`) and lost workers; others fail at once."""
    on_failed: OnFailed | None = None
    """Called in the transaction that marks the job failed for good, so that the domain's row says so too."""
    every_seconds: float | None = None
    """For work that comes round: enqueued with an empty payload once per period, across all processes. A period that
    starts while the one before still waits or runs is skipped."""


class Engine(Protocol):
    """Decides who runs which job. The `job` table is the record on every engine."""

    @property
    def kinds(self) -> Mapping[str, JobKind]:
        """Every kind it runs, by name."""
        ...

    async def submit(self, session: Session, submission: Submission) -> None:
        """Put a job on record and make it known to the engine, both inside the caller's transaction.

        Raises SQLAlchemy's `IntegrityError` when another job has its key.
        """
        ...

    async def withdraw(self, session: Session, job_id: str, engine_ref: int | None) -> None:
        """A job was cancelled: forget it, or interrupt it if it runs here or elsewhere, once the caller commits."""
        ...

    @property
    def ready(self) -> asyncio.Event:
        """Set once `run` has all it needs and runs jobs."""
        ...

    async def run(self) -> None:
        """Run jobs until `stop` was called and the running ones have ended or been handed back."""
        ...

    async def stop(self, grace_seconds: float) -> None:
        """Claim nothing more; let running jobs end for `grace_seconds`, then return them to the queue.

        Returns when `run` is about to.
        """
        ...
