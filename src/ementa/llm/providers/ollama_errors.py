"""What Ollama's failures mean."""

import os
import re
from typing import Any, cast

import aiohttp

from ementa.kit.errors import EmentaError
from ementa.llm.errors import (
    ModelBusy,
    ModelCannotChat,
    ModelContextExceeded,
    ModelFailed,
    ModelRejected,
    ServerUnreachable,
    model_absent,
    server_unreachable,
)
from ementa.llm.ndjson import LineBroken, decode_object

MAX_BODY_BYTES = 32 * 1024 * 1024
_LONGEST_CAUSE = 500
_TOKENS = re.compile(r"\((\d+) tokens\)")
_UNSAID = ({"pt": "mais do que cabe em", "en": "more than fits in"}, {"pt": "menor", "en": "smaller"})
_CONTEXT_SIGNS = ("context length", "context size", "longer than the context")
_BUSY_SIGNS = ("server busy", "maximum pending requests")
_CHAT_SIGNS = ("does not support chat", "does not support generate")


def unreachable(model: str, host: str, cause: str) -> ServerUnreachable:
    """The server at `host` does not answer."""
    return server_unreachable(model, [host], cause)


def why(error: BaseException) -> str:
    """A connection's failure in a few words that need no translation of ours."""
    if isinstance(error, TimeoutError):
        return "timeout"
    if isinstance(error, aiohttp.ClientConnectorError):
        number = error.os_error.errno
        return os.strerror(number) if number else str(error.os_error)
    return str(error) or type(error).__name__


def in_short(error: EmentaError) -> str:
    """The cause alone, for a list of servers and their state."""
    details: object = error.details
    cause = cast("dict[str, Any]", details).get("cause") if isinstance(details, dict) else None
    return str(cause or error)


def answer_error(model: str, message: str) -> EmentaError:
    """An error that came inside an answer, or whose status said nothing more."""
    lowered = message.lower()
    if any(sign in lowered for sign in _CONTEXT_SIGNS):
        return context_exceeded(model, message)
    if any(sign in lowered for sign in _BUSY_SIGNS):
        return ModelBusy(details={"cause": _short(message)}, model=model)
    return ModelFailed(model=model, cause=_short(message))


def ended_early(model: str) -> ModelFailed:
    """The answer stopped without its last line."""
    return ModelFailed(
        model=model,
        cause={
            "pt": "a resposta terminou sem aviso (o Ollama faz isso quando o modelo se repete)",
            "en": "the answer ended without notice (Ollama does so when a model repeats itself)",
        },
    )


def context_exceeded(model: str, message: str) -> ModelContextExceeded:
    """The prompt did not fit. Ollama's words usually carry both numbers."""
    numbers = [int(number) for number in _TOKENS.findall(message)]
    needed, context = numbers[:2] if len(numbers) >= 2 else _UNSAID
    return ModelContextExceeded(details={"cause": _short(message)}, model=model, needed=needed, context=context)


async def refusal(response: aiohttp.ClientResponse, model: str) -> EmentaError:
    """The error that a status other than 200 stands for."""
    message = await _message(response)
    error = answer_error(model, message)
    if not isinstance(error, ModelFailed):
        return error
    status = response.status
    if status == 404:
        return model_absent(model, [])
    if any(sign in message for sign in _CHAT_SIGNS):
        return ModelCannotChat(model=model, capabilities=_short(message))
    if status in (429, 503):
        return ModelBusy(details={"status": status, "cause": _short(message)}, model=model)
    if 300 <= status < 500:
        return ModelRejected(details={"status": status}, model=model, cause=_short(message))
    return error.with_details({"status": status})


async def read_body(response: aiohttp.ClientResponse) -> bytes:
    """The whole body; raises `LineBroken` beyond the limit."""
    body = bytearray()
    async for chunk in response.content.iter_any():
        body += chunk
        if len(body) > MAX_BODY_BYTES:
            raise LineBroken(f"longer than {MAX_BODY_BYTES} bytes")
    return bytes(body)


async def _message(response: aiohttp.ClientResponse) -> str:
    """Ollama's `{"error": …}`, or the text of a proxy before it."""
    try:
        body = await read_body(response)
    except (aiohttp.ClientError, LineBroken) as error:
        return f"HTTP {response.status} ({type(error).__name__})"
    try:
        return str(decode_object(body).get("error") or f"HTTP {response.status}")
    except LineBroken:
        text = body.decode("utf-8", "replace").strip()
        return f"HTTP {response.status}: {text}" if text else f"HTTP {response.status}"


def _short(message: str) -> str:
    return message if len(message) <= _LONGEST_CAUSE else f"{message[:_LONGEST_CAUSE]}…"
