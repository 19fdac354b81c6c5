"""Metrics of the resources against the limits at which new work is refused, read at each scrape."""

import asyncio
from collections.abc import Iterable, Iterator

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from ementa.upkeep.restart import ServerKeeper
from ementa.upkeep.watch import ResourceWatch


class ResourceState(Collector):
    """Disk, memory and GPUs, what was refused for their sake, and model servers started again."""

    def __init__(self, registry: CollectorRegistry, watch: ResourceWatch, keeper: ServerKeeper) -> None:
        self._watch = watch
        self._keeper = keeper
        registry.register(self)

    def describe(self) -> Iterable[Metric]:
        """Nothing to check for duplicates: looking in order to name it would be too early."""
        return ()

    def collect(self) -> Iterator[Metric]:
        """All of it."""
        seen = self._watch.look()
        yield GaugeMetricFamily("ementa_disk_free_bytes", "Free disk under the data directory.", seen.free_disk)
        yield GaugeMetricFamily("ementa_disk_min_free_bytes", "Below this, uploads are refused.", seen.min_free_disk)
        yield GaugeMetricFamily("ementa_memory_used_bytes", "Memory of Ementa and its children.", seen.used_memory)
        yield GaugeMetricFamily(
            "ementa_memory_max_bytes", "Above this, uploads and calls to models are refused.", seen.max_memory
        )
        yield GaugeMetricFamily("ementa_tasks", "Things that the process does at once.", _tasks())
        yield from self._gpus()
        refused = CounterMetricFamily(
            "ementa_refused", "Uploads and calls to models refused for lack of resources.", labels=("what", "code")
        )
        for labels, times in self._watch.refused.items():
            refused.add_metric(labels, times)
        restarts = CounterMetricFamily(
            "ementa_model_server_restarts", "Local model servers started again, by outcome.", labels=("outcome",)
        )
        for outcome, times in self._keeper.counts.items():
            restarts.add_metric((outcome,), times)
        yield from (refused, restarts)

    def _gpus(self) -> Iterator[Metric]:
        label = ("gpu",)
        used = GaugeMetricFamily("ementa_gpu_memory_used_bytes", "Memory of a GPU in use, by anybody.", labels=label)
        total = GaugeMetricFamily("ementa_gpu_memory_total_bytes", "Memory that a GPU has.", labels=label)
        busy = GaugeMetricFamily("ementa_gpu_busy_ratio", "The part of the last moments it worked.", labels=label)
        for gpu in self._watch.gpus.gpus:
            for family, value in ((used, gpu.used_bytes), (total, gpu.total_bytes), (busy, gpu.busy_share)):
                if value is not None:
                    family.add_metric((str(gpu.index),), value)
        yield from (used, total, busy)


def _tasks() -> int:
    """Tasks of the event loop that is asking; none where none runs."""
    try:
        return len(asyncio.all_tasks())
    except RuntimeError:
        return 0
