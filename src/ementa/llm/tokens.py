"""How many tokens a text is, guessed on the safe side: a prompt must never be larger than was reserved for it."""

import re
from collections.abc import Sequence

from ementa.llm.types import Message

MESSAGE_TOKENS = 12
"""The template around a message: role markers and line ends."""
IMAGE_TOKENS = 768
"""What Ollama itself counts for an image."""


_PARTS = re.compile(r"[^\W\d_]+|\d|\n+|[ \t]{2,}|[^\w\s]|_")


def estimate_tokens(text: str) -> int:
    """An upper estimate of the tokens of `text`, for the sub-word vocabularies of today's models (32,000 entries up).

    A word costs one for each 3 letters, 2 in capitals (rarer in vocabularies), 1 outside the Latin script; a digit one
    (Gemma's rule, the strictest); a sign one, two when it is not ASCII; a run of line ends or blanks one. A single
    space belongs to the word after it.
    """
    return 1 + sum(map(_cost, _PARTS.findall(text)))


def _cost(part: str) -> int:
    if not part[0].isalpha():
        return 1 if part.isascii() else 2
    if any(character > "ɏ" for character in part):
        return len(part) * 2
    letters = 2 if part.isupper() else 3
    return -(-len(part) // letters)


def estimate_prompt(messages: Sequence[Message]) -> int:
    """An upper estimate of the tokens of a conversation, images and template included."""
    return sum(
        estimate_tokens(message.content) + IMAGE_TOKENS * len(message.images) + MESSAGE_TOKENS for message in messages
    )
