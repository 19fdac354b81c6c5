"""Which models the double holds in memory: loaded on demand, loaded anew when the context changes, evicted when there
is no room, gone when their `keep_alive` is over."""

import asyncio
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from ementa.testing.ollama.stats import Stats

FOREVER = timedelta(days=365 * 290)
"""What Ollama's own arithmetic makes of a keep-alive without end: a date in a far century."""


@dataclass
class Loaded:
    """One model in memory."""

    name: str
    context: int
    shift: bool
    used_at: float
    expires_at: float
    users: int = 0


class Memory:
    """The models in memory. Not bounded unless told so."""

    def __init__(self, stats: Stats, max_loaded: int, load_seconds: float) -> None:
        self._stats = stats
        self._max_loaded = max_loaded
        self._load_seconds = load_seconds
        self._models: dict[str, Loaded] = {}

    async def use(self, name: str, context: int, *, shift: bool) -> Loaded:
        """A model for one request, loaded if need be; `leave` it afterwards."""
        self._purge()
        found = self._models.get(name)
        if found is None or (context and (found.context, found.shift) != (context, shift)):
            self._stats.load(name)
            self._models.pop(name, None)
            self._make_room()
            found = self._models[name] = Loaded(name, context, shift, time.monotonic(), float("inf"))
            await asyncio.sleep(self._load_seconds)
        found.users += 1
        return found

    def leave(self, loaded: Loaded, keep_seconds: float) -> None:
        """A request is over: the model stays for `keep_seconds` from now."""
        loaded.users -= 1
        loaded.used_at = time.monotonic()
        loaded.expires_at = loaded.used_at + keep_seconds
        self._purge()

    def unload(self, name: str) -> None:
        """Forget it at once."""
        self._models.pop(name, None)

    def listed(self) -> list[tuple[Loaded, datetime]]:
        """What is in memory and until when; the longest to stay first."""
        self._purge()
        now, clock = datetime.now(UTC), time.monotonic()
        return sorted(
            ((loaded, now + _until(loaded.expires_at - clock)) for loaded in self._models.values()),
            key=lambda pair: pair[1],
            reverse=True,
        )

    def _make_room(self) -> None:
        """The one used longest ago leaves; Ollama would wait for one that is busy, which a double need not."""
        while self._max_loaded and len(self._models) >= self._max_loaded:
            oldest = min(self._models.values(), key=lambda loaded: (loaded.users > 0, loaded.used_at))
            del self._models[oldest.name]
            self._stats.evictions += 1

    def _purge(self) -> None:
        now = time.monotonic()
        for loaded in list(self._models.values()):
            if not loaded.users and loaded.expires_at <= now:
                del self._models[loaded.name]


def _until(seconds: float) -> timedelta:
    return FOREVER if seconds == float("inf") else timedelta(seconds=seconds)
