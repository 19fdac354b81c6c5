"""One child process, as the parent sees it: start, ask, watch, end."""

import asyncio
import logging
import os
import signal
import subprocess
import sys
from asyncio.subprocess import Process
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

import msgspec

from ementa.extraction.errors import (
    ExtractionCrashed,
    ExtractionOutOfMemory,
    ExtractionTimeout,
    SandboxUnavailable,
)
from ementa.extraction.sandbox.wire import LENGTH_BYTES, Hello, Reply, Start, body_length, pack
from ementa.extraction.settings import ExtractionSettings
from ementa.kit.errors import EmentaError

log = logging.getLogger(__name__)

_START_SECONDS = 30.0
_STDERR_BYTES = 8_000
_SAMPLE_SECONDS = 0.2
_NEAR_LIMIT = 0.6
_PASSED_ON = ("PATH", "LANG", "LC_ALL", "TZ", "PYTHONPATH", "TESSDATA_PREFIX", "LD_LIBRARY_PATH", "EMENTA_TESSDATA")
_MEMORY_WORDS = (b"bad_alloc", b"out of memory", b"Out of memory", b"Cannot allocate memory", b"MemoryError")


class Child:
    """One child process."""

    def __init__(self, process: Process, settings: ExtractionSettings) -> None:
        self.process = process
        self.tasks = 0
        self.hello = Hello(network="open", seccomp=False, address_space_limit=0)
        self._settings = settings
        self._stderr = bytearray()
        self._peak = 0
        self._listening = asyncio.create_task(self._listen())
        self._timer: asyncio.TimerHandle | None = None
        self._ending: asyncio.Task[None] | None = None

    @classmethod
    async def start(cls, settings: ExtractionSettings) -> "Child":
        """Start a process and wait until it has put its limits on; raises `SandboxUnavailable`."""
        try:
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-P", "-m", "ementa.extraction.sandbox.child"),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                env=_environment(os.environ),
                cwd="/",
                start_new_session=True,  # a Ctrl-C at the terminal is for the parent, which then ends us in order
            )
        except OSError as error:
            raise SandboxUnavailable(cause=str(error)) from error
        child = cls(process, settings)
        try:
            async with asyncio.timeout(_START_SECONDS):
                start = Start(memory_bytes=settings.memory_bytes, cpu_seconds=settings.cpu_seconds)
                await child._send(pack(start))
                child.hello = msgspec.msgpack.decode(await child._receive(), type=Hello)
        except (OSError, EOFError, TimeoutError, msgspec.DecodeError) as error:
            await child.kill()
            raise SandboxUnavailable({"stderr": child.stderr}, cause=type(error).__name__) from error
        except BaseException:
            await child.kill()
            raise
        return child

    @property
    def alive(self) -> bool:
        """Whether it can still answer."""
        stdout = self.process.stdout
        return self.process.returncode is None and stdout is not None and not stdout.at_eof()

    @property
    def stderr(self) -> str:
        """The end of what it wrote there."""
        return self._stderr.decode(errors="replace")

    async def ask(self, request: bytes, timeout: float) -> Reply:
        """One task; raises the error that its death means."""
        self.tasks += 1
        sampling = asyncio.create_task(self._sample())
        try:
            async with asyncio.timeout(timeout):
                await self._send(request)
                return msgspec.msgpack.decode(await self._receive(), type=Reply)
        except TimeoutError as error:
            raise ExtractionTimeout(seconds=round(timeout, 1)) from error
        except (OSError, EOFError, ValueError) as error:
            raise await self._epitaph() from error
        finally:
            sampling.cancel()

    async def kill(self) -> None:
        """End it now and wait until it has gone; safe to call again."""
        self.stop_idling()
        if self._ending is None:
            self._ending = asyncio.create_task(self._end())
        await asyncio.shield(self._ending)

    def idle(self, seconds: float, among: "list[Child]") -> None:
        """End it unless it is taken from `among` within `seconds`."""

        def retire() -> None:
            if self in among:
                among.remove(self)
                self._ending = asyncio.ensure_future(self._end())

        self._timer = asyncio.get_running_loop().call_later(seconds, retire)

    def stop_idling(self) -> None:
        """It is needed again."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    async def _end(self) -> None:
        with suppress(ProcessLookupError):
            self.process.kill()
        await self.process.wait()
        if self.process.stdin is not None:
            self.process.stdin.close()
        self._listening.cancel()
        with suppress(asyncio.CancelledError):
            await self._listening

    async def _send(self, message: bytes) -> None:
        stdin = self.process.stdin
        if stdin is None:
            raise EOFError
        stdin.write(message)
        await stdin.drain()

    async def _receive(self) -> bytes:
        stdout = self.process.stdout
        if stdout is None:
            raise EOFError
        return await stdout.readexactly(body_length(await stdout.readexactly(LENGTH_BYTES)))

    async def _listen(self) -> None:
        stderr = self.process.stderr
        while stderr is not None and (chunk := await stderr.read(4096)):
            self._stderr += chunk
            del self._stderr[:-_STDERR_BYTES]

    async def _sample(self) -> None:
        """Watch the address space while it works: how a death by memory is told from another."""
        while self.alive:
            self._peak = max(self._peak, memory_of(self.process.pid)[0])
            await asyncio.sleep(_SAMPLE_SECONDS)

    async def _epitaph(self) -> EmentaError:
        """Why it died, as far as can be told from outside."""
        await self.process.wait()
        with suppress(TimeoutError):
            await asyncio.wait_for(asyncio.shield(self._listening), 1.0)
        status = self.process.returncode or 0
        details = {"status": status, "signal": _signal_name(-status)}
        log.warning("a child of the sandbox died", extra={**details, "stderr": self.stderr[-2000:]})
        if -status == signal.SIGXCPU:
            return ExtractionTimeout(details, seconds=self._settings.cpu_seconds)
        near = self.hello.address_space_limit and self._peak > _NEAR_LIMIT * self.hello.address_space_limit
        if near or any(words in self._stderr for words in _MEMORY_WORDS):
            return ExtractionOutOfMemory(details, limit_mb=self._settings.memory_bytes // 1_000_000)
        return ExtractionCrashed(details)


def _environment(ours: Mapping[str, str]) -> dict[str, str]:
    """What a child may know of our environment: nothing secret, and one thread for each engine."""
    passed = {name: ours[name] for name in _PASSED_ON if name in ours}
    return {"LANG": "C.UTF-8", **passed, "OMP_THREAD_LIMIT": "1", "OMP_NUM_THREADS": "1", "MALLOC_ARENA_MAX": "1"}


def memory_of(pid: int) -> tuple[int, int]:
    """Address space and resident memory of a process in bytes; zeros when it has gone."""
    try:
        fields = Path(f"/proc/{pid}/statm").read_text().split()
    except OSError:
        return 0, 0
    page = os.sysconf("SC_PAGE_SIZE")
    return int(fields[0]) * page, int(fields[1]) * page


def _signal_name(number: int) -> str:
    with suppress(ValueError):
        return signal.Signals(number).name
    return ""
