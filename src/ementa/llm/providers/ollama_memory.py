"""How much context each model of a server is loaded with: to ask for another size would load it again."""

import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from ementa.llm.context import SMALLEST
from ementa.llm.tokens import IMAGE_TOKENS, MESSAGE_TOKENS, estimate_tokens

LOADED_SECONDS = 300.0
"""How long a model is taken to stay loaded with the size it was last given."""
TEXT_FIELDS = ("prompt", "system", "suffix", "template")


class Contexts:
    """Sizes of the models in a server's memory, as far as they are known."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._sizes: dict[str, tuple[float, int]] = {}

    def remember(self, model: str, size: int) -> None:
        """A model is loaded with this size."""
        self._sizes[model] = (self._clock(), size)

    def forget(self, model: str) -> None:
        """A model has left."""
        self._sizes.pop(model, None)

    def size(self, model: str) -> int:
        """What it is loaded with; 0 when that is not known."""
        at, size = self._sizes.get(model, (0.0, 0))
        return size if size and self._clock() - at <= LOADED_SECONDS else 0

    def fitting(self, model: str, body: Mapping[str, Any], answer: int, room: int) -> int:
        """The size for a request in Ollama's form and `answer` tokens: a power of two, no less than what is loaded, no
        more than `room`. Counts signs first and words only when signs are not few enough to tell."""
        loaded = self.size(model)
        texts = list(_texts(body))
        fixed = answer + _fixed(body)
        size = _power(fixed + sum(map(_most, texts)), room)
        if size > max(loaded, 2 * SMALLEST):
            size = _power(fixed + sum(map(estimate_tokens, texts)), room)
        return min(max(size, loaded), room)


def _power(tokens: int, room: int) -> int:
    size = SMALLEST
    while size < tokens and size < room:
        size *= 2
    return min(size, room)


def _most(text: str) -> int:
    """More tokens than a text can have."""
    return 1 + (len(text) if text.isascii() else 2 * len(text))


def _texts(body: Mapping[str, Any]) -> Iterable[str]:
    for name in TEXT_FIELDS:
        if isinstance(text := body.get(name), str):
            yield text
    for message in body.get("messages") or ():
        yield str(message.get("content") or "")
        yield str(message.get("thinking") or "")
        if calls := message.get("tool_calls"):
            yield str(calls)
    if tools := body.get("tools"):
        yield str(tools)


def _fixed(body: Mapping[str, Any]) -> int:
    """What is not text: images, templates around messages, tokens of earlier answers."""
    messages = body.get("messages") or ()
    images = len(body.get("images") or ()) + sum(len(message.get("images") or ()) for message in messages)
    return IMAGE_TOKENS * images + MESSAGE_TOKENS * (len(messages) + 2) + len(body.get("context") or ())
