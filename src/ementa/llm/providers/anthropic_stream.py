"""Anthropic's stream of events, read piece by piece and with suspicion: any field may be absent or of another type."""

from typing import Any, cast

import msgspec

from ementa.kit.errors import EmentaError
from ementa.llm.errors import ModelFailed
from ementa.llm.ndjson import LineBroken, decode_object
from ementa.llm.providers.anthropic_errors import event_error
from ementa.llm.providers.anthropic_wire import ANSWER, Built
from ementa.llm.sse import Event
from ementa.llm.thoughts import Thoughts
from ementa.llm.types import ChatDelta, ChatRequest, ChatResult, Finish, ToolCall

_FINISH: dict[str, Finish] = {
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "tool_use": "tool_calls",
    "refusal": "content_filter",
}


class Reading:
    """An answer as far as it has come."""

    def __init__(self, request: ChatRequest, built: Built, thoughts: Thoughts, host: str) -> None:
        self.done = False
        self._request = request
        self._built = built
        self._thoughts = thoughts
        self._host = host
        self._texts: list[str] = []
        self._thinking: list[str] = []
        self._calls: list[ToolCall] = []
        self._blocks: dict[int, dict[str, Any]] = {}
        self._signed: list[dict[str, Any]] = []
        self._finish: Finish = "stop"
        self._usage: dict[str, int] = {}

    def read(self, event: Event) -> ChatDelta | None:
        """What an event adds to the answer; sets `done` at its end. Raises the errors of `llm/errors.py`."""
        try:
            data = decode_object(event.data)
        except LineBroken as error:
            raise ModelFailed(model=self._request.model, cause=f"unreadable answer, {error}") from error
        kind = data.get("type")
        if kind == "content_block_delta":
            return self._add(_index(data), _object(data.get("delta")))
        if kind == "content_block_start":
            return self._start(_index(data), _object(data.get("content_block")))
        if kind == "content_block_stop":
            return self._stop(_index(data))
        if kind == "message_start":
            self._count(_object(data.get("message")).get("usage"))
        elif kind == "message_delta":
            self._count(data.get("usage"))
            self._finish = _FINISH.get(str(_object(data.get("delta")).get("stop_reason")), "stop")
        elif kind == "message_stop":
            self.done = True
        elif kind == "error":
            raise event_error(self._host, self._request.model, data)
        return None  # `ping`, and whatever will be added

    def result(self, seconds: float) -> ChatResult:
        """The whole answer, once `done`."""
        finish = self._finish
        if finish == "tool_calls" and not self._calls:  # the call was the answer
            finish = "stop"
        usage = self._usage.get
        return ChatResult(
            text="".join(self._texts),
            model=self._request.model,
            prompt_tokens=usage("input_tokens", 0)
            + usage("cache_creation_input_tokens", 0)
            + usage("cache_read_input_tokens", 0),
            output_tokens=usage("output_tokens", 0),
            latency_ms=round(seconds * 1000),
            finish=finish,
            asked_model=self._request.model,
            thinking="".join(self._thinking),
            tool_calls=tuple(self._calls),
        )

    def ended_early(self) -> EmentaError:
        """The answer stopped without its last event."""
        return ModelFailed(model=self._request.model, cause="the answer ended before it was complete")

    def _start(self, index: int, block: dict[str, Any]) -> ChatDelta | None:
        self._blocks[index] = {**block, "parts": []}
        if block.get("type") == "text" and block.get("text"):
            return self._say(str(block["text"]))
        return None

    def _add(self, index: int, delta: dict[str, Any]) -> ChatDelta | None:
        kind = delta.get("type")
        if kind == "text_delta":
            return self._say(_text(delta.get("text")))
        block = self._blocks.get(index)
        if block is None:
            return None
        if kind == "thinking_delta":
            text = _text(delta.get("thinking"))
            block["parts"].append(text)
            self._thinking.append(text)
            return ChatDelta(thinking=text) if text else None
        if kind == "signature_delta":
            block["signature"] = _text(delta.get("signature"))
        elif kind == "input_json_delta":
            part = _text(delta.get("partial_json"))
            block["parts"].append(part)
            if self._is_answer(block) and not self._built.wrapped:
                return self._say(part)
        return None

    def _stop(self, index: int) -> ChatDelta | None:
        block = self._blocks.pop(index, {})
        kind, written = block.get("type"), "".join(block.get("parts", []))
        if kind == "thinking":
            self._signed.append({"type": kind, "thinking": written, "signature": block.get("signature", "")})
        elif kind == "redacted_thinking":
            self._signed.append({"type": kind, "data": block.get("data", "")})
        elif kind == "tool_use":
            written = written or _json(block.get("input") or {})
            return self._unwrap(written) if self._is_answer(block) else self._call(block, written)
        return None

    def _call(self, block: dict[str, Any], arguments: str) -> ChatDelta:
        call = ToolCall(_text(block.get("id")), _text(block.get("name")), arguments)
        if self._signed and not self._calls:
            self._thoughts.keep(call.id, self._signed)
        self._calls.append(call)
        return ChatDelta(tool_calls=(call,))

    def _unwrap(self, written: str) -> ChatDelta | None:
        """The answer that came as arguments, when it was not passed on as it came."""
        if not self._built.wrapped:
            return None if "".join(self._texts).endswith(written) else self._say(written)
        try:
            value = decode_object(written.encode()).get("value")
        except LineBroken:  # cut at the limit of tokens
            return self._say(written)
        return self._say(_json(value))

    def _is_answer(self, block: dict[str, Any]) -> bool:
        return self._built.answers_by_tool and block.get("name") == ANSWER

    def _say(self, text: str) -> ChatDelta | None:
        if not text:
            return None
        self._texts.append(text)
        return ChatDelta(text=text)

    def _count(self, usage: Any) -> None:
        """Counters are totals so far, so the last one said counts."""
        self._usage |= {name: value for name, value in _object(usage).items() if isinstance(value, int) and value >= 0}


def _index(data: dict[str, Any]) -> int:
    index = data.get("index")
    return index if isinstance(index, int) else -1


def _json(value: Any) -> str:
    return msgspec.json.encode(value).decode()


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _object(value: Any) -> dict[str, Any]:
    return cast("dict[str, Any]", value) if isinstance(value, dict) else {}
