"""A pipeline of three stages on three queues, run by processes that will be killed.

Each stage stores one row in `trace` inside its fenced transaction, so a result stored twice would be two rows. `trace`
has no unique key on purpose: nothing but the engine prevents a double.
"""

import asyncio
import os
import random
from collections.abc import Awaitable, Callable
from pathlib import Path

from pydantic import SecretStr
from sqlalchemy import text

from ementa.db.database import Database
from ementa.db.settings import DatabaseSettings
from ementa.jobs import service
from ementa.jobs.base import Engine, Job, JobKind
from ementa.jobs.engines import create_engine
from ementa.jobs.runner import run_until_signalled
from ementa.testing.jobs import QUICK

STAGES = ("extract", "prompt", "format")


async def make_table(database: Database) -> None:
    """The table of results."""
    async with database.transaction() as session:
        await session.execute(text("CREATE TABLE trace (document INTEGER, stage TEXT)"))


def open_database(url: str, data: Path) -> Database:
    """SQLite in `data` when `url` is empty."""
    return Database(DatabaseSettings(url=SecretStr(url) if url else None, pool_size=5), data)


def make_engine(database: Database) -> Engine:
    """The pipeline's engine. Nothing fails by itself, so only lost workers use up attempts."""
    kinds = [
        JobKind(stage, stage, _handler(stage, after), timeout_seconds=30, max_attempts=10_000)
        for stage, after in zip(STAGES, (*STAGES[1:], ""), strict=True)
    ]
    return create_engine(QUICK, database, kinds, dict.fromkeys(STAGES, 2))


async def accept(database: Database, document: int) -> None:
    """Enqueue one document; once this returns it may never be lost."""
    async with database.transaction() as session:
        await service.enqueue(session, STAGES[0], {"document": document})


def work(url: str, data: str) -> None:
    """The life of a worker process."""
    os.nice(5)

    async def main() -> None:
        database = open_database(url, Path(data))
        await run_until_signalled(make_engine(database), grace_seconds=5)
        await database.close()

    asyncio.run(main())


def _handler(stage: str, after: str) -> Callable[[Job], Awaitable[None]]:
    async def handler(job: Job) -> None:
        await asyncio.sleep(random.uniform(0, 0.02))
        document = job.payload["document"]
        async with job.finish() as session:
            await session.execute(text("INSERT INTO trace VALUES (:d, :s)"), {"d": document, "s": stage})
            if after:
                await service.enqueue(session, after, {"document": document}, key=f"{after}:{document}")

    return handler


def hold(url: str, data: str) -> None:
    """The life of a worker that holds whatever `work` it gets, and says when it is interrupted."""

    async def handler(job: Job) -> None:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            (Path(data) / f"interrupted-{job.id}").touch()
            raise

    async def main() -> None:
        database = open_database(url, Path(data))
        kind = JobKind("work", "default", handler, timeout_seconds=60)
        await run_until_signalled(create_engine(QUICK, database, [kind], {"default": 1}), grace_seconds=1)
        await database.close()

    asyncio.run(main())
