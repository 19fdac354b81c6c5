"""New calls to models refused while memory or GPUs are short, and at no other time."""

from collections.abc import Callable
from pathlib import Path

import pytest

from ementa.upkeep.gpus import Gpu, GpuReport
from ementa.upkeep.settings import UpkeepSettings
from ementa.upkeep.watch import ResourceWatch

MB = 1_000_000


class Machine:
    """What a watch sees."""

    def __init__(self) -> None:
        self.now = 0.0
        self.memory = 0
        self.looks = 0
        self.gpus = GpuReport()

    def used_memory(self) -> int:
        self.looks += 1
        return self.memory

    async def read_gpus(self) -> GpuReport:
        return self.gpus

    def watch(
        self, tmp_path: Path, share: float | None = 0.9, runs_here: Callable[[str], bool] = lambda _: True
    ) -> ResourceWatch:
        return ResourceWatch(
            UpkeepSettings(max_rss_bytes=1000 * MB, max_gpu_memory_share=share, gpu_seconds=7),
            tmp_path,
            free_disk=lambda _: 10**18,
            used_memory=self.used_memory,
            read_gpus=self.read_gpus,
            runs_here=runs_here,
            clock=lambda: self.now,
        )


def gpus(*shares: float | None) -> GpuReport:
    return GpuReport(
        tuple(
            Gpu(number, "GPU", None if share is None else round(share * 1000 * MB), 1000 * MB, 0.0)
            for number, share in enumerate(shares)
        )
    )


async def test_calls_are_taken_before_anything_was_seen(tmp_path: Path) -> None:
    assert Machine().watch(tmp_path).call_refusal("any") is None


async def test_memory_beyond_the_limit_refuses_calls_and_uploads_until_it_falls(tmp_path: Path) -> None:
    machine = Machine()
    watch = machine.watch(tmp_path)
    machine.memory = 1000 * MB
    await watch.see_memory()
    assert watch.call_refusal("any") is None
    machine.memory, machine.now = 1001 * MB, 10.0
    await watch.see_memory()
    call, upload = watch.call_refusal("any"), watch.refusal()
    assert call is not None
    assert upload is not None
    assert call.code == upload.code == "MEMORY_LOW"
    assert call.retryable
    assert "chamadas a modelos" in call.text("pt")
    machine.memory, machine.now = 999 * MB, 20.0
    await watch.see_memory()
    assert watch.call_refusal("any") is None
    assert watch.refusal() is None
    assert watch.refused == {("call", "MEMORY_LOW"): 1, ("upload", "MEMORY_LOW"): 1}


async def test_asking_for_a_call_looks_at_nothing(tmp_path: Path) -> None:
    machine = Machine()
    watch = machine.watch(tmp_path)
    machine.memory = 2000 * MB
    await watch.see_memory()
    looks = machine.looks
    for second in range(10):
        machine.now = second * 100.0
        assert watch.call_refusal("any") is not None
    assert machine.looks == looks


async def test_full_gpus_refuse_calls_and_not_uploads(tmp_path: Path) -> None:
    machine = Machine()
    watch = machine.watch(tmp_path)
    machine.gpus = gpus(0.9)
    await watch.see_gpus()
    assert watch.call_refusal("any") is None
    machine.gpus = gpus(0.951)
    await watch.see_gpus()
    refused = watch.call_refusal("any")
    assert refused is not None
    assert refused.code == "GPU_MEMORY_LOW"
    assert refused.params["retry_after"] == 7
    assert "95.1 %" in refused.text("en")
    assert "90.0 %" in refused.text("pt")
    assert watch.refusal() is None


@pytest.mark.parametrize(
    ("seen", "full"),
    [
        (gpus(0.95, 0.2), False),  # the other one has room
        (gpus(0.95, 0.99), True),
        (gpus(0.95, None), True),  # one that tells nothing says nothing of room
        (gpus(None), False),
        (GpuReport(), False),
        (GpuReport(error="no answer in 5 s"), False),
    ],
)
async def test_only_when_every_gpu_is_full(tmp_path: Path, seen: GpuReport, full: bool) -> None:
    machine = Machine()
    machine.gpus = seen
    watch = machine.watch(tmp_path)
    await watch.see_gpus()
    assert (watch.call_refusal("any") is not None) is full


async def test_a_driver_that_falls_silent_refuses_nothing(tmp_path: Path) -> None:
    machine = Machine()
    watch = machine.watch(tmp_path)
    machine.gpus = gpus(0.99)
    await watch.see_gpus()
    assert watch.call_refusal("any") is not None
    machine.gpus = GpuReport(error="no answer in 5 s")
    await watch.see_gpus()
    assert watch.call_refusal("any") is None


async def test_without_a_limit_full_gpus_are_only_told(tmp_path: Path) -> None:
    machine = Machine()
    machine.gpus = gpus(1.0)
    watch = machine.watch(tmp_path, share=None)
    await watch.see_gpus()
    assert watch.call_refusal("any") is None
    assert watch.gpus.gpus[0].used_share == 1.0


async def test_models_elsewhere_are_called_though_the_gpus_here_are_full(tmp_path: Path) -> None:
    machine = Machine()
    machine.gpus = gpus(0.99)
    watch = machine.watch(tmp_path, runs_here=lambda model: model == "here")
    await watch.see_gpus()
    assert watch.call_refusal("here") is not None
    assert watch.call_refusal("elsewhere") is None
    machine.memory = 2000 * MB  # short memory is short for all
    await watch.see_memory()
    assert watch.call_refusal("elsewhere") is not None
