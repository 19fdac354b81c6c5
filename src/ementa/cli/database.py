"""The database, for commands that need nothing else of Ementa."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from ementa.db.database import Database

R = TypeVar("R")


def with_database(settings: Any, work: "Callable[[Database], Awaitable[R]]") -> R:
    """What `work` returns, with the database brought up to date."""
    from ementa.db.database import Database
    from ementa.db.migrate import upgrade
    from ementa.storage.directory import prepare_data

    async def run() -> R:
        prepare_data(settings.data)
        database = Database(settings.db, settings.data)
        try:
            await upgrade(database)
            return await work(database)
        finally:
            await database.close()

    return asyncio.run(run())
