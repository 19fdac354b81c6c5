"""An Ollama server for benchmarks: one answer, made in advance, at almost no cost of its own.

`python -m ementa.testing.ollama.fast --port 11434 [--chunks 50] [--delay-ms 0]` answers `/api/chat` and
`/api/generate`, whole or as a burst of lines, with a delay one line at a time, and what a client asks besides:
`/api/tags`, `/api/show`, `/api/ps`, `/api/version`.
"""

import re
from collections.abc import Sequence
from typing import Any

from ementa.testing.fast import LAST_CHUNK, Reply, compact, framed, response, run, stream_head
from ementa.testing.ollama.catalogue import MODIFIED, DoubleModel
from ementa.testing.ollama.routes import VERSION

MODEL = DoubleModel("fast:latest", ("completion", "tools"))
WORD = " palavra"
_WHOLE = re.compile(rb'"stream": ?false')


def make_reply(chunks: int, burst: bool) -> Reply:
    """The answers, of so many lines with text; a stream is one write or one a line."""
    short = {
        b"GET /api/version ": response({"version": VERSION}),
        b"GET /api/tags ": response({"models": [MODEL.listed()]}),
        b"POST /api/show ": response(MODEL.shown()),
        b"GET /api/ps ": response({"models": []}),
    }
    forms = {b"POST /api/chat ": "message", b"POST /api/generate ": "response"}
    wholes = {path: [response(_last(form, chunks, WORD * chunks))] for path, form in forms.items()}
    streams = {path: _stream(form, chunks, burst=burst) for path, form in forms.items()}
    absent = response({"error": "404 page not found"}, "404 Not Found")

    def reply(head: bytes, body: bytes) -> Sequence[bytes]:
        for path in forms:
            if head.startswith(path):
                return wholes[path] if _WHOLE.search(body) else streams[path]
        return [next((answer for path, answer in short.items() if head.startswith(path)), absent)]

    return reply


def _stream(form: str, chunks: int, *, burst: bool) -> list[bytes]:
    lines = [*([{**_line(form, WORD), "done": False}] * chunks), _last(form, chunks, "")]
    writes = [framed(compact(line) + b"\n") for line in lines]
    writes = [stream_head("application/x-ndjson") + writes[0], *writes[1:-1], writes[-1] + LAST_CHUNK]
    return [b"".join(writes)] if burst else writes


def _line(form: str, text: str) -> dict[str, Any]:
    said = {"message": {"role": "assistant", "content": text}} if form == "message" else {"response": text}
    return {"model": MODEL.name, "created_at": MODIFIED, **said}


def _last(form: str, chunks: int, text: str) -> dict[str, Any]:
    counters = {
        "total_duration": 1_000_000,
        "load_duration": 1_000,
        "prompt_eval_count": 12,
        "prompt_eval_duration": 1_000,
        "eval_count": chunks,
        "eval_duration": 900_000,
    }
    return {**_line(form, text), "done": True, "done_reason": "stop", **counters}


if __name__ == "__main__":
    run("ementa.testing.ollama.fast", make_reply)
