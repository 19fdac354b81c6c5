"""Metrics in Prometheus' form: one registry a process, made by whoever composes it, never a global."""

import time
from contextlib import AbstractContextManager

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.platform_collector import PlatformCollector
from prometheus_client.process_collector import ProcessCollector

_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)


class HttpMetrics:
    """Requests: how many, how long, how many right now. Routes are templates, so their number is bounded."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._requests = Counter(
            "ementa_http_requests_total", "Requests answered.", ("method", "route", "status"), registry=registry
        )
        self._seconds = Histogram(
            "ementa_http_request_seconds", "Time to answer.", ("method", "route"), buckets=_SECONDS, registry=registry
        )
        running = Gauge("ementa_http_requests_in_progress", "Requests being served.", registry=registry)
        self._in_progress = running.track_inprogress()
        self._known: dict[tuple[str, str, int], tuple[Counter, Histogram]] = {}
        """What has been counted before, found again without building its labels."""

    def in_progress(self) -> AbstractContextManager[None]:
        """Counts a request while the block lasts."""
        return self._in_progress

    def observe(self, method: str, route: str, status: int, seconds: float) -> None:
        """A request was answered; status 0 means that the client left before."""
        known = method if method in _METHODS else "other"
        found = self._known.get((known, route, status))
        if found is None:
            found = self._requests.labels(known, route, str(status)), self._seconds.labels(known, route)
            self._known[known, route, status] = found
        found[0].inc()
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
