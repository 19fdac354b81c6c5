"""Watches a running server from outside: how long `/health` takes to answer, and how much memory is used meanwhile."""

import threading
import time
import urllib.error
import urllib.request
from contextlib import suppress
from typing import Any, Self

import psutil

from ementa.testing.server import RunningServer

PAUSE_SECONDS = 0.1


class Watch:
    """A context manager that asks and measures in a thread of its own until the block ends."""

    def __init__(self, server: RunningServer) -> None:
        self._server = server
        self._end = threading.Event()
        self._threads = [threading.Thread(target=work, daemon=True) for work in (self._ask, self._weigh)]
        self.health_seconds: list[float] = []
        """Each answer of `/health`, whatever it said."""
        self.health_failures: list[str] = []
        """Each time when no answer came, or it was not 200."""
        self.server_bytes = 0
        """Most memory that the server's own process had resident."""
        self.child_bytes = 0
        """Most memory that one of its children had resident."""
        self.tree_bytes = 0
        """Most memory that all had resident together; what they share is counted once a process."""

    def report(self) -> dict[str, Any]:
        """The figures, in seconds and MB."""
        ordered = sorted(self.health_seconds) or [0.0]
        return {
            "health_asked": len(self.health_seconds),
            "health_failures": len(self.health_failures),
            "health_max_seconds": round(ordered[-1], 3),
            "health_p99_seconds": round(ordered[int(len(ordered) * 0.99)], 3) if len(ordered) > 1 else ordered[0],
            "server_rss_mb": round(self.server_bytes / 1e6, 1),
            "child_rss_mb": round(self.child_bytes / 1e6, 1),
            "tree_rss_mb": round(self.tree_bytes / 1e6, 1),
        }

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()
        for thread in self._threads:
            thread.join(30)

    def _ask(self) -> None:
        while not self._end.is_set():
            started = time.monotonic()
            try:
                with urllib.request.urlopen(f"{self._server.url}/health", timeout=30) as answer:
                    answer.read()
            except (urllib.error.URLError, OSError) as error:
                self.health_failures.append(repr(error))
            self.health_seconds.append(time.monotonic() - started)
            self._end.wait(PAUSE_SECONDS)

    def _weigh(self) -> None:
        server = psutil.Process(self._server.pid)
        while not self._end.is_set():
            with suppress(psutil.NoSuchProcess):
                own = server.memory_info().rss
                children = [_resident(child) for child in server.children(recursive=True)]
                self.server_bytes = max(self.server_bytes, own)
                self.child_bytes = max(self.child_bytes, *children, 0)
                self.tree_bytes = max(self.tree_bytes, own + sum(children))
            self._end.wait(PAUSE_SECONDS)


def _resident(process: psutil.Process) -> int:
    try:
        return process.memory_info().rss
    except psutil.NoSuchProcess:
        return 0
