"""Many rows in one statement, by the driver's own way: 10 µs a row of 22 columns instead of SQLAlchemy's 35."""

from collections.abc import Mapping, Sequence
from datetime import UTC
from functools import cache
from typing import Any, cast

import msgspec
from sqlalchemy import Table

from ementa.db.base import Base, UtcDateTime
from ementa.db.database import Session

_encoder = msgspec.json.Encoder()


async def insert_rows(
    session: Session, model: type[Base], rows: Sequence[Mapping[str, Any]], *, skip_known: bool = False
) -> None:
    """Insert rows, each with the same columns of `model` in the same order; with `skip_known` those whose primary key
    exists are left out.

    For texts, numbers, booleans and aware instants; PostgreSQL takes them as JSON, so no text may hold a null
    character.
    """
    if not rows:
        return
    connection = await session.connection()
    table = cast("Table", model.__table__)
    names = tuple(rows[0])
    suffix = " ON CONFLICT DO NOTHING" if skip_known else ""
    if connection.dialect.name == "postgresql":
        await connection.exec_driver_sql(
            _postgres_insert(table.name, names) + suffix, (_encoder.encode(rows).decode(),)
        )
        return
    instants = [position for position, name in enumerate(names) if isinstance(table.c[name].type, UtcDateTime)]
    values: list[tuple[Any, ...]] = []
    for row in rows:
        found = list(row.values())
        for position in instants:
            found[position] = found[position].astimezone(UTC).replace(tzinfo=None).isoformat(" ", "microseconds")
        values.append(tuple(found))
    await connection.exec_driver_sql(_sqlite_insert(table.name, names) + suffix, values)


@cache
def _postgres_insert(table: str, names: tuple[str, ...]) -> str:
    columns = ", ".join(names)
    source = f"json_populate_recordset(NULL::{table}, %s::json)"
    return f"INSERT INTO {table} ({columns}) SELECT {columns} FROM {source}"


@cache
def _sqlite_insert(table: str, names: tuple[str, ...]) -> str:
    marks = ", ".join("?" * len(names))
    return f"INSERT INTO {table} ({', '.join(names)}) VALUES ({marks})"
