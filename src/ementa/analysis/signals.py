"""Tells waiting requests of this process that an analysis changed.

Only a wake-up call: the database is the truth, and with workers on other hosts the waiters look there now and then.
"""

import asyncio


class Changes:
    """Wakes everybody who waits for any change; a waiter then looks at what it may see."""

    def __init__(self) -> None:
        self._changed = asyncio.Event()

    def notify(self) -> None:
        """Something was committed."""
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()

    async def wait(self, seconds: float) -> None:
        """Return at the next change, or after `seconds` if none came."""
        try:
            # Not `wait_for`: before Python 3.12 it may swallow a cancellation that comes together with the event.
            async with asyncio.timeout(seconds):
                await self._changed.wait()
        except TimeoutError:
            return
