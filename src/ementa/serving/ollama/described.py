"""What `/openapi.json` says of the addresses under `/api`: doors are no routes of FastAPI, which would tell it."""

from typing import Any, cast

import msgspec

from ementa.serving.ollama import routes
from ementa.serving.ollama.bodies import ChatBody, EmbedBody, EmbeddingsBody, GenerateBody, NameBody

_SCHEMA = "#/components/schemas/{name}"
_PREFIX = "Ollama"
_SECURITY: list[dict[str, list[str]]] = [{"APIKeyHeader": []}, {"HTTPBearer": []}]
_TEXT = {"type": "string"}
_WHOLE = {"type": "integer", "minimum": 0}
_OBJECT = {"type": "object"}
_ENDING = {
    "done": {"type": "boolean"},
    "done_reason": {"enum": ["stop", "length", "load", "unload"]},
    "total_duration": _WHOLE,
    "load_duration": _WHOLE,
    "prompt_eval_count": _WHOLE,
    "prompt_eval_duration": _WHOLE,
    "eval_count": _WHOLE,
    "eval_duration": _WHOLE,
}
_ANSWERS: dict[str, dict[str, Any]] = {
    "ChatAnswer": {"model": _TEXT, "created_at": _TEXT, "message": _OBJECT, **_ENDING},
    "GenerateAnswer": {"model": _TEXT, "created_at": _TEXT, "response": _TEXT, "thinking": _TEXT, **_ENDING},
    "EmbedAnswer": {
        "model": _TEXT,
        "embeddings": {"type": "array", "items": {"type": "array", "items": {"type": "number"}}},
        "total_duration": _WHOLE,
        "prompt_eval_count": _WHOLE,
    },
    "EmbeddingsAnswer": {"embedding": {"type": "array", "items": {"type": "number"}}},
    "ModelList": {"models": {"type": "array", "items": _OBJECT}},
    "ModelAnswer": {"details": _OBJECT, "model_info": _OBJECT, "capabilities": {"type": "array", "items": _TEXT}},
    "Progress": {"status": _TEXT, "digest": _TEXT, "total": _WHOLE, "completed": _WHOLE},
    "Version": {"version": _TEXT},
}
_REQUIRED = {
    "ChatAnswer": ["model", "created_at", "message", "done"],
    "GenerateAnswer": ["model", "created_at", "response", "done"],
    "EmbedAnswer": ["model", "embeddings"],
    "Progress": ["status"],
}


def schemas() -> dict[str, Any]:
    """The schemas of bodies and answers, by the names that `operations` refers to."""
    bodies = (ChatBody, GenerateBody, EmbedBody, EmbeddingsBody, NameBody)
    _, components = msgspec.json.schema_components(bodies, ref_template=_SCHEMA.replace("{", _PREFIX + "{"))
    found = {_PREFIX + name: _body(schema) for name, schema in components.items()}
    for name, properties in _ANSWERS.items():
        required = _REQUIRED.get(name, list(properties))
        found[_PREFIX + name] = {"type": "object", "properties": properties, "required": required}
    return found


def operations() -> dict[str, dict[str, Any]]:
    """Path, method, operation."""
    streams = "application/x-ndjson"
    return {
        "/api/chat": {"post": _operation(routes.chat, "ChatAnswer", "ChatBody", streams)},
        "/api/generate": {"post": _operation(routes.generate, "GenerateAnswer", "GenerateBody", streams)},
        "/api/embed": {"post": _operation(routes.embed, "EmbedAnswer", "EmbedBody")},
        "/api/embeddings": {"post": _operation(routes.embeddings, "EmbeddingsAnswer", "EmbeddingsBody")},
        "/api/tags": {"get": _operation(routes.tags, "ModelList")},
        "/api/ps": {"get": _operation(routes.loaded, "ModelList")},
        "/api/show": {"post": _operation(routes.show, "ModelAnswer", "NameBody")},
        "/api/pull": {"post": _operation(routes.pull, "Progress", "NameBody", streams)},
        "/api/delete": {"delete": _operation(routes.delete, "", "NameBody")},
        "/api/version": {"get": {**_operation(routes.version, "Version"), "security": []}},
    }


def _operation(serve: Any, answer: str, body: str = "", streams: str = "") -> dict[str, Any]:
    told = " ".join(str(serve.__doc__).split()).partition(": ")[2]
    content = {"application/json": {"schema": _reference(answer)}} if answer else {}
    if streams:
        content[streams] = {"schema": {}}
    operation: dict[str, Any] = {
        "tags": ["ollama"],
        "summary": told[:1].upper() + told[1:],
        "operationId": f"ollama_{serve.__name__}",
        "security": _SECURITY,
        "responses": {"200": {"description": "Como o Ollama. / As Ollama does.", "content": content}},
    }
    if body:
        operation["requestBody"] = {"required": True, "content": {"application/json": {"schema": _reference(body)}}}
    return operation


def _reference(name: str) -> dict[str, str]:
    return {"$ref": _SCHEMA.format(name=_PREFIX + name)}


def _body(schema: dict[str, Any]) -> dict[str, Any]:
    """A schema that says what `read_body` asks for besides the types: a model."""
    properties = cast("dict[str, Any]", schema.get("properties", {}))
    if "name" in properties and "model" in properties:
        kept = {name: told for name, told in properties.items() if name != "name"}
        kept["model"] = {"type": "string", "minLength": 1, "description": "The model's name, or an alias."}
        return {**schema, "properties": kept, "required": ["model"]}
    return schema
