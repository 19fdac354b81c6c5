"""What the API document tells of `/v1`."""

from collections.abc import Mapping
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from ementa.serving.openai.chat_request import ChatBody
from ementa.serving.openai.completions import CompletionBody
from ementa.serving.openai.embeddings import MAX_TEXTS, EmbeddingBody
from ementa.serving.openai.rerank import RerankBody
from ementa.serving.openai.responses_request import ItemBody, ResponseBody
from ementa.serving.openapi import Operation, Schema, list_of, object_of

_TEXT: Schema = {"type": "string"}
_NUMBER: Schema = {"type": "integer"}
_ANY: Schema = {}
_USAGE = object_of({"prompt_tokens": _NUMBER, "completion_tokens": _NUMBER, "total_tokens": _NUMBER})
_TOKENS = object_of({"prompt_tokens": _NUMBER, "total_tokens": _NUMBER})
_MESSAGE = object_of(
    {"role": _TEXT, "content": {"type": ["string", "null"]}, "tool_calls": list_of(_ANY)}, "content", "tool_calls"
)
_CHAT = object_of(
    {
        "id": _TEXT,
        "object": _TEXT,
        "created": _NUMBER,
        "model": _TEXT,
        "choices": list_of(object_of({"index": _NUMBER, "message": _MESSAGE, "finish_reason": _ANY}, "finish_reason")),
        "usage": _USAGE,
    },
    "usage",
)
_COMPLETION = object_of(
    {
        "id": _TEXT,
        "object": _TEXT,
        "created": _NUMBER,
        "model": _TEXT,
        "choices": list_of(object_of({"index": _NUMBER, "text": _TEXT, "finish_reason": _ANY}, "finish_reason")),
        "usage": _USAGE,
    },
    "usage",
)
_VECTOR: Schema = {"anyOf": [list_of({"type": "number"}), _TEXT]}
_EMBEDDINGS = object_of(
    {
        "object": _TEXT,
        "model": _TEXT,
        "data": list_of(object_of({"object": _TEXT, "index": _NUMBER, "embedding": _VECTOR})),
        "usage": _TOKENS,
    }
)
_RANKING = object_of(
    {
        "id": _TEXT,
        "model": _TEXT,
        "results": list_of(
            object_of({"index": _NUMBER, "relevance_score": {"type": "number"}, "document": _ANY}, "document")
        ),
        "usage": _TOKENS,
    }
)
_RESPONSE = object_of(
    {
        "id": _TEXT,
        "object": _TEXT,
        "created_at": _NUMBER,
        "status": {"enum": ["completed", "incomplete"]},
        "model": _TEXT,
        "output": list_of(object_of({"id": _TEXT, "type": _TEXT})),
        "usage": object_of({"input_tokens": _NUMBER, "output_tokens": _NUMBER, "total_tokens": _NUMBER}),
    }
)
_MODEL = object_of(
    {
        "id": _TEXT,
        "object": _TEXT,
        "created": _NUMBER,
        "owned_by": _TEXT,
        "context_length": _NUMBER,
        "capabilities": list_of(_TEXT),
    }
)
_NAME: Schema = {
    "name": "model",
    "in": "path",
    "required": True,
    "schema": _TEXT,
    "description": "Nome do modelo, barras incluídas. / The model's name, slashes included.",
}
_FAILURES = (404, 502)
_EVENTS = "text/event-stream"

Name = Annotated[str, Meta(min_length=1, pattern=r"\S")]


class StreamOptions(msgspec.Struct):
    """What a stream tells besides the answer."""

    include_usage: bool | None = None


class ChatDocument(ChatBody, kw_only=True):
    """A conversation to be answered, as OpenAI's clients send it. Servers of that dialect get fields that are not
    listed here too."""

    model: Name
    stream: bool | None = None
    stream_options: StreamOptions | None = None


class CompletionDocument(CompletionBody, kw_only=True):
    """A text to be answered."""

    model: Name
    prompt: str | Annotated[list[str], Meta(min_length=1, max_length=1)]
    stream: bool | None = None
    stream_options: StreamOptions | None = None


class EmbeddingDocument(EmbeddingBody, kw_only=True):
    """Texts to be turned into vectors."""

    input: str | Annotated[list[str], Meta(min_length=1, max_length=MAX_TEXTS)]


class ResponseDocument(ResponseBody, kw_only=True):
    """An input to be answered."""

    input: str | Annotated[list[ItemBody], Meta(min_length=1)]


def _operation(summary: str, answer: Schema, body: type | None, name: str, **more: Any) -> Operation:
    return Operation(summary=summary, tag="openai", answer=answer, body=body, body_name=name, errors=_FAILURES, **more)


OPERATIONS: Mapping[tuple[str, str], Operation] = {
    ("post", "/v1/chat/completions"): _operation(
        "Responde uma conversa. / Answers a conversation.", _CHAT, ChatDocument, "Chat", stream=_EVENTS
    ),
    ("post", "/v1/completions"): _operation(
        "Responde um texto. / Answers a text.", _COMPLETION, CompletionDocument, "Completion", stream=_EVENTS
    ),
    ("post", "/v1/responses"): _operation(
        "Responde um pedido na forma nova da OpenAI. / Answers a request in OpenAI's newer form.",
        _RESPONSE,
        ResponseDocument,
        "Response",
        stream=_EVENTS,
    ),
    ("post", "/v1/embeddings"): _operation(
        "Transforma textos em vetores. / Turns texts into vectors.", _EMBEDDINGS, EmbeddingDocument, "Embedding"
    ),
    ("post", "/v1/rerank"): _operation(
        "Ordena documentos para uma pergunta. / Orders documents for a query.", _RANKING, RerankBody, "Rerank"
    ),
    ("get", "/v1/models"): _operation(
        "Os modelos que esta chave pode usar. / The models that this key may use.",
        object_of({"object": _TEXT, "data": list_of(_MODEL)}),
        None,
        "",
        model_call=False,
    ),
    ("get", "/v1/models/{model}"): _operation(
        "Um modelo. / One model.", _MODEL, None, "", model_call=False, parameters=(_NAME,)
    ),
}
