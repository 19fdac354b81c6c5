"""`POST /v1/completions`, the older address: a text goes in, its answer comes out.

A server that speaks OpenAI's dialect gets the request as it is and continues the text. For any other the text becomes
the one message of a conversation: chat models answer a text, they do not continue it.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

import msgspec
import orjson

from ementa.llm.types import ChatDelta, ChatRequest, ChatResult, Message
from ementa.serving.deps import Visit, flag_of, text_of
from ementa.serving.errors import ParameterInvalid, ParameterUnsupported
from ementa.serving.openai.chat import wants_usage
from ementa.serving.openai.chat_answer import DONE, event, new_name, usage_of
from ementa.serving.openai.chat_request import HERE, ONE, Count, Penalty, Seed, Share, Warmth, read_stop
from ementa.serving.openai.relaying import relay
from ementa.serving.typed import read_as
from ementa.serving.writing import encoded, quoted

_PROMPT = {
    "pt": "deve ser um texto, ou uma lista de um só texto",
    "en": "it must be a string, or a list of one string",
}


class CompletionBody(msgspec.Struct):
    """The request."""

    prompt: Any
    max_tokens: Count | None = None
    temperature: Warmth | None = None
    top_p: Share | None = None
    stop: str | list[str] | None = None
    seed: Seed | None = None
    presence_penalty: Penalty | None = None
    frequency_penalty: Penalty | None = None
    n: int | None = None
    best_of: int | None = None
    logprobs: int | None = None
    logit_bias: dict[str, float] | None = None
    suffix: str | None = None
    echo: bool | None = None


@dataclass(frozen=True, slots=True)
class CompletionDialect:
    """Text completions."""

    include_usage: bool = False

    def whole(self, result: ChatResult) -> bytes:
        """A `text_completion`."""
        choice = {"index": 0, "text": result.text, "logprobs": None, "finish_reason": result.finish}
        return encoded({**_head(result.model), "choices": [choice], "usage": usage_of(result)})

    def chunks(self, model: str) -> "CompletionChunks":
        """The same in pieces."""
        return CompletionChunks(model, include_usage=self.include_usage)


class CompletionChunks:
    """Writes one streamed answer."""

    def __init__(self, model: str, *, include_usage: bool) -> None:
        self._head = b"data: " + orjson.dumps(_head(model))[:-1]
        self._text = self._head + b',"choices":[{"index":0,"text":'
        self._include_usage = include_usage

    def begin(self) -> bytes:
        """Nothing: the first piece says all."""
        return b""

    def pieces(self, deltas: Sequence[ChatDelta]) -> bytes:
        """Pieces that arrived together."""
        return b"".join(self._chunk(delta.text, b"null") for delta in deltas if delta.text)

    def end(self, result: ChatResult) -> bytes:
        """Why it ended, what it took, that it is over."""
        last = self._chunk("", quoted(result.finish))
        if self._include_usage:
            last += self._head + b',"choices":[],"usage":' + orjson.dumps(usage_of(result)) + b"}\n\n"
        return last + DONE

    def failure(self, body: bytes) -> bytes:
        """An event that OpenAI's clients raise."""
        return event(body)

    def _chunk(self, text: str, finish: bytes) -> bytes:
        return self._text + quoted(text) + b',"logprobs":null,"finish_reason":' + finish + b"}]}\n\n"


async def completions(visit: Visit) -> None:
    """Answer a text."""
    body = visit.body
    model = text_of(body, "model")
    stream = flag_of(body, "stream", default=False)
    dialect = CompletionDialect(include_usage=stream and wants_usage(body))
    await visit.admit(model)
    limit = visit.gateway.settings.max_tokens
    ask = visit.asks(model, lambda: read_completion(body, limit), stream=stream, dialect="openai", path="/completions")
    await relay(visit, ask, dialect)


def read_completion(body: dict[str, Any], max_tokens: int) -> ChatRequest:
    """The request in neutral form; raises `ParameterInvalid`, `ParameterUnsupported`."""
    asked = read_as(CompletionBody, body)
    if asked.n not in (None, 1) or asked.best_of not in (None, 1):
        raise ParameterUnsupported(name="n" if asked.n not in (None, 1) else "best_of", cause=ONE)
    for name in ("logprobs", "logit_bias", "suffix", "echo"):
        if getattr(asked, name):
            raise ParameterUnsupported(name=name, cause=HERE)
    return ChatRequest(
        model="",
        messages=(Message("user", _prompt(asked.prompt)),),
        max_tokens=asked.max_tokens or max_tokens,
        temperature=asked.temperature,
        top_p=asked.top_p,
        stop=read_stop(asked.stop),
        presence_penalty=asked.presence_penalty,
        frequency_penalty=asked.frequency_penalty,
        seed=asked.seed,
        think=None,
    )


def _prompt(prompt: Any) -> str:
    if isinstance(prompt, list) and len(cast("list[Any]", prompt)) == 1:
        return _prompt(cast("list[Any]", prompt)[0])
    if not isinstance(prompt, str):
        raise ParameterInvalid(name="prompt", cause=_PROMPT)
    return prompt


def _head(model: str) -> dict[str, Any]:
    return {"id": new_name("cmpl-"), "object": "text_completion", "created": int(time.time()), "model": model}
