"""Commands of the machine: run without a shell, without our secrets, and never waited for longer than allowed."""

import asyncio
import os
import signal
import subprocess
import time
from collections.abc import Callable, Sequence
from contextlib import suppress

_POLL_SECONDS = 0.05
_DEATH_SECONDS = 1.0
_SECRET = ("EMENTA_", "OPENAI_", "ANTHROPIC_", "GEMINI_", "GOOGLE_API_KEY")
"""Settings of ours, which no command needs to know."""


class StillRunning(Exception):
    """The command was killed and is not dead yet: it hangs in the kernel, and another would too."""


class Command:
    """One command, run once at a time."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._process: subprocess.Popen[bytes] | None = None

    async def run(self, arguments: Sequence[str], seconds: float, output: int = subprocess.DEVNULL) -> int | None:
        """Run it, with all that it says going to the descriptor `output`; the exit status, or None when it had not
        ended after `seconds` and was killed with all its children.

        Whoever stops waiting leaves it running. Raises `OSError` when it cannot be started, and `StillRunning` when
        the one before has not died.
        """
        if self._process is not None and self._process.poll() is None:
            raise StillRunning
        process = self._process = await asyncio.to_thread(_start, arguments, output)
        if await self._ended(process, seconds):
            return process.returncode
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        await self._ended(process, _DEATH_SECONDS)
        return None

    async def _ended(self, process: "subprocess.Popen[bytes]", seconds: float) -> bool:
        deadline = self._clock() + seconds
        while process.poll() is None:
            if self._clock() >= deadline:
                return False
            await asyncio.sleep(_POLL_SECONDS)
        return True


def _start(arguments: Sequence[str], output: int) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(  # noqa: S603 - constant, or what the administrator set
        arguments,
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=subprocess.STDOUT,
        env={name: value for name, value in os.environ.items() if not name.startswith(_SECRET)},
        start_new_session=True,
    )
