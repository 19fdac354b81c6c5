"""The trail: complete, chained, and honest about tampering."""

import asyncio

import pytest
from sqlalchemy import text

from ementa.db.database import Database
from ementa.identity import service
from ementa.identity.audit import Event, record_events
from ementa.identity.types import Principal, Role
from ementa.kit import clock
from ementa.observability import context

ANA = Principal("tenant", "ana", Role.USER, "key")


async def record(database: Database, action: str, details: object = None) -> None:
    async with database.transaction() as session:
        await service.record_event(session, ANA, action, f"analysis:{action}", details)


async def broken_at(database: Database) -> int | None:
    async with database.read() as session:
        trail = await service.verify_chain(session)
    return trail.broken.seq if trail.broken else None


async def test_events_written_at_once_form_one_chain(database: Database) -> None:
    with context.bound(request="req-1", client="10.1.2.3"):
        await asyncio.gather(*(record(database, f"upload{number}", {"n": number}) for number in range(25)))
    assert await broken_at(database) is None
    async with database.read() as session:
        rows = (await session.execute(text("SELECT seq, ip, request_id, user_id FROM audit_event ORDER BY seq"))).all()
    assert [row.seq for row in rows] == list(range(1, 26))
    assert {(row.ip, row.request_id, row.user_id) for row in rows} == {("10.1.2.3", "req-1", "ana")}


@pytest.mark.parametrize(
    "tampering",
    [
        "UPDATE audit_event SET user_id = 'joao' WHERE seq = 3",
        "UPDATE audit_event SET details = '{}' WHERE seq = 3",
        "UPDATE audit_event SET at = (SELECT at FROM audit_event WHERE seq = 1) WHERE seq = 3",
        "DELETE FROM audit_event WHERE seq = 3",
    ],
)
async def test_tampering_shows(database: Database, tampering: str) -> None:
    for number in range(5):
        await record(database, "upload", {"size": 1.5, "name": "ação", "n": number})
    assert await broken_at(database) is None
    async with database.transaction() as session:
        await session.execute(text(tampering))
    assert await broken_at(database) in (3, 4)


async def test_what_was_rolled_back_leaves_no_gap(database: Database) -> None:
    await record(database, "upload")

    async def change_of_mind() -> None:
        async with database.transaction() as session:
            await service.record_event(session, ANA, "delete", "x")
            raise ValueError("changed its mind")

    with pytest.raises(ValueError, match="changed its mind"):
        await change_of_mind()
    await record(database, "upload")
    assert await broken_at(database) is None


async def test_many_events_at_once_are_one_chain_with_those_before_and_after(database: Database) -> None:
    at = clock.now()
    many = [Event("model.call", f"m{n}\x00", at, {"n": n}, "t", "u", "k", "10.0.0.1", f"r{n}") for n in range(40)]
    await record(database, "upload")
    async with database.transaction() as session:
        await record_events(session, many)
        await record_events(session, [])
    await record(database, "upload")
    assert await broken_at(database) is None
    async with database.transaction() as session:
        await session.execute(text("UPDATE audit_event SET resource = 'other' WHERE seq = 20"))
    assert await broken_at(database) == 20
