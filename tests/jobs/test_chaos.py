"""kill -9 at random instants: nothing accepted is lost, nothing is stored twice.

Real processes, forked from a server that has imported everything, so that a life costs milliseconds and a default run
affords a hundred kills. `make soak` sets `EMENTA_SOAK_KILLS=1000`.
"""

import asyncio
import multiprocessing
import os
import random
import time
from multiprocessing.context import ForkServerProcess
from pathlib import Path

import chaos_pipeline as pipeline
import pytest
from sqlalchemy import text

from ementa.db.database import Database

KILLS_SQLITE = 60
KILLS_POSTGRES = 45
SOAK_KILLS = int(os.environ.get("EMENTA_SOAK_KILLS", "1000"))
WORKERS_POSTGRES = 3

_fork = multiprocessing.get_context("forkserver")
_fork.set_forkserver_preload(["chaos_pipeline"])


async def test_chaos_on_sqlite(sqlite_database: Database, tmp_path: Path) -> None:
    await _chaos(sqlite_database, "", tmp_path, workers=1, kills=KILLS_SQLITE)


@pytest.mark.postgres
async def test_chaos_on_postgres(postgres_database: Database, postgres_url: str, tmp_path: Path) -> None:
    await _chaos(postgres_database, postgres_url, tmp_path, workers=WORKERS_POSTGRES, kills=KILLS_POSTGRES)


@pytest.mark.slow
@pytest.mark.timeout(3600)
async def test_soak_chaos_on_sqlite(sqlite_database: Database, tmp_path: Path) -> None:
    await _chaos(sqlite_database, "", tmp_path, workers=1, kills=SOAK_KILLS // 2)


@pytest.mark.slow
@pytest.mark.postgres
@pytest.mark.timeout(3600)
async def test_soak_chaos_on_postgres(postgres_database: Database, postgres_url: str, tmp_path: Path) -> None:
    await _chaos(postgres_database, postgres_url, tmp_path, workers=WORKERS_POSTGRES, kills=SOAK_KILLS // 2)


async def _chaos(database: Database, url: str, data: Path, *, workers: int, kills: int) -> None:
    await pipeline.make_table(database)
    pipeline.make_engine(database)  # this process only enqueues
    lives = [_spawn(url, data) for _ in range(workers)]
    accepted = 0
    for _ in range(kills):
        quiet_until = time.monotonic() + random.uniform(0.05, 0.2 / workers + 0.1)
        while time.monotonic() < quiet_until:
            await pipeline.accept(database, accepted)
            accepted += 1
            await asyncio.sleep(random.uniform(0, 0.1))
        await _at_work(database)
        index = random.randrange(workers)
        lives[index].kill()
        await asyncio.to_thread(lives[index].join)
        assert lives[index].exitcode == -9  # it was alive until we killed it
        lives[index] = _spawn(url, data)
    await _drained(database, accepted)
    for life in lives:
        life.terminate()
        await asyncio.to_thread(life.join)
        assert life.exitcode == 0
    async with database.read() as session:
        stored = (await session.execute(text("SELECT document, stage FROM trace"))).all()
        states = (await session.execute(text("SELECT DISTINCT state FROM job"))).scalars().all()
        interrupted = await session.scalar(text("SELECT count(*) FROM job WHERE attempts > 1"))
    assert accepted >= kills
    assert interrupted  # the kills hit jobs at work
    assert sorted(map(tuple, stored)) == sorted(
        (document, stage) for document in range(accepted) for stage in pipeline.STAGES
    )
    assert list(states) == ["done"]


def _spawn(url: str, data: Path) -> ForkServerProcess:
    process = _fork.Process(target=pipeline.work, args=(url, str(data)), daemon=True)
    process.start()
    return process


async def _at_work(database: Database) -> None:
    """A moment at which some job runs; on a busy machine a new process takes a while to its first one."""
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline:
        async with database.read() as session:
            if await session.scalar(text("SELECT 1 FROM job WHERE state = 'running' LIMIT 1")):
                break
        await asyncio.sleep(0.005)
    await asyncio.sleep(random.uniform(0, 0.02))


async def _drained(database: Database, accepted: int) -> None:
    async with asyncio.timeout(60 + accepted):
        while True:
            async with database.read() as session:
                unfinished = await session.scalar(text("SELECT count(*) FROM job WHERE state IN ('queued', 'running')"))
            if not unfinished:
                return
            await asyncio.sleep(0.1)
