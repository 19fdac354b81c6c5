"""Sums of the record of calls."""

from datetime import datetime
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import InstrumentedAttribute

from ementa.db.database import ReadSession
from ementa.llm.models import ModelCall

_OWNERS: dict[str, InstrumentedAttribute[Any]] = {
    "key": ModelCall.key_id,
    "user": ModelCall.user_id,
    "tenant": ModelCall.tenant_id,
}


async def sum_calls(
    session: ReadSession, subject: str, since: datetime, until: datetime | None = None
) -> tuple[int, float]:
    """Tokens that models worked on, and cost, of the calls of `subject` in a span of time.

    A subject is `key:<id>`, `user:<id>` or `tenant:<id>`.
    """
    kind, _, name = subject.partition(":")
    tokens = func.coalesce(func.sum(ModelCall.prompt_tokens + ModelCall.output_tokens), 0)
    statement = select(tokens, func.coalesce(func.sum(ModelCall.cost), 0.0))
    statement = statement.where(_OWNERS[kind] == name, ModelCall.at >= since, ModelCall.cached.is_(False))
    if until is not None:
        statement = statement.where(ModelCall.at < until)
    row = (await session.execute(statement)).one()
    return int(row[0]), float(row[1])
