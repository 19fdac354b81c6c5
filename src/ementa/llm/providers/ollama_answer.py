"""A translated answer: lines of `/api/chat` become pieces, the pieces one result."""

import time

from ementa.llm.providers.ollama_errors import line_error
from ementa.llm.providers.ollama_wire import NAME, Line, read_calls, read_line, whole
from ementa.llm.types import ChatDelta, ChatRequest, ChatResult, ToolCall


class Gathering:
    """What has come of an answer."""

    def __init__(self, request: ChatRequest) -> None:
        self.result: ChatResult | None = None
        """Set by the `done` line."""
        self._request = request
        self._started = time.monotonic()
        self._texts: list[str] = []
        self._thoughts: list[str] = []
        self._calls: tuple[ToolCall, ...] = ()

    def take(self, data: bytes) -> ChatDelta | None:
        """The piece that a line carries, if any. Raises `LineBroken` and the errors that a line tells."""
        line = read_line(data)
        if line.error is not None:
            raise line_error(self._request.model, str(line.error))
        delta = self._said(line)
        if line.done:
            self.result = self._finished(line)
        return delta

    def _said(self, line: Line) -> ChatDelta | None:
        said = line.message
        if said is None:
            return None
        if not said.thinking and not said.tool_calls:
            if not said.content:
                return None
            self._texts.append(said.content)
            return ChatDelta(said.content)
        text, thinking = said.content or "", said.thinking or ""
        calls = read_calls(said.tool_calls or (), len(self._calls))
        self._texts.append(text)
        self._thoughts.append(thinking)
        self._calls += calls
        return ChatDelta(text, thinking, calls)

    def _finished(self, line: Line) -> ChatResult:
        finish = "tool_calls" if self._calls else "length" if line.done_reason == "length" else "stop"
        return ChatResult(
            text="".join(self._texts),
            model=self._request.model,
            prompt_tokens=whole(line.prompt_eval_count),
            output_tokens=whole(line.eval_count),
            latency_ms=round((time.monotonic() - self._started) * 1000),
            finish=finish,
            asked_model=self._request.model,
            thinking="".join(self._thoughts),
            tool_calls=self._calls,
            provider=NAME,
        )
