"""What the double saw: the facts that tests ask about."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any


@dataclass
class Stats:
    """Counters of one double since it started."""

    requests: Counter[str] = field(default_factory=Counter)
    """By `METHOD /path`."""
    bodies: list[dict[str, Any]] = field(default_factory=list)
    """Bodies of `/api/chat` and `/api/generate`, in order; those that only load or unload a model too."""
    embed_bodies: list[dict[str, Any]] = field(default_factory=list)
    """Bodies of `/api/embed`, in order."""
    sent: bytearray = field(default_factory=bytearray)
    """The body of the last answer of `/api/chat` or `/api/generate`, as far as it was written."""
    running: int = 0
    """Generations in progress."""
    peak: int = 0
    """Most generations in progress at once."""
    cancelled: int = 0
    """Generations whose client went away before the end."""
    finished: int = 0
    """Generations that ended by themselves, errors included."""
    dropped_messages: int = 0
    """Messages dropped in silence because they did not fit `num_ctx`, as Ollama does by default."""
    loads: int = 0
    """Times a model was loaded, again after each change of `num_ctx` or `shift`."""
    loaded: list[str] = field(default_factory=list)
    """Which were, in order."""
    evictions: int = 0
    """Times a model had to leave for another."""
    pulling: int = 0
    """Downloads in progress."""

    def begin(self) -> None:
        """A generation starts."""
        self.running += 1
        self.peak = max(self.peak, self.running)
        self.sent = bytearray()

    def end(self, *, cancelled: bool) -> None:
        """A generation is over."""
        self.running -= 1
        if cancelled:
            self.cancelled += 1
        else:
            self.finished += 1

    def load(self, name: str) -> None:
        """A model is loaded."""
        self.loads += 1
        self.loaded.append(name)
