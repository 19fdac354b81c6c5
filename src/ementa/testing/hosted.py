"""What the doubles of hosted services do alike: misbehave as a model's name scripts it, and stream events.

The names are those of `testing/ollama/modes.py`; each service gives its own words and statuses.
"""

import asyncio
import itertools
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import aclosing
from typing import Protocol

from aiohttp import web

from ementa.testing.ollama.generation import Ask, Brain, Broke, ConnectionCut, LimitReached, StoppedSilently, generate
from ementa.testing.ollama.modes import Mode
from ementa.testing.wire_faults import redirect_to_itself, send_endless_headers, send_long_line


class Wire(Protocol):
    """One answer in a service's own form."""

    request: web.Request

    def refuse(self, fault: str, status: int = 0) -> web.Response:
        """A refusal: `fault` is `busy`, `fail-before`, `context-overflow` or `status`, which names the `status`."""
        ...

    async def break_off(self) -> web.StreamResponse:
        """An error amid the answer."""
        ...


async def scripted(mode: Mode, wire: Wire, answer: Callable[[], Awaitable[web.StreamResponse]]) -> web.StreamResponse:
    """The answer, or what the mode makes of it."""
    await asyncio.sleep(mode.milliseconds("slow-headers"))
    if mode.kind in ("busy", "fail-before", "context-overflow", "status"):
        return wire.refuse(mode.kind, mode.number)
    if mode.kind == "hang":
        await asyncio.Event().wait()
    if mode.kind == "no-answer":
        return cut(wire.request)
    if mode.kind == "redirect":
        return redirect_to_itself(wire.request)
    if mode.kind == "endless-headers":
        return await send_endless_headers(wire.request)
    try:
        return await answer()
    except (Broke, StoppedSilently):
        return await wire.break_off()
    except ConnectionCut:
        return cut(wire.request)


def cut(request: web.Request) -> web.StreamResponse:
    """Break the connection."""
    if request.transport is not None:
        request.transport.abort()
    return web.Response()


class StopReached(Exception):
    """The answer came to a sequence at which it is to stop."""


async def limited(ask: Ask, mode: Mode, brain: Brain, stops: Sequence[str] = ()) -> AsyncGenerator[str]:
    """The pieces of the answer, of a token each; raises `LimitReached` after as many as were allowed, `StopReached` at
    the first of `stops`."""
    said = ""
    told = 0
    count = 0
    longest = max(map(len, stops), default=1)
    async with aclosing(generate(ask, mode, brain)) as pieces:
        async for piece in pieces:
            count += 1
            said += piece.text
            at = min((said.index(stop) for stop in stops if stop in said), default=-1)
            sure = at if at >= 0 else len(said) - longest + 1
            if sure > told:
                yield said[told:sure]
                told = sure
            if at >= 0:
                raise StopReached
            if count >= ask.max_tokens:
                raise LimitReached
    if told < len(said):
        yield said[told:]


class EventStream:
    """Server-sent events of one answer; the headers go before the first."""

    def __init__(self, request: web.Request, mode: Mode) -> None:
        self._request = request
        self._mode = mode
        self._response: web.StreamResponse | None = None

    @property
    def begun(self) -> bool:
        """Whether a byte has gone."""
        return self._response is not None

    async def write(self, data: bytes) -> None:
        """Bytes of the body as they are."""
        if self._response is None:
            self._response = web.StreamResponse(headers={"Content-Type": "text/event-stream; charset=utf-8"})
            await self._response.prepare(self._request)
        await self._response.write(data)

    async def write_text(self, event: bytes, letters: bytes) -> None:
        """An event that carries `letters` of the answer, spoilt as the mode says."""
        if self._mode.kind == "broken-line":
            await self.write(event.replace(b"{", b"{{{", 1))
        elif self._mode.kind == "long-line":
            await self.write(b"")
            assert self._response is not None
            await send_long_line(self._response, b"data: ", b"\n\n")
        elif self._mode.kind == "not-utf8":
            await self.write(event.replace(letters, b"\xff\xc3", 1))
        elif self._mode.kind == "split-utf8":
            cuts = [at for at, byte in enumerate(event) if byte & 0b1100_0000 == 0b1000_0000]
            for start, end in itertools.pairwise([0, *cuts, len(event)]):
                await self.write(event[start:end])
                await asyncio.sleep(0.002)
        else:
            await self.write(event)

    async def end(self) -> web.StreamResponse:
        """The response, ended."""
        if self._response is None:
            await self.write(b"")
        assert self._response is not None
        await self._response.write_eof()
        return self._response
