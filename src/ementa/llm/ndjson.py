"""Reads newline-delimited JSON as it arrives, wherever the network cuts it."""

from collections.abc import AsyncGenerator, AsyncIterable
from typing import Any, cast

import msgspec

MAX_LINE_BYTES = 16 * 1024 * 1024


class LineBroken(ValueError):
    """A line is no JSON object, no UTF-8, or too long."""


async def read_lines(chunks: AsyncIterable[bytes]) -> AsyncGenerator[dict[str, Any], None]:
    """Each line's object. Bytes are decoded by whole lines, so a character split between chunks stays whole.

    A last line without its line end counts. Raises `LineBroken`.
    """
    pending = bytearray()
    async for chunk in chunks:
        searched = len(pending)
        pending += chunk
        while (end := pending.find(b"\n", searched)) >= 0:
            line = bytes(pending[:end])
            del pending[: end + 1]
            searched = 0
            if line.strip():
                yield decode_object(line)
        if len(pending) > MAX_LINE_BYTES:
            raise LineBroken(f"a line is longer than {MAX_LINE_BYTES} bytes")
    if pending.strip():
        yield decode_object(bytes(pending))


def decode_object(data: bytes) -> dict[str, Any]:
    """The JSON object that `data` is; raises `LineBroken`."""
    try:
        value = msgspec.json.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise LineBroken(str(error)) from error
    if not isinstance(value, dict):
        raise LineBroken("not a JSON object")
    return cast("dict[str, Any]", value)
