"""Writes an answer as the Gemini API does: partial answers as events, or one whole."""

import json
from typing import Any

from aiohttp import web

from ementa.testing.gemini.catalogue import DoubleModel
from ementa.testing.gemini.checks import signature
from ementa.testing.hosted import EventStream, StopReached, limited
from ementa.testing.ollama.answers import answer_schema
from ementa.testing.ollama.generation import Ask, Brain, LimitReached, count_tokens
from ementa.testing.ollama.modes import Mode

STATUSES = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    429: "RESOURCE_EXHAUSTED",
    500: "INTERNAL",
    503: "UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
}
CONTEXT_ERROR = "The input token count (3475108) exceeds the maximum number of tokens allowed (1048576)."
THOUGHT = "**Pensando** no pedido."


def error(status: int, message: str, reason: str = "") -> web.Response:
    """A refusal in the service's form."""
    return web.json_response(error_body(status, message, reason), status=status)


def error_body(status: int, message: str, reason: str = "") -> dict[str, Any]:
    """The body of an error, in an answer or amid one."""
    details: list[dict[str, Any]] = []
    if reason:
        info = {"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": reason, "domain": "googleapis.com"}
        details.append(info)
    if status == 429:
        details.append({"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "34.07s"})
    body: dict[str, Any] = {"code": status, "message": message, "status": STATUSES.get(status, "UNKNOWN")}
    return {"error": {**body, "details": details} if details else body}


class Writer:
    """One answer."""

    def __init__(self, request: web.Request, body: dict[str, Any], model: DoubleModel, mode: Mode) -> None:
        self.request = request
        self._body = body
        self._model = model
        self._mode = mode
        self._streamed = request.match_info["method"] == "streamGenerateContent"
        self._events = EventStream(request, mode)
        self._parts: list[dict[str, Any]] = []
        self._prompt_tokens = 0
        self._tokens = 0
        self._thoughts = 0

    def refuse(self, fault: str, status: int = 0) -> web.Response:
        """A refusal that the mode scripts."""
        if fault == "status" and status == 401:  # which Google says so
            return error(400, "API key not valid. Please pass a valid API key.", "API_KEY_INVALID")
        known = {
            "busy": (503, "The model is overloaded. Please try again later."),
            "fail-before": (500, "An internal error has occurred."),
            "context-overflow": (400, CONTEXT_ERROR),
        }
        return error(*known.get(fault, (status, f"status {status} on purpose")))

    async def break_off(self) -> web.StreamResponse:
        """An error amid the answer."""
        await self._events.write(_event(error_body(500, "An internal error has occurred.")))
        return await self._events.end()

    async def answer(self, ask: Ask, brain: Brain, tool: dict[str, Any] | None) -> web.StreamResponse:
        """Thoughts when asked for, then text or a call."""
        self._prompt_tokens = count_tokens(ask.prompt)
        if "BLOQUEIE" in ask.prompt:
            return await self._block()
        thinking = self._body.get("generationConfig", {}).get("thinkingConfig", {})
        if thinking.get("includeThoughts"):
            self._thoughts = 4
            await self._send({"text": THOUGHT, "thought": True})
        reason = await self._call(tool, ask) if tool else await self._say(ask, brain)
        if not self._streamed:
            return web.json_response(self._response(self._parts, reason))
        await self._events.write(_event(self._response([{"text": ""}], reason)))
        return await self._events.end()

    async def _block(self) -> web.StreamResponse:
        blocked = {"promptFeedback": {"blockReason": "PROHIBITED_CONTENT"}, "usageMetadata": self._usage()}
        if not self._streamed:
            return web.json_response(blocked)
        await self._events.write(_event(blocked))
        return await self._events.end()

    async def _say(self, ask: Ask, brain: Brain) -> str:
        stops = self._body.get("generationConfig", {}).get("stopSequences", ())
        try:
            async for piece in limited(ask, self._mode, brain, stops):
                self._tokens += 1
                await self._send({"text": piece}, piece)
        except LimitReached:
            return "MAX_TOKENS"
        except StopReached:
            return "STOP"
        return "STOP"

    async def _call(self, tool: dict[str, Any], ask: Ask) -> str:
        schema: dict[str, Any] = tool.get("parametersJsonSchema") or {"type": "object"}
        arguments = answer_schema(schema, ask.prompt)
        self._tokens += 3
        call: dict[str, Any] = {"name": tool["name"], "args": arguments}
        part: dict[str, Any] = {"functionCall": call}
        if self._model.signs:
            call["id"] = f"id{len(ask.messages)}"
            part["thoughtSignature"] = signature(tool["name"], arguments)
        await self._send(part)
        return "STOP"

    async def _send(self, part: dict[str, Any], letters: str = "") -> None:
        self._parts.append(part)
        if not self._streamed:
            return
        event = _event(self._response([part], None))
        if letters:
            await self._events.write_text(event, letters.encode())
        else:
            await self._events.write(event)

    def _response(self, parts: list[dict[str, Any]], reason: str | None) -> dict[str, Any]:
        candidate: dict[str, Any] = {"content": {"role": "model", "parts": parts}, "index": 0}
        if reason is not None:
            candidate["finishReason"] = reason
        named = {"modelVersion": self._model.name, "responseId": "double"}
        return {"candidates": [candidate], "usageMetadata": self._usage(), **named}

    def _usage(self) -> dict[str, int]:
        counts = {"promptTokenCount": self._prompt_tokens, "candidatesTokenCount": self._tokens}
        counts["thoughtsTokenCount"] = self._thoughts
        return {**{name: count for name, count in counts.items() if count}, "totalTokenCount": sum(counts.values())}


def _event(data: dict[str, Any]) -> bytes:
    return f"data: {json.dumps(data, ensure_ascii=False)}\r\n\r\n".encode()
