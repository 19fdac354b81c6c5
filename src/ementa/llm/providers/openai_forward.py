"""Passes an answer through as it is, looking only for what the gateway must know: tokens, errors, the end.

Nothing is decoded but the counts of tokens. A stream goes on by whole events, which is how servers send them anyway, so
that the event with the counts can be kept from a client who did not ask for it.
"""

import re
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from functools import lru_cache
from types import TracebackType
from typing import Any, Self, cast

import aiohttp
import msgspec

from ementa.kit.errors import EmentaError
from ementa.kit.limits import Limit
from ementa.llm.base import Forward
from ementa.llm.errors import ModelFailed
from ementa.llm.http import MAX_BODY_BYTES, too_slow
from ementa.llm.ndjson import UNREADABLE
from ementa.llm.providers.openai_errors import ended_early, error_in, unreadable
from ementa.llm.providers.openai_events import TokenCounts, read_counts
from ementa.llm.types import Usage

EVENTS = "text/event-stream"
MAX_EVENT_BYTES = 16 * 1024 * 1024
COUNTED_PATHS = frozenset({"/chat/completions", "/completions"})
"""Whose streams tell their tokens when `stream_options` asks for it, and end with `[DONE]`."""
_DATA = re.compile(rb"^data: ?(.*?)\r?$", re.M)
_FINISH = re.compile(rb'finish_reason": ?"(\w+)"')
_ENDS = (b"\n\n", b"\r\n\r\n")

Opened = AbstractAsyncContextManager[aiohttp.ClientResponse]
Explain = Callable[[Mapping[str, Any]], EmentaError]
"""What an error within an answer means."""


class _Counted(msgspec.Struct):
    usage: msgspec.Raw = msgspec.Raw(b"null")
    choices: list[msgspec.Raw] | None = None


_decode_counted = msgspec.json.Decoder(_Counted).decode


def asks_for_counts(body: Mapping[str, Any]) -> bool:
    """Whether the client itself wants the event with the counts."""
    return bool(_stream_options(body).get("include_usage"))


def with_counts(body: dict[str, Any]) -> dict[str, Any]:
    """The request, asking for the counts too; the same object when it did already."""
    options = _stream_options(body)
    return body if options.get("include_usage") else {**body, "stream_options": {**options, "include_usage": True}}


def _stream_options(body: Mapping[str, Any]) -> dict[str, Any]:
    options = body.get("stream_options")
    return cast("dict[str, Any]", options) if isinstance(options, dict) else {}


@lru_cache(maxsize=256)
def longest_silence(seconds: float, connect: float | None) -> aiohttp.ClientTimeout:
    """The limit of a stream."""
    return aiohttp.ClientTimeout(total=None, sock_connect=connect, sock_read=seconds)


class PassingOn:
    """The context in which an answer is passed on. A class, for as a generator it would cost as much as the request."""

    __slots__ = ("_answer", "_call", "_explain", "_limit", "_open", "_opened", "_seconds")

    def __init__(
        self,
        open_: Callable[[], Awaitable[tuple[Opened, aiohttp.ClientResponse]]],
        call: Forward,
        seconds: float,
        explain: Explain,
    ) -> None:
        """`open_` sends the request, and gives what lets go of the answer with it. `seconds` is how long a whole answer
        may take."""
        self._open = open_
        self._call = call
        self._seconds = seconds
        self._explain = explain
        self._limit = None if call.stream else Limit(seconds)

    async def __aenter__(self) -> "PassedOn":
        if self._limit is not None:
            self._limit.__enter__()
        try:
            self._opened, response = await self._open()
        except BaseException as error:
            self._end(error)
            raise
        self._answer = PassedOn(response, self._call, self._seconds, self._explain)
        return self._answer

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            await self._answer.close()
        finally:
            await self._opened.__aexit__(kind, error, trace)
            self._end(error)

    def _end(self, error: BaseException | None) -> None:
        if self._limit is not None:
            try:
                self._limit.__exit__(None if error is None else type(error), error, None)
            except TimeoutError as late:
                raise too_slow(self._call.model, self._seconds) from late


class PassedOn:
    """An answer on its way through (`Forwarded`)."""

    __slots__ = (
        "_call",
        "_counts",
        "_explain",
        "_finish",
        "_response",
        "_seconds",
        "_source",
        "chunks",
        "content_type",
    )

    def __init__(self, response: aiohttp.ClientResponse, call: Forward, seconds: float, explain: Explain) -> None:
        """`response` has status 200 and nothing of it has been read."""
        self._response = response
        self._call = call
        self._seconds = seconds
        self._explain = explain
        self._counts: TokenCounts | None = None
        self._finish = ""
        streams = response.headers.get("Content-Type", "").startswith(EVENTS)
        self.content_type = EVENTS if streams else "application/json"  # never what a server may have put beside it
        self._source = self._streamed() if streams else None
        self.chunks: AsyncIterator[bytes] = self._source or Once(self._whole)

    def usage(self) -> Usage:
        """What went by of tokens."""
        return (self._counts or TokenCounts()).as_usage(self._finish)

    async def close(self) -> None:
        """Stop reading; what was counted until now stays."""
        if self._source is not None:
            await self._source.aclose()

    async def _next(self) -> bytes:
        """More of the body; empty at its end."""
        try:
            return await self._response.content.readany()
        except TimeoutError as error:
            raise too_slow(self._call.model, self._seconds) from error
        except (aiohttp.ClientError, ConnectionError, RuntimeError) as error:  # the last: our session was closed
            cause = f"the connection broke ({type(error).__name__})"
            raise ModelFailed(model=self._call.model, cause=cause) from error

    async def _whole(self) -> bytes:
        """Once it is here, and is one: no page of a proxy and no part of an answer is taken for it."""
        chunks: list[bytes] = []
        size = 0
        while chunk := await self._next():
            chunks.append(chunk)
            size += len(chunk)
            if size > MAX_BODY_BYTES:
                chunks.clear()  # the traceback may live on for a while
                raise ModelFailed(model=self._call.model, cause=f"an answer longer than {MAX_BODY_BYTES} bytes")
        data = chunks[0] if len(chunks) == 1 else b"".join(chunks)
        if error := error_in(data):
            raise self._explain(error)
        self._read(data)
        return data

    def _read(self, data: bytes) -> None:
        """Note what a whole answer took; raises `ModelFailed` when it is none."""
        model = self._call.model
        try:
            str(data, "utf-8")  # the decoder does not look into texts that it passes over
            counted = _decode_counted(data)
        except UNREADABLE as error:
            raise unreadable(model, error) from error
        if counted.choices is None and self._call.path in COUNTED_PATHS:
            raise ModelFailed(model=model, cause="unreadable answer, it has no choices")
        self._counts = read_counts(bytes(counted.usage))
        at = data.rfind(b'finish_reason"')
        if at >= 0 and (finish := _FINISH.match(data, at)):
            self._finish = finish[1].decode()

    async def _streamed(self) -> AsyncGenerator[bytes, None]:
        counted = self._call.path in COUNTED_PATHS
        watch = StreamWatch(hides_usage=counted and not asks_for_counts(self._call.body))
        try:
            while chunk := await self._next():
                if block := watch.feed(chunk):
                    yield block
                if watch.error is not None:
                    raise self._explain(watch.error)
                if watch.pending > MAX_EVENT_BYTES:
                    watch.drop()
                    raise ModelFailed(model=self._call.model, cause="unreadable answer, an event without an end")
            if block := watch.finish():
                yield block
        finally:
            self._counts, self._finish = watch.counts, watch.reason
        if watch.error is not None:
            raise self._explain(watch.error)
        if counted and not watch.is_complete:
            raise ended_early(self._call.model)


class Once:
    """The one chunk of an answer that is not streamed. A class, for a generator would cost more than reading it."""

    __slots__ = ("_read",)

    def __init__(self, read: Callable[[], Awaitable[bytes]]) -> None:
        self._read: Callable[[], Awaitable[bytes]] | None = read

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        read, self._read = self._read, None
        if read is None:
            raise StopAsyncIteration
        return await read()


class StreamWatch:
    """What goes by in a stream of events."""

    __slots__ = ("_hides_usage", "_pending", "counts", "error", "is_complete", "reason")

    def __init__(self, *, hides_usage: bool) -> None:
        """`hides_usage` keeps back events that hold the counts and nothing else."""
        self._hides_usage = hides_usage
        self._pending = bytearray()
        self.counts: TokenCounts | None = None
        self.reason = ""
        self.is_complete = False
        """Whether an end was announced."""
        self.error: Mapping[str, Any] | None = None
        """An error that came instead of more; nothing after it counts."""

    @property
    def pending(self) -> int:
        """Bytes of an event whose end has not come."""
        return len(self._pending)

    def feed(self, chunk: bytes) -> bytes:
        """What to pass on: whole events."""
        if not self._pending and chunk.endswith(_ENDS):
            return self._look(chunk)
        searched = max(0, len(self._pending) - 3)
        self._pending += chunk
        end = max(self._pending.rfind(b"\n\n", searched) + 2, self._pending.rfind(b"\r\n\r\n", searched) + 4)
        if end < 4:
            return b""
        block = bytes(self._pending[:end])
        del self._pending[:end]
        return self._look(block)

    def drop(self) -> None:
        """Forget what is pending."""
        self._pending.clear()

    def finish(self) -> bytes:
        """What is left when the stream is over."""
        block = bytes(self._pending)
        self._pending.clear()
        return self._look(block) if block else b""

    def _look(self, block: bytes) -> bytes:
        at = max(block.rfind(b'finish_reason":"'), block.rfind(b'finish_reason": "'))
        if at >= 0 and (found := _FINISH.match(block, at)):
            self.reason, self.is_complete = found[1].decode(), True
        if not self.is_complete and b"[DONE]" in block:
            self.is_complete = True
        if b'"error"' in block:
            block = self._without_error(block)
        at = max(block.rfind(b'"usage":{'), block.rfind(b'"usage": {'))
        return self._counted(block, at) if at >= 0 else block

    def _counted(self, block: bytes, at: int) -> bytes:
        """Notes the counts that stand at a place; the block without their event, if it says nothing else and is to be
        kept back."""
        start, end = _event_around(block, at)
        data = _DATA.search(block, start, end)
        try:
            counted = _decode_counted(data[1]) if data else _Counted()
        except UNREADABLE:
            return block
        counts = read_counts(bytes(counted.usage))
        if counts is None:
            return block
        self.counts = counts
        return block[:start] + block[end:] if self._hides_usage and counted.choices == [] else block

    def _without_error(self, block: bytes) -> bytes:
        """The events before an error, if one of them is an error."""
        at = block.find(b'"error"')
        while at >= 0:
            start, end = _event_around(block, at)
            data = _DATA.search(block, start, end)
            self.error = error_in(data[1]) if data else None
            if self.error is not None:
                return block[:start]
            at = block.find(b'"error"', end)
        return block


def _event_around(block: bytes, at: int) -> tuple[int, int]:
    """Where the event begins and ends that a place belongs to."""
    start = max(block.rfind(b"\n\n", 0, at) + 2, block.rfind(b"\r\n\r\n", 0, at) + 4)
    ends = [found + len(end) for end in _ENDS if (found := block.find(end, at)) >= 0]
    return start if start >= 4 else 0, min(ends, default=len(block))
