"""An engine that dies is not left dead, and not in silence."""

import asyncio
import logging
from collections.abc import Callable
from pathlib import Path

import pytest

from ementa.db.database import Database
from ementa.jobs import service
from ementa.jobs.base import Engine, Job
from ementa.jobs.errors import EngineBusy
from ementa.jobs.supervisor import Supervisor
from ementa.jobs.types import JobState
from ementa.kit.errors import Unavailable
from ementa.testing.jobs import enqueue, make_engine, make_kind


async def nothing(job: Job) -> None:
    """A job without work."""


class Breaking:
    """Makes engines of which the first ones break as soon as they are at work."""

    def __init__(self, database: Database, breaks: int) -> None:
        self._database = database
        self._breaks = breaks
        self.made: list[Engine] = []

    def __call__(self) -> Engine:
        engine = make_engine(self._database, make_kind(nothing))
        if len(self.made) < self._breaks:
            run = engine.run

            async def broken() -> None:
                task = asyncio.create_task(run())
                await engine.ready.wait()
                await asyncio.sleep(0.05)
                await engine.stop(0)
                await task
                raise Unavailable

            engine.run = broken  # type: ignore[method-assign]
        self.made.append(engine)
        return engine


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not true():  # noqa: ASYNC110 - what is awaited is not ours to signal
            await asyncio.sleep(0.01)


async def test_a_broken_engine_is_told_of_and_replaced(
    sqlite_database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    engines = Breaking(sqlite_database, breaks=2)
    supervisor = Supervisor(engines, first_wait_seconds=0.3, longest_wait_seconds=0.5)
    assert supervisor.failure is None
    with caplog.at_level(logging.ERROR):
        await supervisor.start()
        await until(lambda: isinstance(supervisor.failure, Unavailable))
        await until(lambda: len(engines.made) == 3 and supervisor.failure is None)
    assert len([record for record in caplog.records if "job engine" in record.message]) == 2
    job = await enqueue(sqlite_database)
    async with asyncio.timeout(20):
        while True:
            async with sqlite_database.read() as session:
                if (await service.get(session, job)).state == JobState.DONE:
                    break
            await asyncio.sleep(0.02)
    await supervisor.stop(1)


async def test_a_second_engine_on_the_same_data_does_not_start(sqlite_database: Database) -> None:
    first = Supervisor(lambda: make_engine(sqlite_database, make_kind(nothing)))
    await first.start()
    second = Supervisor(lambda: make_engine(sqlite_database, make_kind(nothing)))
    with pytest.raises(EngineBusy):
        await second.start()
    await second.stop(1)
    assert first.failure is None
    await first.stop(1)


async def test_stopping_does_not_wait_for_the_next_attempt(sqlite_database: Database, tmp_path: Path) -> None:
    supervisor = Supervisor(Breaking(sqlite_database, breaks=9), first_wait_seconds=60)
    await supervisor.start()
    await until(lambda: supervisor.failure is not None)
    async with asyncio.timeout(10):
        await supervisor.stop(1)
