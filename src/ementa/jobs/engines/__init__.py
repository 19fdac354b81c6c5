"""The two engines: `embedded.py` on SQLite, `procrastinate.py` on PostgreSQL. `create_engine` chooses."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from ementa.db.database import Database
from ementa.jobs.base import Engine, JobKind
from ementa.jobs.binding import bind
from ementa.jobs.engines.embedded import EmbeddedEngine
from ementa.jobs.settings import JobSettings

if TYPE_CHECKING:
    from ementa.jobs.engines.procrastinate import ProcrastinateEngine


def create_engine(
    settings: JobSettings, database: Database, kinds: Sequence[JobKind], concurrency: Mapping[str, int]
) -> Engine:
    """The engine for this database, to which its transactions enqueue from now on.

    `concurrency` gives how many jobs of each queue run at once; every kind's queue must be in it. A process that only
    enqueues creates the engine and does not run it.
    """
    by_name = {kind.name: kind for kind in kinds}
    missing = {kind.queue for kind in kinds} - set(concurrency)
    if missing or len(by_name) != len(kinds):
        raise ValueError(f"queues without a concurrency: {sorted(missing)}, or a kind given twice")
    engine = _choose(database)(settings, database, by_name, concurrency)
    bind(database, engine)
    return engine


def _choose(database: Database) -> "type[EmbeddedEngine | ProcrastinateEngine]":
    if database.is_sqlite:
        return EmbeddedEngine
    from ementa.jobs.engines.procrastinate import ProcrastinateEngine  # noqa: PLC0415 - 0.1 s that SQLite need not pay

    return ProcrastinateEngine
