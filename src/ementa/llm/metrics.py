"""Metrics of the gateway in Prometheus' form: counted as calls end, or read from the gateway's state at each scrape.

Labels are bounded: models and servers are those that really answered, never a name that a client made up, and beyond
`MOST_MODELS` of them `other`.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence

import msgspec
from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from ementa.llm.calls import CallRecord
from ementa.llm.limits.limiter import Limiter
from ementa.llm.routing.server import Server, option
from ementa.llm.settings import LlmSettings
from ementa.llm.usage.prices import Prices
from ementa.llm.usage.recorder import Recorder
from ementa.observability.tallies import Spread, Spreads, Tallies, Tally

MOST_MODELS = 200
OTHER = "other"
NEARLY = 0.9
"""The part of a budget from which it counts as nearly spent."""
_SECONDS = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 20.0, 30.0, 60.0, 120.0, 300.0)
_STATES = ("closed", "half_open", "open")


class _Children(msgspec.Struct, frozen=True):
    """What is counted of one model on one server."""

    prompt: Tally
    output: Tally
    cached: Tally
    cost: Tally
    retries: Tally
    remembered: Tally
    latency: Spread
    first: Spread
    queue: Spread


class CallMetrics:
    """Counts calls; `tell` is an observer of them."""

    def __init__(self, registry: CollectorRegistry, prices: Prices) -> None:
        self._prices = prices
        place = ("model", "server")
        self._calls = Tallies(
            registry,
            "ementa_llm_calls",
            "Calls to models that ended, by status: ok, cancelled, or the code of the error.",
            (*place, "api", "status"),
        )
        self._tokens = Tallies(
            registry,
            "ementa_llm_tokens",
            "Tokens: of prompts, of answers, and those of prompts that the server remembered.",
            (*place, "kind"),
        )
        self._cost = Tallies(registry, "ementa_llm_cost", "What calls cost, in the currency of the settings.", place)
        self._retries = Tallies(
            registry,
            "ementa_llm_retries",
            "Tries beyond a call's first, by the place that was tried last: another server or a fallback.",
            place,
        )
        self._remembered = Tallies(
            registry, "ementa_llm_remembered", "Calls answered from the cache of answers.", place
        )
        self._latency = _spreads("ementa_llm_call_seconds", "Whole time of a call that went well.", registry)
        self._first = _spreads(
            "ementa_llm_first_piece_seconds", "From sending a request to the first piece of its answer.", registry
        )
        self._queue = _spreads("ementa_llm_queue_seconds", "Time in our line for a place.", registry)
        self._children: dict[tuple[str, str], _Children] = {}
        self._ends: dict[tuple[str, str, str, str], Tally] = {}

    def tell(self, record: CallRecord) -> None:
        """A call ended."""
        model, server = record.model, record.server
        found = self._children.get((model, server))
        if found is None:
            model, server, found = self._meet(model, server)
        end = (model, server, record.caller.api, record.status)
        counter = self._ends.get(end)
        if counter is None:
            counter = self._ends[end] = self._calls.of(*end)
        counter.value += 1
        if record.cached:
            found.remembered.value += 1
        else:
            _measure(found, record, self._prices.cost(record))

    def _meet(self, model: str, server: str) -> tuple[str, str, _Children]:
        """A model and server not counted before, under the names by which they are."""
        if not server or len(self._children) >= MOST_MODELS:
            model = server = OTHER
        found = self._children.get((model, server))
        if found is None:
            tokens = {kind: self._tokens.of(model, server, kind) for kind in ("prompt", "output", "cached")}
            found = self._children[model, server] = _Children(
                **tokens,
                cost=self._cost.of(model, server),
                retries=self._retries.of(model, server),
                remembered=self._remembered.of(model, server),
                latency=self._latency.of(model, server),
                first=self._first.of(model, server),
                queue=self._queue.of(model, server),
            )
        return model, server, found


class GatewayState(Collector):
    """What is true now, read when somebody asks: servers, lines, limits, budgets, the spool of records."""

    def __init__(
        self,
        registry: CollectorRegistry,
        settings: LlmSettings,
        states: Callable[[], Sequence[Server]],
        limiter: Limiter,
        recorder: Recorder,
    ) -> None:
        """`states` is the gateway's."""
        self._settings = settings
        self._states = states
        self._limiter = limiter
        self._recorder = recorder
        self._loaded: dict[str, frozenset[str]] = {}
        self._loads: dict[str, int] = {}
        registry.register(self)

    def describe(self) -> Iterable[Metric]:
        """Nothing to check for duplicates: reading the state to name it would be too early."""
        return ()

    def collect(self) -> Iterator[Metric]:
        """All of it."""
        servers = [server for server in self._states() if not server.is_local]
        yield from self._servers(servers)
        yield from self._lines(self._states())
        yield from self._limits()
        yield from self._records()

    def _servers(self, servers: Sequence[Server]) -> Iterator[Metric]:
        up = GaugeMetricFamily("ementa_llm_server_up", "Whether a model server answers.", labels=("server", "kind"))
        breaker = GaugeMetricFamily(
            "ementa_llm_breaker_state", "1 for the state that a server's breaker is in.", labels=("server", "state")
        )
        loaded = GaugeMetricFamily("ementa_llm_models_loaded", "Models in a server's memory.", labels=("server",))
        loads = CounterMetricFamily(
            "ementa_llm_model_loads", "Models seen to have been loaded, between two scrapes.", labels=("server",)
        )
        for server in servers:
            name = server.name
            down = server.breaker.is_down or (server.health is not None and not server.health.reachable)
            up.add_metric((name, server.config.kind), 0.0 if down else 1.0)
            for state in _STATES:
                breaker.add_metric((name, state), float(server.breaker.state == state))
            now = frozenset(server.health.loaded) if server.health else frozenset[str]()
            self._loads[name] = self._loads.get(name, 0) + len(now - self._loaded.get(name, now))
            self._loaded[name] = now
            loaded.add_metric((name,), len(now))
            loads.add_metric((name,), self._loads[name])
        yield from (up, breaker, loaded, loads)

    def _lines(self, servers: Sequence[Server]) -> Iterator[Metric]:
        place = ("server", "model")
        running = GaugeMetricFamily("ementa_llm_running", "Calls that a server works on.", labels=place)
        waiting = GaugeMetricFamily("ementa_llm_waiting", "Calls in line for a place.", labels=place)
        limit = GaugeMetricFamily("ementa_llm_waiting_limit", "Calls that one line holds.", labels=("server",))
        for server in servers:
            most = option(server.config.options, "max_queued", int, self._settings.max_queued)
            limit.add_metric((server.name,), most)
            for line in list(server.floor.lines.values())[:MOST_MODELS]:
                running.add_metric((server.name, line.model), line.running)
                waiting.add_metric((server.name, line.model), line.waiting)
        yield from (running, waiting, limit)

    def _limits(self) -> Iterator[Metric]:
        refused = CounterMetricFamily(
            "ementa_llm_refused",
            "Calls refused by the limit or budget of a key, a user or a tenant.",
            labels=("whose", "unit"),
        )
        for (whose, unit), times in self._limiter.refused.items():
            refused.add_metric((whose, unit), times)
        shares = self._limiter.budget_shares()
        nearly = GaugeMetricFamily(
            "ementa_llm_budgets_nearly_spent", f"Budgets of this month spent to {NEARLY:.0%} or more."
        )
        nearly.add_metric((), sum(NEARLY <= share < 1 for share in shares))
        spent = GaugeMetricFamily("ementa_llm_budgets_spent", "Budgets of this month that are spent.")
        spent.add_metric((), sum(share >= 1 for share in shares))
        yield from (refused, nearly, spent)

    def _records(self) -> Iterator[Metric]:
        spool = GaugeMetricFamily("ementa_usage_spool_bytes", "Records of calls that wait on disk.")
        spool.add_metric((), self._recorder.spool_bytes)
        stored = CounterMetricFamily("ementa_usage_stored", "Records of calls written to the database.")
        stored.add_metric((), self._recorder.stored)
        lost = CounterMetricFamily("ementa_usage_lost", "Records of calls that there was no room for.")
        lost.add_metric((), self._recorder.lost)
        yield from (spool, stored, lost)


def _measure(found: _Children, record: CallRecord, cost: float) -> None:
    found.prompt.value += record.prompt_tokens
    found.output.value += record.output_tokens
    found.cached.value += record.cached_tokens
    found.retries.value += record.attempts - 1
    found.cost.value += cost
    if record.status == "ok":
        found.latency.observe(record.latency_ms / 1000)
    if record.ttft_ms:
        found.first.observe(record.ttft_ms / 1000)
        found.queue.observe(record.queue_ms / 1000)


def _spreads(name: str, text: str, registry: CollectorRegistry) -> Spreads:
    return Spreads(registry, name, text, ("model", "server"), _SECONDS)
