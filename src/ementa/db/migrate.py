"""Bring the database to the schema that this version expects. Run at every start; nothing to do costs one query."""

from pathlib import Path

from sqlalchemy import Connection, inspect, text

from ementa.db.database import Database

_VERSIONS = Path(__file__).parent.parent / "migrations" / "versions"
_LOCK = 0x656D656E7462  # one number for every Ementa on this PostgreSQL database


async def upgrade(database: Database) -> None:
    """Apply what is missing, all of it or nothing. Any number of processes may start at once: one does it, the others
    wait for it (an advisory lock on PostgreSQL, the write lock on SQLite)."""
    async with database.engine.begin() as connection:
        if not database.is_sqlite:
            await connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
        if await connection.run_sync(_current) != newest():
            from ementa.db.schema import apply_migrations  # noqa: PLC0415 - see its docstring

            await connection.run_sync(apply_migrations)
        if not database.is_sqlite and await connection.scalar(text("SELECT to_regclass('procrastinate_jobs')")) is None:
            from procrastinate.schema import SchemaManager  # noqa: PLC0415 - 0.1 s that SQLite need not pay

            raw = await connection.get_raw_connection()
            driver = raw.driver_connection
            assert driver is not None  # noqa: S101 - an open connection has its driver's
            await driver.execute(SchemaManager.get_schema())


def newest() -> str:
    """The last of our migrations: their files are named `<revision>_<what>.py`, in order."""
    return max(path.name for path in _VERSIONS.glob("[0-9]*.py")).partition("_")[0]


def _current(connection: Connection) -> str | None:
    """The migration that the database is at; None when it is empty."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    return connection.scalar(text("SELECT version_num FROM alembic_version"))
