"""Watches disk and memory, so that new work is refused before the machine suffers."""

import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ementa.kit.errors import EmentaError
from ementa.upkeep.errors import DiskLow, MemoryLow
from ementa.upkeep.memory import memory_limit, tree_memory
from ementa.upkeep.settings import UpkeepSettings

_FRESH_SECONDS = 1.0
_SHARE = 0.8
_MB = 1_000_000


@dataclass(frozen=True, slots=True)
class Resources:
    """What there is and what is used, in bytes."""

    free_disk: int
    min_free_disk: int
    used_memory: int
    max_memory: int


class ResourceWatch:
    """Looks at most once a second; cheap enough to ask at every upload."""

    def __init__(
        self,
        settings: UpkeepSettings,
        data: Path,
        *,
        free_disk: Callable[[Path], int] = lambda path: shutil.disk_usage(path).free,
        used_memory: Callable[[], int] = tree_memory,
    ) -> None:
        """`free_disk` and `used_memory` are where the figures come from."""
        self._settings = settings
        self._data = data
        self._free_disk = free_disk
        self._used_memory = used_memory
        self._max_memory = settings.max_rss_bytes or round(memory_limit() * _SHARE)
        self._seen: Resources | None = None
        self._seen_at = 0.0

    def look(self) -> Resources:
        """The figures, no older than a second."""
        if self._seen is None or time.monotonic() - self._seen_at > _FRESH_SECONDS:
            self._seen = Resources(
                free_disk=self._free_disk(self._data),
                min_free_disk=self._settings.min_free_disk_bytes,
                used_memory=self._used_memory(),
                max_memory=self._max_memory,
            )
            self._seen_at = time.monotonic()
        return self._seen

    def refusal(self) -> EmentaError | None:
        """Why no new upload can be taken now; None when one can."""
        seen = self.look()
        if seen.free_disk < seen.min_free_disk:
            return DiskLow(free_mb=seen.free_disk // _MB, min_mb=seen.min_free_disk // _MB)
        if seen.used_memory > seen.max_memory:
            return MemoryLow(used_mb=seen.used_memory // _MB, max_mb=seen.max_memory // _MB)
        return None
