"""Budgets of a month: loaded once, kept current, shared by servers, renewed on the first."""

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from ementa.db.database import Database
from ementa.kit.ids import new_id
from ementa.llm.calls import CallRecord
from ementa.llm.config import Price
from ementa.llm.errors import BudgetSpent
from ementa.llm.limits import budgets as budgeting
from ementa.llm.limits.budgets import Budgets
from ementa.llm.limits.limiter import Limiter
from ementa.llm.settings import LlmSettings
from ementa.llm.types import Caller, Limits
from ementa.llm.usage.prices import Prices
from ementa.llm.usage.recorder import Recorder

NOON = datetime(2026, 3, 15, 12, tzinfo=UTC)


class Clock:
    """Unix time that is set by hand."""

    def __init__(self) -> None:
        self.at = NOON

    def __call__(self) -> float:
        return self.at.timestamp()


def priced() -> Prices:
    prices = Prices(LlmSettings())
    prices.set([Price("m", 1.0, 1.0)])
    return prices


def call(caller: Caller, tokens: int, at: datetime = NOON, **said: Any) -> CallRecord:
    facts = {"model": "m", "server": "s", "prompt_tokens": tokens, **said}
    return CallRecord(new_id(), at, "m", caller=caller, **facts)


async def store(database: Database, data: Path, *calls: CallRecord) -> None:
    recorder = Recorder(database, data, LlmSettings(), priced())
    for each in calls:
        recorder.tell(each)
    await recorder.flush()
    await recorder.stop()


def owner(**limits: Limits) -> Caller:
    return Caller("t", "u", "k", limits=tuple((f"{kind}:{kind[0]}", limit) for kind, limit in limits.items()))


FREE = Limits(requests_per_minute=0)


async def test_what_was_spent_this_month_counts(database: Database, tmp_path: Path) -> None:
    who = owner(key=FREE, tenant=Limits(monthly_tokens=100))
    await store(
        database,
        tmp_path,
        call(who, 60),
        call(who, 5, NOON.replace(day=1, hour=0)),
        call(who, 1000, NOON.replace(day=1, hour=0) - timedelta(microseconds=1)),
        call(Caller("another"), 1000),
        call(who, 1000, cached=True),
    )
    limiter = Limiter(LlmSettings(), Budgets(database, priced(), Clock()))
    await limiter.admit(who)
    limiter.tell(call(who, 34))
    limiter.tell(call(who, 1000, cached=True))
    await limiter.admit(who)
    limiter.tell(call(who, 1))
    with pytest.raises(BudgetSpent) as refused:
        await limiter.admit(who)
    assert refused.value.details == {
        "budget_of": "tenant",
        "unit": "tokens",
        "limit": 100.0,
        "used": 100.0,
        "renews_at": "2026-04-01T00:00:00.000Z",
    }
    assert "desta organização para este mês (100 tokens) foi gasto (100)" in refused.value.text("pt")
    assert "renews at 2026-04-01 00:00 UTC" in refused.value.text("en")
    assert limiter.refused == {("tenant", "budget"): 1}
    await limiter.close()


async def test_money_counts_too(sqlite_database: Database, tmp_path: Path) -> None:
    who = owner(user=Limits(monthly_cost=2.5))
    await store(sqlite_database, tmp_path, call(who, 2_000_000))
    limiter = Limiter(LlmSettings(), Budgets(sqlite_database, priced(), Clock()))
    await limiter.admit(who)
    limiter.tell(call(who, 500_000))
    with pytest.raises(BudgetSpent, match=r"\(2.50 BRL\) is spent \(2.50\)"):
        await limiter.admit(who)
    await limiter.close()


async def test_a_new_month_is_a_new_budget(sqlite_database: Database, tmp_path: Path) -> None:
    who, clock = owner(key=Limits(requests_per_minute=0, monthly_tokens=10)), Clock()
    await store(sqlite_database, tmp_path, call(who, 10))
    limiter = Limiter(LlmSettings(), Budgets(sqlite_database, priced(), clock))
    with pytest.raises(BudgetSpent):
        await limiter.admit(who)
    clock.at = datetime(2026, 4, 1, tzinfo=UTC)
    await limiter.admit(who)
    await limiter.close()


async def test_what_other_servers_spent_counts_within_half_a_minute(database: Database, tmp_path: Path) -> None:
    who, clock = owner(tenant=Limits(monthly_tokens=100)), Clock()
    budgets = Budgets(database, priced(), clock)
    limiter = Limiter(LlmSettings(), budgets)
    await limiter.admit(who)
    limiter.tell(call(who, 20))  # not in the database yet
    for minutes in (1, 30, 120):  # within what is read again, after it, and when the whole month is
        clock.at = NOON + timedelta(minutes=minutes)
        await store(database, tmp_path, call(who, 10, clock.at - timedelta(seconds=5)))
        await budgets.spent("tenant:t")
        await asyncio.gather(*budgets._reading.values())
    # Its own 20 were never stored: within the month the count never falls below what is known.
    assert (await budgets.spent("tenant:t")).tokens == 30
    await store(database, tmp_path, call(who, 70, clock.at))
    clock.at += timedelta(minutes=1)
    await limiter.admit(who)
    await asyncio.gather(*budgets._reading.values())
    with pytest.raises(BudgetSpent):
        await limiter.admit(who)
    await limiter.close()


async def test_many_first_calls_read_once(sqlite_database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    reads: list[str] = []
    sum_calls = budgeting.queries.sum_calls

    async def counted(session: Any, subject: str, *span: datetime) -> tuple[int, float]:
        reads.append(subject)
        return await sum_calls(session, subject, *span)

    monkeypatch.setattr(budgeting.queries, "sum_calls", counted)
    limiter = Limiter(LlmSettings(), Budgets(sqlite_database, priced(), Clock()))
    await asyncio.gather(*(limiter.admit(owner(tenant=Limits(monthly_tokens=100))) for _ in range(50)))
    assert reads == ["tenant:t", "tenant:t"]  # what is settled, and what came since
    await limiter.close()


async def test_a_database_that_does_not_answer_lets_calls_begin(
    sqlite_database: Database, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def hang(*_arguments: Any) -> tuple[int, float]:
        await asyncio.Event().wait()
        raise AssertionError

    monkeypatch.setattr(budgeting.queries, "sum_calls", hang)
    monkeypatch.setattr(budgeting, "PATIENCE", 0.05)
    limiter = Limiter(LlmSettings(), Budgets(sqlite_database, priced(), Clock()))
    async with asyncio.timeout(30):
        await limiter.admit(owner(tenant=Limits(monthly_tokens=1)))
    assert "budget not checked" in caplog.text
    await limiter.close()
