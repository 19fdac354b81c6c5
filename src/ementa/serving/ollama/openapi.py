"""What the API document tells of `/api`."""

from collections.abc import Mapping
from typing import Any

from ementa.serving.ollama.bodies import ChatBody, EmbedBody, EmbeddingsBody, GenerateBody, NameBody
from ementa.serving.ollama.sending import NDJSON
from ementa.serving.openapi import Operation, Schema, list_of, object_of

_TAG = "ollama"
_PREFIX = "Ollama"
_LINES = NDJSON.decode()
_TEXT: Schema = {"type": "string"}
_WHOLE: Schema = {"type": "integer", "minimum": 0}
_OBJECT: Schema = {"type": "object"}
_COUNTERS: Mapping[str, Schema] = {
    "total_duration": _WHOLE,
    "load_duration": _WHOLE,
    "prompt_eval_count": _WHOLE,
    "prompt_eval_duration": _WHOLE,
    "eval_count": _WHOLE,
    "eval_duration": _WHOLE,
}
_ENDING: Mapping[str, Schema] = {"done": {"type": "boolean"}, "done_reason": _TEXT, **_COUNTERS}
_HEAD: Mapping[str, Schema] = {"model": _TEXT, "created_at": _TEXT}
_CHAT = object_of({**_HEAD, "message": _OBJECT, **_ENDING}, "done_reason", *_COUNTERS)
_GENERATED = object_of(
    {**_HEAD, "response": _TEXT, "thinking": _TEXT, **_ENDING}, "thinking", "done_reason", *_COUNTERS
)
_VECTOR = list_of({"type": "number"})
_EMBEDDED = object_of(
    {"model": _TEXT, "embeddings": list_of(_VECTOR), "total_duration": _WHOLE, "prompt_eval_count": _WHOLE},
    "total_duration",
    "prompt_eval_count",
)
_MODELS = object_of({"models": list_of(_OBJECT)})
_MODEL = object_of({"details": _OBJECT, "model_info": _OBJECT, "capabilities": list_of(_TEXT)})
PROGRESS = object_of(
    {"status": _TEXT, "digest": _TEXT, "total": _WHOLE, "completed": _WHOLE}, "digest", "total", "completed"
)
_FAILS = (404, 409, 502, 503)


def _asks(summary: str, answer: Schema, body: type, **more: Any) -> Operation:
    return Operation(summary, _TAG, answer, body, _PREFIX, errors=_FAILS, **more)


OPERATIONS: Mapping[tuple[str, str], Operation] = {
    ("post", "/api/chat"): _asks("The next message of a conversation", _CHAT, ChatBody, stream=_LINES),
    ("post", "/api/generate"): _asks("An answer to a single prompt", _GENERATED, GenerateBody, stream=_LINES),
    ("post", "/api/embed"): _asks("One vector a text", _EMBEDDED, EmbedBody),
    ("post", "/api/embeddings"): _asks(
        "The vector of one text, as old clients ask for it", object_of({"embedding": _VECTOR}), EmbeddingsBody
    ),
    ("get", "/api/tags"): Operation("The models that the key may use", _TAG, _MODELS, model_call=False),
    ("get", "/api/ps"): Operation("Which of them are in memory", _TAG, _MODELS, model_call=False),
    ("post", "/api/show"): _asks("What is known of a model", _MODEL, NameBody, model_call=False),
    ("post", "/api/pull"): _asks(
        "Download a model; for administrators", PROGRESS, NameBody, model_call=False, stream=_LINES
    ),
    ("delete", "/api/delete"): _asks(
        "Remove a model; for administrators", object_of({"status": _TEXT}), NameBody, model_call=False
    ),
    ("get", "/api/version"): Operation(
        "The Ollama whose API this is", _TAG, object_of({"version": _TEXT}), model_call=False, public=True
    ),
}
"""Path by path. `create`, `copy` and `push` are not told: they are there only to say that they are not."""
