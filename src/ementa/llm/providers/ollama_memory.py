"""How much context each model of a server is loaded with: to ask for another size would load it again."""

import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from ementa.llm.context import SMALLEST
from ementa.llm.tokens import IMAGE_TOKENS, MESSAGE_TOKENS, rough_tokens

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
        more than `room`."""
        needed = answer + _fixed(body) + sum(map(rough_tokens, _texts(body)))
        size = SMALLEST
        while size < needed and size < room:
            size *= 2
        return min(max(size, self.size(model)), room)


def _texts(body: Mapping[str, Any]) -> Iterable[str]:
    for name in TEXT_FIELDS:
        if isinstance(text := body.get(name), str):
            yield text
    for message in body.get("messages") or ():
        for name in ("content", "thinking"):
            if text := message.get(name):
                yield str(text)
        if calls := message.get("tool_calls"):
            yield str(calls)
    if tools := body.get("tools"):
        yield str(tools)


def _fixed(body: Mapping[str, Any]) -> int:
    """What is not text: images, templates around messages, tokens of earlier answers."""
    messages = body.get("messages") or ()
    images = len(body.get("images") or ()) + sum(len(message.get("images") or ()) for message in messages)
    return IMAGE_TOKENS * images + MESSAGE_TOKENS * (len(messages) + 2) + len(body.get("context") or ())
