"""What runs at once follows from the machine, within its container's limits, unless a setting says otherwise."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ementa.jobs.concurrency import Hardware, derive, detect_hardware
from ementa.jobs.settings import JobSettings

GIB = 1 << 30


@pytest.mark.parametrize(
    ("hardware", "children", "model", "queues"),
    [
        (Hardware(1, 1 * GIB), 1, 1, {"extract": 1, "prompt": 1, "format": 1, "default": 2}),
        (Hardware(2, 4 * GIB), 2, 1, {"extract": 2, "prompt": 1, "format": 1, "default": 2}),
        (Hardware(8, 3 * GIB), 3, 1, {"extract": 3, "prompt": 3, "format": 1, "default": 4}),
        (Hardware(16, 64 * GIB), 16, 1, {"extract": 16, "prompt": 8, "format": 8, "default": 4}),
        (Hardware(8, 64 * GIB, (24 * GIB,)), 8, 4, {"extract": 8, "prompt": 4, "format": 4, "default": 4}),
        (Hardware(2, 8 * GIB, (80 * GIB, 80 * GIB)), 2, 8, {"extract": 2, "prompt": 8, "format": 1, "default": 2}),
    ],
)
def test_derived_from_the_machine(hardware: Hardware, children: int, model: int, queues: dict[str, int]) -> None:
    derived = derive(hardware, JobSettings())
    assert (derived.children, derived.model, derived.queues) == (children, model, queues)


def test_each_queue_can_be_overridden() -> None:
    derived = derive(Hardware(2, 4 * GIB), JobSettings(prompt=7, default=1))
    assert derived.queues == {"extract": 2, "prompt": 7, "format": 1, "default": 1}


@given(
    cores=st.floats(0.05, 512),
    memory=st.integers(0, 4096 * GIB),
    gpus=st.lists(st.integers(0, 200 * GIB), max_size=16).map(tuple),
)
def test_never_nothing_and_never_more_than_the_cores(cores: float, memory: int, gpus: tuple[int, ...]) -> None:
    derived = derive(Hardware(cores, memory, gpus), JobSettings())
    assert all(most >= 1 for most in derived.queues.values())
    assert 1 <= derived.children <= max(1, cores)
    assert derived.children == 1 or derived.children * 600 << 20 <= memory
    assert 1 <= derived.model <= derived.queues["prompt"]


def test_a_container_of_version_2_limits_through_its_parents(tmp_path: Path) -> None:
    inner = tmp_path / "sys/fs/cgroup/box/inner"
    inner.mkdir(parents=True)
    (tmp_path / "proc/self").mkdir(parents=True)
    (tmp_path / "proc/self/cgroup").write_text("0::/box/inner\n")
    (inner / "cpu.max").write_text("max 100000\n")
    (inner.parent / "cpu.max").write_text("50000 100000\n")
    (inner / "memory.max").write_text("268435456\n")
    found = detect_hardware(tmp_path)
    assert (found.cores, found.memory_bytes) == (0.5, 268435456)


def test_a_container_of_version_1(tmp_path: Path) -> None:
    for controller, limits in {
        "cpu": {"cpu.cfs_quota_us": "25000", "cpu.cfs_period_us": "100000"},
        "memory": {"memory.limit_in_bytes": "134217728"},
    }.items():
        directory = tmp_path / "sys/fs/cgroup" / controller
        directory.mkdir(parents=True)
        for name, limit in limits.items():
            (directory / name).write_text(limit)
    found = detect_hardware(tmp_path)
    assert (found.cores, found.memory_bytes) == (0.25, 134217728)


def test_without_limits_the_machine_counts(tmp_path: Path) -> None:
    found = detect_hardware(tmp_path)
    assert found.cores >= 1
    assert found.memory_bytes > 0
