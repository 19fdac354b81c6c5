"""What every store of answers must do. Subclass it and give the fixture `make_store`."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

DAY = 86_400.0
KEY, OTHER = "k" * 64, "o" * 64
ANSWER = b"\x00resposta \xff" * 10


class Clock:
    """Time that passes when told; as seconds since 1970."""

    def __init__(self) -> None:
        self.now = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now


class AnswerStoreBehaviour:
    """The behaviour of all stores."""

    most_bytes = 100_000
    """What stores that bound themselves are made with."""
    bounds_itself = True
    outlives_the_process = True
    ends_by = "clock"
    """`clock`: the store's time passes when told; `time`: only by itself (Redis')."""

    @pytest.fixture
    def clock(self) -> Clock:
        return Clock()

    @pytest.fixture
    async def store(self, make_store: Callable[[], Any]) -> Any:
        """A store, closed at the end."""
        store = make_store()
        yield store
        await store.close()

    async def pass_time(self, clock: Clock, seconds: float) -> None:
        """Let time pass."""
        if self.ends_by == "clock":
            clock.now += seconds
        else:
            await asyncio.sleep(seconds)

    async def test_what_was_put_is_found_at_once_and_after_it_was_written(self, store: Any) -> None:
        assert await store.get(KEY) is None
        await store.put(KEY, "t", ANSWER, DAY)
        assert await store.get(KEY) == ANSWER
        await written(store)
        assert await store.get(KEY) == ANSWER
        assert await store.get(OTHER) is None

    async def test_what_was_put_last_counts(self, store: Any) -> None:
        await store.put(KEY, "t", b"first", DAY)
        await written(store)
        await store.put(KEY, "t", b"second", DAY)
        assert await store.get(KEY) == b"second"
        await written(store)
        assert await store.get(KEY) == b"second"

    @pytest.mark.parametrize("is_written", [False, True])
    async def test_what_is_too_old_is_not_found(self, store: Any, clock: Clock, is_written: bool) -> None:
        await store.put(KEY, "t", ANSWER, 1.0)
        await store.put(OTHER, "t", ANSWER, DAY)
        if is_written:
            await written(store)
            assert await store.get(KEY) == ANSWER
        await self.pass_time(clock, 1.1)
        assert await store.get(KEY) is None
        assert await store.get(OTHER) == ANSWER

    async def test_what_lives_for_no_time_is_not_kept(self, store: Any) -> None:
        await store.put(KEY, "t", ANSWER, 0.0)
        assert await store.get(KEY) is None

    @pytest.mark.parametrize("is_written", [False, True])
    async def test_a_tenant_is_forgotten_and_only_that_one(self, store: Any, is_written: bool) -> None:
        for number in range(20):
            await store.put(f"{number:064}", "a", ANSWER, DAY)
        await store.put(KEY, "b", ANSWER, DAY)
        await store.put(OTHER, "", ANSWER, DAY)
        if is_written:
            await written(store)
        await store.forget("a")
        await written(store)
        assert [await store.get(f"{number:064}") for number in range(20)] == [None] * 20
        assert await store.get(KEY) == ANSWER
        assert await store.get(OTHER) == ANSWER
        await store.forget("nobody")

    async def test_many_at_once_lose_nothing(self, store: Any) -> None:
        async def use(number: int) -> bool:
            await store.put(f"{number:064}", f"t{number % 3}", b"%d" % number, DAY)
            return await store.get(f"{number:064}") == b"%d" % number

        assert all(await asyncio.gather(*(use(number) for number in range(150))))
        await written(store)
        assert [await store.get(f"{number:064}") for number in range(150)] == [b"%d" % number for number in range(150)]

    async def test_it_stays_within_its_bytes_and_keeps_the_newest(self, store: Any, clock: Clock) -> None:
        if not self.bounds_itself:
            return
        content = b"x" * 1000
        for number in range(300):
            await store.put(f"{number:064}", "t", content, DAY)
            clock.now += 0.001
            if number % 10 == 9:
                await written(store)
        found = [number for number in range(300) if await store.get(f"{number:064}") is not None]
        assert 10 <= len(found) * len(content) / 1000 <= self.most_bytes / 1000
        assert found == list(range(300 - len(found), 300))

    async def test_an_answer_too_large_for_the_store_pushes_nothing_out(self, store: Any) -> None:
        await store.put(KEY, "t", ANSWER, DAY)
        await store.put(OTHER, "t", b"x" * 5_000_000, DAY)
        await written(store)
        assert await store.get(OTHER) is None
        assert await store.get(KEY) == ANSWER

    async def test_what_waits_is_written_when_it_is_closed(self, make_store: Callable[[], Any]) -> None:
        first = make_store()
        await first.put(KEY, "t", ANSWER, DAY)
        await first.close()
        second = make_store()
        assert await second.get(KEY) == (ANSWER if self.outlives_the_process else None)
        await second.close()


async def written(store: Any) -> None:
    """Let what waits be written, where anything does."""
    flush: Callable[[], Awaitable[None]] | None = getattr(store, "flush", None)
    if flush is not None:
        await flush()
