"""Google's stream of partial answers, read with suspicion: any field may be absent or of another type."""

from collections.abc import Generator
from typing import Any, cast
from uuid import uuid4

import msgspec

from ementa.llm.errors import ModelFailed
from ementa.llm.ndjson import LineBroken, decode_object
from ementa.llm.providers.gemini_errors import event_error
from ementa.llm.sse import Event
from ementa.llm.thoughts import Thoughts
from ementa.llm.types import ChatDelta, ChatRequest, ChatResult, Finish, ToolCall

_FINISH: dict[str, Finish] = {"STOP": "stop", "MAX_TOKENS": "length", "CONTINUATION": "length"}
_FILTERED = frozenset(
    ("SAFETY", "RECITATION", "LANGUAGE", "BLOCKLIST", "PROHIBITED_CONTENT", "SPII", "ESCALATION", "IMAGE_SAFETY")
)


class Reading:
    """An answer as far as it has come. It is whole when the stream ends after a reason to finish."""

    def __init__(self, request: ChatRequest, thoughts: Thoughts, host: str) -> None:
        self._request = request
        self._thoughts = thoughts
        self._host = host
        self._texts: list[str] = []
        self._thinking: list[str] = []
        self._calls: list[ToolCall] = []
        self._finish: Finish | None = None
        self._usage: dict[str, Any] = {}

    def read(self, event: Event) -> Generator[ChatDelta]:
        """What an event adds to the answer. Raises the errors of `llm/errors.py`."""
        try:
            data = decode_object(event.data)
        except LineBroken as error:
            raise ModelFailed(model=self._request.model, cause=f"unreadable answer, {error}") from error
        if "error" in data:
            raise event_error(self._host, self._request.model, data)
        self._usage |= _object(data.get("usageMetadata"))
        if _object(data.get("promptFeedback")).get("blockReason"):
            self._finish = "content_filter"
        candidate = _first(data.get("candidates"))
        for part in _objects(_object(candidate.get("content")).get("parts")):
            yield from self._part(part)
        reason = candidate.get("finishReason")
        if isinstance(reason, str) and reason:
            self._end(reason, candidate.get("finishMessage"))

    def result(self, seconds: float) -> ChatResult:
        """The whole answer, once the stream has ended; raises `ModelFailed` when it ended before the answer did."""
        if self._finish is None:
            raise ModelFailed(model=self._request.model, cause="the answer ended before it was complete")
        return ChatResult(
            text="".join(self._texts),
            model=self._request.model,
            prompt_tokens=self._count("promptTokenCount"),
            output_tokens=self._count("candidatesTokenCount") + self._count("thoughtsTokenCount"),
            latency_ms=round(seconds * 1000),
            finish="tool_calls" if self._calls and self._finish == "stop" else self._finish,
            asked_model=self._request.model,
            thinking="".join(self._thinking),
            tool_calls=tuple(self._calls),
        )

    def _part(self, part: dict[str, Any]) -> Generator[ChatDelta]:
        text = part.get("text")
        if isinstance(text, str) and text:
            if part.get("thought") is True:
                self._thinking.append(text)
                yield ChatDelta(thinking=text)
            else:
                self._texts.append(text)
                yield ChatDelta(text=text)
        if isinstance(part.get("functionCall"), dict):
            call = _call(part["functionCall"])
            if isinstance(part.get("thoughtSignature"), str):
                self._thoughts.keep(call.id, part["thoughtSignature"])
            self._calls.append(call)
            yield ChatDelta(tool_calls=(call,))

    def _end(self, reason: str, words: Any) -> None:
        if reason in _FINISH:
            self._finish = _FINISH[reason]
        elif reason in _FILTERED or reason.startswith("IMAGE_"):
            self._finish = "content_filter"
        else:  # MALFORMED_FUNCTION_CALL, OTHER and whatever else is no answer
            raise ModelFailed(model=self._request.model, cause=f"{reason} {words or ''}".strip())

    def _count(self, name: str) -> int:
        value = self._usage.get(name)
        return value if isinstance(value, int) and value >= 0 else 0


def _call(written: dict[str, Any]) -> ToolCall:
    """A call. Models before Gemini 3 give it no id, so it gets one here."""
    arguments = msgspec.json.encode(_object(written.get("args"))).decode()
    return ToolCall(str(written.get("id") or f"call_{uuid4().hex}"), str(written.get("name") or ""), arguments)


def _first(value: Any) -> dict[str, Any]:
    listed = _objects(value)
    return listed[0] if listed else {}


def _objects(value: Any) -> list[dict[str, Any]]:
    listed = cast("list[Any]", value) if isinstance(value, list) else []
    return [cast("dict[str, Any]", item) for item in listed if isinstance(item, dict)]


def _object(value: Any) -> dict[str, Any]:
    return cast("dict[str, Any]", value) if isinstance(value, dict) else {}
