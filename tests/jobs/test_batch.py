"""Work done together: each item has its own outcome, and endings their own fence."""

import asyncio
from collections.abc import Sequence

import pytest

from ementa.db.database import Database
from ementa.jobs import queries
from ementa.jobs.base import Job
from ementa.jobs.batch import Batch
from ementa.jobs.types import JobState
from ementa.testing.jobs import enqueue, get, make_engine, make_kind


class Recorder:
    """Doubles numbers when it is let; refuses batches with a 13."""

    def __init__(self) -> None:
        self.go = asyncio.Event()
        self.batches: list[list[int]] = []

    async def double(self, numbers: Sequence[int]) -> list[int]:
        self.batches.append(list(numbers))
        await self.go.wait()
        if 13 in numbers:
            raise ZeroDivisionError
        return [number * 2 for number in numbers]


async def test_what_comes_meanwhile_is_done_together() -> None:
    recorder = Recorder()
    batch = Batch(recorder.double)
    tasks = [asyncio.create_task(batch.add(1))]
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    tasks += [asyncio.create_task(batch.add(number)) for number in (2, 3)]
    await asyncio.sleep(0)
    recorder.go.set()
    assert await asyncio.gather(*tasks) == [2, 4, 6]
    assert recorder.batches == [[1], [2, 3]]


async def test_a_failure_is_told_to_all_of_its_batch_and_ends_with_it() -> None:
    recorder = Recorder()
    recorder.go.set()
    batch = Batch(recorder.double)
    outcomes = await asyncio.gather(batch.add(13), batch.add(1), return_exceptions=True)
    assert [type(outcome) for outcome in outcomes] == [ZeroDivisionError, ZeroDivisionError]
    assert await batch.add(4) == 8


async def test_cancelled_while_it_waits_it_is_not_done() -> None:
    recorder = Recorder()
    batch = Batch(recorder.double)
    first = asyncio.create_task(batch.add(1))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    unwanted, wanted = asyncio.create_task(batch.add(2)), asyncio.create_task(batch.add(3))
    await asyncio.sleep(0)
    unwanted.cancel()
    with pytest.raises(asyncio.CancelledError):
        await unwanted
    recorder.go.set()
    assert (await first, await wanted) == (2, 6)
    await batch.settle()
    assert recorder.batches == [[1], [3]]


async def _nothing(_job: Job) -> None:
    """Never called."""


async def test_jobs_that_end_together_are_each_fenced(database: Database) -> None:
    make_engine(database, make_kind(_nothing))
    jobs = [await enqueue(database) for _ in range(3)]
    async with database.transaction() as session:
        claims = await queries.claim(session, "default", 3)
        assert [claim.id for claim in claims] == jobs
        await queries.give_back(session, claims[1])  # another may hold it now
        assert await queries.finish_many(session, claims) == [True, False, True]
    states = [(await get(database, job_id)).state for job_id in jobs]
    assert states == [JobState.DONE, JobState.QUEUED, JobState.DONE]
