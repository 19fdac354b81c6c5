"""The job that sweeps, once a period across all processes."""

from collections.abc import Sequence

from ementa.jobs.base import Job, JobKind
from ementa.upkeep.settings import UpkeepSettings
from ementa.upkeep.sweep import Sweep, run_sweeps

_TIMEOUT_SECONDS = 600.0


def sweep_kind(sweeps: Sequence[Sweep], settings: UpkeepSettings) -> JobKind:
    """The periodic job that runs `sweeps`. A round that fails is not repeated: the next one comes soon enough."""

    async def sweep(job: Job) -> None:
        del job
        await run_sweeps(sweeps)

    return JobKind("sweep", "default", sweep, _TIMEOUT_SECONDS, max_attempts=1, every_seconds=settings.sweep_seconds)
