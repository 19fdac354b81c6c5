"""`POST /v1/embeddings`."""

import base64
import sys
from array import array
from collections.abc import Sequence
from typing import Annotated, Any, Literal, cast

import msgspec
from msgspec import Meta

from ementa.llm.types import EmbedRequest
from ementa.serving.deps import Visit
from ementa.serving.errors import ParameterInvalid, ParameterUnsupported
from ementa.serving.typed import read_as

MAX_TEXTS = 2048
_INPUT = {
    "pt": f"deve ser um texto ou uma lista de 1 a {MAX_TEXTS} textos",
    "en": f"it must be a string or a list of 1 to {MAX_TEXTS} strings",
}
_TOKENS = {
    "pt": "listas de tokens não são aceitas, cada modelo tem os seus; envie textos",
    "en": "lists of tokens are not accepted, each model has its own; send strings",
}


class EmbeddingBody(msgspec.Struct):
    """The request."""

    model: Annotated[str, Meta(min_length=1)]
    input: Any
    encoding_format: Literal["float", "base64"] | None = None
    dimensions: Annotated[int, Meta(ge=1, le=100_000)] | None = None


async def embeddings(visit: Visit) -> None:
    """Turn texts into vectors."""
    asked = read_as(EmbeddingBody, visit.body)
    texts = read_texts(asked.input)
    await visit.admit(asked.model)
    result = await visit.gateway.embed(
        EmbedRequest(
            model=asked.model,
            texts=texts,
            dimensions=asked.dimensions,
            timeout_seconds=visit.timeout_seconds,
            caller=visit.caller,
        )
    )
    visit.answered(result.model, result.server, upstream_ms=result.latency_ms, queue_ms=result.queue_ms)
    packed = asked.encoding_format == "base64"
    data = [
        {"object": "embedding", "index": index, "embedding": pack(vector) if packed else list(vector)}
        for index, vector in enumerate(result.vectors)
    ]
    usage = {"prompt_tokens": result.prompt_tokens, "total_tokens": result.prompt_tokens}
    await visit.send_object({"object": "list", "data": data, "model": result.model, "usage": usage})


def read_texts(given: Any) -> list[str]:
    """The texts to be turned into vectors; raises `ParameterInvalid`, `ParameterUnsupported`."""
    if isinstance(given, str):
        return [given]
    texts = cast("list[Any]", given) if isinstance(given, list) else []
    if texts and isinstance(texts[0], int | list) and not isinstance(texts[0], bool):
        raise ParameterUnsupported(name="input", cause=_TOKENS)
    if not 0 < len(texts) <= MAX_TEXTS or not all(isinstance(text, str) for text in texts):
        raise ParameterInvalid(name="input", cause=_INPUT)
    return texts


def pack(vector: Sequence[float]) -> str:
    """Base64 of 32-bit numbers, the least byte first, as OpenAI's clients ask for by default."""
    numbers = array("f", vector)
    if sys.byteorder == "big":
        numbers.byteswap()
    return base64.b64encode(numbers).decode("ascii")
