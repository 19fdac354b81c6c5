"""What is particular to one store: bytes that leave the disk, a Redis that goes and comes, settings that do not fit."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from pydantic import SecretStr
from sqlalchemy import func, select

from ementa.db.database import Database
from ementa.kit import clock
from ementa.llm.answer_stores import redis as redis_store
from ementa.llm.answer_stores import writing
from ementa.llm.answer_stores.choice import open_answers
from ementa.llm.answer_stores.database import DatabaseAnswers, erase_expired
from ementa.llm.answer_stores.errors import AnswersOutOfReach, RedisNotConfigured
from ementa.llm.answer_stores.memory import MemoryAnswers
from ementa.llm.answer_stores.redis import RedisAnswers
from ementa.llm.models import CachedAnswer
from ementa.llm.settings import LlmSettings
from ementa.testing.answer_stores import DAY, Clock
from ementa.testing.redis import RedisServer

HIDDEN = b"segredo-do-cliente-" * 40


@pytest.fixture
async def answers(database: Database) -> AsyncIterator[DatabaseAnswers]:
    store = DatabaseAnswers(database, 10_000_000)
    yield store
    await store.close()


async def count(database: Database) -> int:
    async with database.read() as session:
        return await session.scalar(select(func.count()).select_from(CachedAnswer)) or 0


def on_disk(directory: Path) -> bool:
    return any(HIDDEN in path.read_bytes() for path in directory.glob("ementa.db*"))


async def test_expired_answers_are_erased_whoever_wrote_them(database: Database, answers: DatabaseAnswers) -> None:
    now = clock.now()
    for number in range(1203):
        await answers.put(f"{number:064}", "t", b"old", 60)
    await answers.put("k" * 64, "t", b"new", DAY)
    await answers.flush()
    assert await erase_expired(database, now) == 0
    assert await erase_expired(database, now + timedelta(seconds=120)) == 1203
    assert await count(database) == 1
    assert await answers.get("k" * 64) == b"new"


@pytest.mark.parametrize("way", ["expired", "forgotten", "replaced"])
async def test_erased_answers_leave_the_disk(sqlite_database: Database, tmp_path: Path, way: str) -> None:
    store = DatabaseAnswers(sqlite_database, 10_000_000)
    await store.put("k" * 64, "t", HIDDEN, 60)
    await store.flush()
    assert await store.get("k" * 64) == HIDDEN  # a look that is over must not keep the log from being emptied
    assert on_disk(tmp_path)
    if way == "replaced":
        await store.put("k" * 64, "t", b"another", 60)
        await store.flush()
        await sqlite_database.forget()
    elif way == "expired":
        assert await erase_expired(sqlite_database, clock.now() + timedelta(seconds=61)) == 1
    else:
        await store.forget("t")
    assert not on_disk(tmp_path)
    await store.close()


async def test_two_servers_of_one_database_share_answers(database: Database, answers: DatabaseAnswers) -> None:
    other = DatabaseAnswers(database, 10_000_000)
    await answers.put("k" * 64, "t", b"shared", DAY)
    await answers.flush()
    assert await other.get("k" * 64) == b"shared"
    await asyncio.gather(*(store.put(f"{n:064}", "t", b"x", DAY) for store in (answers, other) for n in range(50)))
    await asyncio.gather(answers.flush(), other.flush())
    assert await count(database) == 51
    await other.close()


async def test_a_database_that_is_away_costs_answers_only(
    sqlite_database: Database, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "away").mkdir()
    gone = Database(sqlite_database._settings, tmp_path / "away")  # a file without our tables
    store = DatabaseAnswers(gone, 10_000_000)
    with caplog.at_level(logging.WARNING):
        for number in range(3):
            assert await store.get(f"{number:064}") is None
            await store.put(f"{number:064}", "t", b"x", DAY)
            await store.flush()
            assert await store.get(f"{number:064}") is None
    assert [record.message for record in caplog.records] == [
        "remembered answers cannot be read",
        "answers cannot be remembered",
    ]
    await store.close()
    await gone.close()


async def test_a_look_into_sqlite_takes_no_turn_of_the_event_loop(sqlite_database: Database) -> None:
    store = DatabaseAnswers(sqlite_database, 10_000_000)
    look = store.get("k" * 64)
    with pytest.raises(StopIteration) as ended:
        look.send(None)
    assert ended.value.value is None
    await store.close()


async def test_what_waits_is_bounded(answers: DatabaseAnswers) -> None:
    content = b"x" * 1_000_000
    for number in range(12):
        await answers.put(f"{number:064}", "t", content, DAY)
    found = [await answers.get(f"{number:064}") is not None for number in range(12)]
    assert sum(found) == writing.MOST_WAITING_BYTES // len(content)
    assert found[0]


async def test_nobody_writes_nothing(answers: DatabaseAnswers, caplog: pytest.LogCaptureFixture) -> None:
    for number in range(1000):
        await answers.put(f"{number:064}", "t", b"x", DAY)
    await asyncio.gather(*(answers.flush() for _ in range(5)))
    await asyncio.sleep(2 * writing.INTERVAL)
    assert not caplog.records
    assert [await answers.get(f"{number:064}") for number in (0, 999)] == [b"x", b"x"]


async def test_memory_lets_go_of_what_nobody_asks_for() -> None:
    clock = Clock()
    store = MemoryAnswers(10_000_000, clock)
    for number in range(100):
        await store.put(f"{number:064}", "t", b"x", 60)
    clock.now += 120
    await store.put("k" * 64, "t", b"x", 60)
    assert len(store._entries) == 1
    assert store._bytes < 1000


async def test_a_redis_that_goes_and_comes_costs_answers_only(
    redis_server: RedisServer, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(redis_store, "_REST", 0.3)
    store = RedisAnswers(redis_server.url)
    await store.put("k" * 64, "t", b"x", DAY)
    await store.flush()
    redis_server.kill()
    with caplog.at_level(logging.INFO):
        assert await store.get("k" * 64) is None
        started = time.monotonic()
        for number in range(200):
            assert await store.get(f"{number:064}") is None
            await store.put(f"{number:064}", "t", b"x", DAY)
        assert time.monotonic() - started < 5
        with pytest.raises(AnswersOutOfReach):
            await store.forget("t")
        redis_server.start()
        await asyncio.sleep(0.35)
        await store.put("o" * 64, "t", b"back", DAY)
        await store.flush()
        assert await store.get("o" * 64) == b"back"
    told = [record.message for record in caplog.records if record.name.startswith("ementa.llm.answer_stores.redis")]
    assert told == ["Redis does not answer: nothing is remembered", "Redis answers again: answers are remembered"]
    await store.close()


async def test_nobody_waits_for_a_redis_that_hangs(redis_server: RedisServer) -> None:
    store = RedisAnswers(redis_server.url)
    await store.put("k" * 64, "t", b"x", DAY)
    await store.flush()
    redis_server.pause()
    try:
        async with asyncio.timeout(10):
            assert await store.get("k" * 64) is None
            for _ in range(1000):
                assert await store.get("k" * 64) is None
    finally:
        redis_server.resume()
    await store.close()


async def test_nothing_piles_up_in_redis(redis_server: RedisServer) -> None:
    store = RedisAnswers(redis_server.url)
    for number in range(30):
        await store.put(f"{number:064}", "t", b"x", 0.5)
    await store.flush()
    await asyncio.sleep(0.7)
    await store.put("k" * 64, "t", b"x", DAY)
    await store.flush()
    assert sorted(await store._redis.keys()) == [b"ementa:answer:" + b"k" * 64, b"ementa:answers-of:t"]
    assert await store._redis.zcard("ementa:answers-of:t") == 1
    assert 0 < await store._redis.ttl("ementa:answers-of:t") <= DAY + 60
    await store.close()


async def test_the_settings_choose(sqlite_database: Database) -> None:
    assert isinstance(open_answers(LlmSettings(), sqlite_database), DatabaseAnswers)
    assert isinstance(open_answers(LlmSettings(cache_store="memory"), sqlite_database), MemoryAnswers)
    url = SecretStr("redis://127.0.0.1:1/0")
    store = open_answers(LlmSettings(cache_store="redis", redis_url=url), sqlite_database)
    assert isinstance(store, RedisAnswers)
    await store.close()
    with pytest.raises(RedisNotConfigured):
        open_answers(LlmSettings(cache_store="redis"), sqlite_database)


async def test_time_is_read_as_it_was_written(database: Database) -> None:
    moment = datetime(2026, 1, 31, 23, 59, 59, tzinfo=UTC)
    store = DatabaseAnswers(database, 10_000_000, lambda: moment)
    await store.put("k" * 64, "t", b"x", 1.0)
    await store.flush()
    assert await store.get("k" * 64) == b"x"
    moment += timedelta(seconds=1)
    assert await store.get("k" * 64) is None
    await store.close()
