"""Answers in Ollama's form: the lines of a stream, or one object when nothing is streamed.

Written as `api/types.go` of Ollama 0.32 has them: durations in nanoseconds, counters that are zero left out, the
arguments of a call as an object.
"""

from datetime import datetime
from typing import Any, Literal

import orjson

from ementa.kit import clock
from ementa.llm.turns import arguments_of
from ementa.llm.types import ChatDelta, ChatResult, ToolCall
from ementa.serving.writing import encoded

Form = Literal["chat", "generate"]
_MS = 1_000_000


class Lines:
    """Writes one answer. `form` decides where the text stands: `message.content` or `response`."""

    def __init__(self, form: Form, model: str, calls: int = 0) -> None:
        """`model` is the one that answers."""
        self._form: Form = form
        self._model = model
        self._calls = calls

    def piece(self, delta: ChatDelta) -> bytes:
        """The line of a piece."""
        return encoded(
            self._line(delta.text, delta.thinking, delta.tool_calls, done=False), option=orjson.OPT_APPEND_NEWLINE
        )

    def last(self, result: ChatResult, *, wait_ms: float = 0.0, first_ms: float = 0.0) -> bytes:
        """The last line of a stream, without the text that has already left."""
        line = self._line("", "", (), done=True) | _ending(result, wait_ms, first_ms)
        return encoded(line, orjson.OPT_APPEND_NEWLINE)

    def whole(self, result: ChatResult, *, wait_ms: float = 0.0, first_ms: float = 0.0) -> bytes:
        """The whole answer as one object."""
        line = self._line(result.text, result.thinking, result.tool_calls, done=True)
        return encoded(line | _ending(result, wait_ms, first_ms))

    def nothing(self, reason: Literal["load", "unload"]) -> bytes:
        """The answer to a request without a question, which only loads or unloads the model."""
        line = self._line("", "", (), done=True) | {"done_reason": reason}
        return encoded(line, orjson.OPT_APPEND_NEWLINE)

    def _line(self, text: str, thinking: str, calls: tuple[ToolCall, ...], *, done: bool) -> dict[str, Any]:
        line: dict[str, Any] = {"model": self._model, "created_at": timestamp(clock.now())}
        said: dict[str, Any] = {"content" if self._form == "chat" else "response": text}
        if thinking:
            said["thinking"] = thinking
        if calls:
            said["tool_calls"] = [self._call(call) for call in calls]
        return (
            {**line, "message": {"role": "assistant", **said}, "done": done}
            if self._form == "chat"
            else {
                **line,
                **said,
                "done": done,
            }
        )

    def _call(self, call: ToolCall) -> dict[str, Any]:
        index, self._calls = self._calls, self._calls + 1
        function = {"index": index, "name": call.name, "arguments": arguments_of(call)}
        return {"id": call.id, "function": function} if call.id else {"function": function}


def error_line(message: str, code: str) -> bytes:
    """How a stream ends that broke off."""
    return orjson.dumps({"error": message, "code": code}, option=orjson.OPT_APPEND_NEWLINE)


def timestamp(at: datetime) -> str:
    """A time as Go writes it in UTC."""
    return at.isoformat().replace("+00:00", "Z")


def _ending(result: ChatResult, wait_ms: float, first_ms: float) -> dict[str, Any]:
    """What ends an answer. All that is known of another kind of server: its queue here, its first piece, its end."""
    total = result.latency_ms * _MS
    waited = min(round(wait_ms * _MS), total)
    first = min(round(first_ms * _MS), total - waited)
    counters = {
        "total_duration": total,
        "load_duration": waited,
        "prompt_eval_count": result.prompt_tokens,
        "prompt_eval_duration": first,
        "eval_count": result.output_tokens,
        "eval_duration": total - waited - first,
    }
    reason = "length" if result.finish == "length" else "stop"
    return {"done_reason": reason, **{name: value for name, value in counters.items() if value}}
