"""One question to the gateway that came through a door of the house, and the answer on its way out.

A door gives the request in its own dialect and a way to read it as a `ChatRequest`. When the server that is chosen
speaks that dialect, the body is passed on and the answer's bytes come back untouched; when not, the neutral request
goes out and neutral pieces come back for the door to write in its dialect.
"""

from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass, field
from typing import Any

from ementa.kit.errors import EmentaError
from ementa.llm.base import Forwarded
from ementa.llm.types import SYSTEM, Caller, ChatDelta, ChatRequest, ChatResult


@dataclass(frozen=True, slots=True)
class Ask:
    """What is asked."""

    model: str
    """As the client named it: an alias, a rule's name or a model."""
    chat: Callable[[], ChatRequest]
    """The request in neutral form; called at most once a server tried, and raises `Invalid` for what no neutral form
    has. Its `model` and `caller` are replaced by the gateway."""
    stream: bool = False
    dialect: str = ""
    """`openai` or `ollama`; empty: always by the neutral form."""
    path: str = ""
    body: dict[str, Any] = field(default_factory=dict[str, Any])
    caller: Caller = SYSTEM
    timeout_seconds: float | None = None
    use_cache: bool | None = None
    untranslatable: EmentaError | None = None
    """Raised instead of `chat` being sent when the server that is chosen does not speak `dialect`: the body holds what
    no neutral form has. `chat` then only tells how large the request is."""


@dataclass(slots=True)
class Answer:
    """An answer whose first piece is there: from here on nothing can be tried elsewhere. Exactly one of `native` and
    `pieces` is set; either breaks off with the errors of `llm/errors.py`. One that was not asked for as a stream is
    there as a whole: its only piece is the `ChatResult`."""

    model: str
    """The model that answers."""
    provider: str
    server: str
    native: Forwarded | None = None
    pieces: AsyncGenerator[ChatDelta | ChatResult, None] | None = None
    cached: bool = False
    attempts: int = 1
    queue_ms: float = 0.0
    upstream_ms: float = 0.0
    """From sending the request to the first piece. What a door took beyond queue and upstream is our overhead."""
