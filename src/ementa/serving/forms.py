"""How a failure is written, by the address it happened at: OpenAI's form under `/v1`, Ollama's under `/api`, ours
elsewhere. The statuses are in `app/errors.py`; faces use these bodies themselves for failures inside a stream."""

import json
from typing import Any, Literal, cast

import orjson

from ementa.kit import clock
from ementa.kit.errors import EmentaError, Forbidden, Language, LimitExceeded, Unauthenticated
from ementa.llm.errors import ModelContextExceeded, ModelUnavailable

Face = Literal["openai", "ollama", "ementa"]


def face_of(path: str) -> Face:
    """Whose form the errors of a path have."""
    if path.startswith("/v1/") or path == "/v1":
        return "openai"
    return "ollama" if path.startswith("/api/") or path == "/api" else "ementa"


def error_body(error: EmentaError, language: Language, face: Face = "ementa") -> bytes:
    """The failure as JSON."""
    body = _BODIES[face](error, language)
    try:
        return orjson.dumps(body)
    except TypeError:  # half a surrogate pair in what the user sent, or a value that JSON lacks
        return json.dumps(body, default=str).encode("ascii")


def is_absent(error: EmentaError) -> bool:
    """Whether a model does not exist anywhere, rather than being out of reach for now."""
    return isinstance(error, ModelUnavailable) and _detail(error, "reason") == "absent"


def _ours(error: EmentaError, language: Language) -> dict[str, Any]:
    return {
        "error": error.text(language),
        "code": error.code,
        "details": error.details,
        "timestamp": clock.rfc3339(clock.now()),
    }


def _ollama(error: EmentaError, language: Language) -> dict[str, Any]:
    return {"error": error.text(language), "code": error.code}


def _openai(error: EmentaError, language: Language) -> dict[str, Any]:
    kind, code = _openai_names(error)
    return {
        "error": {
            "message": error.text(language),
            "type": kind,
            "param": _parameter(error),
            "code": code,
            "ementa_code": error.code,
            "details": error.details,
        }
    }


_BODIES = {"ementa": _ours, "ollama": _ollama, "openai": _openai}


def _openai_names(error: EmentaError) -> tuple[str, str]:
    """`type` and `code`: OpenAI's own words where its clients look for them, else our code."""
    if is_absent(error):
        return "invalid_request_error", "model_not_found"
    if isinstance(error, ModelContextExceeded):
        return "invalid_request_error", "context_length_exceeded"
    if isinstance(error, Unauthenticated):
        return "authentication_error", "invalid_api_key"
    if isinstance(error, Forbidden):
        return "permission_error", error.code
    if isinstance(error, LimitExceeded):
        spent = "BUDGET" in error.code
        return ("insufficient_quota", "insufficient_quota") if spent else ("rate_limit_error", "rate_limit_exceeded")
    if error.retryable or type(error) is EmentaError:
        return "server_error", error.code
    return "invalid_request_error", error.code


def _parameter(error: EmentaError) -> str | None:
    name = error.params.get("name")
    if isinstance(name, str) and name:
        return name
    return "model" if "model" in error.params else None


def _detail(error: EmentaError, name: str) -> Any:
    details: object = error.details
    return cast("dict[str, Any]", details).get(name) if isinstance(details, dict) else None
