"""Embeddings in Google's words."""

from collections.abc import Mapping, Sequence
from typing import Any, cast

from ementa.llm.types import EmbedRequest

MOST_TEXTS = 100
"""Texts that one request may hold."""


def embed_body(request: EmbedRequest, texts: Sequence[str]) -> dict[str, Any]:
    """The body of a `batchEmbedContents`."""
    sized = {} if request.dimensions is None else {"outputDimensionality": request.dimensions}
    model = f"models/{request.model}"
    return {"requests": [{"model": model, "content": {"parts": [{"text": text}]}, **sized} for text in texts]}


def vectors_in(answer: Mapping[str, Any], count: int, *, shortened: bool) -> list[list[float]]:
    """The vectors in the order of the texts. Raises `ValueError` when they are not one each.

    Shortened ones come as the beginning of longer ones, so they are made to be of length one again.
    """
    entries = cast("list[Any]", answer.get("embeddings")) if isinstance(answer.get("embeddings"), list) else []
    vectors = [_numbers(entry) for entry in entries]
    if len(vectors) != count or not all(vectors):
        raise ValueError(f"{len(vectors)} vectors for {count} texts")
    return [_unit(vector) for vector in vectors] if shortened else vectors


def tokens_in(answer: Mapping[str, Any]) -> int:
    """Tokens that the texts were, where the server says so."""
    usage = answer.get("usageMetadata")
    said = cast("dict[str, Any]", usage).get("promptTokenCount") if isinstance(usage, dict) else None
    return said if isinstance(said, int) and said > 0 else 0


def _numbers(entry: Any) -> list[float]:
    values = cast("dict[str, Any]", entry).get("values") if isinstance(entry, dict) else None
    try:
        return [float(value) for value in cast("list[Any]", values)] if isinstance(values, list) else []
    except (TypeError, OverflowError):
        return []


def _unit(vector: list[float]) -> list[float]:
    norm = sum(value * value for value in vector) ** 0.5
    return [value / norm for value in vector] if norm else vector
