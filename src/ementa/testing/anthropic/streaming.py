"""Writes an answer as the Messages API does: named events, or one message."""

import json
from typing import Any

from aiohttp import web

from ementa.testing.anthropic.checks import sign
from ementa.testing.hosted import EventStream, StopReached, limited
from ementa.testing.ollama.answers import answer_schema
from ementa.testing.ollama.generation import Ask, Brain, LimitReached, count_tokens
from ementa.testing.ollama.modes import Mode

ERRORS = {
    400: "invalid_request_error",
    401: "authentication_error",
    402: "billing_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
    500: "api_error",
    504: "timeout_error",
    529: "overloaded_error",
}
CONTEXT_ERROR = "prompt is too long: 209353 tokens > 200000 maximum"
THOUGHT = "O pedido é claro."
REQUEST_ID = "req_double"


def error(status: int, message: str) -> web.Response:
    """A refusal in the service's form."""
    headers = {"request-id": REQUEST_ID} | ({"retry-after": "7"} if status == 429 else {})
    return web.json_response(error_body(status, message), status=status, headers=headers)


def error_body(status: int, message: str) -> dict[str, Any]:
    """The body of an error, in an answer or amid one."""
    kind = ERRORS.get(status, "api_error" if status >= 500 else "invalid_request_error")
    return {"type": "error", "error": {"type": kind, "message": message}, "request_id": REQUEST_ID}


class Writer:
    """One answer."""

    def __init__(self, request: web.Request, body: dict[str, Any], mode: Mode) -> None:
        self.request = request
        self._body = body
        self._mode = mode
        self._events = EventStream(request, mode)
        self._blocks: list[dict[str, Any]] = []
        self._tokens = 0

    def refuse(self, fault: str, status: int = 0) -> web.Response:
        """A refusal that the mode scripts."""
        known = {
            "busy": (529, "Overloaded"),
            "fail-before": (500, "Internal server error"),
            "context-overflow": (400, CONTEXT_ERROR),
        }
        return error(*known.get(fault, (status, f"status {status} on purpose")))

    async def break_off(self) -> web.StreamResponse:
        """An error event."""
        await self._event("error", {k: v for k, v in error_body(500, "Internal server error").items() if k != "type"})
        return await self._events.end()

    async def answer(self, ask: Ask, brain: Brain, tool: dict[str, Any] | None) -> web.StreamResponse:
        """Thoughts when asked for, then text or a call."""
        prompt_tokens = count_tokens(ask.prompt)
        if self._streamed:
            await self._event("message_start", {"message": self._message(prompt_tokens, [], None)})
            await self._event("ping", {})
        thinking = self._body.get("thinking", {})
        if thinking.get("type") in ("adaptive", "enabled"):
            await self._think(omitted=thinking.get("display") == "omitted")
        reason = await self._call(tool, ask) if tool else await self._say(ask, brain)
        if not self._streamed:
            return web.json_response(self._message(prompt_tokens, self._blocks, reason))
        delta = {"stop_reason": reason, "stop_sequence": None}
        await self._event("message_delta", {"delta": delta, "usage": {"output_tokens": self._tokens}})
        await self._event("message_stop", {})
        return await self._events.end()

    async def _think(self, *, omitted: bool) -> None:
        text = "" if omitted else THOUGHT
        deltas = [{"type": "thinking_delta", "thinking": text}] if text else []
        deltas.append({"type": "signature_delta", "signature": sign(text)})
        await self._start({"type": "thinking", "thinking": "", "signature": ""})
        for delta in deltas:
            await self._delta(delta)
        await self._stop({"type": "thinking", "thinking": text, "signature": sign(text)})

    async def _say(self, ask: Ask, brain: Brain) -> str:
        await self._start({"type": "text", "text": ""})
        texts: list[str] = []
        reason = "end_turn"
        try:
            async for piece in limited(ask, self._mode, brain, self._body.get("stop_sequences", ())):
                texts.append(piece)
                self._tokens += 1
                await self._delta({"type": "text_delta", "text": piece}, piece)
        except LimitReached:
            reason = "max_tokens"
        except StopReached:
            reason = "stop_sequence"
        await self._stop({"type": "text", "text": "".join(texts)})
        return reason

    async def _call(self, tool: dict[str, Any], ask: Ask) -> str:
        arguments = answer_schema(tool["input_schema"], ask.prompt)
        written = json.dumps(arguments, ensure_ascii=False)
        block: dict[str, Any] = {
            "type": "tool_use",
            "id": f"toolu_{len(ask.messages)}",
            "name": tool["name"],
            "input": {},
        }
        await self._start(block)
        for part in ("", *(written[at : at + 5] for at in range(0, len(written), 5))):
            self._tokens += 1
            await self._delta({"type": "input_json_delta", "partial_json": part})
        await self._stop({**block, "input": arguments})
        return "tool_use"

    @property
    def _streamed(self) -> bool:
        return self._body.get("stream") is True

    def _message(self, prompt_tokens: int, blocks: list[dict[str, Any]], reason: str | None) -> dict[str, Any]:
        cached = prompt_tokens // 4
        return {
            "id": "msg_double",
            "type": "message",
            "role": "assistant",
            "model": self._body["model"],
            "content": blocks,
            "stop_reason": reason,
            "stop_sequence": None,
            "usage": {
                "input_tokens": prompt_tokens - cached,
                "cache_creation_input_tokens": 0,
                "cache_read_input_tokens": cached,
                "output_tokens": self._tokens or 1,
            },
        }

    async def _start(self, block: dict[str, Any]) -> None:
        await self._event("content_block_start", {"index": len(self._blocks), "content_block": block})

    async def _delta(self, delta: dict[str, Any], letters: str = "") -> None:
        await self._event("content_block_delta", {"index": len(self._blocks), "delta": delta}, letters)

    async def _stop(self, block: dict[str, Any]) -> None:
        await self._event("content_block_stop", {"index": len(self._blocks)})
        self._blocks.append(block)

    async def _event(self, name: str, data: dict[str, Any], letters: str = "") -> None:
        if not self._streamed:
            return
        written = json.dumps({"type": name, **data}, ensure_ascii=False)
        event = f"event: {name}\ndata: {written}\n\n".encode()
        if letters:
            await self._events.write_text(event, letters.encode())
        else:
            await self._events.write(event)
