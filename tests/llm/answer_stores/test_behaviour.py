"""Every store of answers does what all must."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from ementa.db.database import Database
from ementa.llm.answer_stores.database import DatabaseAnswers
from ementa.llm.answer_stores.memory import MemoryAnswers
from ementa.llm.answer_stores.redis import RedisAnswers
from ementa.testing.answer_stores import AnswerStoreBehaviour, Clock
from ementa.testing.redis import RedisServer


class TestMemory(AnswerStoreBehaviour):
    outlives_the_process = False

    @pytest.fixture
    def make_store(self, clock: Clock) -> Callable[[], Any]:
        return lambda: MemoryAnswers(self.most_bytes, clock)


class TestDatabase(AnswerStoreBehaviour):
    @pytest.fixture
    def make_store(self, database: Database, clock: Clock) -> Callable[[], Any]:
        return lambda: DatabaseAnswers(database, self.most_bytes, lambda: datetime.fromtimestamp(clock(), UTC))


class TestRedis(AnswerStoreBehaviour):
    bounds_itself = False
    ends_by = "time"

    @pytest.fixture
    def make_store(self, redis_server: RedisServer) -> Callable[[], Any]:
        return lambda: RedisAnswers(redis_server.url)
