"""`POST /llm/generate`: one prompt in, one text out, whichever model answers."""

import time
from collections.abc import Mapping
from typing import Annotated, Any, cast

import msgspec
from msgspec import Meta

from ementa.kit import clock
from ementa.llm.base import collect
from ementa.llm.types import ChatRequest, Message
from ementa.serving.deps import Door, DoorRoute, Visit
from ementa.serving.errors import ParameterInvalid, ParameterUnsupported
from ementa.serving.openapi import Operation, Schema, object_of
from ementa.serving.typed import read_as


class Params(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How to answer. What is absent is left to the server; null is the same as absent."""

    temperature: Annotated[float, Meta(ge=0, le=2)] | None = None
    max_tokens: Annotated[int, Meta(ge=1, le=1_000_000)] | None = None
    top_p: Annotated[float, Meta(ge=0, le=1)] | None = None
    top_k: Annotated[int, Meta(ge=0, le=10_000, description="0 means all.")] | None = None


class GenerateBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A prompt and who is to answer it."""

    prompt: Annotated[str, Meta(min_length=1)]
    model: Annotated[str, Meta(min_length=1, description="The default model when absent.")] | None = None
    params: Params | None = None


_EMPTY = {"pt": "não pode ser vazio", "en": "it must not be empty"}


async def generate(visit: Visit) -> None:
    """Answer a prompt."""
    body = read_body(visit.body)
    settings = visit.gateway.settings
    model = body.model or settings.default_model
    params = body.params or Params()
    await visit.admit(model)
    request = ChatRequest(
        model=model,
        messages=(Message("user", body.prompt),),
        max_tokens=params.max_tokens or settings.max_tokens,
        temperature=params.temperature,
        top_p=params.top_p,
        top_k=params.top_k,
        seed=None,
        think=False,  # thoughts have no place in the answer, and would eat up `max_tokens`
    )
    async with visit.gateway.open(visit.asks(model, lambda: request, stream=False)) as answer:
        if answer.pieces is None:
            raise RuntimeError("an answer asked for in neutral form came in another")
        result = await collect(answer.pieces)
        visit.answered_by(answer)
    visit.note(prompt_tokens=result.prompt_tokens, output_tokens=result.output_tokens)
    await visit.send_object(
        {
            "text": result.text,
            "model": result.model,
            "tokens_used": result.prompt_tokens + result.output_tokens,
            "latency_ms": round((time.perf_counter() - visit.started) * 1000),
            "timestamp": clock.rfc3339(clock.now()),
        }
    )


def read_body(given: dict[str, Any]) -> GenerateBody:
    """The request; raises `ParameterInvalid`, and `ParameterUnsupported` for names that are not known."""
    _refuse_unknown(given, GenerateBody, "")
    if isinstance(params := given.get("params"), dict):
        _refuse_unknown(cast("dict[str, Any]", params), Params, "params.")
    body = read_as(GenerateBody, given)
    for name in ("prompt", "model"):
        value = getattr(body, name)
        if value is not None and not value.strip():
            raise ParameterInvalid(name=name, cause=_EMPTY)
    return body


ROUTE = DoorRoute("/llm/generate", Door("llm.generate", generate), methods=["POST"])

_TEXT: Schema = {"type": "string"}
_COUNT: Schema = {"type": "integer", "minimum": 0}
OPERATIONS: Mapping[tuple[str, str], Operation] = {
    ("post", "/llm/generate"): Operation(
        "One prompt in, one text out",
        "llm",
        object_of(
            {
                "text": _TEXT,
                "model": {**_TEXT, "description": "The one that answered."},
                "tokens_used": {**_COUNT, "description": "In and out."},
                "latency_ms": _COUNT,
                "timestamp": {**_TEXT, "format": "date-time"},
            }
        ),
        GenerateBody,
        "Llm",
        errors=(502,),
    )
}


def _refuse_unknown(given: dict[str, Any], kind: type[msgspec.Struct], before: str) -> None:
    known = kind.__struct_fields__
    for name in given:
        if name not in known:
            cause = {"pt": f"os nomes aceitos são {', '.join(known)}", "en": f"the names known are {', '.join(known)}"}
            raise ParameterUnsupported(name=f"{before}{name[:100]}", cause=cause)
