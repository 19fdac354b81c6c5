"""A limit ends its block in time, and nothing else."""

import asyncio
import time

import pytest

from ementa.kit.limits import Limit


async def test_what_is_in_time_is_left_alone() -> None:
    with Limit(60):
        await asyncio.sleep(0.01)
    task = asyncio.current_task()
    assert task is not None
    assert not task.cancelling()


async def test_what_takes_too_long_ends() -> None:
    began = time.monotonic()
    with pytest.raises(TimeoutError), Limit(0.05):
        await asyncio.sleep(30)
    assert 0.04 < time.monotonic() - began < 10
    task = asyncio.current_task()
    assert task is not None
    assert not task.cancelling()
    await asyncio.sleep(0)  # no cancellation is left over


@pytest.mark.parametrize("seconds", [0, -1, 0.001])
async def test_no_time_at_all(seconds: float) -> None:
    with pytest.raises(TimeoutError), Limit(seconds):
        await asyncio.sleep(30)


async def test_the_shorter_of_two_ends_first_whichever_is_outside() -> None:
    for outer, inner in ((0.05, 30), (30, 0.05)):
        first, second = Limit(outer), Limit(inner)
        with pytest.raises(TimeoutError), first, second:
            await asyncio.sleep(30)
        assert (first.over, second.over) == (outer < inner, inner < outer)


async def test_two_that_are_due_together() -> None:
    with pytest.raises(TimeoutError), Limit(0.05), Limit(0.05):
        await asyncio.sleep(30)
    task = asyncio.current_task()
    assert task is not None
    assert not task.cancelling()


async def test_a_cancellation_from_outside_stays_one() -> None:
    async def work() -> None:
        with Limit(30):
            await asyncio.sleep(30)

    task = asyncio.create_task(work())
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_one_that_comes_later_may_be_due_sooner() -> None:
    async def work(seconds: float) -> float:
        began = time.monotonic()
        with pytest.raises(TimeoutError), Limit(seconds):
            await asyncio.sleep(30)
        return time.monotonic() - began

    took = await asyncio.gather(*(work(seconds) for seconds in (1.0, 0.5, 0.05, 0.7)))
    assert all(least <= one < least + 5 for one, least in zip(took, (1.0, 0.5, 0.05, 0.7), strict=True))
    assert took[2] < took[1] < took[3] < took[0]


async def test_an_error_of_the_block_passes() -> None:
    with pytest.raises(KeyError), Limit(30):
        raise KeyError


def test_each_loop_has_its_own() -> None:
    async def work() -> None:
        with pytest.raises(TimeoutError), Limit(0.02):
            await asyncio.sleep(30)

    asyncio.run(work())
    asyncio.run(work())
