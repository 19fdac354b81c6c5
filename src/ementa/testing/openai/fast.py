"""An OpenAI-compatible server for benchmarks: one answer, made in advance, at almost no cost of its own.

`python -m ementa.testing.openai.fast --port 9000 [--chunks 50] [--delay-ms 0]` answers `GET /v1/models` and
`POST /v1/chat/completions`, whole or as a burst of server-sent events; with a delay, one event at a time.
"""

import re
from collections.abc import Sequence
from typing import Any

from ementa.testing.fast import LAST_CHUNK, Reply, compact, framed, response, run, stream_head

MODEL = "fast"
_STREAM = re.compile(rb'"stream": ?true')
_COUNTS = re.compile(rb'"include_usage": ?true')


def make_reply(chunks: int, burst: bool) -> Reply:
    """The answers, of so many events with text; a stream is one write or one an event."""
    usage = {"prompt_tokens": 12, "completion_tokens": chunks, "total_tokens": 12 + chunks}
    message = {"role": "assistant", "content": " palavra" * chunks}
    choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": "stop"}
    whole = [response({**_head("chat.completion"), "choices": [choice], "usage": usage})]
    models = [response({"object": "list", "data": [{"id": MODEL, "object": "model", "owned_by": "fast"}]})]
    absent = [response({"detail": "Not Found"}, "404 Not Found")]
    uncounted, counted = (_stream(chunks, counts, burst=burst) for counts in (None, usage))

    def reply(head: bytes, body: bytes) -> Sequence[bytes]:
        if head.startswith(b"GET /v1/models "):
            return models
        if not head.startswith(b"POST /v1/chat/completions "):
            return absent
        if not _STREAM.search(body):
            return whole
        return counted if _COUNTS.search(body) else uncounted

    return reply


def _stream(chunks: int, usage: dict[str, Any] | None, *, burst: bool) -> list[bytes]:
    deltas = [{"role": "assistant", "content": ""}, *([{"content": " palavra"}] * chunks)]
    events = [_event([{"index": 0, "delta": delta, "finish_reason": None}]) for delta in deltas]
    events.append(_event([{"index": 0, "delta": {}, "finish_reason": "stop"}]))
    if usage:
        events.append(_event([], usage))
    writes = [stream_head("text/event-stream; charset=utf-8"), *events, framed(b"data: [DONE]\n\n") + LAST_CHUNK]
    return [b"".join(writes)] if burst else writes


def _head(kind: str) -> dict[str, Any]:
    return {"id": "chatcmpl-fast", "object": kind, "created": 1_785_542_400, "model": MODEL}


def _event(choices: list[dict[str, Any]], usage: dict[str, Any] | None = None) -> bytes:
    body = {**_head("chat.completion.chunk"), "choices": choices, **({"usage": usage} if usage else {})}
    return framed(b"data: " + compact(body) + b"\n\n")


if __name__ == "__main__":
    run("ementa.testing.openai.fast", make_reply, "/v1")
