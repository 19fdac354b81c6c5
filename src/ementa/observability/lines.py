"""Where log lines are written: the console, and a rotated file that only its owner reads.

A line may be written at once, or wait a moment for others (`put`): one write for many lines is what makes a line per
request cheap. Whatever is written at once takes along what waited, so the order is kept; so does `flush`, which the end
of the process calls.
"""

import asyncio
import logging
import os
import threading
from pathlib import Path
from typing import TextIO

WAIT_SECONDS = 0.1
"""How long a line waits at most. A process that is killed loses no more than that."""
_MOST_WAITING = 1000


class LineHandler(logging.Handler):
    """Writes whole lines."""

    def __init__(self) -> None:
        super().__init__()
        self._waiting: list[str] = []
        self._guard = self.lock or threading.RLock()

    def emit(self, record: logging.LogRecord) -> None:
        """Write a record at once."""
        try:
            self._waiting.append(self.format(record))
            self._write_waiting()
        except Exception:
            self.handleError(record)

    def put(self, line: str) -> None:
        """Write a line soon. Only on the event loop."""
        with self._guard:
            self._waiting.append(line)
            many = len(self._waiting)
            if many >= _MOST_WAITING:
                self.flush()
        if many == 1:
            asyncio.get_running_loop().call_later(WAIT_SECONDS, self.flush)

    def flush(self) -> None:
        """Write what waits."""
        with self._guard:
            if self._waiting:
                try:
                    self._write_waiting()
                except (OSError, ValueError):  # a full disk, or a console that is gone: requests go on
                    return

    def close(self) -> None:
        """Write what waits and let go."""
        self.flush()
        super().close()

    def write(self, text: str) -> None:
        """Lines, each with its end."""
        raise NotImplementedError

    def _write_waiting(self) -> None:
        waiting, self._waiting = self._waiting, []
        self.write("\n".join(waiting) + "\n")


class ConsoleLines(LineHandler):
    """To the console."""

    def __init__(self, stream: TextIO) -> None:
        super().__init__()
        self._stream = stream

    def write(self, text: str) -> None:
        """Lines, each with its end."""
        self._stream.write(text)
        self._stream.flush()


class FileLines(LineHandler):
    """To a file; when it is full it becomes `.1`, the one before `.2`, and so on."""

    def __init__(self, path: Path, max_bytes: int, kept: int) -> None:
        """`max_bytes` bounds the file, `kept` how many older ones stay."""
        super().__init__()
        self._path = path
        self._max_bytes = max_bytes
        self._kept = kept
        self._open()

    def write(self, text: str) -> None:
        """Lines, each with its end."""
        data = text.encode("utf-8", "backslashreplace")
        if self._max_bytes and self._size and self._size + len(data) > self._max_bytes:
            self._rotate()
        self._file.write(data)
        self._size += len(data)

    def close(self) -> None:
        """Write what waits and close the file."""
        super().close()
        self._file.close()

    def _open(self) -> None:
        descriptor = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        self._file = os.fdopen(descriptor, "ab", buffering=0)
        self._size = os.fstat(descriptor).st_size

    def _rotate(self) -> None:
        self._file.close()
        if self._kept:
            for number in range(self._kept - 1, 0, -1):
                older = self._named(number)
                if older.exists():
                    older.replace(self._named(number + 1))
            self._path.replace(self._named(1))
        else:
            self._path.unlink(missing_ok=True)
        self._open()

    def _named(self, number: int) -> Path:
        return self._path.with_name(f"{self._path.name}.{number}")
