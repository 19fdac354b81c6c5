"""One question to a model: constrained by a schema, checked, repaired once, and its cost counted."""

import json
from collections.abc import Awaitable, Callable
from typing import Any, cast

import jsonschema
import msgspec

from ementa.analysis.selection import prompts
from ementa.analysis.selection.types import Options
from ementa.analysis.types import Usage
from ementa.llm.errors import ModelContextExceeded, ModelOutputTruncated
from ementa.llm.tokens import estimate_prompt
from ementa.llm.types import ChatRequest, ChatResult, Message

ChatFn = Callable[[ChatRequest], Awaitable[ChatResult]]
_REPEATS = 6


class Caller:
    """Calls one model (and, when it fails, the bigger one) for one analysis."""

    def __init__(self, chat: ChatFn, options: Options, *, english: bool) -> None:
        self._chat = chat
        self._options = options
        self._english = english
        self.context_tokens = options.context_tokens
        self.calls = 0
        self.tokens = 0
        self.latency_ms = 0
        self.model = ""
        """The one that really answered; empty while none did."""

    @property
    def usage(self) -> Usage:
        """What all calls so far cost."""
        return Usage(tokens=self.tokens, latency_ms=self.latency_ms)

    @property
    def exhausted(self) -> bool:
        """Whether this analysis may call no more."""
        return self.calls >= self._options.max_calls

    def room(self, messages: list[Message], max_tokens: int) -> int:
        """Tokens that the context leaves beside these messages and the answer."""
        return self.context_tokens - max_tokens - estimate_prompt(messages)

    async def ask(
        self, messages: list[Message], schema: dict[str, Any], max_tokens: int, *, escalate: bool = False
    ) -> tuple[Any, str]:
        """The answer that satisfies `schema` and "", or the best JSON that came (None for none) and what is wrong
        with it.

        One repair round tells the model its error. Raises the gateway's errors; `ModelContextExceeded` only when the
        messages do not fit the model, after `context_tokens` was lowered to what it has.
        """
        model = self._options.escalation_model if escalate else self._options.model
        request = ChatRequest(
            model=model,
            messages=messages,
            schema=schema,
            max_tokens=max_tokens,
            context_tokens=self.context_tokens,
            timeout_seconds=self._options.timeout_seconds,
        )
        value, error, text = await self._once(request)
        if not error:
            return value, ""
        shown = text[:400]
        repair = [
            *messages,
            Message("assistant", shown or "…"),
            Message("user", prompts.again(error, english=self._english)),
        ]
        if self.exhausted or self.room(repair, max_tokens) < 0:
            return value, error
        second, again, _ = await self._once(msgspec.structs.replace(request, messages=repair))
        return (second, again) if second is not None else (value, again)

    async def _once(self, request: ChatRequest) -> tuple[Any, str, str]:
        self.calls += 1
        try:
            result = await self._chat(request)
        except ModelOutputTruncated:
            return None, self._say("ficou longa demais.", "it was too long."), ""
        except ModelContextExceeded as error:
            details = cast("dict[str, Any]", error.details or {})
            self.context_tokens = min(self.context_tokens, int(details.get("context_tokens", self.context_tokens)))
            raise
        self.tokens += result.prompt_tokens + result.output_tokens
        self.latency_ms += result.latency_ms
        if not self.model or request.model == self._options.model:
            self.model = result.model
        return self._read(result, request.schema or {})

    def _read(self, result: ChatResult, schema: dict[str, Any]) -> tuple[Any, str, str]:
        text = result.text
        if result.finish == "length" or is_looping(text):
            return None, self._say("repetiu-se ou não terminou.", "it repeated itself or did not end."), ""
        try:
            value = json.loads(text)
        except (ValueError, RecursionError):
            return None, self._say("não é JSON.", "it is not JSON."), text
        problem = next(iter(jsonschema.Draft202012Validator(schema).iter_errors(value)), None)
        if problem is None:
            return value, "", text
        return value, f"{problem.json_path}: {problem.message[:200]}", text

    def _say(self, pt: str, en: str) -> str:
        return en if self._english else pt


def is_looping(text: str) -> bool:
    """Whether a text ends in one piece repeated over and over, as constrained decoding does when it loses its way."""
    tail = text[-1200:]
    for size in (1, 2, 3, 5, 8, 13, 21, 34, 55, 89):
        for length in range(size, min(size * 2, 120)):
            piece = tail[-length:]
            times = max(_REPEATS, 60 // length)
            if len(tail) >= length * times and tail.endswith(piece * times):
                return True
    return False
