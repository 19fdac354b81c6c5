"""What the double answers to one request: pieces of thought and text, calls, an error, or silence, as the model's name
scripts it."""

import asyncio
import hashlib
import itertools
import json
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any, Protocol, cast

from ementa.testing.ollama.answers import answer_schema, answer_text, split_words
from ementa.testing.ollama.modes import Mode

REPEATS_BEFORE_STOP = 30


class Refused(Exception):
    """An answer with a status other than 200."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class Broke(Exception):
    """An error inside the stream."""


class ConnectionCut(Exception):
    """The connection breaks without a word."""


class LimitReached(Exception):
    """The engine itself stopped at the limit of tokens."""


class StoppedSilently(Exception):
    """The stream ends without its `done` line."""


@dataclass(frozen=True)
class Ask:
    """A request to generate, from `/api/chat` or `/api/generate`."""

    model: str
    messages: Sequence[dict[str, Any]]
    schema: dict[str, Any] | None
    max_tokens: int
    context_tokens: int
    options: dict[str, Any] = field(default_factory=dict)
    tools: Sequence[dict[str, Any]] = ()
    thinks: bool = False

    @property
    def prompt(self) -> str:
        """Every message's text, in order."""
        return "\n".join(str(message.get("content") or "") for message in self.messages)

    @property
    def stops(self) -> tuple[str, ...]:
        """Texts before which the answer ends."""
        given = self.options.get("stop") or ()
        return (given,) if isinstance(given, str) else tuple(cast("list[str]", given))


@dataclass(frozen=True)
class Piece:
    """About a token of the answer."""

    text: str = ""
    thinking: str = ""
    call: dict[str, Any] | None = None


class Brain(Protocol):
    """Where the text comes from: rules, or a real engine."""

    def pieces(self, ask: Ask) -> AsyncGenerator[str]:
        """The answer, piece by piece."""
        ...


def count_tokens(text: str) -> int:
    """The double's own tokens: a word or a sign each, four letters at most."""
    return sum((len(word) + 3) // 4 for word in text.split())


def split_pieces(text: str) -> list[str]:
    """Pieces of about a token, together the whole text."""
    return [text[at : at + 4] for at in range(0, len(text), 4)]


class Rules:
    """Answers by rule, and misbehaves as the mode says."""

    async def pieces(self, ask: Ask) -> AsyncGenerator[str]:
        """The rule's answer to what was asked."""
        if ask.schema is None:
            text = answer_text(str(ask.messages[-1].get("content") or ""))
        else:
            text = json.dumps(answer_schema(ask.schema, ask.prompt), ensure_ascii=False)
        for piece in split_pieces(text):
            yield piece


async def generate(ask: Ask, mode: Mode, brain: Brain) -> AsyncGenerator[Piece]:
    """The thoughts, then the calls or the text, under `mode`; raises what the mode does."""
    await asyncio.sleep(mode.milliseconds("delay"))
    if ask.thinks:
        for thought in split_pieces(f"Pensando: {' '.join(ask.prompt.split()[:6])}."):
            yield Piece(thinking=thought)
    calls = choose_calls(ask)
    for call in calls:
        yield Piece(call=call)
    if not calls:
        async with aclosing(_until_stop(_texts(ask, mode, brain), ask.stops)) as texts:
            async for text in texts:
                yield Piece(text=text)


def choose_calls(ask: Ask) -> list[dict[str, Any]]:
    """A call of each tool whose name or description shares a word with what the user asked last, unless results of
    tools have come since."""
    if not ask.tools or ask.messages[-1].get("role") == "tool":
        return []
    question = str(ask.messages[-1].get("content") or "")
    words = {word for word in split_words(question) if len(word) > 2}
    calls: list[dict[str, Any]] = []
    for tool in ask.tools:
        function = cast("dict[str, Any]", tool.get("function") or {})
        name = str(function.get("name", ""))
        if words & split_words(f"{name} {function.get('description', '')}"):
            arguments = answer_schema({"type": "object", **(function.get("parameters") or {})}, question)
            identity = hashlib.sha256(f"{question}{name}".encode()).hexdigest()[:8]
            described = {"index": len(calls), "name": name, "arguments": arguments}
            calls.append({"id": f"call_{identity}", "function": described})
    return calls


async def _texts(ask: Ask, mode: Mode, brain: Brain) -> AsyncGenerator[str]:
    if mode.kind in _FIXED:
        for piece in split_pieces(_FIXED[mode.kind]):
            yield piece
        return
    if mode.kind in ("loop", "repeat"):
        async for piece in _repeat(mode):
            yield piece
        return
    count = 0
    async for piece in brain.pieces(ask):
        if count == _pieces_before_trouble(mode):
            await _trouble(mode)
        yield piece
        count += 1
        await asyncio.sleep(mode.milliseconds("pace"))
    if _pieces_before_trouble(mode) >= count:
        await _trouble(mode)


_FIXED = {"invalid-json": '{"isto": "não fecha', "empty": ""}


async def _until_stop(pieces: AsyncGenerator[str], stops: tuple[str, ...]) -> AsyncGenerator[str]:
    """The pieces before the first stop sequence. What may be the beginning of one is held back."""
    held = ""
    async with aclosing(pieces):
        async for piece in pieces:
            held += piece
            found = [held.index(stop) for stop in stops if stop and stop in held]
            if found:
                if held[: min(found)]:
                    yield held[: min(found)]
                return
            safe = len(held) - _beginning(held, stops)
            if safe:
                yield held[:safe]
                held = held[safe:]
    if held:
        yield held


def _beginning(text: str, stops: tuple[str, ...]) -> int:
    """How many characters at the end of `text` may begin a stop sequence."""
    longest = max((len(stop) - 1 for stop in stops), default=0)
    sizes = range(min(longest, len(text)), 0, -1)
    return next((size for size in sizes if any(stop.startswith(text[-size:]) for stop in stops)), 0)


async def _repeat(mode: Mode) -> AsyncGenerator[str]:
    """`loop` alternates words, which only the limit of tokens stops; `repeat` says one word until Ollama stops it."""
    words = [" sim"] if mode.kind == "repeat" else [" sim", " não"]
    for number in itertools.count():
        if mode.kind == "repeat" and number > REPEATS_BEFORE_STOP:
            raise StoppedSilently
        yield words[number % len(words)]
        await asyncio.sleep(0)


def _pieces_before_trouble(mode: Mode) -> int:
    return {"fail-after": mode.number, "hang-mid": 3, "cut": 3}.get(mode.kind, -1)


async def _trouble(mode: Mode) -> None:
    if mode.kind == "fail-after":
        raise Broke("llama runner process has terminated: signal: killed")
    if mode.kind == "cut":
        raise ConnectionCut
    await asyncio.Event().wait()
