"""`POST /v1/rerank`, in the form of Cohere and Jina, which vLLM and llama.cpp speak too."""

from typing import Annotated, Any

import msgspec
from msgspec import Meta

from ementa.llm.types import RerankRequest
from ementa.serving.deps import Visit
from ementa.serving.openai.chat_answer import new_name
from ementa.serving.typed import read_as

MAX_DOCUMENTS = 10_000


class DocumentBody(msgspec.Struct):
    """A document as an object."""

    text: str


class RerankBody(msgspec.Struct):
    """The request."""

    model: Annotated[str, Meta(min_length=1)]
    query: str
    documents: Annotated[list[str | DocumentBody], Meta(min_length=1, max_length=MAX_DOCUMENTS)]
    top_n: Annotated[int, Meta(ge=1)] | None = None
    return_documents: bool | None = None


async def rerank(visit: Visit) -> None:
    """Order documents by how well each answers a query."""
    asked = read_as(RerankBody, visit.body)
    documents = [document if isinstance(document, str) else document.text for document in asked.documents]
    await visit.admit(asked.model)
    result = await visit.gateway.rerank(
        RerankRequest(
            model=asked.model,
            query=asked.query,
            documents=documents,
            timeout_seconds=visit.timeout_seconds,
            caller=visit.caller,
        )
    )
    visit.answered(result.model, result.server, upstream_ms=result.latency_ms, queue_ms=result.queue_ms)
    best = sorted(range(len(documents)), key=lambda index: -result.scores[index])[: asked.top_n]
    results: list[dict[str, Any]] = [{"index": index, "relevance_score": result.scores[index]} for index in best]
    if asked.return_documents:
        for entry in results:
            entry["document"] = {"text": documents[entry["index"]]}
    usage = {"prompt_tokens": result.prompt_tokens, "total_tokens": result.prompt_tokens}
    await visit.send_object(
        {"id": new_name("rerank-"), "object": "list", "model": result.model, "results": results, "usage": usage}
    )
