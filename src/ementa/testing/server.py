"""A real Ementa in processes of its own, server and worker, for journeys, examples and benchmarks."""

import asyncio
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

KEY = "test-key-7f3a9c51e2b84d06"
_OURS = ("EMENTA_", "OLLAMA_", "OPENAI_", "ANTHROPIC_", "GEMINI_", "MODEL_")
"""Settings of whoever runs the tests: none of theirs counts, least of all a key of a vendor."""


def free_port() -> int:
    """A TCP port of the loopback interface that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class RunningProcess:
    """One `ementa` command that runs until told to end. A context manager; `kill` and `start` again at will."""

    command: tuple[str, ...] = ()

    def __init__(self, data: Path, environment: Mapping[str, str] | None = None) -> None:
        """`environment` is added to a clean one that names no model server and no `.env`."""
        self.data = data
        self.key = KEY
        self.log = data.parent / f"{data.name}.{self.command[0]}.log"
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(_OURS)}
        self._environment = {
            **inherited,
            "EMENTA_KEY": KEY,
            "OLLAMA_HOST": "http://127.0.0.1:1",  # nobody listens there
            "EMENTA_DATA": str(data),
            **(environment or {}),
        }
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """Its process id."""
        assert self._process is not None
        return self._process.pid

    def is_ready(self) -> bool:
        """Whether it has come up."""
        return True

    def start(self, timeout: float = 30.0) -> Self:
        """Start it and wait until it is ready; raises with the end of its log when it does not come up."""
        self.data.mkdir(parents=True, exist_ok=True)
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "ementa", *self.command],
                cwd=self.data.parent,
                env=self._environment,
                stdout=log,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
            )
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline and self._process.poll() is None:
            if self.is_ready():
                return self
            time.sleep(0.05)
        self.kill()
        raise RuntimeError(f"it did not become ready:\n{self.log.read_text(errors='replace')[-4000:]}")

    def kill(self) -> None:
        """End it as a power cut would: no warning, no clean-up."""
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(signal.SIGKILL)
        self._wait(10)

    def stop(self, timeout: float = 40.0) -> int:
        """Ask it to end as an administrator would; its exit status."""
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
        return self._wait(timeout)

    def _wait(self, timeout: float) -> int:
        if self._process is None:
            return 0
        try:
            return self._process.wait(timeout)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait(10)
            raise

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop() if kind is None else self.kill()

    async def __aenter__(self) -> Self:
        return await asyncio.to_thread(self.start)

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await asyncio.to_thread(self.__exit__, kind, error, trace)


class RunningServer(RunningProcess):
    """`ementa serve` on a free port with its own data directory."""

    def __init__(self, data: Path, environment: Mapping[str, str] | None = None, port: int | None = None) -> None:
        """See `RunningProcess`; without `port` a free one is taken."""
        self.port = port or free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.command = ("serve", "--host", "127.0.0.1", "--port", str(self.port))
        super().__init__(data, environment)

    def is_ready(self) -> bool:
        """Whether it says so itself."""
        try:
            with urllib.request.urlopen(f"{self.url}/health/ready", timeout=1):
                return True
        except (OSError, urllib.error.URLError):
            return False


class RunningWorker(RunningProcess):
    """`ementa worker`: jobs of a PostgreSQL database, without HTTP."""

    command = ("worker",)
