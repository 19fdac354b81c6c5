"""What Google's failures mean."""

import re
from collections.abc import Mapping
from typing import Any, cast

import msgspec

from ementa.kit.errors import EmentaError
from ementa.llm.errors import ModelContextExceeded, ModelFailed, ModelKeyRefused, ModelRejected
from ementa.llm.http import Refused, said_in, short, status_error, whole_seconds

_CONTEXT = re.compile(r"token count \((\d+)\) exceeds the maximum number of tokens allowed \((\d+)\)")
_CONTEXT_SIGNS = ("exceeds the maximum number of tokens", "input is too long", "request payload size exceeds")
_UNSAID = ({"pt": "mais do que cabe em", "en": "more than fits in"}, {"pt": "menor", "en": "smaller"})
_KEY_REASONS = frozenset(("API_KEY_INVALID", "API_KEY_EXPIRED", "API_KEY_SERVICE_BLOCKED", "SERVICE_DISABLED"))


def refusal(host: str, model: str, refused: Refused) -> EmentaError:
    """The error that a status other than 200 stands for. A wrong key is a 400 here."""
    details = _details(refused.body)
    if any(detail.get("reason") in _KEY_REASONS for detail in details) or "API key not valid" in refused.message:
        return ModelKeyRefused(details={"status": refused.status}, host=host, cause=refused.message)
    if refused.status in (400, 413) and any(sign in refused.message for sign in _CONTEXT_SIGNS):
        return context_exceeded(model, refused.message)
    if refused.retry_after is None:
        refused = msgspec.structs.replace(refused, retry_after=_retry_delay(details))
    return status_error(model, host, refused)


def event_error(host: str, model: str, event: Mapping[str, Any]) -> EmentaError:
    """An error that came amid an answer, in the same form as before one."""
    error = event.get("error")
    code = cast("dict[str, Any]", error).get("code") if isinstance(error, dict) else None
    message = short(said_in(event) or "error")
    found = refusal(host, model, Refused(code if isinstance(code, int) else 500, message, event))
    return ModelFailed(model=model, cause=message) if isinstance(found, ModelRejected) else found


def context_exceeded(model: str, message: str) -> ModelContextExceeded:
    """The prompt did not fit. The words usually carry both numbers."""
    numbers = _CONTEXT.search(message)
    needed, context = (int(numbers[1]), int(numbers[2])) if numbers else _UNSAID
    return ModelContextExceeded(details={"cause": message}, model=model, needed=needed, context=context)


def _details(body: Mapping[str, Any]) -> list[dict[str, Any]]:
    error = body.get("error")
    details = cast("dict[str, Any]", error).get("details") if isinstance(error, dict) else None
    listed = cast("list[Any]", details) if isinstance(details, list) else []
    return [cast("dict[str, Any]", detail) for detail in listed if isinstance(detail, dict)]


def _retry_delay(details: list[dict[str, Any]]) -> int | None:
    """Seconds of a `RetryInfo`, which are written `34.07s`."""
    for detail in details:
        written = detail.get("retryDelay")
        if isinstance(written, str):
            try:
                return whole_seconds(float(written.removesuffix("s")))
            except ValueError:
                return None
    return None
