"""The loop inside a child process: one message in, one function of ours called, one message out.

Run as `python -m ementa.extraction.sandbox.child` by `pool.py` only.
"""

import ctypes
import faulthandler
import importlib
import logging
import os
from collections.abc import Callable
from typing import IO, Any

import msgspec

from ementa.extraction.errors import ExtractionBug, ExtractionOutOfMemory
from ementa.extraction.sandbox import isolation
from ementa.extraction.sandbox.wire import LENGTH_BYTES, TARGET, Reply, Request, Start, body_length, pack
from ementa.kit.errors import EmentaError

_TRIM_ABOVE = 150_000_000
_REPLACE_ME = 1 << 60  # more than any limit: after an allocation failed, what is left behind is unknown
_MOST_NOTES, _NOTE_LENGTH = 20, 4000
_libc = ctypes.CDLL(None)


log = logging.getLogger(__name__)


class _Notes(logging.Handler):
    """Keeps what is logged during a task, for the parent to log with the request id."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        if len(self.lines) < _MOST_NOTES:
            self.lines.append(self.format(record)[-_NOTE_LENGTH:])


_notes = _Notes()


def main() -> None:
    """Serve requests until the parent closes its end."""
    logging.getLogger("ementa").addHandler(_notes)
    incoming, outgoing = _take_pipes()
    start = msgspec.msgpack.decode(_read(incoming) or b"", type=Start)
    faulthandler.enable()
    _send(outgoing, isolation.apply(start.memory_bytes, start.cpu_seconds))
    while (body := _read(incoming)) is not None:
        request = msgspec.msgpack.decode(body, type=Request)
        del body
        isolation.limit_cpu(start.cpu_seconds)
        _write(outgoing, _answer(request, start))
        del request


def _take_pipes() -> tuple[IO[bytes], IO[bytes]]:
    """Our two pipes under new numbers; what a library prints goes to stderr, and it finds nothing to read."""
    incoming, outgoing = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb", buffering=0)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.dup2(2, 1)
    os.close(nothing)
    return incoming, outgoing


def _read(incoming: IO[bytes]) -> bytes | None:
    prefix = incoming.read(LENGTH_BYTES)
    if len(prefix) < LENGTH_BYTES:
        return None
    length = body_length(prefix)
    body = incoming.read(length)
    return body if len(body) == length else None


def _send(outgoing: IO[bytes], message: msgspec.Struct) -> None:
    _write(outgoing, pack(message))


def _write(outgoing: IO[bytes], data: bytes) -> None:
    rest = memoryview(data)
    while rest:
        rest = rest[outgoing.write(rest) :]


def _answer(request: Request, start: Start) -> bytes:
    _notes.lines.clear()
    try:
        result = _function(request.target)(*request.args)
        return pack(Reply(result=result, rss_bytes=_settle(), notes=tuple(_notes.lines)))
    except EmentaError as error:
        return pack(Reply(error=error.to_record(), rss_bytes=_settle(), notes=tuple(_notes.lines)))
    except MemoryError:
        record = ExtractionOutOfMemory(limit_mb=start.memory_bytes // 1_000_000).to_record()
        return pack(Reply(error=record, rss_bytes=_REPLACE_ME))
    except Exception as error:  # the one place where any failure becomes a message: the parent raises it again
        log.exception("a reader failed")
        cause = type(error).__name__
        record = ExtractionBug(details={"type": cause}, cause=cause).to_record()
        return pack(Reply(error=record, rss_bytes=_settle(), notes=tuple(_notes.lines)))


def _function(target: str) -> Callable[..., Any]:
    if not TARGET.fullmatch(target):
        raise PermissionError(f"{target} may not be called")
    module, _, name = target.partition(":")
    return getattr(importlib.import_module(module), name)


def _settle() -> int:
    """Resident memory after giving freed pages back to the system when it is worth it."""
    resident = isolation.resident_bytes()
    if resident > _TRIM_ABOVE:
        _libc.malloc_trim(0)
        resident = isolation.resident_bytes()
    return resident


if __name__ == "__main__":
    main()
