"""What the failures of OpenAI-compatible servers mean. Each has its own words; the numbers in them are kept."""

import re
from collections.abc import Mapping
from typing import Any, cast

import msgspec

from ementa.kit.errors import EmentaError
from ementa.llm.errors import (
    ModelCannotChat,
    ModelCannotEmbed,
    ModelContextExceeded,
    ModelFailed,
    ModelRejected,
    model_absent,
)
from ementa.llm.http import Refused, said_in, short, status_error
from ementa.llm.ndjson import UNREADABLE

_CONTEXT_CODES = ("context_length_exceeded", "exceed_context_size_error")
_CONTEXT_SIGNS = (
    "maximum context length",  # OpenAI, vLLM, text-generation-webui
    "context length is only",  # vLLM since 0.16
    "maximum model length",
    "available context size",  # llama.cpp
    "context window",
    "context length of",  # LM Studio
)
# needed and context, in the order in which they are said
_NUMBERS = (
    (re.compile(r"context length is (\d+) tokens.*?(?:requested|resulted in) (?:about )?(\d+) tokens", re.S), (2, 1)),
    (re.compile(r"passed (\d+) input tokens.*?context length is only (\d+)", re.S), (1, 2)),
    (re.compile(r"\((\d+) tokens\).*?\((\d+) tokens\)", re.S), (1, 2)),
)
_UNSAID = ({"pt": "mais do que cabe em", "en": "more than fits in"}, {"pt": "menor", "en": "smaller"})
_CHAT_SIGNS = (
    "not a chat model",  # OpenAI
    "does not support chat completions",  # vLLM
    "does not support completions",  # llama.cpp
)
_EMBED_SIGNS = (
    "not allowed to generate embeddings",  # OpenAI
    "does not support embeddings",  # vLLM, llama.cpp
    "not an embedding model",  # LM Studio
)
_SMALL, _START = 4096, 64
"""In an answer larger than this, the word is looked for within so many bytes: errors begin with it."""
_FAILED = re.compile(rb'"finish_reason": ?"error"')
"""How OpenRouter ends an answer that failed, beside the error."""
_ABSENT_CODES = ("model_not_found", "model_not_available", "invalid_model")
_ABSENT = re.compile(r"\bmodel\b.{0,200}(not found|not exist|is not a valid model|no such model)", re.S | re.I)
_STATUS_OF = {
    "rate_limit": 429,
    "rate_limit_error": 429,
    "rate_limit_exceeded": 429,
    "overloaded_error": 503,
    "unavailable_error": 503,
    "service_unavailable": 503,
    "invalid_request_error": 400,
    "badrequesterror": 400,
    "authentication_error": 401,
    "exceed_context_size_error": 400,
}


def refusal(host: str, model: str, refused: Refused) -> EmentaError:
    """What an answer with a status other than 200 stands for."""
    error = _error_in(refused.body)
    codes = {str(error.get(name) or "").lower() for name in ("code", "type")}
    text = refused.message.lower()
    if codes.intersection(_CONTEXT_CODES) or any(sign in text for sign in _CONTEXT_SIGNS):
        return context_exceeded(model, refused.message, error)
    if any(sign in text for sign in _CHAT_SIGNS):
        return ModelCannotChat(model=model, capabilities=refused.message)
    if any(sign in text for sign in _EMBED_SIGNS):
        return ModelCannotEmbed(model=model, capabilities=refused.message)
    status = refused.status
    if status in (400, 404) and model and (codes.intersection(_ABSENT_CODES) or _ABSENT.search(refused.message)):
        return model_absent(model, [])
    if status in (404, 405, 501) or "insufficient_quota" in codes:
        # A path that this server does not have, or a bill to be paid: later is no better than now.
        return ModelRejected(details={"status": status}, model=model or host, cause=refused.message)
    found = status_error(model, host, refused)
    param = error.get("param")
    return found.with_details({"status": status, "param": param}) if param and status in (400, 422) else found


def error_in(data: bytes) -> Mapping[str, Any] | None:
    """The error that an answer with status 200, or an event of one, is instead of being part of an answer. LM Studio
    says so of paths that it does not know."""
    if b'"error"' not in (data if len(data) <= _SMALL else data[:_START]):
        return None
    try:
        body = msgspec.json.decode(data, type=dict[str, Any])
    except UNREADABLE:
        return None
    if not body.get("error") and body.get("object") != "error":
        return None
    return body if not body.get("choices") or _FAILED.search(data) else None


def answer_error(host: str, model: str, body: Mapping[str, Any]) -> EmentaError:
    """An error that came inside an answer whose status was 200."""
    error = _error_in(body)
    named = [error.get(name) for name in ("code", "status", "type")]
    status = next((value for value in named if isinstance(value, int) and 400 <= value < 600), 0)
    words = [str(value).lower() for value in named if isinstance(value, str)]
    status = status or next((_STATUS_OF[word] for word in words if word in _STATUS_OF), 500)
    message = said_in(body) or said_in(error) or "an error without words"
    return refusal(host, model, Refused(status, short(message), body))


def context_exceeded(model: str, message: str, error: Mapping[str, Any]) -> ModelContextExceeded:
    """The prompt did not fit. The numbers come as fields (llama.cpp) or within the words."""
    needed: Any = error.get("n_prompt_tokens")
    context: Any = error.get("n_ctx")
    if needed is None or context is None:
        needed, context = _UNSAID
        for pattern, (first, second) in _NUMBERS:
            if found := pattern.search(message):
                needed, context = int(found[first]), int(found[second])
                break
    return ModelContextExceeded(details={"cause": message}, model=model, needed=needed, context=context)


def ended_early(model: str) -> ModelFailed:
    """The answer stopped without its last event."""
    return ModelFailed(
        model=model,
        cause={"pt": "a resposta terminou no meio", "en": "the answer ended in the middle"},
    )


def unreadable(model: str, error: Exception) -> ModelFailed:
    """Bytes that are no answer."""
    return ModelFailed(model=model, cause=short(f"unreadable answer, {error}"))


def _error_in(body: Mapping[str, Any]) -> Mapping[str, Any]:
    """The object that holds the error: `error`, or the body itself (vLLM before 0.10)."""
    error = body.get("error")
    return cast("dict[str, Any]", error) if isinstance(error, dict) else body
