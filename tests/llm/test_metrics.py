"""Metrics of the gateway: what is counted, what is read, and that no client can make them explode."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import CollectorRegistry

from ementa.db.database import Database
from ementa.kit import clock
from ementa.kit.ids import new_id
from ementa.llm.calls import CallRecord
from ementa.llm.config import GatewayConfig, Price
from ementa.llm.errors import BudgetSpent, RateLimited
from ementa.llm.gateway import Gateway
from ementa.llm.limits.budgets import Budgets
from ementa.llm.limits.limiter import Limiter
from ementa.llm.metrics import MOST_MODELS, CallMetrics, GatewayState
from ementa.llm.settings import LlmSettings
from ementa.llm.types import Caller, Limits
from ementa.llm.usage.prices import Prices
from ementa.llm.usage.recorder import Recorder
from ementa.observability.metrics import render


class House:
    """The parts that metrics speak of, with nobody around them."""

    def __init__(self, database: Database, data: Path) -> None:
        settings = LlmSettings(ollama_hosts=("http://127.0.0.1:9",), max_queued=7)
        self.registry = CollectorRegistry()
        self.prices = Prices(settings)
        self.prices.apply(GatewayConfig(prices=(Price("m:1b", 10.0, 20.0),)))
        self.calls = CallMetrics(self.registry, self.prices)
        self.limiter = Limiter(settings, Budgets(database, self.prices))
        self.recorder = Recorder(database, data, settings, self.prices)
        self.gateway = Gateway(settings, observers=(self.calls.tell,))
        GatewayState(self.registry, settings, self.gateway.states, self.limiter, self.recorder)

    def value(self, name: str, **labels: str) -> float | None:
        return self.registry.get_sample_value(name, labels)


@pytest.fixture
async def house(sqlite_database: Database, tmp_path: Path) -> AsyncIterator[House]:
    made = House(sqlite_database, tmp_path)
    yield made
    await made.gateway.close()
    await made.limiter.close()
    await made.recorder.stop()


def call(**said: Any) -> CallRecord:
    base: dict[str, Any] = {"asked_model": "m", "model": "m:1b", "server": "s", "caller": Caller(api="openai.chat")}
    return CallRecord(new_id(), clock.now(), **{**base, **said})


async def test_calls_are_counted_by_model_and_end(house: House) -> None:
    house.calls.tell(
        call(
            prompt_tokens=100, output_tokens=50, cached_tokens=7, latency_ms=1500, ttft_ms=300, queue_ms=40, attempts=3
        )
    )
    house.calls.tell(call(status="MODEL_TIMEOUT", latency_ms=30_000))
    house.calls.tell(call(cached=True, prompt_tokens=100))
    place = {"model": "m:1b", "server": "s"}
    assert house.value("ementa_llm_calls_total", **place, api="openai.chat", status="ok") == 2
    assert house.value("ementa_llm_calls_total", **place, api="openai.chat", status="MODEL_TIMEOUT") == 1
    kinds = {
        kind: house.value("ementa_llm_tokens_total", **place, kind=kind) for kind in ("prompt", "output", "cached")
    }
    assert kinds == {"prompt": 100, "output": 50, "cached": 7}
    assert house.value("ementa_llm_cost_total", **place) == 0.002
    assert house.value("ementa_llm_retries_total", **place) == 2
    assert house.value("ementa_llm_remembered_total", **place) == 1
    assert house.value("ementa_llm_call_seconds_sum", **place) == 1.5
    assert house.value("ementa_llm_first_piece_seconds_sum", **place) == 0.3
    assert house.value("ementa_llm_queue_seconds_sum", **place) == 0.04


async def test_names_that_clients_make_up_are_no_labels(house: House) -> None:
    for number in range(1000):
        house.calls.tell(call(model="", server="", status="MODEL_UNAVAILABLE", asked_model=f"made-up-{number}"))
        house.calls.tell(call(model=f"listed-{number}"))
    text = render(house.registry).decode()
    assert "made-up" not in text
    assert text.count("\nementa_llm_calls_total{") <= MOST_MODELS + 2
    other = {"model": "other", "server": "other", "api": "openai.chat"}
    assert house.value("ementa_llm_calls_total", **other, status="MODEL_UNAVAILABLE") == 1000
    assert house.value("ementa_llm_calls_total", **other, status="ok") == 1000 - (MOST_MODELS - 1)


async def test_the_state_of_servers_and_lines_is_read_at_the_scrape(house: House) -> None:
    server = next(each for each in house.gateway.states() if each.config.kind == "ollama")
    name = server.name
    assert house.value("ementa_llm_server_up", server=name, kind="ollama") == 1
    assert house.value("ementa_llm_waiting_limit", server=name) == 7
    line = server.line("m:1b")
    line.start()
    assert house.value("ementa_llm_running", server=name, model="m:1b") == 1
    assert house.value("ementa_llm_waiting", server=name, model="m:1b") == 0
    await house.gateway.health()  # nobody listens there
    assert house.value("ementa_llm_server_up", server=name, kind="ollama") == 0
    states = {
        state: house.value("ementa_llm_breaker_state", server=name, state=state)
        for state in ("closed", "half_open", "open")
    }
    assert sum(value or 0 for value in states.values()) == 1
    assert states["closed"] == 0


async def test_refusals_and_budgets_show(house: House) -> None:
    limits = Limits(requests_per_minute=2, monthly_tokens=100)
    who = Caller("t", "u", "k", limits=(("key:k", limits),))
    await house.limiter.admit(who)
    assert house.value("ementa_llm_budgets_nearly_spent") == 0
    house.limiter.tell(call(caller=who, prompt_tokens=90))
    await house.limiter.admit(who)
    assert house.value("ementa_llm_budgets_nearly_spent") == 1
    with pytest.raises(RateLimited):
        await house.limiter.admit(who)
    house.limiter.tell(call(caller=who, prompt_tokens=10))
    with pytest.raises(BudgetSpent):
        await house.limiter.admit(who)
    assert house.value("ementa_llm_budgets_spent") == 1
    assert house.value("ementa_llm_budgets_nearly_spent") == 0
    assert house.value("ementa_llm_refused_total", whose="key", unit="requests") == 1
    assert house.value("ementa_llm_refused_total", whose="key", unit="budget") == 1


async def test_records_that_wait_and_those_stored_show(house: House) -> None:
    house.recorder.tell(call())
    assert (house.value("ementa_usage_spool_bytes") or 0) > 100
    await house.recorder.flush()
    assert house.value("ementa_usage_spool_bytes") == 0
    assert house.value("ementa_usage_stored_total") == 1
    assert house.value("ementa_usage_lost_total") == 0
