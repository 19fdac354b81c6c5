"""What the double answers to one request: pieces of text, an error, or silence, as the model's name scripts it."""

import asyncio
import itertools
import json
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from ementa.testing.ollama.answers import answer_schema, answer_text
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

    @property
    def prompt(self) -> str:
        """Every message's text, in order."""
        return "\n".join(str(message.get("content", "")) for message in self.messages)


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
            text = answer_text(str(ask.messages[-1].get("content", "")))
        else:
            text = json.dumps(answer_schema(ask.schema, ask.prompt), ensure_ascii=False)
        for piece in split_pieces(text):
            yield piece


async def generate(ask: Ask, mode: Mode, brain: Brain) -> AsyncGenerator[str]:
    """The pieces of the answer under `mode`; raises what the mode does."""
    await asyncio.sleep(mode.milliseconds("delay"))
    if mode.kind in _TEXTS:
        for piece in split_pieces(_TEXTS[mode.kind]):
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


_TEXTS = {"invalid-json": '{"isto": "não fecha', "empty": ""}


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
