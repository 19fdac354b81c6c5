"""Answers in a Redis that several servers share. Nothing waits long for it: a Redis that does not answer is asked again
only after a rest, and meanwhile nothing is remembered.

An answer is one key with its time to live; one sorted set a tenant names the tenant's answers, for erasure.
"""

import asyncio
import logging
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, cast

from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from ementa.llm.answer_stores.errors import AnswersOutOfReach
from ementa.llm.answer_stores.writing import Entry, Writer

log = logging.getLogger(__name__)

PATIENCE = 0.15
"""Seconds to wait for Redis when an answer is looked up."""
_WRITE_PATIENCE = 2.0
_REST = 5.0
"""Seconds during which a Redis that failed is not asked again."""
_CONNECTIONS = 32
_ANSWER = "ementa:answer:"
_OF_TENANT = "ementa:answers-of:"
_LARGEST = 4_000_000
_FAILURES = (RedisError, OSError, TimeoutError)


class RedisAnswers:
    """How much is kept is up to Redis' own `maxmemory`."""

    def __init__(self, url: str, now: Callable[[], float] = time.time) -> None:
        self._redis: Redis = Redis(
            connection_pool=BlockingConnectionPool.from_url(
                url,
                max_connections=_CONNECTIONS,
                timeout=PATIENCE,
                socket_connect_timeout=PATIENCE,
                socket_timeout=_WRITE_PATIENCE,
                retry=Retry(NoBackoff(), 1),  # a connection that died while idle is replaced at once
            )
        )
        self._now = now
        self._writer = Writer(self._write, now)
        self._resting_until = 0.0
        self._told = False

    async def get(self, key: str) -> bytes | None:
        """See `AnswerStore`."""
        waiting = self._writer.find(key)
        if waiting is not None or time.monotonic() < self._resting_until:
            return waiting
        try:
            return await self._within(PATIENCE, self._redis.get(_ANSWER + key))
        except _FAILURES:
            return None

    async def put(self, key: str, tenant: str, content: bytes, seconds: float) -> None:
        """See `AnswerStore`. Written within a second, found at once."""
        if len(content) <= _LARGEST and time.monotonic() >= self._resting_until:
            self._writer.add(key, tenant, content, seconds)

    async def forget(self, tenant: str) -> None:
        """See `AnswerStore`. Raises `AnswersOutOfReach`."""
        await self._writer.forget(tenant)
        try:
            await self._within(_WRITE_PATIENCE * 5, self._erase(_OF_TENANT + tenant))
        except _FAILURES as error:
            raise AnswersOutOfReach from error

    async def flush(self) -> None:
        """Write what waits now."""
        await self._writer.flush()

    async def close(self) -> None:
        """Write what waits, and let go of the connections."""
        await self._writer.close()
        await self._redis.aclose()
        await self._redis.connection_pool.disconnect()

    async def _write(self, batch: Sequence[Entry]) -> None:
        now = self._now()
        of_tenant: dict[str, list[Entry]] = defaultdict(list)
        pipe = self._redis.pipeline(transaction=False)
        for entry in batch:
            milliseconds = round((entry.until - now) * 1000)
            if milliseconds > 0:
                pipe.set(_ANSWER + entry.key, entry.content, px=milliseconds)
                of_tenant[entry.tenant].append(entry)
        for tenant, entries in of_tenant.items():
            index = _OF_TENANT + tenant
            longest = max(1, round(max(entry.until for entry in entries) - now)) + 60
            pipe.zadd(index, {entry.key: entry.until for entry in entries})
            pipe.zremrangebyscore(index, "-inf", now)
            pipe.expire(index, longest, nx=True)
            pipe.expire(index, longest, gt=True)
        await self._within(_WRITE_PATIENCE, pipe.execute(raise_on_error=False))

    async def _erase(self, index: str) -> None:
        while keys := await self._redis.zrange(index, 0, 499):
            names = [key.decode() for key in cast("list[bytes]", keys)]
            await self._redis.unlink(*(_ANSWER + name for name in names))
            await self._redis.zrem(index, *names)

    async def _within(self, seconds: float, asked: Awaitable[Any]) -> Any:
        try:
            async with asyncio.timeout(seconds):
                answer = await asked
        except _FAILURES as error:
            self._resting_until = time.monotonic() + _REST
            if not self._told:
                log.warning("Redis does not answer: nothing is remembered", extra={"cause": type(error).__name__})
            self._told = True
            raise
        if self._told:
            log.info("Redis answers again: answers are remembered")
        self._told = False
        return answer
