"""What Anthropic's failures mean."""

import re
from collections.abc import Mapping
from typing import Any

from ementa.kit.errors import EmentaError
from ementa.llm.errors import ModelContextExceeded, ModelFailed, ModelRejected
from ementa.llm.http import Refused, said_in, short, status_error

_CONTEXT_SIGNS = ("prompt is too long", "exceed context limit", "context window", "exceeds the maximum size")
_NUMBERS = re.compile(r"(\d+)(?: tokens|(?: \+ \d+)?) > (\d+)")
_UNSAID = ({"pt": "mais do que cabe em", "en": "more than fits in"}, {"pt": "menor", "en": "smaller"})
_STATUSES = {
    "invalid_request_error": 400,
    "authentication_error": 401,
    "billing_error": 402,
    "permission_error": 403,
    "not_found_error": 404,
    "request_too_large": 413,
    "rate_limit_error": 429,
    "api_error": 500,
    "timeout_error": 504,
    "overloaded_error": 529,
}


def refusal(host: str, model: str, refused: Refused) -> EmentaError:
    """The error that a status other than 200 stands for."""
    if refused.status == 413 or (refused.status == 400 and is_about_context(refused.message)):
        return context_exceeded(model, refused.message)
    return status_error(model, host, refused)


def event_error(host: str, model: str, event: Mapping[str, Any]) -> EmentaError:
    """An error that came amid an answer: its type is that of a status."""
    error = event.get("error")
    kind = str(error.get("type")) if isinstance(error, dict) else ""  # pyright: ignore[reportUnknownMemberType, reportUnknownArgumentType]
    message = short(said_in(event) or kind or "error")
    found = refusal(host, model, Refused(_STATUSES.get(kind, 500), message))
    return ModelFailed(model=model, cause=message) if isinstance(found, ModelRejected) else found


def is_about_context(message: str) -> bool:
    """Whether the prompt was too long."""
    lowered = message.lower()
    return any(sign in lowered for sign in _CONTEXT_SIGNS)


def context_exceeded(model: str, message: str) -> ModelContextExceeded:
    """The prompt did not fit. The words usually carry both numbers."""
    numbers = _NUMBERS.search(message)
    needed, context = (int(numbers[1]), int(numbers[2])) if numbers else _UNSAID
    return ModelContextExceeded(details={"cause": message}, model=model, needed=needed, context=context)
