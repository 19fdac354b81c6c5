"""Limits that several servers share in Redis, and what happens without it."""

import asyncio
import time
from collections.abc import AsyncIterator

import pytest
from pydantic import SecretStr

from ementa.db.database import Database
from ementa.kit import clock
from ementa.kit.ids import new_id
from ementa.llm.calls import CallRecord
from ementa.llm.errors import RateLimited
from ementa.llm.limits import shared
from ementa.llm.limits.budgets import Budgets
from ementa.llm.limits.limiter import Limiter
from ementa.llm.settings import LlmSettings
from ementa.llm.types import Caller, Limits
from ementa.llm.usage.prices import Prices
from ementa.testing.redis import RedisServer

WHO = Caller(limits=(("key:k", Limits(requests_per_minute=20, tokens_per_minute=1000)),))


@pytest.fixture
async def servers(redis_server: RedisServer, sqlite_database: Database) -> AsyncIterator[list[Limiter]]:
    """Two servers."""
    settings = LlmSettings(redis_url=SecretStr(redis_server.url))
    made = [Limiter(settings, Budgets(sqlite_database, Prices(settings))) for _ in range(2)]
    yield made
    for limiter in made:
        await limiter.close()


async def admitted(limiter: Limiter, times: int) -> int:
    """How many of so many calls at once may begin."""
    results = await asyncio.gather(*(limiter.admit(WHO) for _ in range(times)), return_exceptions=True)
    wrong = [result for result in results if isinstance(result, Exception) and not isinstance(result, RateLimited)]
    assert not wrong, wrong
    return sum(not isinstance(result, Exception) for result in results)


async def until_known(server: RedisServer, unit: str, used: int) -> None:
    """Wait until Redis knows of so much."""
    windows = shared.SharedWindows(server.url)
    async with asyncio.timeout(30):
        while True:
            looked = await windows.look([f"key:k:{unit}"])
            if looked and looked[0].used >= used:
                break
            await asyncio.sleep(0.01)
    await windows.close()


async def test_servers_count_together(servers: list[Limiter], redis_server: RedisServer) -> None:
    first, second = servers
    assert await admitted(first, 15) == 15
    await until_known(redis_server, "requests", 15)
    assert await admitted(second, 20) == 5
    assert await admitted(first, 0) == 0


async def test_one_server_never_lets_more_through_at_once(servers: list[Limiter]) -> None:
    assert await admitted(servers[0], 100) == 20


async def test_a_caller_that_leaves_disturbs_no_other(servers: list[Limiter]) -> None:
    leaving = asyncio.create_task(servers[0].admit(WHO))
    staying = asyncio.create_task(servers[0].admit(WHO))
    await asyncio.sleep(0)
    leaving.cancel()
    assert (await staying).headers()
    assert leaving.cancelled() or await asyncio.gather(leaving, return_exceptions=True)


async def test_tokens_are_shared_even_beyond_the_limit(servers: list[Limiter], redis_server: RedisServer) -> None:
    servers[0].tell(CallRecord(new_id(), clock.now(), "m", caller=WHO, prompt_tokens=900, output_tokens=700))
    await until_known(redis_server, "tokens", 1600)
    with pytest.raises(RateLimited, match="1000 tokens per minute") as refused:
        await servers[1].admit(WHO)
    assert 60 <= refused.value.params["retry_after"] <= 120


@pytest.mark.parametrize("fault", ["killed", "hanging"])
async def test_without_redis_each_server_limits_for_itself_and_nobody_waits(
    servers: list[Limiter], redis_server: RedisServer, fault: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shared, "_REST", 3600.0)
    limiter = servers[0]
    await admitted(limiter, 5)
    await until_known(redis_server, "requests", 5)
    if fault == "killed":
        redis_server.kill()
    else:
        redis_server.pause()
    started = time.monotonic()
    assert await admitted(limiter, 100) == 20
    first_took = time.monotonic() - started
    started = time.monotonic()
    assert await admitted(limiter, 100) == 0
    if fault == "hanging":
        redis_server.resume()
    # It waits for Redis once, 0.1 s, however many ask; the margin is for a busy machine.
    assert first_took < 5
    assert time.monotonic() - started < 5


async def test_redis_is_asked_again_when_it_is_back(
    servers: list[Limiter], redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shared, "_REST", 0.05)
    redis_server.kill()
    assert await admitted(servers[0], 20) == 20
    redis_server.start()
    async with asyncio.timeout(30):
        # Its own count is used up; Redis' is empty.
        while await admitted(servers[0], 1) == 0:  # noqa: ASYNC110 - nobody tells when Redis is back
            await asyncio.sleep(0.05)
    await until_known(redis_server, "requests", 1)
