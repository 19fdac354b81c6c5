"""What every job engine must do with jobs that fail, hang, are cancelled or are interrupted by its own stop."""

import asyncio
from typing import Any

from ementa.db.database import Database, Session
from ementa.jobs import service
from ementa.jobs.base import Job
from ementa.jobs.errors import JobTaken
from ementa.jobs.types import JobState
from ementa.kit.errors import EmentaError
from ementa.testing.jobs import (
    Absent,
    Wrong,
    enqueue,
    error_code,
    get,
    is_now,
    make_engine,
    make_kind,
    never,
    recording,
    result_kind,
    results,
    running,
    telling,
    until,
    until_state,
)


class EndingBehaviour:
    """Failure, retry, cancellation, graceful stop. For a module with a fixture `database`, migrated."""

    async def test_a_passing_failure_is_tried_again(self, database: Database) -> None:
        async def handler(job: Job) -> None:
            if job.attempt < 3:
                raise Absent
            async with job.finish() as session:
                await service.enqueue(session, "result", {"of": job.attempt}, run_at=never())

        async with running(make_engine(database, make_kind(handler), result_kind())):
            job = await until_state(database, await enqueue(database), JobState.DONE)
        assert (job.attempts, await results(database)) == (3, [3])

    async def test_a_failure_that_does_not_pass_fails_the_job(self, database: Database) -> None:
        async def handler(job: Job) -> None:
            raise Absent if job.payload["passes"] else Wrong

        told: list[tuple[dict[str, Any], str]] = []
        async with running(make_engine(database, make_kind(handler, on_failed=telling(told)))):
            tried = await until_state(database, await enqueue(database, payload={"passes": True}), JobState.FAILED)
            at_once = await until_state(database, await enqueue(database, payload={"passes": False}), JobState.FAILED)
        assert (tried.attempts, at_once.attempts) == (3, 1)
        assert (error_code(tried), error_code(at_once)) == ("TEST_ABSENT", "TEST_WRONG")
        assert told == [({"passes": True}, "TEST_ABSENT"), ({"passes": False}, "TEST_WRONG")]

    async def test_a_bug_fails_the_job_with_internal(self, database: Database) -> None:
        async def handler(job: Job) -> None:
            raise ZeroDivisionError(job.id)

        told: list[tuple[dict[str, Any], str]] = []
        async with running(make_engine(database, make_kind(handler, on_failed=telling(told)))):
            job = await until_state(database, await enqueue(database), JobState.FAILED)
        assert (job.attempts, error_code(job), told) == (1, "INTERNAL", [({}, "INTERNAL")])

    async def test_a_bug_in_on_failed_still_fails_the_job(self, database: Database) -> None:
        async def handler(job: Job) -> None:
            raise Wrong

        async def on_failed(session: Session, payload: dict[str, Any], error: EmentaError) -> None:
            raise ZeroDivisionError

        async with running(make_engine(database, make_kind(handler, on_failed=on_failed))):
            job = await until_state(database, await enqueue(database), JobState.FAILED)
        assert error_code(job) == "TEST_WRONG"

    async def test_a_hung_handler_is_stopped(self, database: Database) -> None:
        ended: list[str] = []

        async def handler(job: Job) -> None:
            try:
                await asyncio.Event().wait()
            finally:
                ended.append(job.id)

        async with running(make_engine(database, make_kind(handler, timeout_seconds=0.2))):
            job = await until_state(database, await enqueue(database), JobState.FAILED)
        assert (error_code(job), ended) == ("JOB_TIMEOUT", [job.id])

    async def test_a_result_is_stored_whole_or_not_at_all(self, database: Database) -> None:
        async def handler(job: Job) -> None:
            async with job.finish() as session:
                await service.enqueue(session, "result", {"of": job.attempt}, run_at=never())
                if job.attempt == 1:
                    raise Absent

        async with running(make_engine(database, make_kind(handler), result_kind())):
            await until_state(database, await enqueue(database), JobState.DONE)
        assert await results(database) == [2]

    async def test_cancelled_while_waiting_never_runs(self, database: Database) -> None:
        ran: list[str] = []
        engine = make_engine(database, make_kind(recording(ran)))
        job_id = await enqueue(database, payload={"name": "unwanted"})
        async with database.transaction() as session:
            assert await service.cancel(session, job_id)
        async with running(engine):
            await until_state(database, await enqueue(database, payload={"name": "wanted"}), JobState.DONE)
        assert (ran, (await get(database, job_id)).state) == (["wanted"], JobState.CANCELLED)
        async with database.transaction() as session:
            assert not await service.cancel(session, job_id)

    async def test_cancelled_while_running_is_interrupted(self, database: Database) -> None:
        interrupted = asyncio.Event()

        async def handler(job: Job) -> None:
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                interrupted.set()
                raise

        async with running(make_engine(database, make_kind(handler))):
            job_id = await enqueue(database)
            await until_state(database, job_id, JobState.RUNNING)
            async with database.transaction() as session:
                assert await service.cancel(session, job_id)
            async with asyncio.timeout(10):
                await interrupted.wait()
        assert (await get(database, job_id)).state == JobState.CANCELLED

    async def test_nothing_is_stored_for_a_cancelled_job(self, database: Database) -> None:
        refused: list[bool] = []

        async def handler(job: Job) -> None:
            try:
                async with database.transaction() as session:
                    await service.cancel(session, job.id)
                async with job.finish() as session:
                    await service.enqueue(session, "result", {"of": 1}, run_at=never())
            except (JobTaken, asyncio.CancelledError):
                refused.append(True)
                raise

        async with running(make_engine(database, make_kind(handler), result_kind())):
            job_id = await enqueue(database)
            await until(lambda: is_now(refused, [True]))
        assert ((await get(database, job_id)).state, await results(database)) == (JobState.CANCELLED, [])

    async def test_a_stopping_engine_lets_jobs_end_or_hands_them_back(self, database: Database) -> None:
        started: list[str] = []

        async def handler(job: Job) -> None:
            started.append(job.payload["name"])
            if len(started) <= 2:
                await asyncio.sleep(0.3 if job.payload["name"] == "short" else 60)

        async with running(make_engine(database, make_kind(handler)), grace_seconds=1.0):
            long = await enqueue(database, payload={"name": "long"})
            short = await enqueue(database, payload={"name": "short"})
            await until(lambda: is_now(sorted(started), ["long", "short"]))
        assert (await get(database, short)).state == JobState.DONE
        handed_back = await get(database, long)
        assert (handed_back.state, handed_back.attempts) == (JobState.QUEUED, 0)
        async with running(make_engine(database, make_kind(handler))):
            assert (await until_state(database, long, JobState.DONE)).attempts == 1
