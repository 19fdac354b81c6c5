"""What a call costs: as the administrator says, as published, or by the energy it took."""

from datetime import UTC, datetime
from typing import Any

import pytest
from genai_prices import Usage, calc_price

from ementa.llm.calls import CallRecord
from ementa.llm.config import GatewayConfig, Price
from ementa.llm.servers import ServerConfig
from ementa.llm.settings import LlmSettings
from ementa.llm.usage.prices import Prices

AT = datetime(2026, 11, 1, tzinfo=UTC)
SERVERS = (
    ServerConfig("openai", "cloud", "https://api.openai.com/v1"),
    ServerConfig("openai", "groq", "https://api.groq.com/openai/v1"),
    ServerConfig("openai", "vllm", "http://gpu1:8000/v1"),
    ServerConfig("anthropic", "claude", "https://proxy.example/anthropic"),
    ServerConfig("gemini", "gemini", "https://generativelanguage.googleapis.com"),
    ServerConfig("ollama", "ollama", "http://127.0.0.1:11434"),
)


def call(server: str, model: str, **said: Any) -> CallRecord:
    kind = next(each.kind for each in SERVERS if each.name == server)
    facts = {"prompt_tokens": 1000, "output_tokens": 100, "latency_ms": 36_000, "queue_ms": 0, **said}
    return CallRecord("id", AT, model, model=model, provider=kind, server=server, **facts)


async def make(rows: tuple[Price, ...] = (), **settings: Any) -> Prices:
    prices = Prices(LlmSettings(**{"usd_rate": 5.0, "watts": 500.0, "kwh_price": 0.8, **settings}))
    prices.apply(GatewayConfig(servers=SERVERS, prices=rows))
    await prices.ready()
    return prices


@pytest.mark.parametrize(
    ("server", "model", "provider", "facts"),
    [
        ("cloud", "gpt-4o-mini", "openai", {"cached_tokens": 300}),
        ("cloud", "gpt-4o-mini", "openai", {"prompt_tokens": 0, "output_tokens": 0}),
        ("cloud", "gpt-4.1", "openai", {}),
        ("groq", "llama-3.3-70b-versatile", "groq", {}),
        ("claude", "claude-sonnet-4-5", "anthropic", {"prompt_tokens": 199_999}),
        ("claude", "claude-sonnet-4-5", "anthropic", {"prompt_tokens": 250_000, "cached_tokens": 1000}),
        ("gemini", "gemini-2.5-pro", "google", {"prompt_tokens": 200_000}),
        ("gemini", "gemini-2.5-pro", "google", {"prompt_tokens": 200_001, "output_tokens": 900}),
        ("gemini", "gemini-2.5-flash", "google", {"cached_tokens": 500}),
    ],
)
async def test_hosted_models_cost_what_is_published(
    server: str, model: str, provider: str, facts: dict[str, int]
) -> None:
    prices = await make()
    record = call(server, model, **facts)
    published = calc_price(
        Usage(
            input_tokens=record.prompt_tokens,
            output_tokens=record.output_tokens,
            cache_read_tokens=record.cached_tokens or None,
        ),
        model,
        provider_id=provider,
    )
    assert prices.cost(record) == pytest.approx(float(published.total_price) * 5.0, abs=1e-7)
    assert prices.per_million_out(model) > 0


async def test_a_hosted_model_of_unknown_price_costs_nothing() -> None:
    prices = await make()
    assert prices.cost(call("claude", "claude-of-tomorrow-xyz")) == 0.0


async def test_what_the_administrator_says_comes_first() -> None:
    prices = await make((Price("gpt-4o-mini", 10.0, 40.0), Price("qwen2:7b", 0.0, 0.0, watts=1000.0)))
    assert prices.cost(call("cloud", "gpt-4o-mini")) == 0.014
    assert prices.per_million_out("gpt-4o-mini") == 40.0
    # 1 kW for 36 s is 0.01 kWh, at 0.8.
    assert prices.cost(call("ollama", "qwen2:7b")) == 0.008
    prices.apply(GatewayConfig(servers=SERVERS))
    assert prices.cost(call("ollama", "qwen2:7b")) == 0.004


async def test_local_models_cost_the_energy_of_the_time_they_worked() -> None:
    prices = await make()
    assert prices.cost(call("ollama", "gemma3:1b")) == 0.004
    assert prices.cost(call("ollama", "gemma3:1b", queue_ms=18_000)) == 0.002
    # An address that belongs to no provider is a server of one's own, though its model has a famous name.
    assert prices.cost(call("vllm", "gpt-4o-mini")) == 0.004
    assert prices.per_million_out("gemma3:1b") == 0.0
    assert (await make(watts=0.0)).cost(call("ollama", "gemma3:1b")) == 0.0


async def test_a_remembered_answer_and_a_call_that_reached_no_server_cost_nothing() -> None:
    prices = await make()
    assert prices.cost(call("cloud", "gpt-4o-mini", cached=True)) == 0.0
    assert prices.cost(CallRecord("id", AT, "m", latency_ms=5000)) == 0.0


async def test_prices_are_not_loaded_where_nothing_is_hosted() -> None:
    prices = Prices(LlmSettings())
    prices.apply(GatewayConfig())
    assert prices._loading is None
    await prices.ready()
