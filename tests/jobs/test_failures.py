"""When what jobs stand on gives way: the disk, the database, the process."""

import asyncio
import multiprocessing
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from chaos_pipeline import hold
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from ementa.db.database import Database, Session
from ementa.db.migrate import upgrade
from ementa.db.settings import DatabaseSettings
from ementa.jobs import service
from ementa.jobs.base import Job
from ementa.jobs.errors import EngineBusy, JobKindUnknown
from ementa.jobs.runner import retry_wait
from ementa.jobs.settings import JobSettings
from ementa.jobs.types import JobState
from ementa.kit.errors import EmentaError
from ementa.testing.jobs import QUICK, Absent, enqueue, get, make_engine, make_kind, running, until, until_state
from ementa.testing.postgres import PostgresServer

_fork = multiprocessing.get_context("forkserver")
_fork.set_forkserver_preload(["chaos_pipeline"])


async def _note(job: Job) -> None:
    async with job.finish() as session:
        await session.execute(text("INSERT INTO note VALUES (:of)"), {"of": job.payload["of"]})


async def _make_notes(database: Database) -> None:
    async with database.transaction() as session:
        await session.execute(text("CREATE TABLE note (number INTEGER)"))


async def _notes(database: Database) -> list[int]:
    async with database.read() as session:
        return sorted((await session.execute(text("SELECT number FROM note"))).scalars())


async def test_a_full_disk_delays_jobs_and_loses_none(sqlite_database: Database) -> None:
    database = sqlite_database
    await _make_notes(database)
    async with running(make_engine(database, make_kind(_note, max_attempts=1000))):
        await _limit_pages(database, 0)  # not one page more than there are
        accepted: list[int] = []
        for number in range(2000):
            try:
                await enqueue(database, payload={"of": number, "padding": "x" * 500})
            except OperationalError:  # database or disk is full
                break
            accepted.append(number)
        assert accepted[-1:] != [1999], "the disk never filled up"
        await asyncio.sleep(0.3)  # the engine meets the full disk
        await _limit_pages(database, 1_000_000)

        async def all_noted() -> bool:
            return await _notes(database) == accepted

        await until(all_noted)


async def test_a_locked_database_delays_jobs_and_loses_none(sqlite_database: Database, tmp_path: Path) -> None:
    await _make_notes(sqlite_database)
    impatient = Database(DatabaseSettings(busy_timeout_seconds=0.05), tmp_path)
    other = Database(DatabaseSettings(), tmp_path)
    async with running(make_engine(impatient, make_kind(_note, max_attempts=1000))):
        job_id = await enqueue(impatient, payload={"of": 1})
        async with other.transaction() as session:
            await session.execute(text("DELETE FROM note"))
            await asyncio.sleep(0.5)
        await until_state(impatient, job_id, JobState.DONE)
    assert len(await _notes(impatient)) <= 1
    await impatient.close()
    await other.close()


async def test_attempts_that_follow_at_once_are_not_taken_for_each_other(sqlite_database: Database) -> None:
    async def reluctant(job: Job) -> None:
        if job.attempt < 6:
            raise Absent

    at_once = QUICK.model_copy(update={"poll_seconds": 0.002, "retry_base_seconds": 0.0})
    engine = make_engine(sqlite_database, make_kind(reluctant, max_attempts=10), concurrency=16, settings=at_once)
    ids = [await enqueue(sqlite_database) for _ in range(40)]
    async with running(engine):
        for job_id in ids:
            await until_state(sqlite_database, job_id, JobState.DONE)


async def test_an_engine_waits_for_a_database_that_others_hold_at_its_start(
    sqlite_database: Database, tmp_path: Path
) -> None:
    await _make_notes(sqlite_database)
    impatient = Database(DatabaseSettings(busy_timeout_seconds=0.05), tmp_path)
    engine = make_engine(impatient, make_kind(_note))
    job_id = await enqueue(impatient, payload={"of": 1})
    async with sqlite_database.transaction() as session:
        await session.execute(text("DELETE FROM note"))
        task = asyncio.create_task(engine.run())
        await asyncio.sleep(0.3)
        assert not engine.ready.is_set()
    await until_state(impatient, job_id, JobState.DONE)
    await engine.stop(5)
    await task
    await impatient.close()


async def test_one_engine_a_data_directory(sqlite_database: Database, tmp_path: Path) -> None:
    other = Database(DatabaseSettings(), tmp_path)
    async with running(make_engine(sqlite_database, make_kind(_note))):
        await until_state(sqlite_database, await enqueue(sqlite_database, payload={}), JobState.FAILED)
        with pytest.raises(EngineBusy):
            await make_engine(other, make_kind(_note)).run()
    await other.close()


async def test_a_job_that_kills_its_process_every_time_is_given_up(sqlite_database: Database) -> None:
    told: list[str] = []

    async def on_failed(session: Session, payload: dict[str, Any], error: EmentaError) -> None:
        told.append(error.code)

    engine = make_engine(sqlite_database, make_kind(_note, max_attempts=3, on_failed=on_failed))
    job_id = await enqueue(sqlite_database, payload={"of": 1})
    async with sqlite_database.transaction() as session:  # as three killed processes leave it
        await session.execute(text("UPDATE job SET state = 'running', token = 'theirs', attempts = 3"))
    async with running(engine):
        job = await until_state(sqlite_database, job_id, JobState.FAILED)
    assert (job.error or {})["code"] == "WORKER_LOST"
    assert told == ["WORKER_LOST"]


async def test_only_known_kinds_are_enqueued(database: Database) -> None:
    make_engine(database, make_kind(_note))
    with pytest.raises(JobKindUnknown):
        await enqueue(database, "unheard-of")


async def test_cancelled_by_another_process(database: Database, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    url = "" if database.is_sqlite else request.getfixturevalue("postgres_url")
    make_engine(database, make_kind(_note))
    job_id = await enqueue(database, payload={})
    holder = _fork.Process(target=hold, args=(url, str(tmp_path)), daemon=True)
    holder.start()
    await until_state(database, job_id, JobState.RUNNING)
    async with database.transaction() as session:
        assert await service.cancel(session, job_id)

    async def interrupted() -> bool:
        return (tmp_path / f"interrupted-{job_id}").exists()

    await until(interrupted)
    assert (await get(database, job_id)).state == JobState.CANCELLED
    holder.terminate()
    await asyncio.to_thread(holder.join)
    assert holder.exitcode == 0


@pytest.mark.postgres
async def test_a_dead_workers_job_is_taken_over(postgres_database: Database, postgres_url: str, tmp_path: Path) -> None:
    database = postgres_database
    await _make_notes(database)
    engine = make_engine(database, make_kind(_note))
    job_id = await enqueue(database, payload={"of": 7})
    holder = _fork.Process(target=hold, args=(postgres_url, str(tmp_path)), daemon=True)
    holder.start()
    await until_state(database, job_id, JobState.RUNNING)
    holder.kill()
    await asyncio.to_thread(holder.join)
    async with running(engine):
        job = await until_state(database, job_id, JobState.DONE)
    assert (job.attempts, await _notes(database)) == (2, [7])


@pytest.mark.postgres
async def test_a_claim_that_a_crash_undid_is_made_again(postgres_database: Database) -> None:
    """Claims are committed asynchronously: a crash may undo one while its handler runs. That handler may then store
    nothing, and ending it must not take away the job's delivery."""
    database, started, go = postgres_database, asyncio.Event(), asyncio.Event()
    await _make_notes(database)

    async def handler(job: Job) -> None:
        started.set()
        await go.wait()
        await _note(job)

    async with running(make_engine(database, make_kind(handler))):
        job_id = await enqueue(database, payload={"of": 1})
        await started.wait()
        async with database.transaction() as session:
            await session.execute(text("UPDATE job SET state = 'queued', token = NULL, attempts = 0"))
        go.set()
        await until_state(database, job_id, JobState.DONE)
    assert await _notes(database) == [1]


@pytest.fixture
def own_server() -> Iterator[PostgresServer]:
    server = PostgresServer.create(durable=True)  # a commit must survive a crash
    yield server
    server.destroy()


@pytest.mark.postgres
async def test_a_database_that_crashes_delays_jobs_and_loses_none(own_server: PostgresServer, tmp_path: Path) -> None:
    database = Database(DatabaseSettings(url=SecretStr(own_server.url())), tmp_path)
    await upgrade(database)
    await _make_notes(database)
    accepted: list[int] = []

    async def all_noted() -> bool:
        try:
            return await _notes(database) == accepted
        except OperationalError:  # a connection of the server that was stopped just now
            return False

    async def slowly(job: Job) -> None:
        await asyncio.sleep(0.05)
        await _note(job)

    async with running(make_engine(database, make_kind(slowly, max_attempts=1000))):
        for crash in (True, False):
            for _ in range(40):
                await enqueue(database, payload={"of": len(accepted)})
                accepted.append(len(accepted))
            await asyncio.sleep(0.2)
            await asyncio.to_thread(own_server.crash if crash else own_server.stop)
            await asyncio.sleep(0.3)
            await asyncio.to_thread(own_server.start)
        await until(all_noted, 45)
    await database.close()


@given(st.integers(1, 10_000), st.floats(0.01, 60), st.floats(0.01, 3600))
def test_waits_between_attempts_grow_to_a_limit(attempt: int, base: float, most: float) -> None:
    settings = JobSettings(retry_base_seconds=base, retry_max_seconds=most)
    longest = min(base * 2.0 ** min(attempt - 1, 30), most)
    assert longest / 2 <= retry_wait(settings, attempt) <= longest


async def _limit_pages(database: Database, most: int) -> None:
    async with database.transaction() as session:  # the one writing connection keeps the limit
        await session.execute(text(f"PRAGMA max_page_count = {most or 1}"))
