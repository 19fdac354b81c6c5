"""Sends an answer on its way, as it came or written anew, whole or piece by piece."""

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from typing import Protocol

from ementa.kit.errors import EmentaError
from ementa.kit.language import preferred_language
from ementa.llm.ask import Answer, Ask
from ementa.llm.base import Forwarded, collect
from ementa.llm.types import ChatDelta, ChatResult
from ementa.serving.bursts import bursts
from ementa.serving.deps import Visit
from ementa.serving.forms import error_body
from ementa.serving.openai.chat_answer import event

STREAM = b"text/event-stream; charset=utf-8"


class Chunks(Protocol):
    """Writes one streamed answer in a dialect."""

    def begin(self) -> bytes:
        """What goes before the first piece."""
        ...

    def pieces(self, deltas: Sequence[ChatDelta]) -> bytes:
        """Pieces that arrived together."""
        ...

    def end(self, result: ChatResult) -> bytes:
        """What goes after the last piece."""
        ...

    def failure(self, body: bytes) -> bytes:
        """That it broke off; `body` is the error in OpenAI's form."""
        ...


class Dialect(Protocol):
    """How the answers of one address are written."""

    def whole(self, result: ChatResult) -> bytes:
        """The answer at once."""
        ...

    def chunks(self, model: str) -> Chunks:
        """The answer in pieces."""
        ...


async def relay(visit: Visit, ask: Ask, dialect: Dialect) -> None:
    """Ask the gateway and answer the visitor."""
    async with visit.gateway.open(ask) as answer:
        visit.answered_by(answer)
        if answer.native is not None:
            await _relay_native(visit, answer.native, stream=ask.stream)
        elif ask.stream:
            await _write_stream(visit, answer, dialect)
        else:
            result = await collect(_pieces(answer))
            await visit.send(dialect.whole(result))


async def _relay_native(visit: Visit, native: Forwarded, *, stream: bool) -> None:
    if not stream:
        chunks = [chunk async for chunk in native.chunks]
        await visit.send(b"".join(chunks), (b"content-type", native.content_type.encode("latin-1")))
    else:
        await visit.begin(native.content_type.encode("latin-1"))
        tail = b"\n\n"
        try:
            async for chunk in native.chunks:
                tail = chunk[-2:]
                await visit.piece(chunk)
        except EmentaError as error:
            if tail != b"\n\n":
                raise  # in the middle of an event: only a broken connection says so without lying
            await visit.end(event(in_stream(visit, error)))
            return
        await visit.end()


async def _write_stream(visit: Visit, answer: Answer, dialect: Dialect) -> None:
    chunks = dialect.chunks(answer.model)
    result: ChatResult | None = None
    head = chunks.begin()
    await visit.begin(STREAM)
    try:
        async with aclosing(_pieces(answer)) as pieces, aclosing(bursts(pieces)) as together:
            async for burst in together:
                last = burst[-1]
                if isinstance(last, ChatResult):
                    result = last
                deltas = [item for item in burst if isinstance(item, ChatDelta)]
                data = head + chunks.pieces(deltas) if head or deltas else b""
                head = b""
                if result is not None:
                    await visit.end(data + chunks.end(result))
                    return
                await visit.piece(data)
    except EmentaError as error:
        await visit.end(head + chunks.failure(in_stream(visit, error)))


def in_stream(visit: Visit, error: EmentaError) -> bytes:
    """The error in OpenAI's form, for a stream that has begun; the access log tells its code."""
    visit.note(error=error.code)
    return error_body(error, preferred_language(visit.header(b"accept-language")), "openai")


def _pieces(answer: Answer) -> AsyncGenerator[ChatDelta | ChatResult, None]:
    if answer.pieces is None:
        raise RuntimeError("an answer without pieces")
    return answer.pieces
