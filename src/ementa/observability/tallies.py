"""Counters and histograms for what is counted at every request: plain numbers, handed to Prometheus at a scrape.

Those of `prometheus_client` take a lock at each step, which makes them ten times as dear. These are for one thread,
that of the event loop; a scrape may come from any.
"""

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector


class Tally:
    """A number that only grows."""

    __slots__ = ("value",)

    def __init__(self) -> None:
        self.value = 0.0


class Tallies(Collector):
    """A counter: one `Tally` for each set of labels."""

    def __init__(self, registry: CollectorRegistry, name: str, text: str, labels: Sequence[str]) -> None:
        """`name` without the `_total` that Prometheus is shown."""
        self._name, self._text, self._labels = name, text, labels
        self._tallies: dict[tuple[str, ...], Tally] = {}
        registry.register(self)

    def of(self, *labels: str) -> Tally:
        """The one of these labels."""
        return self._tallies.setdefault(labels, Tally())

    def describe(self) -> Iterable[Metric]:
        """Its name, for the registry."""
        yield CounterMetricFamily(self._name, self._text, labels=self._labels)

    def collect(self) -> Iterator[Metric]:
        """All of them."""
        family = CounterMetricFamily(self._name, self._text, labels=self._labels)
        for labels, tally in list(self._tallies.items()):
            family.add_metric(labels, tally.value)
        yield family


class Spread:
    """How often something took how long."""

    __slots__ = ("_bounds", "counts", "total")

    def __init__(self, bounds: Sequence[float]) -> None:
        """`bounds` ascend; what is beyond the last is counted too."""
        self._bounds = bounds
        self.counts = [0] * (len(bounds) + 1)
        """Up to each bound, from the one before on."""
        self.total = 0.0

    def observe(self, value: float) -> None:
        """Once more."""
        self.counts[bisect_left(self._bounds, value)] += 1
        self.total += value


class Spreads(Collector):
    """A histogram: one `Spread` for each set of labels."""

    def __init__(
        self, registry: CollectorRegistry, name: str, text: str, labels: Sequence[str], bounds: Sequence[float]
    ) -> None:
        """`bounds` ascend."""
        self._name, self._text, self._labels, self._bounds = name, text, labels, bounds
        self._names = [*(str(float(bound)) for bound in bounds), "+Inf"]
        self._spreads: dict[tuple[str, ...], Spread] = {}
        registry.register(self)

    def of(self, *labels: str) -> Spread:
        """The one of these labels."""
        return self._spreads.setdefault(labels, Spread(self._bounds))

    def describe(self) -> Iterable[Metric]:
        """Its name, for the registry."""
        yield HistogramMetricFamily(self._name, self._text, labels=self._labels)

    def collect(self) -> Iterator[Metric]:
        """All of them."""
        family = HistogramMetricFamily(self._name, self._text, labels=self._labels)
        for labels, spread in list(self._spreads.items()):
            upto = accumulate(list(spread.counts))
            family.add_metric(labels, list(zip(self._names, map(float, upto), strict=True)), spread.total)
        yield family
