"""Pieces that arrive together leave together, and nothing is lost, reordered or left open on the way."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ementa.serving.bursts import bursts

ITEMS = st.lists(st.sampled_from(["item", "pause", "sleep"]), max_size=40)


class Source:
    """Items with pauses between them, and whether it was closed."""

    def __init__(self, script: list[str], error: Exception | None = None) -> None:
        self.script = script
        self.error = error
        self.closed = False

    async def items(self) -> AsyncGenerator[int, None]:
        try:
            for number, step in enumerate(self.script):
                if step == "item":
                    yield number
                elif step == "pause":
                    await asyncio.sleep(0)
                else:
                    await asyncio.sleep(0.0005)
            if self.error is not None:
                raise self.error
        finally:
            self.closed = True
            await asyncio.sleep(0)  # letting go may take a moment


@given(script=ITEMS)
@settings(deadline=None)
def test_every_item_comes_once_in_order_and_lists_end_at_pauses(script: list[str]) -> None:
    async def run() -> list[list[int]]:
        source = Source(script)
        async with aclosing(source.items()) as items:
            return [burst async for burst in bursts(items)]

    expected: list[list[int]] = [[]]
    for number, step in enumerate(script):
        if step == "item":
            expected[-1].append(number)
        elif expected[-1]:
            expected.append([])
    assert asyncio.run(run()) == [burst for burst in expected if burst]


@given(script=ITEMS)
@settings(deadline=None)
def test_what_came_before_a_failure_is_told_and_then_the_failure(script: list[str]) -> None:
    async def run() -> list[int]:
        told: list[int] = []
        source = Source(script, LookupError("broke"))

        async def read() -> None:
            async with aclosing(source.items()) as items:
                async for burst in bursts(items):
                    told.extend(burst)

        with pytest.raises(LookupError):
            await read()
        assert source.closed
        return told

    assert asyncio.run(run()) == [number for number, step in enumerate(script) if step == "item"]


@given(script=ITEMS, stop=st.integers(0, 5))
@settings(deadline=None)
def test_a_reader_that_leaves_closes_the_source(script: list[str], stop: int) -> None:
    async def run() -> bool:
        source = Source([*script, "item", "sleep", "item"])
        async with aclosing(source.items()) as items, aclosing(bursts(items)) as together:
            count = 0
            async for _ in together:
                count += 1
                if count > stop:
                    break
        return source.closed

    assert asyncio.run(run())


@pytest.mark.parametrize("script", [["item", "sleep", "item"], ["sleep", "item"], ["item", "pause", "item"]])
async def test_a_cancelled_reader_closes_the_source(script: list[str]) -> None:
    source = Source([*script, *["sleep"] * 10_000])

    async def read() -> None:
        async with aclosing(source.items()) as items, aclosing(bursts(items)) as together:
            async for _ in together:
                pass

    reading = asyncio.create_task(read())
    await asyncio.sleep(0.02)
    reading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reading
    assert source.closed


async def test_a_reader_cancelled_while_it_writes_closes_the_source() -> None:
    source = Source(["item", "sleep", "item"])
    writing = asyncio.Event()

    async def read() -> None:
        async with aclosing(source.items()) as items, aclosing(bursts(items)) as together:
            async for _ in together:
                writing.set()
                await asyncio.Event().wait()

    reading = asyncio.create_task(read())
    await writing.wait()
    reading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reading
    assert source.closed
