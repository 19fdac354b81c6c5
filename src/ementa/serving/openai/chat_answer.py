"""`/v1/chat/completions`: the answer, written from neutral pieces.

A chunk of a stream is a template made once with only the text quoted by orjson: it costs a quarter of encoding the
whole object each time, and says the same byte for byte.
"""

import secrets
import time
from collections.abc import Sequence
from typing import Any

import orjson

from ementa.llm.types import ChatDelta, ChatResult, ToolCall
from ementa.serving.writing import encoded, quoted

DONE = b"data: [DONE]\n\n"


def new_name(prefix: str) -> str:
    """An id in OpenAI's manner."""
    return prefix + secrets.token_hex(12)


def event(body: bytes) -> bytes:
    """An event without a name."""
    return b"data: " + body + b"\n\n"


def usage_of(result: ChatResult) -> dict[str, Any]:
    """Tokens in OpenAI's words."""
    return {
        "prompt_tokens": result.prompt_tokens,
        "completion_tokens": result.output_tokens,
        "total_tokens": result.prompt_tokens + result.output_tokens,
    }


def call_of(call: ToolCall) -> dict[str, Any]:
    """A call in OpenAI's words."""
    identity = call.id or new_name("call_")
    return {"id": identity, "type": "function", "function": {"name": call.name, "arguments": call.arguments}}


def completion(result: ChatResult, *, parallel: bool = True) -> bytes:
    """The whole answer. Without `parallel` it asks for one call at most."""
    calls = result.tool_calls if parallel else result.tool_calls[:1]
    message: dict[str, Any] = {"role": "assistant", "content": result.text or (None if calls else ""), "refusal": None}
    if result.thinking:
        message["reasoning_content"] = result.thinking
    if calls:
        message["tool_calls"] = [call_of(call) for call in calls]
    body = {
        "id": new_name("chatcmpl-"),
        "object": "chat.completion",
        "created": int(time.time()),
        "model": result.model,
        "choices": [{"index": 0, "message": message, "logprobs": None, "finish_reason": result.finish}],
        "usage": usage_of(result),
    }
    return encoded(body)


class ChatChunks:
    """Writes one streamed answer."""

    def __init__(self, model: str, *, include_usage: bool, parallel: bool = True) -> None:
        """`include_usage` adds a last chunk that tells the tokens, as `stream_options` asks for."""
        head = {
            "id": new_name("chatcmpl-"),
            "object": "chat.completion.chunk",
            "created": int(time.time()),
            "model": model,
        }
        self._head = b"data: " + orjson.dumps(head)[:-1]
        self._delta = self._head + b',"choices":[{"index":0,"delta":{'
        tail = b',"usage":null}\n\n' if include_usage else b"}\n\n"
        self._tail = b'},"logprobs":null,"finish_reason":null}]' + tail
        self._end = tail
        self._include_usage = include_usage
        self._parallel = parallel
        self._calls = 0

    def begin(self) -> bytes:
        """The first chunk: whose turn it is."""
        return self._delta + b'"role":"assistant","content":""' + self._tail

    def pieces(self, deltas: Sequence[ChatDelta]) -> bytes:
        """Chunks for pieces that arrived together."""
        return b"".join(map(self._piece, deltas))

    def _piece(self, delta: ChatDelta) -> bytes:
        if delta.text and not delta.thinking and not delta.tool_calls:
            return self._delta + b'"content":' + quoted(delta.text) + self._tail
        parts: list[bytes] = []
        if delta.thinking:
            parts += (self._delta, b'"reasoning_content":', quoted(delta.thinking), self._tail)
        if delta.text:
            parts += (self._delta, b'"content":', quoted(delta.text), self._tail)
        for call in delta.tool_calls:
            if self._parallel or not self._calls:
                body = {"index": self._calls, **call_of(call)}
                parts += (self._delta, b'"tool_calls":[', encoded(body), b"]", self._tail)
                self._calls += 1
        return b"".join(parts)

    def end(self, result: ChatResult) -> bytes:
        """The last chunks: why it ended, what it took, that it is over."""
        parts = [
            self._head,
            b',"choices":[{"index":0,"delta":{},"logprobs":null,"finish_reason":',
            quoted(result.finish),
            b"}]",
            self._end,
        ]
        if self._include_usage:
            parts += (self._head, b',"choices":[],"usage":', orjson.dumps(usage_of(result)), b"}\n\n")
        parts.append(DONE)
        return b"".join(parts)

    def failure(self, body: bytes) -> bytes:
        """An event that OpenAI's clients raise."""
        return event(body)
