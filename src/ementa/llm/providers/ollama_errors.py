"""What Ollama's failures mean."""

import re

import aiohttp

from ementa.kit.errors import EmentaError
from ementa.llm.errors import (
    ModelCannotChat,
    ModelCannotEmbed,
    ModelContextExceeded,
    ModelFailed,
    ModelRejected,
    model_absent,
)
from ementa.llm.http import Refused, busy, limit_of, short, status_error, too_slow
from ementa.llm.ndjson import LineBroken

READ_ERRORS = (TimeoutError, aiohttp.ClientError, ConnectionError, LineBroken)
"""What reading an answer raises; `read_error` says what it means."""
_TOKENS = re.compile(r"\((\d+) tokens\)")
_UNSAID = ({"pt": "mais do que cabe em", "en": "more than fits in"}, {"pt": "menor", "en": "smaller"})
_CONTEXT_SIGNS = ("context length", "context size", "longer than the context")
_BUSY_SIGNS = ("server busy", "maximum pending requests")
_CHAT_SIGNS = ("does not support chat", "does not support generate")
_EMBED_SIGN = "does not support embeddings"
_IMAGE_SIGN = "image input is not supported"
_PULL_SIGN = "file does not exist"


def answer_error(model: str, message: str, refused: Refused | None = None) -> EmentaError | None:
    """What Ollama's words mean, wherever they came; None when they are none that it is known for."""
    lowered = message.lower()
    if any(sign in lowered for sign in _CONTEXT_SIGNS):
        return context_exceeded(model, message)
    if any(sign in lowered for sign in _BUSY_SIGNS):
        return busy(model, short(message), refused)
    if any(sign in lowered for sign in _CHAT_SIGNS):
        return ModelCannotChat(model=model, capabilities=short(message))
    if _EMBED_SIGN in lowered:
        return ModelCannotEmbed(model=model, capabilities=short(message))
    if _IMAGE_SIGN in lowered:
        return ModelRejected(model=model, cause=short(message))
    return None


def line_error(model: str, message: str) -> EmentaError:
    """An error that came as a line of an answer, under status 200."""
    return answer_error(model, message) or ModelFailed(model=model, cause=short(message))


def pull_error(model: str, message: str) -> EmentaError:
    """Why a download failed."""
    return model_absent(model, []) if _PULL_SIGN in message else line_error(model, message)


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
    return ModelContextExceeded(details={"cause": short(message)}, model=model, needed=needed, context=context)


def refusal(model: str, host: str, refused: Refused) -> EmentaError:
    """The error that a status other than 200 stands for."""
    return answer_error(model, refused.message, refused) or status_error(model, host, refused)


def read_error(model: str, error: BaseException, timeout: aiohttp.ClientTimeout) -> EmentaError:
    """What one of `READ_ERRORS` means."""
    if isinstance(error, TimeoutError):
        return too_slow(model, limit_of(timeout))
    if isinstance(error, LineBroken):
        return ModelFailed(model=model, cause=f"unreadable answer, {error}")
    return ModelFailed(model=model, cause=f"the connection broke ({type(error).__name__})")
