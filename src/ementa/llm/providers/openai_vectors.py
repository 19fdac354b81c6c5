"""Embeddings and reranking as OpenAI-compatible servers answer them, without a Python number for every dimension."""

import base64
import binascii
import sys
from array import array
from collections.abc import Sequence
from typing import Any, cast

import msgspec

from ementa.llm.providers.openai_events import TokenCounts
from ementa.llm.types import RerankRequest


class _Vector(msgspec.Struct):
    embedding: str | list[float]
    index: int | None = None


class Vectors(msgspec.Struct):
    """The answer of `/embeddings`."""

    data: list[_Vector]
    usage: TokenCounts | None = None


class _Score(msgspec.Struct):
    index: int
    relevance_score: float | None = None
    score: float | None = None


class Scores(msgspec.Struct):
    """The answer of `/rerank`: `results` of vLLM, Jina, Cohere and llama.cpp; `data` of Voyage."""

    results: list[_Score] | None = None
    data: list[_Score] | None = None
    usage: TokenCounts | None = None


decode_vectors = msgspec.json.Decoder(Vectors).decode
decode_scores = msgspec.json.Decoder(Scores).decode


def vectors_in(answer: Vectors, count: int) -> list[Sequence[float]]:
    """The vectors in the order of the texts. Raises `ValueError` when they are not one each."""
    placed: list[Sequence[float] | None] = [None] * count
    for position, item in enumerate(answer.data):
        at = position if item.index is None else item.index
        if not 0 <= at < count:
            raise ValueError(f"a vector for text {at} of {count}")
        placed[at] = _floats(item.embedding)
    if None in placed or len(answer.data) != count:
        raise ValueError(f"{len(answer.data)} vectors for {count} texts")
    return cast("list[Sequence[float]]", placed)


def rerank_body(request: RerankRequest) -> dict[str, Any]:
    """What is sent; every document is to be scored."""
    return {
        "model": request.model,
        "query": request.query,
        "documents": list(request.documents),
        "top_n": len(request.documents),
        "return_documents": False,
    }


def scores_in(answer: Scores, count: int) -> list[float]:
    """The scores in the order of the documents. Raises `ValueError` when they are not one each."""
    found: dict[int, float] = {}
    for item in answer.results or answer.data or ():
        score = item.relevance_score if item.relevance_score is not None else item.score
        if score is not None:
            found[item.index] = score
    if sorted(found) != list(range(count)):
        raise ValueError(f"{len(found)} scores for {count} documents")
    return [found[index] for index in range(count)]


def _floats(embedding: str | list[float]) -> Sequence[float]:
    if not isinstance(embedding, str):
        return array("f", embedding)
    vector = array("f")
    try:
        vector.frombytes(base64.b64decode(embedding, validate=True))
    except binascii.Error as error:
        raise ValueError("a vector that is no base64") from error
    if sys.byteorder == "big":
        vector.byteswap()
    return vector
