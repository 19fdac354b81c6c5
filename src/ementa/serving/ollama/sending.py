"""Sends an answer to an Ollama client: untouched when it comes from Ollama, written line by line when not."""

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing

from ementa.kit.errors import EmentaError
from ementa.llm.ask import Answer, Ask
from ementa.llm.base import Forwarded, collect
from ementa.llm.types import ChatDelta, ChatResult
from ementa.serving.bursts import bursts
from ementa.serving.deps import Visit
from ementa.serving.ollama.lines import Form, Lines, error_line

NDJSON = b"application/x-ndjson"


async def answer(visit: Visit, ask: Ask, form: Form) -> None:
    """Ask the gateway and send what it answers. An error after the first byte is the stream's last line."""
    try:
        async with visit.gateway.open(ask) as opened:
            visit.answered_by(opened)
            if opened.native is not None:
                await _relay(visit, opened.native, stream=ask.stream)
            elif ask.stream:
                await _write_lines(visit, opened, form)
            else:
                result = await collect(_pieces(opened))
                note_tokens(visit, result.prompt_tokens, result.output_tokens)
                lines = Lines(form, result.model)
                await visit.send(lines.whole(result, wait_ms=opened.queue_ms, first_ms=opened.upstream_ms))
    except EmentaError as error:
        if not visit.begun:
            raise
        visit.note(error=error.code)
        await visit.end(error_line(visit.told(error), error.code))


def note_tokens(visit: Visit, prompt: int, output: int) -> None:
    """Tokens for the access log."""
    visit.note(prompt_tokens=prompt, output_tokens=output)


async def whole_lines(chunks: AsyncIterator[bytes]) -> AsyncGenerator[bytes, None]:
    """The bytes of an answer as they came, but never part of a line: after it an error could not be told."""
    held = b""
    async for chunk in chunks:
        if not held and chunk.endswith(b"\n"):
            yield chunk
            continue
        data = held + chunk
        end = data.rfind(b"\n") + 1
        held = data[end:]
        if end:
            yield data[:end]
    if held:
        yield held


async def _relay(visit: Visit, native: Forwarded, *, stream: bool) -> None:
    if stream:
        await visit.begin(NDJSON)
        async for lines in whole_lines(native.chunks):
            await visit.piece(lines)
        await visit.end()
    else:
        await visit.send(b"".join([chunk async for chunk in native.chunks]))
    usage = native.usage()
    note_tokens(visit, usage.prompt_tokens, usage.output_tokens)


async def _write_lines(visit: Visit, opened: Answer, form: Form) -> None:
    lines = Lines(form, opened.model)
    await visit.begin(NDJSON)
    async with aclosing(_pieces(opened)) as pieces, aclosing(bursts(pieces)) as together:
        async for burst in together:
            written: list[bytes] = []
            for item in burst:
                if isinstance(item, ChatResult):
                    note_tokens(visit, item.prompt_tokens, item.output_tokens)
                    written.append(lines.last(item, wait_ms=opened.queue_ms, first_ms=opened.upstream_ms))
                else:
                    written.append(lines.piece(item))
            await visit.piece(b"".join(written))
    await visit.end()


def _pieces(opened: Answer) -> AsyncGenerator[ChatDelta | ChatResult, None]:
    if opened.pieces is None:
        raise RuntimeError("an answer has neither bytes nor pieces")
    return opened.pieces
