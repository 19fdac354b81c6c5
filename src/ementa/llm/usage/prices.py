"""What a call to a model costs, in the currency of the settings.

First what an administrator says of the model; then the published prices of hosted models (`genai-prices`, which carries
them: nothing is asked of the internet); then, for a local model, the energy of its server while it worked.
"""

import asyncio
import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from ementa.kit import clock
from ementa.llm.calls import CallRecord
from ementa.llm.config import GatewayConfig, Price
from ementa.llm.servers import ServerConfig, from_settings
from ementa.llm.settings import LlmSettings

log = logging.getLogger(__name__)

DECIMALS = 8
"""Costs are rounded half to even at this many decimals: a single token of a cheap model still counts."""
_MOST = 10_000
_MILLION = 1_000_000
_MS_PER_HOUR = 3_600_000
_BY_KIND = {"anthropic": "anthropic", "gemini": "google"}
"""Kinds of servers that are hosted wherever they are reached, and their names in `genai-prices`."""
_HOSTED = frozenset({*_BY_KIND, "openai"})


class _Rate:
    """Dollars per million tokens: one price, or one from so many tokens of prompt on, which then holds for all."""

    __slots__ = ("base", "tiers")

    def __init__(self, rate: Any) -> None:
        self.base = float(getattr(rate, "base", rate))
        self.tiers = [(tier.start, float(tier.price)) for tier in getattr(rate, "tiers", ())]

    def at(self, prompt_tokens: int) -> float:
        """The price when the prompt has so many tokens."""
        found = self.base
        for start, price in self.tiers:
            if prompt_tokens > start:
                found = price
        return found


@dataclass(frozen=True, slots=True)
class _Published:
    """What a hosted model costs, in dollars."""

    input: _Rate
    cached: _Rate
    output: _Rate

    def charge(self, record: CallRecord) -> float:
        """Dollars for a call."""
        prompt = record.prompt_tokens
        cached = min(record.cached_tokens, prompt)
        total = (
            (prompt - cached) * self.input.at(prompt)
            + cached * self.cached.at(prompt)
            + record.output_tokens * self.output.at(prompt)
        )
        return total / _MILLION


class Prices:
    """The prices that count in one process. Published ones are loaded in a thread, once a hosted server is known."""

    def __init__(self, settings: LlmSettings) -> None:
        self._settings = settings
        self._rows: Mapping[str, Price] = {}
        self._urls: dict[str, str] = {}
        self._snapshot: Any = None
        self._published: dict[tuple[str, str], _Published | None] = {}
        self._hour = -1
        self._loading: asyncio.Task[None] | None = None

    def apply(self, config: GatewayConfig) -> None:
        """Replace what administrators say and the servers they added. On the event loop: when a hosted server is among
        them, published prices are loaded."""
        self.set(config.prices)
        self.set_servers((*from_settings(self._settings), *config.servers))

    def set(self, rows: Iterable[Price]) -> None:
        """Replace what administrators say."""
        self._rows = {row.model: row for row in rows}

    def set_servers(self, servers: Iterable[ServerConfig]) -> None:
        """Replace the servers that are known: by their addresses it is known who is hosted."""
        self._urls = {server.name: server.url for server in servers if server.kind in _HOSTED}
        self._published = {}
        if self._urls and self._snapshot is None and self._loading is None:
            self._loading = asyncio.get_running_loop().create_task(self._load(), name="published prices")

    async def ready(self) -> None:
        """Wait until published prices are loaded, if they are needed."""
        if self._loading is not None:
            await asyncio.shield(self._loading)

    def cost(self, record: CallRecord) -> float:
        """What a call cost. A remembered answer costs nothing; nor does a hosted model of unknown price."""
        if record.cached or not record.server:
            return 0.0
        row = self._rows.get(record.model)
        if row is not None:
            if row.input_per_million or row.output_per_million:
                total = record.prompt_tokens * row.input_per_million + record.output_tokens * row.output_per_million
                return round(total / _MILLION, DECIMALS)
            return self._energy(record, row.watts)
        published = self._find(record.provider, record.server, record.model)
        if published is not None:
            return round(published.charge(record) * self._settings.usd_rate, DECIMALS)
        return 0.0 if self._is_hosted(record) else self._energy(record, self._settings.watts)

    def per_million_out(self, model: str) -> float:
        """What a million tokens of answer cost, for rules that choose by price; 0 for local and unknown models."""
        row = self._rows.get(model)
        if row is not None:
            return row.output_per_million
        for server in self._urls:
            published = self._find("", server, model)
            if published is not None:
                return published.output.base * self._settings.usd_rate
        return 0.0

    def _energy(self, record: CallRecord, watts: float) -> float:
        milliseconds = max(record.latency_ms - record.queue_ms, 0)
        kwh = watts / 1000 * milliseconds / _MS_PER_HOUR
        return round(kwh * self._settings.kwh_price, DECIMALS)

    def _is_hosted(self, record: CallRecord) -> bool:
        return record.provider in _BY_KIND

    def _find(self, kind: str, server: str, model: str) -> _Published | None:
        url = self._urls.get(server)
        if url is None or self._snapshot is None:
            return None
        hour = clock.now().hour
        if hour != self._hour or len(self._published) >= _MOST:  # some prices change with the hour
            self._hour, self._published = hour, {}
        if (server, model) not in self._published:
            self._published[server, model] = _look_up(self._snapshot, kind, url, model)
        return self._published[server, model]

    async def _load(self) -> None:
        try:
            self._snapshot = await asyncio.to_thread(_load_snapshot)
        except Exception:  # a broken package of prices must not end a server: calls are then counted at no cost
            log.exception("published prices could not be loaded: hosted models are counted at no cost")
        self._published = {}


def _load_snapshot() -> Any:
    from genai_prices.data_snapshot import get_snapshot  # noqa: PLC0415 - 0.2 s of CPU that few need

    return get_snapshot()


def _look_up(snapshot: Any, kind: str, url: str, model: str) -> _Published | None:
    """The price of a model, from whom the address belongs to; what is at an unknown address is not hosted."""
    provider = _BY_KIND.get(kind)
    try:
        _, info = snapshot.find_provider_model(model, None, provider, None if provider else url)
    except LookupError:
        return None
    prices = info.get_prices(clock.now())
    rates = [getattr(prices, name, None) for name in ("input_mtok", "cache_read_mtok", "output_mtok")]
    paid, cached, output = rates
    cached = paid if cached is None else cached
    return _Published(*(_Rate(0 if rate is None else rate) for rate in (paid, cached, output)))
