"""The worker process: the job engine without HTTP, until SIGTERM or SIGINT."""

import uvloop

from ementa.bootstrap import Runtime
from ementa.jobs.runner import run_until_signalled
from ementa.kit.errors import Conflict
from ementa.observability.logging import configure_logging
from ementa.settings import Settings
from ementa.storage.directory import prepare_data


class WorkerNeedsPostgres(Conflict):
    """SQLite has one process that runs jobs, and that is the server."""

    code = "WORKER_NEEDS_POSTGRES"
    pt = (
        "Com SQLite o próprio `ementa serve` já executa as tarefas. Para processos de trabalho separados, "
        "use PostgreSQL (EMENTA_DATABASE_URL=postgresql://…) em todos os processos."
    )
    en = (
        "With SQLite `ementa serve` already runs the jobs itself. For separate worker processes "
        "use PostgreSQL (EMENTA_DATABASE_URL=postgresql://…) in every process."
    )


def run_worker(settings: Settings) -> None:
    """Run jobs until a signal; jobs still running after the grace time are handed back.

    Raises `WorkerNeedsPostgres` on SQLite.
    """
    if settings.db.url is None or not settings.db.url.get_secret_value():
        raise WorkerNeedsPostgres
    prepare_data(settings.data)
    configure_logging(settings.observability, settings.data, name="worker")
    uvloop.run(_run(settings))


async def _run(settings: Settings) -> None:
    runtime = Runtime(settings)
    try:
        await runtime.open()
        await run_until_signalled(runtime.jobs.engine, settings.jobs.grace_seconds)
    finally:
        await runtime.stop()
