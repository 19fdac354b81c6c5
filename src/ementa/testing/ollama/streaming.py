"""Writes a generation as Ollama does: NDJSON, or one object when `stream` is false."""

import asyncio
import itertools
import time
from contextlib import aclosing, suppress
from typing import Any

from aiohttp import web

from ementa.testing.ollama import wire
from ementa.testing.ollama.generation import (
    Ask,
    Brain,
    Broke,
    ConnectionCut,
    LimitReached,
    Piece,
    Refused,
    StoppedSilently,
    count_tokens,
    generate,
)
from ementa.testing.ollama.modes import Mode
from ementa.testing.ollama.stats import Stats
from ementa.testing.wire_faults import redirect_to_itself, send_endless_headers, send_long_line

CONTEXT_ERROR = "request (9000 tokens) exceeds the available context size (4096 tokens), try increasing it"
_REFUSALS = {
    "fail-before": (500, "llama runner process has terminated: exit status 2"),
    "busy": (503, "server busy, please try again.  maximum pending requests exceeded"),
    "context-overflow": (400, CONTEXT_ERROR),
}


class Writer:
    """Lines of one answer."""

    def __init__(self, request: web.Request, stats: Stats, model: str, form: str, *, streamed: bool) -> None:
        self.request = request
        self.streamed = streamed
        self._stats = stats
        self._model = model
        self._form = form
        self._started = time.perf_counter_ns()
        self._response: web.StreamResponse | None = None

    def line(
        self, text: str = "", thinking: str = "", calls: list[dict[str, Any]] | None = None, *, done: bool = False
    ) -> dict[str, Any]:
        """A line of the answer, `/api/chat` or `/api/generate`. What is empty is left out, but for the text."""
        line: dict[str, Any] = {"model": self._model, "created_at": wire.timestamp()}
        thoughts = {"thinking": thinking} if thinking else {}
        if self._form == "chat":
            message: dict[str, Any] = {"role": "assistant", "content": text, **thoughts}
            return {**line, "message": message | ({"tool_calls": calls} if calls else {}), "done": done}
        return {**line, "response": text, **thoughts, "done": done}

    def counters(self, reason: str, prompt_tokens: int, tokens: int) -> dict[str, Any]:
        """What the `done` line adds. Counters that are zero are left out, as Go's `omitempty` does."""
        elapsed = time.perf_counter_ns() - self._started
        counters = {
            "total_duration": elapsed,
            "load_duration": 1_000_000,
            "prompt_eval_count": prompt_tokens,
            "prompt_eval_duration": elapsed // 4,
            "eval_count": tokens,
            "eval_duration": elapsed // 2,
        }
        context = {"context": list(range(prompt_tokens + tokens))} if self._form == "generate" else {}
        return {"done_reason": reason, **context, **{k: v for k, v in counters.items() if v}}

    async def write(self, data: bytes) -> None:
        """Bytes of the body; the headers go before the first."""
        await (await self.begun()).write(data)
        self._stats.sent += data

    async def begun(self) -> web.StreamResponse:
        """The response, its headers sent."""
        if self._response is None:
            self._response = web.StreamResponse(headers={"Content-Type": "application/x-ndjson"})
            await self._response.prepare(self.request)
        return self._response

    async def fail(self, status: int, message: str) -> web.StreamResponse:
        """An error: with its status before the first byte, as a last line after it."""
        if self._response is None:
            return wire.answer({"error": message}, status)
        await self.write(wire.encode({"error": message}) + b"\n")
        return self._response

    def whole(self, line: dict[str, Any]) -> web.Response:
        """An answer of one object."""
        response = wire.answer(line)
        self._stats.sent += bytes(response.body) if isinstance(response.body, bytes | bytearray) else b""
        return response

    def cut(self) -> web.StreamResponse:
        """Break the connection."""
        if self.request.transport is not None:
            self.request.transport.abort()
        return self._response or web.Response()

    async def finished(self) -> web.StreamResponse:
        """The response, ended."""
        response = await self.begun()
        await response.write_eof()
        return response


async def answer_generation(ask: Ask, mode: Mode, brain: Brain, writer: Writer) -> web.StreamResponse:
    """The whole answer to one request to generate."""
    await asyncio.sleep(mode.milliseconds("slow-headers"))
    refused = await _refused(mode, writer)
    if refused is not None:
        return refused
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


async def _refused(mode: Mode, writer: Writer) -> web.StreamResponse | None:
    """What answers in place of a generation; None when nothing does."""
    if mode.kind in _REFUSALS:
        return await writer.fail(*_REFUSALS[mode.kind])
    if mode.kind == "status":
        return await writer.fail(mode.number, f"status {mode.number} on purpose")
    if mode.kind == "hang":
        await asyncio.Event().wait()
    if mode.kind == "no-answer":
        return writer.cut()
    if mode.kind == "redirect":
        return redirect_to_itself(writer.request)
    if mode.kind == "endless-headers":
        return await send_endless_headers(writer.request)
    return None


async def _send(ask: Ask, mode: Mode, brain: Brain, writer: Writer) -> web.StreamResponse:
    pieces: list[Piece] = []
    reason = "length"
    with suppress(LimitReached):
        async with aclosing(generate(ask, mode, brain)) as generated:
            async for piece in generated:
                pieces.append(piece)
                if writer.streamed:
                    await _write_piece(piece, mode, writer)
                if len(pieces) >= ask.max_tokens:
                    raise LimitReached
        reason = "stop"
    silent = mode.kind == "empty"
    counters = writer.counters(reason, 0 if silent else count_tokens(ask.prompt), len(pieces))
    if not writer.streamed:
        text, thinking = "".join(p.text for p in pieces), "".join(p.thinking for p in pieces)
        return writer.whole(writer.line(text, thinking, [p.call for p in pieces if p.call], done=True) | counters)
    end = b"" if mode.kind == "no-newline" else b"\n"
    await writer.write(wire.encode(writer.line(done=True) | counters) + end)
    return await writer.finished()


async def _write_piece(piece: Piece, mode: Mode, writer: Writer) -> None:
    line = wire.encode(writer.line(piece.text, piece.thinking, [piece.call] if piece.call else None)) + b"\n"
    if mode.kind == "broken-line":
        await writer.write(b'{"model":"x","message":{"content"\n')
    elif mode.kind == "not-utf8":
        await writer.write(line.replace(b'"content":"', b'"content":"\xff\xc3').replace(b'"response":"', b'"\xff":"'))
    elif mode.kind == "long-line":
        await send_long_line(await writer.begun(), line[:-2] + b',"more":"', b'"}\n')
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
