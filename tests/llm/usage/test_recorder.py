"""Every call is in the table once, whatever happens to the database, the disk or the names that clients invent."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.exc import OperationalError

from ementa.db.database import Database, ReadSession, Session
from ementa.identity import service
from ementa.identity.calls import audit_calls
from ementa.identity.models import AuditEvent
from ementa.kit import clock
from ementa.kit.ids import new_id
from ementa.llm.calls import CallRecord
from ementa.llm.config import Price
from ementa.llm.models import ModelCall
from ementa.llm.settings import LlmSettings
from ementa.llm.types import MOST_TOKENS, Caller, Limits
from ementa.llm.usage import recorder as recording
from ementa.llm.usage.prices import Prices
from ementa.llm.usage.recorder import BATCH, Recorder

ANA = Caller(tenant="t1", user="ana", key="k1", api="openai.chat", limits=(("key:k1", Limits(monthly_tokens=5)),))


def call(**said: Any) -> CallRecord:
    facts: dict[str, Any] = {"model": "m:1b", "provider": "ollama", "server": "s", "caller": ANA, "prompt_tokens": 10}
    return CallRecord(new_id(), clock.now(), **{"asked_model": "m", **facts, **said})


def make(database: Database, data: Path, seal: Any = None, **settings: Any) -> Recorder:
    made = LlmSettings(**settings)
    return Recorder(database, data, made, Prices(made), seal)


async def stored(database: Database) -> list[ModelCall]:
    async with database.read() as session:
        return list(await session.scalars(select(ModelCall).order_by(ModelCall.id)))


async def until(condition: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(60):
        while not await condition():  # noqa: ASYNC110 - the database does not tell
            await asyncio.sleep(0.02)


async def test_a_call_is_in_the_table_within_moments(database: Database, tmp_path: Path) -> None:
    recorder = make(database, tmp_path)
    await recorder.start()
    said = call(
        request_id="r1", client="10.0.0.1", status="MODEL_TIMEOUT", streamed=True, cached=False, attempts=2,
        output_tokens=7, cached_tokens=3, queue_ms=4, ttft_ms=5, latency_ms=6,
    )  # fmt: skip
    recorder.tell(said)

    async def there() -> bool:
        return len(await stored(database)) == 1

    await until(there)
    [row] = await stored(database)
    assert (row.id, row.at, row.request_id, row.tenant_id, row.user_id, row.key_id) == (
        said.id, said.at, "r1", "t1", "ana", "k1",
    )  # fmt: skip
    assert (row.api, row.asked_model, row.model, row.provider, row.server) == (
        "openai.chat",
        "m",
        "m:1b",
        "ollama",
        "s",
    )
    assert (row.status, row.streamed, row.cached, row.attempts) == ("MODEL_TIMEOUT", True, False, 2)
    assert (row.prompt_tokens, row.output_tokens, row.cached_tokens) == (10, 7, 3)
    assert (row.queue_ms, row.ttft_ms, row.latency_ms, row.cost) == (4, 5, 6, 0.0)
    await recorder.stop()
    assert list((tmp_path / "usage").iterdir()) == []


async def test_its_cost_is_that_of_the_prices(database: Database, tmp_path: Path) -> None:
    settings = LlmSettings()
    prices = Prices(settings)
    prices.set([Price("m:1b", input_per_million=2.0, output_per_million=8.0)])
    recorder = Recorder(database, tmp_path, settings, prices)
    recorder.tell(call(prompt_tokens=1_000_000, output_tokens=500_000))
    await recorder.flush()
    assert [row.cost for row in await stored(database)] == [6.0]
    await recorder.stop()


async def test_more_than_a_batch(database: Database, tmp_path: Path) -> None:
    recorder = make(database, tmp_path)
    ids: set[str] = set()
    for _ in range(2 * BATCH + 7):
        said = call()
        ids.add(said.id)
        recorder.tell(said)
    await recorder.flush()
    assert {row.id for row in await stored(database)} == ids
    assert recorder.stored == len(ids)
    await recorder.stop()


async def test_the_next_process_stores_what_one_left(database: Database, tmp_path: Path) -> None:
    first = make(database, tmp_path)
    first.tell(call())
    first._spool.close()  # its process ended
    second = make(database, tmp_path)
    await second.start()

    async def there() -> bool:
        return len(await stored(database)) == 1

    await until(there)
    await second.stop()


async def told_calls(session: ReadSession) -> int:
    """Calls that the audit trail tells of: calls that are alike are one event that counts them."""
    return sum(json.loads(details)["calls"] for details in await session.scalars(select(AuditEvent.details)))


async def test_a_batch_that_was_stored_already_is_stored_and_told_once(database: Database, tmp_path: Path) -> None:
    recorder = make(database, tmp_path, audit_calls)
    for _ in range(3):
        recorder.tell(call())
    segment = recorder._spool.take()
    assert segment is not None
    await recorder._store_segment(segment)  # and killed before it could take the batch off the spool
    recorder._spool.close()
    heir = make(database, tmp_path, audit_calls)
    heir.tell(call())
    await heir.start()

    async def there() -> bool:
        return len(await stored(database)) == 4 and heir.spool_bytes == 0

    await until(there)
    await heir.stop()
    async with database.read() as session:
        assert await told_calls(session) == 4
        assert (await service.verify_chain(session)).broken is None


async def test_calls_with_a_key_are_in_the_audit_trail_in_the_same_transaction(
    database: Database, tmp_path: Path
) -> None:
    recorder = make(database, tmp_path, audit_calls)
    recorder.tell(call(request_id="r9", client="10.9.9.9", output_tokens=3))
    recorder.tell(call(caller=Caller()))  # the house itself
    await recorder.flush()
    async with database.read() as session:
        [event] = await session.scalars(select(AuditEvent))
    assert (event.action, event.resource, event.ip, event.request_id) == ("model.call", "m:1b", "10.9.9.9", "r9")
    assert (event.tenant_id, event.user_id, event.key_id) == ("t1", "ana", "k1")
    assert '"output_tokens":3,"prompt_tokens":10,"status":"ok"' in event.details
    await recorder.stop()


async def test_audit_can_be_off(database: Database, tmp_path: Path) -> None:
    recorder = make(database, tmp_path, audit_calls, audit_calls=False)
    recorder.tell(call())
    await recorder.flush()
    async with database.read() as session:
        assert await session.scalar(select(func.count()).select_from(AuditEvent)) == 0
    await recorder.stop()


async def test_while_the_database_is_away_calls_wait_on_disk(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recording, "INTERVAL", 0.02)
    away = True

    async def seal(_session: Session, _records: Sequence[CallRecord]) -> None:
        if away:
            raise OperationalError("INSERT", {}, Exception("the server closed the connection"))

    recorder = make(database, tmp_path, seal)
    await recorder.start()
    for _ in range(20):
        recorder.tell(call())
        await asyncio.sleep(0.01)
    assert await stored(database) == []
    assert recorder.spool_bytes > 0
    away = False

    async def there() -> bool:
        return len(await stored(database)) == 20 and recorder.spool_bytes == 0

    await until(there)
    assert (recorder.stored, recorder.lost) == (20, 0)
    await recorder.stop()


async def test_a_database_that_never_answers_keeps_no_process_from_stopping(
    sqlite_database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recording, "_STOP_SECONDS", 0.1)

    async def seal(_session: Session, _records: Sequence[CallRecord]) -> None:
        await asyncio.Event().wait()

    hanging = make(sqlite_database, tmp_path, seal)
    await hanging.start()
    hanging.tell(call())
    async with asyncio.timeout(30):
        await hanging.stop()
    heir = make(sqlite_database, tmp_path)
    heir._spool.adopt()
    await heir.flush()
    assert len(await stored(sqlite_database)) == 1
    await heir.stop()


async def test_a_full_disk_keeps_calls_in_memory_and_then_counts_what_is_lost(
    sqlite_database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recording, "_MOST_HELD", 10)
    (tmp_path / "usage").write_text("in the way of the directory")
    recorder = make(sqlite_database, tmp_path)
    for _ in range(13):
        recorder.tell(call())
    assert recorder.lost == 3
    await recorder.flush()
    assert len(await stored(sqlite_database)) == 10
    await recorder.stop()


async def test_names_and_numbers_that_a_database_refuses(database: Database, tmp_path: Path) -> None:
    recorder = make(database, tmp_path, audit_calls)
    strange = [
        call(asked_model="a\x00b", model=""),
        call(asked_model="half \ud83d pair", model=""),
        call(asked_model="é" * 5000, model="", request_id="r" * 300),
        call(prompt_tokens=2**40, output_tokens=-5, latency_ms=2**33),
    ]
    for said in strange:
        recorder.tell(said)
    await recorder.flush()
    rows = {row.id: row for row in await stored(database)}
    assert [rows[said.id].asked_model[:6] for said in strange] == ["ab", "half ?", "é" * 6, "m"]
    assert (rows[strange[3].id].prompt_tokens, rows[strange[3].id].output_tokens) == (MOST_TOKENS, 0)
    async with database.read() as session:
        assert (await service.verify_chain(session)).broken is None
    await recorder.stop()


@pytest.mark.postgres
async def test_one_call_that_the_database_refuses_does_not_hold_up_the_others(
    postgres_database: Database, tmp_path: Path
) -> None:
    async with postgres_database.transaction() as session:
        await session.execute(text("ALTER TABLE model_call ADD CONSTRAINT never CHECK (api <> 'refused')"))
    recorder = make(postgres_database, tmp_path, audit_calls)
    for number in range(10):
        recorder.tell(call(caller=Caller(key="k", api="refused" if number == 4 else "fine")))
    await recorder.flush()
    assert len(await stored(postgres_database)) == 9
    assert (recorder.stored, recorder.lost, recorder.spool_bytes) == (9, 1, 0)
    async with postgres_database.read() as session:
        assert await told_calls(session) == 9
        assert (await service.verify_chain(session)).broken is None
    await recorder.stop()


async def test_torn_lines_are_skipped(sqlite_database: Database, tmp_path: Path) -> None:
    recorder = make(sqlite_database, tmp_path)
    recorder.tell(call())
    recorder._spool.append(b'["torn","2026-01-01T00:00\n')
    recorder._spool.append(b"\x00\x00\x00\n")
    recorder.tell(call())
    await recorder.flush()
    assert len(await stored(sqlite_database)) == 2
    await recorder.stop()


async def test_calls_that_come_while_others_are_stored_wait_for_the_next_batch(
    database: Database, tmp_path: Path
) -> None:
    batches: list[int] = []

    async def seal(_session: Session, calls: Sequence[CallRecord]) -> None:
        batches.append(len(calls))
        recorder.tell(call())  # one more arrives each time

    recorder = make(database, tmp_path, seal)
    recorder.tell(call())
    await recorder.flush()
    assert batches == [1]
    assert recorder.spool_bytes > 0
    await recorder.stop()
