"""Stopping ends every loop, also one that lost a cancellation."""

import asyncio

from ementa.jobs.runner import cancel_all


async def test_a_loop_that_swallows_a_cancellation_ends_all_the_same() -> None:
    swallowed = 0

    async def stubborn() -> None:
        nonlocal swallowed
        while True:
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                swallowed += 1
                if swallowed == 2:
                    raise

    async def failing() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            raise ZeroDivisionError

    tasks = [asyncio.create_task(stubborn()), asyncio.create_task(failing())]
    await asyncio.sleep(0)
    async with asyncio.timeout(10):
        await cancel_all(tasks, every_seconds=0.01)
    assert swallowed == 2
    assert all(task.done() for task in tasks)
