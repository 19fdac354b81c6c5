"""A fast model server in this process that knows of each stream when it began and when its connection was let go."""

import asyncio
import re
import time
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager

from ementa.testing.fast import Connection
from ementa.testing.openai.fast import make_reply

_NAME = re.compile(rb"stream-([0-9]+)")


class Upstream:
    """Its streams by number, which the text of a request names as `stream-7`."""

    def __init__(self, chunks: int, delay: float) -> None:
        """Streams of so many pieces, `delay` seconds apart."""
        self.reply = make_reply(chunks, False)
        self.delay = delay
        self.connections = 0
        """Open now."""
        self.running: set[int] = set()
        self.finished = 0
        self.released: dict[int, float] = {}
        """When the connection of a stream that had not ended was closed, by `time.monotonic`."""


class _Line(Connection):
    """One connection to it."""

    def __init__(self, upstream: Upstream) -> None:
        super().__init__(self._answer, upstream.delay)
        self._upstream = upstream
        self._stream: int | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self._upstream.connections += 1

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self._upstream.connections -= 1
        if self._stream is not None:
            self._upstream.running.discard(self._stream)
            self._upstream.released[self._stream] = time.monotonic()

    def _answer(self, head: bytes, body: bytes) -> Sequence[bytes]:
        if (found := _NAME.search(body)) is not None:
            self._stream = int(found[1])
            self._upstream.running.add(self._stream)
        return self._upstream.reply(head, body)

    def _drip(self, writes: Sequence[bytes], at: int) -> None:
        super()._drip(writes, at)
        if at + 1 == len(writes) and self._stream is not None:
            self._upstream.running.discard(self._stream)
            self._upstream.finished += 1
            self._stream = None


@asynccontextmanager
async def listening(upstream: Upstream) -> AsyncGenerator[str]:
    """Its address, for Ementa, while it listens."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: _Line(upstream), "127.0.0.1", 0, backlog=4096)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"
    finally:
        server.close()
