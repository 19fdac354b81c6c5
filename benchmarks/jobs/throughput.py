"""Durable jobs a second: each enqueued in a caller's transaction, claimed, run by a handler and finished durably.

`noop`: the handler does nothing and stores nothing; every enqueue is a transaction of its own.
`noop_by_10`: the same, ten enqueues a transaction, as an upload of several files makes them.
`storing`: the handler stores one row in its own fenced transaction; every enqueue is a transaction of its own.
`workers_2` (PostgreSQL): `noop` with two worker processes beside the one that enqueues.

Beside them, in the same run, the commits a second of the bare driver on the same disk, so that the ratio says what the
engine costs and not how fast the disk is; and the CPU time a job costs this process, which a busy machine does not
change. SQLite `synchronous=FULL`, PostgreSQL with fsync and `synchronous_commit=on` for everything that was promised
to a caller. The event loop is uvloop, as in the server and the worker. Each figure is the best of `RUNS` runs.
"""

import asyncio
import multiprocessing
import os
import signal
import sqlite3
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import psycopg
import uvloop
from pydantic import SecretStr
from sqlalchemy import text

from ementa.db.database import Database
from ementa.db.migrate import upgrade
from ementa.db.settings import DatabaseSettings
from ementa.jobs import service
from ementa.jobs.base import Engine, Job, JobKind
from ementa.jobs.engines import create_engine
from ementa.jobs.runner import run_until_signalled
from ementa.jobs.settings import JobSettings
from ementa.testing.postgres import PostgresServer

JOBS = 1600
"""A multiple of `PRODUCERS` times ten."""
RUNS = 3
CONCURRENCY = 16
PRODUCERS = 8

_spawn = multiprocessing.get_context("spawn")


def run() -> dict[str, Any]:
    """Measure both databases; jobs/s, CPU a job, bare commits/s and the ratio of each."""
    with tempfile.TemporaryDirectory(prefix="ementa-bench-") as directory:
        bare = _bare_sqlite(Path(directory) / "bare.db")
    sqlite = _engine_figures(lambda _: DatabaseSettings(), bare)
    server = PostgresServer.create(durable=True)
    try:
        bare = uvloop.run(_bare_postgres(server.url()))

        def fresh(name: str) -> DatabaseSettings:
            server.execute(f"CREATE DATABASE {name}")
            return DatabaseSettings(url=SecretStr(server.url(name)))

        postgres = _engine_figures(fresh, bare)
        postgres["workers_2"] = _best(lambda run: _measure(fresh(f"workers_{run}"), _noop, 1, workers=2))
    finally:
        server.destroy()
    return {
        "sqlite": {**sqlite, "goal_jobs_per_second": 300},
        "postgres": {**postgres, "goal_jobs_per_second": 500},
    }


def _engine_figures(fresh: Callable[[str], DatabaseSettings], bare_commits: float) -> dict[str, Any]:
    noop = _best(lambda run: _measure(fresh(f"noop_{run}"), _noop, 1))
    return {
        "jobs_per_second": noop["jobs_per_second"],
        "cpu_ms_per_job": noop["cpu_ms_per_job"],
        "bare_commits_per_second": round(bare_commits, 1),
        "jobs_per_bare_commit": round(noop["jobs_per_second"] / bare_commits, 3),
        "noop_by_10": _best(lambda run: _measure(fresh(f"by_10_{run}"), _noop, 10)),
        "storing": _best(lambda run: _measure(fresh(f"storing_{run}"), _storing, 1)),
    }


def _best(measure: Callable[[int], dict[str, float]]) -> dict[str, float]:
    return max((measure(number) for number in range(RUNS)), key=lambda figures: figures["jobs_per_second"])


def _measure(
    settings: DatabaseSettings, handler: Callable[[Job], Awaitable[None]], together: int, *, workers: int = 0
) -> dict[str, float]:
    with tempfile.TemporaryDirectory(prefix="ementa-bench-") as directory:
        return uvloop.run(_jobs(settings, Path(directory), handler, together, workers))


async def _noop(_job: Job) -> None:
    """Nothing to do, nothing to store."""


async def _storing(job: Job) -> None:
    async with job.finish() as session:
        await session.execute(text("INSERT INTO result VALUES (:job)"), {"job": job.id})


async def _jobs(
    settings: DatabaseSettings, directory: Path, handler: Callable[[Job], Awaitable[None]], together: int, workers: int
) -> dict[str, float]:
    database = Database(settings, directory)
    await upgrade(database)
    async with database.transaction() as session:
        await session.execute(text("CREATE TABLE result (job TEXT)"))
    engine = _engine(database, handler)
    started_workers = [await _start_worker(settings, directory) for _ in range(workers)]
    running = None if workers else asyncio.create_task(engine.run())
    if running:
        await engine.ready.wait()
    cpu, started = time.process_time(), time.perf_counter()
    await asyncio.gather(*(_produce(database, together) for _ in range(PRODUCERS)))
    async with asyncio.timeout(60):
        while await _done(database) < JOBS:  # noqa: ASYNC110 - the jobs end in several processes
            await asyncio.sleep(0.02)
    took, cpu = time.perf_counter() - started, time.process_time() - cpu
    if running:
        await engine.stop(5)
        await running
    for worker in started_workers:
        os.kill(worker.pid or 0, signal.SIGTERM)
        await asyncio.to_thread(worker.join)
    if handler is _storing:
        async with database.read() as session:
            assert await session.scalar(text("SELECT count(DISTINCT job) FROM result")) == JOBS
    await database.close()
    return {"jobs_per_second": round(JOBS / took, 1), "cpu_ms_per_job": round(cpu * 1000 / JOBS, 2)}


def _engine(database: Database, handler: Callable[[Job], Awaitable[None]]) -> Engine:
    kind = JobKind("bench", "default", handler, timeout_seconds=60)
    return create_engine(JobSettings(), database, [kind], {"default": CONCURRENCY})


async def _produce(database: Database, together: int) -> None:
    for _ in range(JOBS // PRODUCERS // together):
        async with database.transaction() as session:
            for _ in range(together):
                await service.enqueue(session, "bench", {})


async def _done(database: Database) -> int:
    async with database.read() as session:
        return int(await session.scalar(text("SELECT count(*) FROM job WHERE state = 'done'")) or 0)


async def _start_worker(settings: DatabaseSettings, directory: Path) -> Any:
    """A worker process, at work when this returns."""
    ready = _spawn.Event()
    worker = _spawn.Process(target=_work, args=(settings, directory, ready), daemon=True)
    worker.start()
    await asyncio.to_thread(ready.wait, 30)
    return worker


def _work(settings: DatabaseSettings, directory: Path, ready: Any) -> None:
    async def main() -> None:
        database = Database(settings, directory)
        engine = _engine(database, _noop)

        async def tell() -> None:
            await engine.ready.wait()
            ready.set()

        telling = asyncio.create_task(tell())
        await run_until_signalled(engine, grace_seconds=5)
        await telling
        await database.close()

    uvloop.run(main())


def _bare_sqlite(path: Path) -> float:
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute("CREATE TABLE bare (id INTEGER PRIMARY KEY, payload TEXT)")
    started = time.perf_counter()
    for _ in range(2000):
        connection.execute("INSERT INTO bare (payload) VALUES ('x')")
    took = time.perf_counter() - started
    connection.close()
    return 2000 / took


async def _bare_postgres(url: str) -> float:
    async with await psycopg.AsyncConnection.connect(url, autocommit=True) as connection:
        await connection.execute("CREATE TABLE bare (id bigserial PRIMARY KEY, payload text)")

    async def insert() -> None:
        async with await psycopg.AsyncConnection.connect(url, autocommit=True) as connection:
            for _ in range(250):
                await connection.execute("INSERT INTO bare (payload) VALUES ('x')")

    started = time.perf_counter()
    await asyncio.gather(*(insert() for _ in range(PRODUCERS)))
    return 250 * PRODUCERS / (time.perf_counter() - started)


if __name__ == "__main__":
    for name, figures in run().items():
        print(name, figures)
