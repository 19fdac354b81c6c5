"""Watches disk, memory and GPUs, so that new work is refused before the machine suffers. What runs goes on."""

import asyncio
import shutil
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

from ementa.kit.errors import EmentaError
from ementa.upkeep.errors import DiskLow, GpuMemoryLow, MemoryLow
from ementa.upkeep.gpus import GpuReport
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


async def no_gpus() -> GpuReport:
    """What a machine without GPUs tells."""
    return GpuReport()


class ResourceWatch:
    """Disk and memory are looked at, at most once a second, by whoever asks; GPUs, and memory for whoever cannot wait,
    by `see_memory` and `see_gpus`, which somebody calls every few seconds (`rounds.py`)."""

    def __init__(
        self,
        settings: UpkeepSettings,
        data: Path,
        *,
        free_disk: Callable[[Path], int] = lambda path: shutil.disk_usage(path).free,
        used_memory: Callable[[], int] = tree_memory,
        read_gpus: Callable[[], Awaitable[GpuReport]] = no_gpus,
        runs_here: Callable[[str], bool] = lambda _model: True,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """The callables are where the figures come from; `runs_here` says whether a model runs on this machine and
        nowhere else."""
        self._settings = settings
        self._data = data
        self._free_disk = free_disk
        self._used_memory = used_memory
        self._read_gpus = read_gpus
        self._runs_here = runs_here
        self._clock = clock
        self._max_memory = settings.max_rss_bytes or round(memory_limit() * _SHARE)
        self._seen: Resources | None = None
        self._seen_at = 0.0
        self._gpus = GpuReport()
        self._gpus_at = clock()
        self._is_strained = False
        self.has_gpus = False
        """Whether any GPU was ever seen."""
        self.refused: Counter[tuple[str, str]] = Counter()
        """How much was refused, by what it was (`upload`, `call`) and the code of the reason."""

    def look(self) -> Resources:
        """The figures of disk and memory, no older than a second."""
        if self._seen is None or self._clock() - self._seen_at > _FRESH_SECONDS:
            self._seen = Resources(
                free_disk=self._free_disk(self._data),
                min_free_disk=self._settings.min_free_disk_bytes,
                used_memory=self._used_memory(),
                max_memory=self._max_memory,
            )
            self._seen_at = self._clock()
            self._judge()
        return self._seen

    @property
    def gpus(self) -> GpuReport:
        """The GPUs as last seen."""
        return self._gpus

    @property
    def gpu_age(self) -> float:
        """How many seconds ago they were seen, or begun to be watched."""
        return self._clock() - self._gpus_at

    @property
    def gpus_are_full(self) -> bool:
        """Whether every GPU that tells its memory is above the limit; never without a limit, or without a GPU."""
        most = self._settings.max_gpu_memory_share
        shares = [gpu.used_share for gpu in self._gpus.gpus if gpu.used_share is not None]
        return most is not None and bool(shares) and min(shares) > most

    async def see_memory(self) -> None:
        """Look at memory for `call_refusal`, in a thread: there may be many processes to look at."""
        await asyncio.to_thread(self.look)

    async def see_gpus(self) -> None:
        """Ask for the GPUs; without an answer nothing is known of them, and nothing refused for their sake."""
        self._gpus = await self._read_gpus()
        self._gpus_at = self._clock()
        self.has_gpus = self.has_gpus or bool(self._gpus.gpus)
        self._judge()

    def refusal(self) -> EmentaError | None:
        """Why no new upload can be taken now; None when one can."""
        seen = self.look()
        if seen.free_disk < seen.min_free_disk:
            return self._refused("upload", self._disk_low(seen))
        return self._refused("upload", self._memory_low(seen)) if seen.used_memory > seen.max_memory else None

    def call_refusal(self, model: str) -> EmentaError | None:
        """Why no new call to a model can be taken now; None when one can. Costs nothing while all is well: it goes by
        what was last seen."""
        if not self._is_strained:
            return None
        seen = self._seen
        if seen is not None and seen.used_memory > seen.max_memory:
            return self._refused("call", self._memory_low(seen))
        if self.gpus_are_full and self._runs_here(model):
            return self._refused("call", self._gpu_low())
        return None

    def _judge(self) -> None:
        seen = self._seen
        self._is_strained = self.gpus_are_full or (seen is not None and seen.used_memory > seen.max_memory)

    def _refused(self, what: str, error: EmentaError) -> EmentaError:
        self.refused[what, error.code] += 1
        return error

    def _disk_low(self, seen: Resources) -> EmentaError:
        return DiskLow(free_mb=seen.free_disk // _MB, min_mb=seen.min_free_disk // _MB)

    def _memory_low(self, seen: Resources) -> EmentaError:
        return MemoryLow(used_mb=seen.used_memory // _MB, max_mb=seen.max_memory // _MB)

    def _gpu_low(self) -> EmentaError:
        used = min(gpu.used_share for gpu in self._gpus.gpus if gpu.used_share is not None)
        most = self._settings.max_gpu_memory_share or 0.0
        wait = max(1, round(self._settings.gpu_seconds))
        return GpuMemoryLow(used=round(used * 100, 1), most=round(most * 100, 1), retry_after=wait)
