"""How much context a request asks of a model: enough for prompt and answer, never cut, no more than memory bears."""

import msgspec

from ementa.llm.errors import ModelContextExceeded
from ementa.llm.tokens import estimate_prompt
from ementa.llm.types import ChatRequest

SMALLEST = 2048
LEAST_ANSWER = 256
"""Tokens that must remain for the answer; a prompt that leaves fewer is refused."""


def fit_context(request: ChatRequest, model_context: int, limit: int, at_least: int = 0) -> ChatRequest:
    """The request with `context_tokens` set and `max_tokens` no larger than what the prompt leaves.

    Sizes double from 2,048 because Ollama loads a model again whenever the size changes; `at_least` is the size it is
    loaded with now. Raises `ModelContextExceeded` when the prompt does not fit: Ollama would drop the oldest messages
    without a word.
    """
    room = min(model_context, limit) if request.context_tokens is None else min(model_context, request.context_tokens)
    prompt = estimate_prompt(request.messages)
    if prompt + min(LEAST_ANSWER, request.max_tokens) > room:
        raise ModelContextExceeded(
            details={"needed_tokens": prompt, "context_tokens": room}, model=request.model, needed=prompt, context=room
        )
    size = room
    if request.context_tokens is None:
        size = min(SMALLEST, room)
        while size < prompt + request.max_tokens and size < room:
            size *= 2
        size = min(max(size, at_least), room)
    return msgspec.structs.replace(request, context_tokens=size, max_tokens=min(request.max_tokens, size - prompt))
