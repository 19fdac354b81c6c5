"""Lines on disk until they are safe elsewhere: one append a line, so that a killed process loses none.

A process appends to a segment of its own, which it keeps locked. To empty the spool it takes what is full (`take`) and
goes on with another segment; when the lines are safe it gives the segment back (`done`) to be used again. The locks
end with their process: its segments are then taken over by whoever looks (`adopt`).
"""

import fcntl
import logging
import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from ementa.kit.ids import new_id

log = logging.getLogger(__name__)

_SUFFIX = ".spool"
_SEGMENT_BYTES = 4_000_000
"""A segment that waits longer than it should is closed at this size; each one open costs a descriptor."""


@dataclass(slots=True)
class Segment:
    """One locked file of lines."""

    path: Path
    descriptor: int
    size: int
    replayed: bool = False
    """Whether some of its lines may be safe already: it comes from another process, or was tried before."""

    def lines(self) -> Iterator[bytes]:
        """Its whole lines; the last may have been torn by a power cut."""
        data = os.pread(self.descriptor, self.size, 0)
        for line in data.split(b"\n")[:-1]:
            if line:
                yield line


class Spool:
    """The segments of one process. Everything here is a system call or two and may run on the event loop."""

    def __init__(self, directory: Path, max_bytes: int) -> None:
        """`directory` is made when the first line comes. At most `max_bytes` wait in it."""
        self._directory = directory
        self._max_bytes = max_bytes
        self._active: Segment | None = None
        self._spare: Segment | None = None
        self._waiting: list[Segment] = []

    @property
    def size(self) -> int:
        """Bytes that wait."""
        active = self._active.size if self._active else 0
        return active + sum(segment.size for segment in self._waiting)

    def append(self, line: bytes) -> bool:
        """Write a line, which brings its own line end; False when the disk or the spool is full."""
        try:
            segment = self._active
            if segment is None or segment.size + len(line) > _SEGMENT_BYTES:
                segment = self._next()
            if self._waiting and self.size + len(line) > self._max_bytes:
                return False
            if os.write(segment.descriptor, line) == len(line):
                segment.size += len(line)
                return True
            # Half a line on a full disk would spoil the next one.
            os.ftruncate(segment.descriptor, segment.size)
        except OSError as error:
            log.debug("spool not written", extra={"cause": type(error).__name__})
        return False

    def turn(self) -> int:
        """How many segments wait, from now on also the one with the lines so far; later lines go to another."""
        if self._active is not None and self._active.size:
            self._waiting.append(self._active)
            self._active = None
        return len(self._waiting)

    def take(self) -> Segment | None:
        """The segment that waits longest; None when no line waits. It stays ours until `done`."""
        if not self._waiting:
            self.turn()
        return self._waiting[0] if self._waiting else None

    def done(self, segment: Segment) -> None:
        """Its lines are safe: empty it."""
        self._waiting.remove(segment)
        if self._spare is None and not segment.replayed:
            os.ftruncate(segment.descriptor, 0)
            segment.size = 0
            self._spare = segment
        else:
            _remove(segment)

    def adopt(self) -> int:
        """Take over the segments of processes that have ended; returns how many."""
        ours = {segment.path for segment in self._all()}
        found = 0
        for path in sorted(self._directory.glob(f"*{_SUFFIX}")):
            segment = None if path in ours else _lock(path)
            if segment is None:
                continue
            if segment.size:
                self._waiting.append(segment)
                found += 1
            else:
                _remove(segment)
        return found

    def sync(self) -> None:
        """Make what waits survive a power cut. Slow: not for the event loop."""
        for segment in self._all():
            with suppress(OSError):  # closed meanwhile, because its lines are safe
                os.fsync(segment.descriptor)

    def close(self) -> None:
        """Let go of the segments; those with lines stay on disk for the next process."""
        for segment in self._all():
            if segment.size:
                os.close(segment.descriptor)
            else:
                _remove(segment)
        self._active = self._spare = None
        self._waiting = []

    def _all(self) -> list[Segment]:
        return [*self._waiting, *(segment for segment in (self._active, self._spare) if segment is not None)]

    def _next(self) -> Segment:
        if self._active is not None:
            self._waiting.append(self._active)
            self._active = None
        if self._spare is not None:
            self._active, self._spare = self._spare, None
            return self._active
        self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        path = self._directory / f"{new_id()}{_SUFFIX}"
        # Locked before it has its name: else somebody could take it over in between.
        unnamed = path.with_suffix(".new")
        descriptor = os.open(unnamed, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        unnamed.rename(path)
        self._active = Segment(path, descriptor, 0)
        return self._active


def _lock(path: Path) -> Segment | None:
    """The segment, if nobody holds it and it is still there."""
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CLOEXEC)
    except OSError:
        return None
    with suppress(OSError):  # somebody else's, or gone
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        held = os.fstat(descriptor)
        if path.stat().st_ino == held.st_ino:
            return Segment(path, descriptor, held.st_size, replayed=True)
    os.close(descriptor)
    return None


def _remove(segment: Segment) -> None:
    segment.path.unlink(missing_ok=True)
    os.close(segment.descriptor)
