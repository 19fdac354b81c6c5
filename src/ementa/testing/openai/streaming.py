"""Writes an answer as `/v1/chat/completions` and `/v1/completions` do: events, or one object."""

import json
from contextlib import aclosing, suppress
from typing import Any

from aiohttp import web

from ementa.testing.hosted import EventStream
from ementa.testing.ollama.answers import answer_schema
from ementa.testing.ollama.generation import Ask, Brain, LimitReached, count_tokens, generate, split_pieces
from ementa.testing.ollama.modes import Mode
from ementa.testing.openai.catalogue import CREATED, DoubleModel, Flavour
from ementa.testing.openai.checks import Refusal, context_error

THOUGHT = "O pedido é claro."
_KINDS = {
    400: "invalid_request_error",
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    429: "rate_limit_error",
}


def error(refusal: Refusal, flavour: Flavour) -> web.Response:
    """A refusal in the form of OpenAI, vLLM or llama.cpp."""
    status = refusal.status
    headers = {"Retry-After": "7"} if status == 429 else {}
    return web.json_response(error_body(refusal, flavour), status=status, headers=headers)


def error_body(refusal: Refusal, flavour: Flavour) -> dict[str, Any]:
    """The body of an error, in an answer or amid one."""
    status, kind = refusal.status, _KINDS.get(refusal.status, "server_error" if refusal.status >= 500 else "error")
    if flavour == "llamacpp":
        return {"error": {"code": status, "message": refusal.message, "type": refusal.code or kind}}
    if flavour == "vllm":
        names = {400: "BadRequestError", 404: "NotFoundError", 401: "AuthenticationError"}
        kind = names.get(status, "InternalServerError")
        return {"error": {"message": refusal.message, "type": kind, "param": refusal.param, "code": status}}
    return {"error": {"message": refusal.message, "type": kind, "param": refusal.param, "code": refusal.code}}


class _Recorded(EventStream):
    """Remembers what it wrote."""

    def __init__(self, request: web.Request, mode: Mode, written: bytearray) -> None:
        super().__init__(request, mode)
        self._written = written

    async def write(self, data: bytes) -> None:
        self._written += data
        await super().write(data)


class Writer:
    """One answer."""

    def __init__(
        self, request: web.Request, body: dict[str, Any], model: DoubleModel, mode: Mode, flavour: Flavour
    ) -> None:
        self.request = request
        self.written = bytearray()
        """The bytes of the answer."""
        self._body = body
        self._model = model
        self._mode = mode
        self._flavour: Flavour = flavour
        self._is_chat = "prompt" not in body
        self._events = _Recorded(request, mode, self.written)
        self._tokens = 0
        self._thought = ""

    def refuse(self, fault: str, status: int = 0) -> web.Response:
        """A refusal that the mode scripts."""
        if fault == "context-overflow":
            return error(context_error(self._model.context_tokens + 9000, self._model, self._flavour), self._flavour)
        known = {
            "busy": ("Rate limit reached for requests", 429, "rate_limit_exceeded"),
            "fail-before": ("The server had an error while processing your request", 500, None),
        }
        words, status, code = known.get(fault, (f"status {status} on purpose", status, None))
        return error(Refusal(words, None, code, status), self._flavour)

    async def break_off(self) -> web.StreamResponse:
        """An error amid the answer."""
        refusal = Refusal("The server had an error while processing your request", status=500)
        if not self._events.begun:
            return error(refusal, self._flavour)
        await self._events.write(_event(error_body(refusal, self._flavour)))
        return await self._events.end()

    async def answer(self, ask: Ask, brain: Brain, tools: list[dict[str, Any]]) -> web.StreamResponse:
        """Thoughts where the model thinks, then text or calls."""
        if self._is_chat:
            await self._send({"role": "assistant", "content": ""})
        if self._thinks:
            await self._think()
        text, calls, reason = "", list[dict[str, Any]](), "stop"
        if tools:
            calls, reason = await self._call(tools, ask), "tool_calls"
        else:
            text, reason = await self._say(ask, brain)
        usage = self._usage(count_tokens(ask.prompt) + 4)
        if not self._streamed:
            return self._whole(text, calls, reason, usage)
        await self._send({}, reason)
        if self._counts:
            await self._events.write(_event(self._chunk([], usage)))
        await self._events.write(b"data: [DONE]\n\n")
        return await self._events.end()

    def _whole(self, text: str, calls: list[dict[str, Any]], reason: str, usage: dict[str, Any]) -> web.Response:
        message: dict[str, Any] = {"role": "assistant", "content": None if calls else text}
        if calls:
            message["tool_calls"] = calls
        if self._thought:
            message["reasoning_content"] = self._thought
        content = {"message": message} if self._is_chat else {"text": text}
        choice = {"index": 0, **content, "logprobs": None, "finish_reason": reason}
        body = {**self._head(self._object), "choices": [choice], "usage": usage, "system_fingerprint": "fp_double"}
        self.written += json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()
        return web.Response(body=bytes(self.written), content_type="application/json")

    async def _think(self) -> None:
        self._thought = THOUGHT
        for piece in split_pieces(THOUGHT):
            self._tokens += 1
            await self._send({"reasoning_content": piece})

    async def _say(self, ask: Ask, brain: Brain) -> tuple[str, str]:
        texts: list[str] = []
        reason = "stop"
        with suppress(LimitReached):
            async with aclosing(generate(ask, self._mode, brain)) as pieces:
                async for piece in pieces:
                    if len(texts) == ask.max_tokens:
                        reason = "length"
                        break
                    texts.append(piece.text)
                    self._tokens += 1
                    await self._send({"content": piece.text}, letters=piece.text)
                return "".join(texts), reason
        return "".join(texts), "length"

    async def _call(self, tools: list[dict[str, Any]], ask: Ask) -> list[dict[str, Any]]:
        """Calls in pieces, as they are streamed: id and name first, then the arguments bit by bit."""
        calls: list[dict[str, Any]] = []
        for index, tool in enumerate(tools):
            function = tool["function"]
            arguments = answer_schema(function.get("parameters") or {"type": "object"}, ask.prompt)
            written = json.dumps(arguments, ensure_ascii=False)
            call = {"id": f"call_{len(ask.messages)}_{index}", "type": "function"}
            start = {"index": index, **call, "function": {"name": function["name"], "arguments": ""}}
            await self._send({"tool_calls": [start]})
            for at in range(0, len(written), 5):
                self._tokens += 1
                part = {"index": index, "function": {"arguments": written[at : at + 5]}}
                await self._send({"tool_calls": [part]})
            calls.append({**call, "function": {"name": function["name"], "arguments": written}})
        return calls

    @property
    def _streamed(self) -> bool:
        return self._body.get("stream") is True

    @property
    def _counts(self) -> bool:
        options: dict[str, Any] = self._body.get("stream_options") or {}
        return bool(options.get("include_usage"))

    @property
    def _thinks(self) -> bool:
        arguments: dict[str, Any] = self._body.get("chat_template_kwargs") or {}
        return self._model.thinking and self._is_chat and arguments.get("enable_thinking") is not False

    @property
    def _object(self) -> str:
        return "chat.completion" if self._is_chat else "text_completion"

    def _usage(self, prompt: int) -> dict[str, Any]:
        counts = {"prompt_tokens": prompt, "total_tokens": prompt + self._tokens, "completion_tokens": self._tokens}
        return {**counts, "prompt_tokens_details": {"cached_tokens": prompt // 4}}

    def _head(self, kind: str) -> dict[str, Any]:
        return {"id": "chatcmpl-double", "object": kind, "created": CREATED, "model": self._body["model"]}

    def _chunk(self, choices: list[dict[str, Any]], usage: dict[str, Any] | None) -> dict[str, Any]:
        chunk = {**self._head("chat.completion.chunk" if self._is_chat else "text_completion"), "choices": choices}
        if usage or (self._counts and self._flavour == "openai"):
            chunk["usage"] = usage
        return chunk

    async def _send(self, delta: dict[str, Any], reason: str | None = None, letters: str = "") -> None:
        if not self._streamed:
            return
        content: dict[str, Any] = {"delta": delta} if self._is_chat else {"text": delta.get("content", "")}
        choice = {"index": 0, **content, "logprobs": None, "finish_reason": reason}
        event = _event(self._chunk([choice], None))
        if letters:
            await self._events.write_text(event, letters.encode())
        else:
            await self._events.write(event)


def _event(body: dict[str, Any]) -> bytes:
    return b"data: " + json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode() + b"\n\n"
