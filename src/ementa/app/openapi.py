"""The OpenAPI document: both languages, and the one error form declared everywhere."""

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from ementa.serving.forms import Face, face_of
from ementa.serving.generate import OPERATIONS as GENERATE
from ementa.serving.management import OPERATIONS as MANAGEMENT
from ementa.serving.ollama.openapi import OPERATIONS as OLLAMA
from ementa.serving.openai.openapi import OPERATIONS as OPENAI
from ementa.serving.openapi import operation_of

_DESCRIPTION = """\
**Português.** Envie um documento com uma pergunta (`POST /upload`), acompanhe a fila (`GET /queue`) e receba a \
resposta no JSON que você pediu, com a prova de cada valor (`GET /response/{id}`). Toda requisição leva a chave no \
cabeçalho `Key` (ou `Authorization: Bearer`). Clientes da OpenAI apontam para `/v1`, os do Ollama para cá. Erros vêm \
sempre na mesma forma (sob `/v1` e `/api`, na da OpenAI e na do Ollama), em português ou inglês conforme \
`Accept-Language`; toda resposta traz `X-Request-Id`.

**English.** Send a document with a question (`POST /upload`), follow the queue (`GET /queue`) and get the answer in \
the JSON you asked for, with the proof of every value (`GET /response/{id}`). Every request carries the key in the \
header `Key` (or `Authorization: Bearer`). OpenAI's clients point at `/v1`, Ollama's at this server. Errors always \
have the same form (under `/v1` and `/api` OpenAI's and Ollama's), in Portuguese or English by `Accept-Language`; \
every response carries `X-Request-Id`.
"""

_ERROR = {
    "type": "object",
    "title": "Error",
    "description": "Toda falha tem esta forma. / Every failure has this form.",
    "required": ["error", "code", "details", "timestamp"],
    "properties": {
        "error": {"type": "string", "description": "O que houve e o que fazer. / What happened and what to do."},
        "code": {"type": "string", "description": "Estável, para programas. / Stable, for programs."},
        "details": {"description": "O que ajuda um programa, ou null. / What helps a program, or null."},
        "timestamp": {"type": "string", "format": "date-time"},
    },
    "additionalProperties": False,
}
_FOREIGN_ERRORS: dict[str, Any] = {
    "OpenAIError": {
        "type": "object",
        "description": "Toda falha sob /v1 tem a forma da OpenAI. / Every failure under /v1 has OpenAI's form.",
        "required": ["error"],
        "properties": {
            "error": {
                "type": "object",
                "required": ["message", "type", "param", "code", "ementa_code", "details"],
                "properties": {
                    "message": {"type": "string"},
                    "type": {"type": "string"},
                    "param": {"type": ["string", "null"]},
                    "code": {"type": "string", "description": "O da OpenAI, se houver. / OpenAI's where it has one."},
                    "ementa_code": {"type": "string", "description": "Estável, nosso. / Stable, ours."},
                    "details": {},
                },
            }
        },
        "additionalProperties": False,
    },
    "OllamaError": {
        "type": "object",
        "description": "Toda falha sob /api tem a forma do Ollama. / Every failure under /api has Ollama's form.",
        "required": ["error", "code"],
        "properties": {"error": {"type": "string"}, "code": {"type": "string"}},
        "additionalProperties": False,
    },
}
_ERROR_NAMES: dict[Face, str] = {"ementa": "Error", "openai": "OpenAIError", "ollama": "OllamaError"}
_MEANINGS = {
    400: "Não é HTTP bem formado. / Not well-formed HTTP.",
    401: "Chave ausente ou inválida. / Key missing or invalid.",
    403: "Não permitido a esta chave. / Not allowed to this key.",
    404: "Não existe, ou não é seu. / It does not exist, or is not yours.",
    408: "Lento demais. / Too slow.",
    409: "Contradiz o que já existe. / Contradicts what is already there.",
    410: "Expirou ou foi cancelado, e foi apagado. / Expired or cancelled, and erased.",
    413: "Grande demais. / Too large.",
    422: "Não pôde ser entendido ou lido. / Could not be understood or read.",
    429: "Demais; espere `Retry-After` segundos. / Too many; wait `Retry-After` seconds.",
    431: "Cabeçalhos grandes demais. / Headers too large.",
    500: "Falha nossa. / A failure of ours.",
    502: "O servidor de modelos falhou. / The model server failed.",
    503: "Indisponível por ora; `Retry-After`. / Unavailable for now; `Retry-After`.",
    507: "Sem espaço em disco. / No disk space.",
}
_ANYWHERE = (400, 408, 413, 431, 500, 503)
_WITH_KEY = (401, 403, 429)
_OWN = {
    "/upload": (409, 502, 507),
    "/queue/{analysis_id}": (404, 410, 507),
    "/response/{analysis_id}": (404, 409, 410, 502, 507),  # those of the document's own failure among them
}
OPERATIONS = {**GENERATE, **OPENAI, **OLLAMA, **MANAGEMENT}
"""What doors tell of themselves, dialect by dialect."""
_TAGS = [
    {"name": "analysis", "description": "Documento entra, JSON provado sai. / A document in, proven JSON out."},
    {"name": "admin", "description": "Para administradores. / For administrators."},
    {"name": "llm", "description": "Um prompt, um texto. / A prompt, a text."},
    {"name": "openai", "description": "A API da OpenAI: os clientes dela só trocam o endereço. / OpenAI's API."},
    {"name": "ollama", "description": "A API do Ollama: os clientes dele só trocam o endereço. / Ollama's API."},
    {"name": "server", "description": "Saúde, métricas, modelos. / Health, metrics, models."},
]


def describe(app: FastAPI) -> None:
    """Make `/openapi.json` tell what every route has in common."""

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = _document(app)
        return app.openapi_schema

    app.openapi = openapi


def _document(app: FastAPI) -> dict[str, Any]:
    document = get_openapi(
        title=app.title, version=app.version, description=_DESCRIPTION, routes=app.routes, tags=_TAGS
    )
    schemas = document.setdefault("components", {}).setdefault("schemas", {})
    for name in ("HTTPValidationError", "ValidationError"):
        schemas.pop(name, None)
    schemas["Error"] = _ERROR
    schemas |= _FOREIGN_ERRORS
    for (method, path), told in OPERATIONS.items():
        operation = operation_of(told, schemas)
        operation["responses"] |= {str(status): {} for status in told.errors}
        document["paths"].setdefault(path, {})[method] = operation
    for path, operations in document["paths"].items():
        for operation in operations.values():
            _declare_errors(operation, _OWN.get(path, ()), face_of(path))
    return document


def _declare_errors(operation: dict[str, Any], own: tuple[int, ...], face: Face) -> None:
    responses = operation["responses"]
    declared = {int(status) for status in responses if status.isdigit() and int(status) in _MEANINGS}
    statuses = {*_ANYWHERE, *own, *declared} - {422}
    if "security" in operation:
        statuses.update(_WITH_KEY)
    if "parameters" in operation or "requestBody" in operation:
        statuses.add(422 if face == "ementa" else 400)
    responses.pop("422", None)
    for status in sorted(statuses):
        responses[str(status)] = _error_answer(_MEANINGS[status], face)
    responses["default"] = _error_answer("Falha, sempre nesta forma. / Failure, always in this form.", face)


def _error_answer(description: str, face: Face) -> dict[str, Any]:
    schema = {"$ref": f"#/components/schemas/{_ERROR_NAMES[face]}"}
    return {"description": description, "content": {"application/json": {"schema": schema}}}
