"""`POST /llm/generate`: one prompt in, one text out, whichever model answers."""

import time
from typing import Any, cast

from ementa.kit import clock
from ementa.llm.base import collect
from ementa.llm.types import ChatRequest, Message
from ementa.serving.deps import Door, DoorRoute, Visit, text_of
from ementa.serving.errors import ParameterInvalid, ParameterUnsupported

MOST_TOKENS = 1_000_000
_FIELDS = ("model", "prompt", "params")
_BOUNDS: dict[str, tuple[type, float, float]] = {
    "temperature": (float, 0.0, 2.0),
    "max_tokens": (int, 1, MOST_TOKENS),
    "top_p": (float, 0.0, 1.0),
    "top_k": (int, 0, 10_000),
}
"""Each parameter's type, least and most. `top_k` 0 means all, as servers have it."""
_WHOLE = {"pt": "deve ser um número inteiro", "en": "it must be a whole number"}
_NUMBER = {"pt": "deve ser um número", "en": "it must be a number"}


async def generate(visit: Visit) -> None:
    """Answer a prompt. Without `model` the default one answers."""
    body = visit.body
    _refuse_unknown(body, _FIELDS, "")
    prompt = text_of(body, "prompt")
    model = text_of(body, "model") if body.get("model") is not None else visit.gateway.settings.default_model
    params = read_params(body.get("params"))
    await visit.admit(model)
    request = ChatRequest(
        model=model,
        messages=(Message("user", prompt),),
        max_tokens=params.get("max_tokens", visit.gateway.settings.max_tokens),
        temperature=params.get("temperature"),
        top_p=params.get("top_p"),
        top_k=params.get("top_k"),
        seed=None,
        think=False,  # thoughts have no place in the answer, and would eat up `max_tokens`
    )
    async with visit.gateway.open(visit.asks(model, lambda: request, stream=False)) as answer:
        if answer.pieces is None:
            raise RuntimeError("an answer asked for in neutral form came in another")
        result = await collect(answer.pieces)
        visit.answered_by(answer)
    await visit.send_object(
        {
            "text": result.text,
            "model": result.model,
            "tokens_used": result.prompt_tokens + result.output_tokens,
            "latency_ms": round((time.perf_counter() - visit.started) * 1000),
            "timestamp": clock.rfc3339(clock.now()),
        }
    )


def read_params(given: Any) -> dict[str, Any]:
    """The parameters that were given, of the right types and within bounds. Raises `ParameterInvalid`,
    `ParameterUnsupported`."""
    if given is None:
        return {}
    if not isinstance(given, dict):
        cause = {"pt": "deve ser um objeto", "en": "it must be an object"}
        raise ParameterInvalid(name="params", cause=cause)
    params = cast("dict[str, Any]", given)
    _refuse_unknown(params, tuple(_BOUNDS), "params.")
    return {name: _bounded(name, value) for name, value in params.items() if value is not None}


ROUTE = DoorRoute("/llm/generate", Door("llm.generate", generate), methods=["POST"])


def _refuse_unknown(given: dict[str, Any], known: tuple[str, ...], before: str) -> None:
    for name in given:
        if name not in known:
            cause = {"pt": f"os nomes aceitos são {', '.join(known)}", "en": f"the names known are {', '.join(known)}"}
            raise ParameterUnsupported(name=f"{before}{name[:100]}", cause=cause)


def _bounded(name: str, value: Any) -> float:
    kind, least, most = _BOUNDS[name]
    whole = isinstance(value, int) or (isinstance(value, float) and value.is_integer())
    if isinstance(value, bool) or not isinstance(value, int | float) or (kind is int and not whole):
        words = (
            {"pt": "um número inteiro", "en": "a whole number"}
            if kind is int
            else {"pt": "um número", "en": "a number"}
        )
        cause = {"pt": f"deve ser {words['pt']}", "en": f"it must be {words['en']}"}
        raise ParameterInvalid(name=f"params.{name}", cause=cause)
    if not least <= value <= most:
        cause = {"pt": f"deve estar entre {least} e {most}", "en": f"it must be between {least} and {most}"}
        raise ParameterInvalid(name=f"params.{name}", cause=cause)
    return kind(value)
