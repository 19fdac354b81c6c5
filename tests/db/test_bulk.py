"""Rows written by the driver read back as those that SQLAlchemy writes."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import IntegrityError

from ementa.db.bulk import insert_rows
from ementa.db.database import Database
from ementa.identity.models import AuditEvent

AT = datetime(2026, 3, 1, tzinfo=UTC)


def row(seq: int, **said: Any) -> dict[str, Any]:
    facts = {
        "seq": seq,
        "tenant_id": None,
        "user_id": "u",
        "key_id": "k",
        "action": 'aç"ão\n',
        "resource": "😀",
        "at": AT,
    }
    return {**facts, "details": "{}", "ip": "", "request_id": "", "prev_hash": "0", "hash": "1", **said}


async def test_both_ways_write_the_same(database: Database) -> None:
    moments = [AT, AT + timedelta(microseconds=7), AT.astimezone(timezone(timedelta(hours=-3)))]
    async with database.transaction() as session:
        await insert_rows(session, AuditEvent, [row(seq, at=at) for seq, at in enumerate(moments, 1)])
        session.add_all(AuditEvent(**row(seq, at=at)) for seq, at in enumerate(moments, 11))
        await insert_rows(session, AuditEvent, [])
    columns = "tenant_id, user_id, action, resource, details, hash, CAST(at AS TEXT)"
    async with database.read() as session:
        raw = (await session.execute(text(f"SELECT {columns} FROM audit_event ORDER BY seq"))).all()
        assert raw[:3] == raw[3:]
        assert list(await session.scalars(select(AuditEvent.at).order_by(AuditEvent.seq)))[:3] == moments
        assert await session.scalar(select(AuditEvent.seq).where(AuditEvent.at >= moments[1])) == 2


async def test_known_rows_are_refused_or_left_out(database: Database) -> None:
    async with database.transaction() as session:
        await insert_rows(session, AuditEvent, [row(1)])
    with pytest.raises(IntegrityError):
        async with database.transaction() as session:
            await insert_rows(session, AuditEvent, [row(1), row(2)])
    async with database.transaction() as session:
        await insert_rows(session, AuditEvent, [row(1, hash="9"), row(2)], skip_known=True)
    async with database.read() as session:
        assert list(await session.scalars(select(AuditEvent.hash).order_by(AuditEvent.seq))) == ["1", "1"]
