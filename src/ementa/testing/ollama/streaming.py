"""Writes a generation as Ollama does: NDJSON, or one object when `stream` is false."""

import asyncio
import itertools
import json
import time
from contextlib import aclosing, suppress
from datetime import UTC, datetime
from typing import Any

from aiohttp import web

from ementa.testing.ollama.generation import (
    Ask,
    Brain,
    Broke,
    ConnectionCut,
    LimitReached,
    Refused,
    StoppedSilently,
    count_tokens,
    generate,
)
from ementa.testing.ollama.modes import Mode

CONTEXT_ERROR = "request (9000 tokens) exceeds the available context size (4096 tokens), try increasing it"
_REFUSALS = {
    "fail-before": (500, "llama runner process has terminated: exit status 2"),
    "busy": (503, "server busy, please try again.  maximum pending requests exceeded"),
    "context-overflow": (400, CONTEXT_ERROR),
}


class Writer:
    """Lines of one answer."""

    def __init__(self, request: web.Request, model: str, form: str, *, streamed: bool) -> None:
        self.request = request
        self.streamed = streamed
        self._model = model
        self._form = form
        self._started = time.perf_counter_ns()
        self._response: web.StreamResponse | None = None

    def line(self, text: str, *, done: bool = False) -> dict[str, Any]:
        """A line of the answer, `/api/chat` or `/api/generate`."""
        line: dict[str, Any] = {"model": self._model, "created_at": datetime.now(UTC).isoformat()}
        if self._form == "chat":
            return {**line, "message": {"role": "assistant", "content": text}, "done": done}
        return {**line, "response": text, "done": done}

    def last_line(self, reason: str, prompt_tokens: int, tokens: int) -> dict[str, Any]:
        """The `done` line. Counters that are zero are left out, as Go's `omitempty` does."""
        elapsed = time.perf_counter_ns() - self._started
        counters = {
            "total_duration": elapsed,
            "load_duration": 1_000_000,
            "prompt_eval_count": prompt_tokens,
            "prompt_eval_duration": elapsed // 4,
            "eval_count": tokens,
            "eval_duration": elapsed // 2,
        }
        return {**self.line("", done=True), "done_reason": reason, **{k: v for k, v in counters.items() if v}}

    async def write(self, data: bytes) -> None:
        """Bytes of the body; the headers go before the first."""
        if self._response is None:
            self._response = web.StreamResponse(headers={"Content-Type": "application/x-ndjson"})
            await self._response.prepare(self.request)
        await self._response.write(data)

    async def fail(self, status: int, message: str) -> web.StreamResponse:
        """An error: with its status before the first byte, as a last line after it."""
        if self._response is None:
            return web.json_response({"error": message}, status=status)
        await self.write(json.dumps({"error": message}).encode() + b"\n")
        return self._response

    def cut(self) -> web.StreamResponse:
        """Break the connection."""
        if self.request.transport is not None:
            self.request.transport.abort()
        return self._response or web.Response()

    async def finished(self) -> web.StreamResponse:
        """The response, ended."""
        if self._response is None:
            await self.write(b"")
        assert self._response is not None
        await self._response.write_eof()
        return self._response


async def answer_generation(ask: Ask, mode: Mode, brain: Brain, writer: Writer) -> web.StreamResponse:
    """The whole answer to one request to generate."""
    await asyncio.sleep(mode.milliseconds("slow-headers"))
    if mode.kind in _REFUSALS:
        return await writer.fail(*_REFUSALS[mode.kind])
    if mode.kind == "status":
        return await writer.fail(mode.number, f"status {mode.number} on purpose")
    if mode.kind == "hang":
        await asyncio.Event().wait()
    if mode.kind == "no-answer":
        return writer.cut()
    try:
        return await _send(ask, mode, brain, writer)
    except Refused as error:
        return await writer.fail(error.status, str(error))
    except Broke as error:
        return await writer.fail(500, str(error))
    except StoppedSilently:
        return await writer.finished()
    except ConnectionCut:
        return writer.cut()


async def _send(ask: Ask, mode: Mode, brain: Brain, writer: Writer) -> web.StreamResponse:
    texts: list[str] = []
    reason = "length"
    with suppress(LimitReached):
        async with aclosing(generate(ask, mode, brain)) as pieces:
            async for piece in pieces:
                texts.append(piece)
                if writer.streamed:
                    await _write_piece(piece, mode, writer)
                if len(texts) >= ask.max_tokens:
                    raise LimitReached
        reason = "stop"
    silent = mode.kind == "empty"
    last = writer.last_line(reason, 0 if silent else count_tokens(ask.prompt), len(texts))
    if not writer.streamed:
        return web.json_response(_joined(last, "".join(texts)))
    end = b"" if mode.kind == "no-newline" else b"\n"
    await writer.write(json.dumps(last).encode() + end)
    return await writer.finished()


async def _write_piece(piece: str, mode: Mode, writer: Writer) -> None:
    line = json.dumps(writer.line(piece), ensure_ascii=False).encode() + b"\n"
    if mode.kind == "broken-line":
        await writer.write(b'{"model": "x", "message": {"content"\n')
    elif mode.kind == "not-utf8":
        await writer.write(line.replace(b'"content": "', b'"content": "\xff\xc3'))
    elif mode.kind == "split-utf8":
        for part in _halved_characters(line):
            await writer.write(part)
            await asyncio.sleep(0.002)
    else:
        await writer.write(line)


def _halved_characters(line: bytes) -> list[bytes]:
    """The line cut in the middle of each character that is more than one byte long."""
    cuts = [at for at, byte in enumerate(line) if byte & 0b1100_0000 == 0b1000_0000]
    return [line[start:end] for start, end in itertools.pairwise([0, *cuts, len(line)])]


def _joined(last: dict[str, Any], text: str) -> dict[str, Any]:
    if "message" in last:
        return {**last, "message": {"role": "assistant", "content": text}}
    return {**last, "response": text}
