"""A real Redis for tests, from Debian's package `redis-tools`, whose one binary is the server too and which starts no
service of its own. It is in memory only, on a free port of the loopback, and dies with the process that started it.
"""

import ctypes
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path

_BINARIES = ("redis-server", "redis-check-rdb")
_SECONDS = 30.0


def find_redis() -> str | None:
    """The path of the server's binary, None when it is not installed."""
    return next((found for name in _BINARIES if (found := shutil.which(name))), None)


class RedisServer:
    """One server. `pause` makes it accept and never answer, `kill` ends it, `start` brings it back empty."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self.port = _free_port()
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Its address."""
        return f"redis://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start it and wait until it answers."""
        binary = find_redis()
        if binary is None:
            raise RuntimeError("Redis is not installed: apt-get install redis-tools")
        options = ["--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
        self._process = subprocess.Popen(
            ["redis-server", *options, "--dir", str(self._directory)],
            executable=binary,
            stdout=subprocess.DEVNULL,
            preexec_fn=_die_with_parent,
        )
        deadline = time.monotonic() + _SECONDS
        while not self._answers():
            if time.monotonic() > deadline or self._process.poll() is not None:
                raise RuntimeError("Redis does not start")
            time.sleep(0.02)

    def pause(self) -> None:
        """Stop it in its tracks."""
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let it go on."""
        self._signal(signal.SIGCONT)

    def kill(self) -> None:
        """End it at once."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def _signal(self, number: signal.Signals) -> None:
        assert self._process is not None
        self._process.send_signal(number)

    def _answers(self) -> bool:
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=1) as connection:
                connection.sendall(b"PING\r\n")
                return connection.recv(16).startswith(b"+PONG")
        except OSError:
            return False


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def _die_with_parent() -> None:
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)
