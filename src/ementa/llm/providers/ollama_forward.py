"""Requests in Ollama's own form, passed through: the answer's bytes are handed on and only their end is read."""

from collections.abc import AsyncIterator, Mapping
from typing import Any, cast

import aiohttp

from ementa.kit.errors import EmentaError
from ementa.llm.base import Forward
from ementa.llm.errors import ModelFailed
from ementa.llm.http import read_body
from ementa.llm.ndjson import MAX_LINE_BYTES, LineBroken
from ementa.llm.providers.ollama_errors import READ_ERRORS, ended_early, line_error, read_error
from ementa.llm.providers.ollama_wire import read_line, read_usage
from ementa.llm.types import Usage

_ERROR = b'{"error"'
_MIDDLE_ERROR = b'\n{"error"'


def forward_body(call: Forward, context: int, max_tokens: int, keep_alive: str) -> dict[str, Any]:
    """The client's request with what it left open; nothing of the prompt is dropped in silence unless it asks for that.

    `num_ctx` and `shift` are ours alone: Ollama loads the model again, for everybody, when either changes.
    """
    options = {"num_predict": max_tokens} | options_of(call.body) | {"num_ctx": context}
    given = {name: value for name, value in call.body.items() if value is not None}
    ours = {"options": options, "shift": False, "stream": call.stream}
    return {"keep_alive": keep_alive, "truncate": False} | given | ours


class Watch:
    """Looks at lines that go by, wherever they are cut: remembers the last one, keeps back one that is an error."""

    def __init__(self) -> None:
        self.error: bytes | None = None
        """The beginning of an error's line, once there is one. Nothing of it is handed on."""
        self._held = b""
        """A beginning of a line that may become an error."""
        self._tail = b""
        """The last line and perhaps some before it, from the beginning of a line on."""

    def feed(self, chunk: bytes) -> bytes:
        """What may be handed on. Raises `LineBroken` for a line that grows too long."""
        if self.error is not None:
            self.error += chunk
            return self._checked(b"", self.error)
        if self._held:
            chunk, self._held = self._held + chunk, b""
        begins = not self._tail or self._tail.endswith(b"\n")
        at = 0 if begins and chunk.startswith(_ERROR) else chunk.find(_MIDDLE_ERROR) + 1 or -1
        if at >= 0:
            self.error = chunk[at:]
            chunk = chunk[:at]
        elif not chunk.endswith(b"\n"):
            chunk = self._without_doubtful_end(chunk, begins=begins)
        if chunk:
            self._tail = chunk if begins else self._tail[self._tail.rfind(b"\n") + 1 :] + chunk
        return self._checked(chunk, self._tail)

    def finish(self) -> bytes:
        """What was held back for nothing."""
        held, self._held = self._held, b""
        self._tail += held
        return held

    def last_line(self) -> bytes:
        """The last line that was handed on."""
        return self._tail.rstrip().rpartition(b"\n")[2]

    def _without_doubtful_end(self, chunk: bytes, *, begins: bool) -> bytes:
        cut = chunk.rfind(b"\n") + 1
        if (cut or begins) and _ERROR.startswith(chunk[cut:]):
            self._held = chunk[cut:]
            return chunk[:cut]
        return chunk

    def _checked(self, passed: bytes, kept: bytes) -> bytes:
        if len(kept) > MAX_LINE_BYTES:
            raise LineBroken(f"a line is longer than {MAX_LINE_BYTES} bytes")
        return passed


class Passing:
    """A streamed answer on its way. Iterates over its own chunks."""

    def __init__(self, response: aiohttp.ClientResponse, model: str, timeout: aiohttp.ClientTimeout) -> None:
        self.content_type = response.headers.get("Content-Type", "application/x-ndjson")
        self._content = response.content
        self._model = model
        self._timeout = timeout
        self._watch = Watch()
        self._usage: Usage | None = None
        self._over = False

    @property
    def chunks(self) -> AsyncIterator[bytes]:
        """The bytes as the server sent them."""
        return self

    def usage(self) -> Usage:
        """What the last line said."""
        return self._usage or Usage()

    def __aiter__(self) -> "Passing":
        return self

    async def __anext__(self) -> bytes:
        while not self._over:
            try:
                chunk = await self._content.readany()
                passed = self._watch.feed(chunk) if chunk else self._watch.finish()
            except READ_ERRORS as error:
                raise read_error(self._model, error, self._timeout) from error
            if not chunk:
                self._over = True
                self._end()
            if passed:
                return passed
        raise StopAsyncIteration

    def _end(self) -> None:
        """What the last line means; raises when the answer is not whole."""
        if self._watch.error is not None:
            raise told_error(self._model, self._watch.error)
        self._usage = read_end(self._model, self._watch.last_line())


class Whole:
    """An answer in one piece, already here."""

    def __init__(self, content_type: str, data: bytes, usage: Usage) -> None:
        self.content_type = content_type
        self._data: bytes | None = data
        self._usage = usage

    @property
    def chunks(self) -> AsyncIterator[bytes]:
        """All of it."""
        return self

    def usage(self) -> Usage:
        """What it said."""
        return self._usage

    def __aiter__(self) -> "Whole":
        return self

    async def __anext__(self) -> bytes:
        data, self._data = self._data, None
        if data is None:
            raise StopAsyncIteration
        return data


async def read_whole(response: aiohttp.ClientResponse, model: str, timeout: aiohttp.ClientTimeout) -> Whole:
    """An answer in one piece, once it is here and is one."""
    try:
        data = await read_body(response)
    except READ_ERRORS as error:
        raise read_error(model, error, timeout) from error
    return Whole(response.headers.get("Content-Type", "application/json"), data, read_end(model, data))


def read_end(model: str, line: bytes) -> Usage:
    """What the last line of an answer, or the only one, says of tokens; raises when it is not the last line."""
    if not line:
        raise ended_early(model)
    try:
        last = read_line(line)
    except LineBroken as error:
        raise ModelFailed(model=model, cause=f"unreadable answer, {error}") from error
    if last.error is not None:
        raise line_error(model, str(last.error))
    if not last.done:
        raise ended_early(model)
    return read_usage(last)


def told_error(model: str, line: bytes) -> EmentaError:
    """The error that a line tells."""
    try:
        return line_error(model, str(read_line(line.partition(b"\n")[0]).error))
    except LineBroken:
        return line_error(model, line[:500].decode("utf-8", "replace"))


def options_of(body: Mapping[str, Any]) -> dict[str, Any]:
    """The options that the client names; what is null is not named."""
    given = cast("dict[str, Any]", body.get("options") or {})
    return {name: value for name, value in given.items() if value is not None}


def option(body: Mapping[str, Any], name: str) -> int:
    """A number above zero among the client's options; 0 when there is none."""
    value: object = options_of(body).get(name)
    return int(value) if isinstance(value, int | float) and 0 < value < 1e12 else 0
