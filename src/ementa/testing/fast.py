"""What the model servers for benchmarks have in common: answers made in advance, sent at almost no cost of their own.

`openai/fast.py` and `ollama/fast.py` say what is answered. Connections are kept alive; of a request no more is read
than its length, so clients must send `Content-Length`, and what tells the answers apart.
"""

import argparse
import asyncio
import json
import re
import signal
from collections.abc import Callable, Sequence
from typing import Any, cast

import uvloop

_LENGTH = re.compile(rb"content-length: *(\d+)", re.I)
LAST_CHUNK = b"0\r\n\r\n"

Reply = Callable[[bytes, bytes], Sequence[bytes]]
"""The answer to a request, by its head and its body, as the writes that it is sent in."""
MakeReply = Callable[[int, bool], Reply]
"""Makes the answers of so many chunks; whether a stream is one write, or one a chunk."""


class Connection(asyncio.Protocol):
    """One connection of a client."""

    def __init__(self, reply: Reply, delay: float) -> None:
        """`delay` is the time between two writes of an answer, in seconds."""
        self._reply = reply
        self._delay = delay
        self._pending = b""
        self._transport: asyncio.Transport | None = None
        self._timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A client came."""
        self._transport = cast("asyncio.Transport", transport)

    def connection_lost(self, exc: Exception | None) -> None:
        """It left."""
        self._transport = None
        if self._timer is not None:
            self._timer.cancel()

    def data_received(self, data: bytes) -> None:
        """Answer every whole request."""
        data = self._pending + data
        while (end := data.find(b"\r\n\r\n")) >= 0:
            length = _LENGTH.search(data, 0, end)
            total = end + 4 + (int(length[1]) if length else 0)
            if len(data) < total:
                break
            self._drip(self._reply(data[:end], data[end + 4 : total]), 0)
            data = data[total:]
        self._pending = data

    def _drip(self, writes: Sequence[bytes], at: int) -> None:
        if self._transport is None:
            return
        self._transport.write(writes[at])
        if at + 1 < len(writes):
            self._timer = asyncio.get_running_loop().call_later(self._delay, self._drip, writes, at + 1)


def framed(data: bytes) -> bytes:
    """A chunk of an answer whose length is not told before."""
    return b"%x\r\n%s\r\n" % (len(data), data)


def response(body: dict[str, Any], status: str = "200 OK") -> bytes:
    """An answer of one JSON object."""
    data = compact(body)
    head = f"HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {len(data)}\r\n\r\n"
    return head.encode() + data


def stream_head(content_type: str) -> bytes:
    """The head of a stream, as a write."""
    return f"HTTP/1.1 200 OK\r\nContent-Type: {content_type}\r\nTransfer-Encoding: chunked\r\n\r\n".encode()


def compact(body: Any) -> bytes:
    """JSON without blanks."""
    return json.dumps(body, separators=(",", ":"), ensure_ascii=False).encode()


async def serve(host: str, port: int, reply: Reply, delay: float = 0.0) -> asyncio.Server:
    """Listen; close the server to stop."""
    return await asyncio.get_running_loop().create_server(lambda: Connection(reply, delay), host, port, backlog=2048)


def run(module: str, make_reply: MakeReply, path: str = "") -> None:
    """The command line of a server: print its address, which ends in `path`, and listen until SIGINT or SIGTERM."""
    parser = argparse.ArgumentParser(prog=f"python -m {module}", description="A model server for benchmarks.")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on")
    parser.add_argument("--port", type=int, default=0, help="port to listen on; 0 takes a free one")
    parser.add_argument("--chunks", type=int, default=50, help="chunks with text in a stream")
    parser.add_argument("--delay-ms", type=float, default=0.0, help="time between two chunks; 0 sends them all at once")
    given = parser.parse_args()
    reply = make_reply(given.chunks, not given.delay_ms)

    async def listen() -> None:
        server = await serve(given.host, given.port, reply, given.delay_ms / 1000)
        print(f"http://{given.host}:{server.sockets[0].getsockname()[1]}{path}", flush=True)  # noqa: T201
        stopping = asyncio.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, stopping.set)
        await stopping.wait()
        server.close()

    uvloop.run(listen())
