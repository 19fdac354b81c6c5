"""Puts a streamed answer together: text, thoughts, calls of tools that come in pieces, and what it cost.

Read with suspicion: servers leave fields out, send null, number calls badly, or answer in one piece though asked to
stream (`message` instead of `delta`).
"""

from dataclasses import dataclass, field
from typing import Any, cast

import msgspec

from ementa.kit.ids import new_id
from ementa.llm.ndjson import UNREADABLE
from ementa.llm.types import ChatDelta, Finish, ToolCall, Usage

_FINISHES: dict[str, Finish] = {
    "length": "length",
    "max_tokens": "length",
    "tool_calls": "tool_calls",
    "function_call": "tool_calls",
    "content_filter": "content_filter",
}


class Delta(msgspec.Struct):
    """A piece of a message. `Any`, because a surprise in one field must not cost the others."""

    content: Any = None
    refusal: Any = None
    reasoning_content: Any = None
    reasoning: Any = None
    tool_calls: Any = None


class Choice(msgspec.Struct):
    """One of the answers asked for; we ask for one."""

    delta: Delta | None = None
    message: Delta | None = None
    finish_reason: str | None = None


class Chunk(msgspec.Struct):
    """One event."""

    choices: list[Choice] | None = None
    usage: Any = None
    error: Any = None


decode_chunk = msgspec.json.Decoder(Chunk).decode


class TokenDetails(msgspec.Struct):
    """A part of the prompt."""

    cached_tokens: int | None = None


class TokenCounts(msgspec.Struct):
    """`usage`, of chats and of all the rest."""

    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None
    total_tokens: int | None = None
    prompt_tokens_details: TokenDetails | None = None
    input_tokens_details: TokenDetails | None = None

    def as_usage(self, finish: str = "") -> Usage:
        """The same in our words."""
        output = self.completion_tokens or self.output_tokens or 0
        details = self.prompt_tokens_details or self.input_tokens_details
        return Usage(
            prompt_tokens=self.prompt_tokens or self.input_tokens or max(0, (self.total_tokens or 0) - output),
            output_tokens=output,
            cached_tokens=(details.cached_tokens or 0) if details else 0,
            finish=finish,
        )


_decode_counts = msgspec.json.Decoder(TokenCounts, strict=False).decode


def read_counts(data: bytes) -> TokenCounts | None:
    """The counts in a JSON object; None when it is not what it should be."""
    try:
        return _decode_counts(data)
    except UNREADABLE:
        return None


def counts_of(value: Any) -> TokenCounts | None:
    """The same of an object that was decoded already."""
    if not isinstance(value, dict):
        return None
    try:
        return msgspec.convert(value, TokenCounts, strict=False)
    except msgspec.ValidationError:
        return None


@dataclass(slots=True)
class _Call:
    index: Any
    id: str
    name: str
    arguments: list[str] = field(default_factory=list[str])


class Assembly:
    """One answer as it grows."""

    def __init__(self) -> None:
        self._texts: list[str] = []
        self._thoughts: list[str] = []
        self._calls: list[_Call] = []
        self._reason = ""
        self.counts = TokenCounts()

    @property
    def text(self) -> str:
        """What came so far."""
        return "".join(self._texts)

    @property
    def thinking(self) -> str:
        """What was thought so far."""
        return "".join(self._thoughts)

    @property
    def is_complete(self) -> bool:
        """Whether the server has said why it stopped."""
        return bool(self._reason)

    @property
    def finish(self) -> Finish:
        """Why it stopped. Some servers say `stop` though they call tools."""
        if self._calls and self._reason != "length":
            return "tool_calls"
        return _FINISHES.get(self._reason, "stop")

    def take(self, chunk: Chunk) -> ChatDelta | None:
        """The text and thoughts of an event, if it has any."""
        if chunk.usage is not None:
            self.counts = counts_of(chunk.usage) or self.counts
        if not chunk.choices:
            return None
        choice = chunk.choices[0]
        self._reason = choice.finish_reason or self._reason
        piece = choice.delta or choice.message
        if piece is None:
            return None
        if piece.tool_calls:
            self._take_calls(piece.tool_calls)
        text = _text(piece.content) or _text(piece.refusal)
        thinking = _text(piece.reasoning_content) or _text(piece.reasoning) or _thoughts(piece.content)
        if not text and not thinking:
            return None
        self._texts.append(text)
        self._thoughts.append(thinking)
        return ChatDelta(text=text, thinking=thinking)

    def calls(self) -> tuple[ToolCall, ...]:
        """Every call, whole."""
        return tuple(ToolCall(call.id, call.name, "".join(call.arguments) or "{}") for call in self._calls)

    def _take_calls(self, pieces: Any) -> None:
        for item in cast("list[Any]", pieces) if isinstance(pieces, list) else []:
            if isinstance(item, dict):
                self._take_call(cast("dict[str, Any]", item))

    def _take_call(self, piece: dict[str, Any]) -> None:
        said = piece.get("function")
        function = cast("dict[str, Any]", said) if isinstance(said, dict) else {}
        call = self._call(piece.get("index"), str(piece.get("id") or ""), str(function.get("name") or ""))
        arguments = function.get("arguments")
        if isinstance(arguments, str):
            call.arguments.append(arguments)
        elif arguments:
            call.arguments.append(msgspec.json.encode(arguments).decode())

    def _call(self, index: Any, id_: str, name: str) -> _Call:
        """The call that a piece belongs to. A new id under an old index is a new call: some servers number all 0."""
        for call in reversed(self._calls):
            if call.index == index and (not id_ or id_ == call.id) and not (name and index is None):
                call.name = call.name or name
                return call
        call = _Call(index, id_ or f"call_{new_id()}", name)
        self._calls.append(call)
        return call


def _text(content: Any) -> str:
    """Text, plain or as a list of parts."""
    if isinstance(content, str):
        return content
    return "".join(str(part.get("text") or "") for part in _parts(content) if part.get("type") in ("text", None))


def _thoughts(content: Any) -> str:
    """Thoughts within a list of parts, as Mistral sends them."""
    return "".join(_text(part.get("thinking")) for part in _parts(content) if part.get("type") == "thinking")


def _parts(content: Any) -> list[dict[str, Any]]:
    if not isinstance(content, list):
        return []
    return [cast("dict[str, Any]", part) for part in cast("list[Any]", content) if isinstance(part, dict)]
