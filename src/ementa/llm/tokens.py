"""How many tokens a text is, guessed on the safe side: a prompt must never be larger than was reserved for it."""

import re
from collections.abc import Sequence

from ementa.llm.types import Message

MESSAGE_TOKENS = 12
"""The template around a message: role markers and line ends."""
IMAGE_TOKENS = 768
"""What Ollama itself counts for an image."""


_LOWER = b"abcdefghijklmnopqrstuvwxyz"
_UPPER = _LOWER.upper()
_PARTS = re.compile(r"[^\W\d_]+|\d|\n+|[ \t]{2,}|[^\w\s]|_")


def estimate_tokens(text: str) -> int:
    """An upper estimate of the tokens of `text`, for the sub-word vocabularies of today's models (32,000 entries up).

    A word costs one for each 3 letters, 2 in capitals (rarer in vocabularies), 1 outside the Latin script; a digit one
    (Gemma's rule, the strictest); a sign one, two when it is not ASCII; a run of line ends or blanks one. A single
    space belongs to the word after it.
    """
    return 1 + sum(map(_cost, _PARTS.findall(text)))


def rough_tokens(text: str) -> int:
    """The same in a hundredth of the time, and half as much again: letters, digits and signs are counted, not words.

    For choosing a size among powers of two; not for refusing anybody.
    """
    data = text.encode("utf-8", "surrogatepass")
    without_lower = data.translate(None, _LOWER)
    without_letters = without_lower.translate(None, _UPPER)
    rest = without_letters.translate(None, b" ")
    signs = len(rest.translate(None, b"0123456789"))
    lower, upper = len(data) - len(without_lower), len(without_lower) - len(without_letters)
    # A word begins after each space or sign, and its last third is counted whole.
    return 2 + lower // 3 + upper // 2 + len(rest) + (len(without_letters) - len(rest) + signs) * 2 // 3


def _cost(part: str) -> int:
    if not part[0].isalpha():
        return 1 if part.isascii() else 2
    if not part.isascii() and max(part) > "ɏ":
        return len(part) * 2
    thirds = -(-len(part) // 3)
    if part.islower() or part.istitle():
        return thirds
    return max(thirds, -(-sum(map(str.isupper, part)) // 2))


def estimate_prompt(messages: Sequence[Message]) -> int:
    """An upper estimate of the tokens of a conversation, images and template included."""
    return sum(
        estimate_tokens(message.content) + IMAGE_TOKENS * len(message.images) + MESSAGE_TOKENS for message in messages
    )
