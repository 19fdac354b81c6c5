"""What every job engine must do with jobs that go well. Results are themselves jobs of a kind that is never run
(`result`), stored in `finish()`.
"""

import asyncio
from datetime import timedelta

from ementa.db.database import Database
from ementa.jobs import service
from ementa.jobs.base import Engine, Job
from ementa.jobs.types import JobState
from ementa.kit.clock import now
from ementa.testing.jobs import (
    Wrong,
    at_least,
    enqueue,
    get,
    is_now,
    make_engine,
    make_kind,
    never,
    recording,
    result_kind,
    results,
    running,
    until,
    until_state,
)


class RunningBehaviour:
    """Enqueue, order, time, results, stages, schedule. For a module with a fixture `database`, migrated."""

    async def test_runs_a_job_and_stores_its_result_once(self, database: Database) -> None:
        async def handler(job: Job) -> None:
            async with job.finish() as session:
                await service.enqueue(session, "result", {"of": job.payload["number"]}, run_at=never())

        async with running(make_engine(database, make_kind(handler), result_kind())):
            jobs = [await enqueue(database, payload={"number": number}) for number in range(10)]
            for job_id in jobs:
                job = await until_state(database, job_id, JobState.DONE)
                assert (job.attempts, job.progress, job.error, job.token) == (1, 1.0, None, None)
                assert job.finished_at is not None
        assert sorted(await results(database)) == list(range(10))

    async def test_a_rolled_back_transaction_enqueues_nothing(self, database: Database) -> None:
        ran: list[str] = []
        async with running(make_engine(database, make_kind(recording(ran)))):
            try:
                async with database.transaction() as session:
                    await service.enqueue(session, "work", {"name": "lost"})
                    raise Wrong
            except Wrong:
                pass
            await until_state(database, await enqueue(database, payload={"name": "kept"}), JobState.DONE)
        assert ran == ["kept"]

    async def test_the_same_key_is_the_same_job(self, database: Database) -> None:
        ran: list[str] = []
        async with running(make_engine(database, make_kind(recording(ran)))):
            first = await enqueue(database, payload={"name": "one"}, key="once")
            assert await enqueue(database, payload={"name": "two"}, key="once") == first
            await until_state(database, first, JobState.DONE)
            assert await enqueue(database, payload={"name": "three"}, key="once") == first
            at_once = await asyncio.gather(*(enqueue(database, payload={"name": "x"}, key="race") for _ in range(4)))
            assert len(set(at_once)) == 1
            await until_state(database, at_once[0], JobState.DONE)
        assert ran == ["one", "x"]

    async def test_urgent_jobs_first_then_in_order(self, database: Database) -> None:
        ran: list[str] = []
        engine = make_engine(database, make_kind(recording(ran)), concurrency=1)
        for name, priority in (("a", 0), ("b", 0), ("urgent", 9), ("idle", -5)):
            last = await enqueue(database, payload={"name": name}, priority=priority)
        async with database.read() as session:
            listed = await service.list_jobs(session, queue="default")
            places = await service.positions(session, [job.id for job in listed])
        assert [places[job.id] for job in listed] == [2, 3, 1, 4]
        async with running(engine):
            await until_state(database, last, JobState.DONE)
        assert ran == ["urgent", "a", "b", "idle"]

    async def test_not_before_its_time(self, database: Database) -> None:
        ran: list[str] = []
        async with running(make_engine(database, make_kind(recording(ran)))):
            due = now() + timedelta(seconds=0.6)
            job_id = await enqueue(database, payload={"name": "later"}, run_at=due)
            job = await until_state(database, job_id, JobState.DONE)
            assert job.started_at is not None
            assert job.started_at >= due - timedelta(seconds=0.01)

    async def test_stages_follow_each_other(self, database: Database) -> None:
        async def first(job: Job) -> None:
            async with job.finish() as session:
                await service.enqueue(session, "second", job.payload, key=f"{job.id}:second")

        ran: list[str] = []
        kinds = make_kind(first), make_kind(recording(ran), name="second", queue="other")
        async with running(make_engine(database, *kinds)):
            await enqueue(database, payload={"name": "through"})
            await until(lambda: is_now(ran, ["through"]))

    async def test_progress_is_seen_while_it_runs(self, database: Database) -> None:
        go = asyncio.Event()

        async def handler(job: Job) -> None:
            await asyncio.sleep(1.05)  # progress is written at most once a second
            await job.progress(0.5)
            await job.progress(0.6)
            await go.wait()

        async with running(make_engine(database, make_kind(handler))):
            job_id = await enqueue(database)

            async def half() -> bool:
                return (await get(database, job_id)).progress == 0.5

            await until(half)
            go.set()
            assert (await until_state(database, job_id, JobState.DONE)).progress == 1.0

    async def test_no_more_at_once_than_the_queue_allows(self, database: Database) -> None:
        at_once, most = 0, 0

        async def handler(job: Job) -> None:
            nonlocal at_once, most
            at_once += 1
            most = max(most, at_once)
            await asyncio.sleep(0.02)
            at_once -= 1

        async with running(make_engine(database, make_kind(handler), concurrency=3)):
            jobs = [await enqueue(database) for _ in range(20)]
            for job_id in jobs:
                await until_state(database, job_id, JobState.DONE)
        assert most == 3

    async def test_periodic_work_comes_once_a_period(self, database: Database) -> None:
        ran: list[float] = []

        async def handler(job: Job) -> None:
            ran.append(now().timestamp())

        def engine() -> Engine:
            return make_engine(database, make_kind(handler, name="sweep", every_seconds=0.5))

        async with running(engine()):
            await until(lambda: at_least(ran, 3))
        async with database.read() as session:
            keys = [job.key for job in await service.list_jobs(session, kind="sweep")]
        assert len(keys) == len(set(keys))
        assert len({int(moment // 0.5) for moment in ran}) == len(ran)

    async def test_counts_and_removal_of_what_ended(self, database: Database) -> None:
        engine = make_engine(database, make_kind(recording([])))
        done = await enqueue(database, payload={"name": "soon"})
        async with running(engine):
            await until_state(database, done, JobState.DONE)
        waiting = await enqueue(database, payload={"name": "waits"}, run_at=never())
        async with database.transaction() as session:
            assert await service.counts(session) == {"default": {"done": 1, "queued": 1}}
            assert await service.remove_ended(session, 3600) == 0
            assert await service.remove_ended(session, 0) == 1
            assert [job.id for job in await service.list_jobs(session)] == [waiting]
