"""Sums of calls: the same on both databases."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from ementa.db.database import Database
from ementa.kit.ids import new_id
from ementa.llm.calls import CallRecord
from ementa.llm.config import Price
from ementa.llm.settings import LlmSettings
from ementa.llm.types import Caller
from ementa.llm.usage.prices import Prices
from ementa.llm.usage.recorder import Recorder
from ementa.llm.usage.report import GROUPS, Report, Span, make_report

START = datetime(2026, 3, 1, tzinfo=UTC)
ANA, BIA, EVE = Caller("t1", "ana", "k1", "openai.chat"), Caller("t1", "bia", "k2", "llm.generate"), Caller("t2", "eve")


def call(caller: Caller, at: datetime, **said: Any) -> CallRecord:
    facts = {"model": "m:1b", "provider": "ollama", "server": "s", "prompt_tokens": 10, "output_tokens": 5, **said}
    return CallRecord(new_id(), at, "m", caller=caller, **facts)


@pytest.fixture
async def house(database: Database, tmp_path: Path) -> Database:
    settings = LlmSettings()
    prices = Prices(settings)
    prices.set([Price("m:1b", 1e5, 1e5), Price("big", 1e6, 1e6)])
    recorder = Recorder(database, tmp_path, settings, prices)
    for record in (
        call(ANA, START, latency_ms=100, ttft_ms=40, queue_ms=2),
        call(ANA, START + timedelta(hours=23, minutes=59), latency_ms=300, ttft_ms=60, queue_ms=4),
        call(ANA, START + timedelta(days=1), status="MODEL_TIMEOUT", latency_ms=9000, output_tokens=0),
        call(BIA, START + timedelta(days=1), status="cancelled", latency_ms=50),
        call(BIA, START + timedelta(days=1), cached=True, latency_ms=1),
        call(BIA, START + timedelta(days=31), model="big", cached_tokens=4),
        call(EVE, START + timedelta(days=1), model="big"),
    ):
        recorder.tell(record)
    await recorder.flush()
    await recorder.stop()
    return database


async def report(house: Database, groups: Any, limit: int = 100, days: float = 60, **where: str) -> Report:
    async with house.read() as session:
        return await make_report(session, Span(START, START + timedelta(days=days), where), groups, limit)


async def test_sums_of_all(house: Database) -> None:
    found = await report(house, ["tenant"])
    assert found.totals == {
        "calls": 7,
        "failed": 1,
        "cancelled": 1,
        "cached": 1,
        "prompt_tokens": 60,
        "output_tokens": 25,
        "cached_tokens": 4,
        "cost": pytest.approx(1.5 * 2 + 1.0 + 1.5 + 15 * 2),
        "latency_ms": 100.0,
        "first_piece_ms": 25.0,
        "queue_ms": 1.5,
    }
    assert [(row["tenant"], row["calls"]) for row in found.rows] == [("t1", 6), ("t2", 1)]
    assert not found.truncated


async def test_time_comes_in_its_order_and_then_what_cost_most(house: Database) -> None:
    found = await report(house, ["day", "user"], tenant="t1")
    assert [(row["day"], row["user"], row["calls"]) for row in found.rows] == [
        ("2026-03-01", "ana", 2),
        ("2026-03-02", "bia", 2),
        ("2026-03-02", "ana", 1),
        ("2026-04-01", "bia", 1),
    ]
    assert [row["month"] for row in (await report(house, ["month"])).rows] == ["2026-03", "2026-04"]
    hours = [row["hour"] for row in (await report(house, ["hour"], days=1.5)).rows]
    assert hours == ["2026-03-01T00:00:00Z", "2026-03-01T23:00:00Z", "2026-03-02T00:00:00Z"]


async def test_every_group_can_be_asked_for_and_narrowed_to(house: Database) -> None:
    for group in GROUPS:
        found = await report(house, [group])
        assert sum(row["calls"] for row in found.rows) == 7, group
        if group not in ("hour", "day", "month"):
            row = found.rows[0]
            narrowed = await report(house, [], **{group: row[group]})
            assert narrowed.totals["calls"] == row["calls"]
            assert narrowed.rows == []


async def test_the_end_of_a_span_is_not_of_it(house: Database) -> None:
    assert (await report(house, [], days=1)).totals["calls"] == 2


async def test_rows_left_out_are_told_and_counted(house: Database) -> None:
    found = await report(house, ["day", "user"], limit=2)
    assert (len(found.rows), found.truncated, found.totals["calls"]) == (2, True, 7)


async def test_nothing_at_all(house: Database) -> None:
    found = await report(house, ["model"], tenant="nobody")
    assert found.rows == []
    assert found.totals == {
        **dict.fromkeys(found.totals, 0),
        "latency_ms": None,
        "first_piece_ms": None,
        "queue_ms": None,
    }
