"""Reads newline-delimited JSON as it arrives, wherever the network cuts it."""

from typing import Any, cast

import msgspec

MAX_LINE_BYTES = 16 * 1024 * 1024
UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
"""What decoding JSON raises that somebody else wrote; the last, when it is too deep."""


class LineBroken(ValueError):
    """A line is no JSON object, no UTF-8, or too long."""


class LineReader:
    """What has come of a stream and is no whole line yet. Lines stay bytes: a character split between chunks is whole
    again when they are decoded."""

    def __init__(self, max_bytes: int = MAX_LINE_BYTES) -> None:
        """`max_bytes` bounds one line."""
        self._max_bytes = max_bytes
        self._pending = bytearray()

    def feed(self, chunk: bytes) -> list[bytes]:
        """The lines that `chunk` completes, blank ones left out. Raises `LineBroken` for one that grows too long."""
        end = chunk.rfind(b"\n")
        if end < 0:
            self._pending += chunk
            if len(self._pending) > self._max_bytes:
                self._pending.clear()  # whoever is told may remember this reader for a while
                raise LineBroken(f"a line is longer than {self._max_bytes} bytes")
            return []
        lines = chunk[:end].split(b"\n")
        if self._pending:
            lines[0] = bytes(self._pending) + lines[0]
            self._pending.clear()
        self._pending += chunk[end + 1 :]
        return [line for line in lines if line and not line.isspace()]

    def finish(self) -> list[bytes]:
        """The last line, when the stream ended without its line end."""
        line = bytes(self._pending).strip()
        self._pending.clear()
        return [line] if line else []


def decode_object(data: bytes) -> dict[str, Any]:
    """The JSON object that `data` is; raises `LineBroken`."""
    try:
        value = msgspec.json.decode(data)
    except UNREADABLE as error:
        raise LineBroken(str(error)) from error
    if not isinstance(value, dict):
        raise LineBroken("not a JSON object")
    return cast("dict[str, Any]", value)


def is_deep(value: Any, most: int) -> bool:
    """Whether a JSON value has more levels than `most`."""
    level: list[Any] = [value]
    for _ in range(most):
        inner: list[Any] = []
        for item in level:
            if isinstance(item, dict):
                inner += (part for part in cast("dict[str, Any]", item).values() if isinstance(part, dict | list))
            elif isinstance(item, list):
                inner += (part for part in cast("list[Any]", item) if isinstance(part, dict | list))
        if not inner:
            return False
        level = inner
    return True
