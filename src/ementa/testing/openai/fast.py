"""An OpenAI-compatible server for benchmarks: one answer, made in advance, at almost no cost of its own.

`python -m ementa.testing.openai.fast --port 9000 [--chunks 50] [--delay-ms 0]` answers `GET /v1/models` and
`POST /v1/chat/completions`, whole or as a burst of server-sent events; with a delay, one event at a time. Keeps
connections alive. Reads no more of a request than its length and whether it asks for a stream and for the counts of
tokens; it is for clients that send `Content-Length`.
"""

import argparse
import asyncio
import json
import re
import signal
from typing import Any, cast

import uvloop

MODEL = "fast"
_LENGTH = re.compile(rb"content-length: *(\d+)", re.I)
_STREAM = re.compile(rb'"stream": ?true')
_COUNTS = re.compile(rb'"include_usage": ?true')
_LAST = b"0\r\n\r\n"


class Answers:
    """Every byte that is ever sent."""

    def __init__(self, chunks: int) -> None:
        """`chunks` is the number of events with text in a stream."""
        usage = {"prompt_tokens": 12, "completion_tokens": chunks, "total_tokens": 12 + chunks}
        message = {"role": "assistant", "content": " palavra" * chunks}
        choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": "stop"}
        self.whole = _response({**_head("chat.completion"), "choices": [choice], "usage": usage})
        self.models = _response({"object": "list", "data": [{"id": MODEL, "object": "model", "owned_by": "fast"}]})
        self.absent = _response({"detail": "Not Found"}, "404 Not Found")
        self.head = (
            b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\nTransfer-Encoding: chunked\r\n\r\n"
        )
        deltas = [{"role": "assistant", "content": ""}, *([{"content": " palavra"}] * chunks)]
        self.events = [_event([{"index": 0, "delta": delta, "finish_reason": None}]) for delta in deltas]
        self.events.append(_event([{"index": 0, "delta": {}, "finish_reason": "stop"}]))
        self.counts = _event([], usage)
        self.done = _framed(b"data: [DONE]\n\n")
        self.burst = self.head + b"".join(self.events) + self.done + _LAST
        self.counted_burst = self.head + b"".join(self.events) + self.counts + self.done + _LAST


class Connection(asyncio.Protocol):
    """One connection of a client."""

    def __init__(self, answers: Answers, delay: float) -> None:
        """`delay` is the time between two events, in seconds."""
        self._answers = answers
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
            self._answer(data[:end], data[end + 4 : total])
            data = data[total:]
        self._pending = data

    def _answer(self, head: bytes, body: bytes) -> None:
        assert self._transport is not None
        answers = self._answers
        if head.startswith(b"GET /v1/models "):
            self._transport.write(answers.models)
        elif not head.startswith(b"POST /v1/chat/completions "):
            self._transport.write(answers.absent)
        elif not _STREAM.search(body):
            self._transport.write(answers.whole)
        elif not self._delay:
            self._transport.write(answers.counted_burst if _COUNTS.search(body) else answers.burst)
        else:
            self._transport.write(answers.head)
            last = ([answers.counts] if _COUNTS.search(body) else []) + [answers.done + _LAST]
            self._drip([*answers.events, *last], 0)

    def _drip(self, events: list[bytes], at: int) -> None:
        if self._transport is None:
            return
        self._transport.write(events[at])
        if at + 1 < len(events):
            self._timer = asyncio.get_running_loop().call_later(self._delay, self._drip, events, at + 1)


def _head(kind: str) -> dict[str, Any]:
    return {"id": "chatcmpl-fast", "object": kind, "created": 1_785_542_400, "model": MODEL}


def _event(choices: list[dict[str, Any]], usage: dict[str, Any] | None = None) -> bytes:
    body = {**_head("chat.completion.chunk"), "choices": choices, **({"usage": usage} if usage else {})}
    return _framed(b"data: " + json.dumps(body, separators=(",", ":")).encode() + b"\n\n")


def _framed(data: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(data), data)


def _response(body: dict[str, Any], status: str = "200 OK") -> bytes:
    data = json.dumps(body, separators=(",", ":")).encode()
    head = f"HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {len(data)}\r\n\r\n"
    return head.encode() + data


async def serve(host: str, port: int, chunks: int, delay: float) -> asyncio.Server:
    """Listen; close the server to stop."""
    answers = Answers(chunks)
    return await asyncio.get_running_loop().create_server(lambda: Connection(answers, delay), host, port, backlog=2048)


async def _run(host: str, port: int, chunks: int, delay: float) -> None:
    server = await serve(host, port, chunks, delay)
    print(f"http://{host}:{server.sockets[0].getsockname()[1]}/v1", flush=True)  # noqa: T201
    stopping = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    await stopping.wait()
    server.close()


def main() -> None:
    """Listen until SIGINT or SIGTERM."""
    parser = argparse.ArgumentParser(
        prog="python -m ementa.testing.openai.fast", description="An OpenAI-compatible server for benchmarks."
    )
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on")
    parser.add_argument("--port", type=int, default=0, help="port to listen on; 0 takes a free one")
    parser.add_argument("--chunks", type=int, default=50, help="events with text in a stream")
    parser.add_argument("--delay-ms", type=float, default=0.0, help="time between two events; 0 sends them all at once")
    arguments = parser.parse_args()
    uvloop.run(_run(arguments.host, arguments.port, arguments.chunks, arguments.delay_ms / 1000))


if __name__ == "__main__":
    main()
