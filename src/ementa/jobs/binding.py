"""Which engine takes the jobs of which database, so that enqueuing needs only the caller's session."""

from weakref import WeakKeyDictionary

import sqlalchemy

from ementa.db.database import Database, ReadSession
from ementa.jobs.base import Engine

_engines: WeakKeyDictionary[sqlalchemy.Engine, Engine] = WeakKeyDictionary()


def bind(database: Database, engine: Engine) -> None:
    """From now on jobs enqueued in transactions of `database` go to `engine`."""
    _engines[database.engine.sync_engine] = engine


def engine_of(session: ReadSession) -> Engine:
    """The engine that takes the jobs enqueued in this session."""
    found = session.get_bind()
    engine = _engines.get(found) if isinstance(found, sqlalchemy.Engine) else None
    if engine is None:
        raise RuntimeError("no job engine is bound to this database: call jobs.engines.create_engine first")
    return engine
