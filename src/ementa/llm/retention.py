"""What the gateway kept and is erased when its time is over: the record of calls. Remembered answers have their own
(`answer_stores/database.py`)."""

from datetime import datetime

from sqlalchemy import CursorResult, delete, select

from ementa.db.database import Database
from ementa.llm.models import ModelCall

_BATCH = 1000
"""Rows erased in one transaction: other writers need not wait longer than for that."""


async def erase_calls(database: Database, before: datetime) -> int:
    """Erase the record of calls that ended before then; how many went."""
    old = select(ModelCall.id).where(ModelCall.at < before).limit(_BATCH)
    erased = 0
    while True:
        async with database.transaction() as session:
            done = await session.execute(delete(ModelCall).where(ModelCall.id.in_(old)))
            count = done.rowcount if isinstance(done, CursorResult) else 0
        erased += count
        if count < _BATCH:
            break
    if erased:
        await database.forget()
    return erased
