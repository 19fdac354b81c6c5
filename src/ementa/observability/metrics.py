"""Metrics in Prometheus' form: one registry a process, made by whoever composes it, never a global."""

import time

from prometheus_client import CollectorRegistry, Gauge, generate_latest
from prometheus_client.platform_collector import PlatformCollector
from prometheus_client.process_collector import ProcessCollector

from ementa.observability.tallies import Spread, Spreads, Tallies, Tally

_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)


class HttpMetrics:
    """Requests: how many, how long, how many right now. Routes are templates, so their number is bounded."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._requests = Tallies(registry, "ementa_http_requests", "Requests answered.", ("method", "route", "status"))
        self._seconds = Spreads(
            registry, "ementa_http_request_seconds", "Time to answer.", ("method", "route"), _SECONDS
        )
        self._running = 0
        running = Gauge("ementa_http_requests_in_progress", "Requests being served.", registry=registry)
        running.set_function(lambda: self._running)
        self._known: dict[tuple[str, str, int], tuple[Tally, Spread]] = {}
        """What has been counted before, found again without building its labels."""

    def begin(self) -> None:
        """A request has come in."""
        self._running += 1

    def end(self, method: str, route: str, status: int, seconds: float) -> None:
        """It was answered; status 0 means that the client left before."""
        self._running -= 1
        known = method if method in _METHODS else "other"
        found = self._known.get((known, route, status))
        if found is None:
            found = self._requests.of(known, route, str(status)), self._seconds.of(known, route)
            self._known[known, route, status] = found
        found[0].value += 1
        found[1].observe(seconds)


class QueueMetrics:
    """Jobs by queue and state, set just before each scrape."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._jobs = Gauge("ementa_jobs", "Jobs on record.", ("queue", "state"), registry=registry)

    def set(self, counts: dict[str, dict[str, int]]) -> None:
        """Replace what was known: `{"extract": {"queued": 3}}`."""
        self._jobs.clear()
        for queue, states in counts.items():
            for state, many in states.items():
                self._jobs.labels(queue, state).set(many)


def new_registry(version: str) -> CollectorRegistry:
    """A registry with what every process has: CPU, memory, descriptors, version and start time."""
    registry = CollectorRegistry()
    ProcessCollector(registry=registry)
    PlatformCollector(registry=registry)
    Gauge("ementa_info", "The version that runs.", ("version",), registry=registry).labels(version).set(1)
    Gauge("ementa_started_seconds", "When the process started, Unix time.", registry=registry).set(time.time())
    return registry


def render(registry: CollectorRegistry) -> bytes:
    """The text that Prometheus scrapes."""
    return generate_latest(registry)
