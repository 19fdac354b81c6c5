"""How much runs at once, from what the machine has: one source for queues, child processes and model requests."""

import logging
import math
import os
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ementa.jobs.settings import JobSettings

log = logging.getLogger(__name__)

_GIB = 1 << 30
_RESERVED = _GIB
"""Left to the server, the database and the system."""
_PER_CHILD = 600 << 20
"""What a child reading a large page is given room for."""
_PER_MODEL_SLOT = 6 * _GIB
"""GPU memory for one more request to a small model: its context beside the shared weights."""
_MOST_MODEL_SLOTS = 8
_CGROUP_UNLIMITED = 1 << 60


@dataclass(frozen=True, slots=True)
class Hardware:
    """What this process may use, limits of its container included. `gpus`: memory of each, in bytes."""

    cores: float
    memory_bytes: int
    gpus: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Concurrency:
    """What runs at once."""

    queues: Mapping[str, int]
    """Jobs of each queue."""
    children: int
    """Child processes that read documents."""
    model: int
    """Requests to one model on one host."""


def derive(hardware: Hardware, settings: JobSettings) -> Concurrency:
    """What this hardware carries without being overloaded; a queue's number in `settings` overrides it.

    Reading is bound by cores and memory: one child a core, as many as fit, and as many documents (a single document
    still uses every child, page by page). Without a GPU a model uses every core for one request, so it gets one at a
    time; with GPUs one for each `6 GiB`. The prompt queue is a little wider than that on larger machines, because
    analyses without a model (`ementa-reader`) pass through it too; the gateway keeps each model to its own limit.
    """
    cores = max(1, math.floor(hardware.cores))
    fitting = max(1, (hardware.memory_bytes - _RESERVED) // _PER_CHILD)
    children = int(min(cores, fitting))
    slots = sum(max(1, gpu // _PER_MODEL_SLOT) for gpu in hardware.gpus)
    model = min(max(1, slots), _MOST_MODEL_SLOTS)
    derived = {
        "extract": children,
        "prompt": max(model, min(children, (cores + 1) // 2)),
        "format": max(1, children // 2),
        "default": min(4, max(2, cores // 2)),
    }
    chosen = settings.model_dump(include=set(derived), exclude_none=True)
    return Concurrency({queue: max(1, chosen.get(queue, most)) for queue, most in derived.items()}, children, model)


def detect_hardware(root: Path = Path("/")) -> Hardware:
    """Cores, memory and GPUs of this process: affinity and cgroup limits (v2 and v1) respected. Blocks for as long as
    `nvidia-smi` takes, where there is one. `root` is the file system to look in."""
    cores = float(len(os.sched_getaffinity(0)))
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    for directory in _cgroups(root):
        cores = min(cores, _cgroup_cores(directory))
        memory = min(memory, _cgroup_memory(directory))
    return Hardware(cores, memory, _gpus())


def _cgroups(root: Path) -> list[Path]:
    """The directories of this process's control groups, each with those above it: every one of them limits."""
    base = root / "sys/fs/cgroup"
    found = [base, base / "cpu", base / "memory"]
    membership = root / "proc/self/cgroup"
    for line in membership.read_text().splitlines() if membership.exists() else ():
        _, controllers, path = line.split(":", 2)
        for name in controllers.split(",") if controllers else ("",):
            place = base / name / path.lstrip("/")
            found += [directory for directory in (place, *place.parents) if base in directory.parents]
    return [directory for directory in dict.fromkeys(found) if directory.is_dir()]


def _cgroup_cores(directory: Path) -> float:
    quota, _, period = _read(directory / "cpu.max").partition(" ")
    if not quota:
        quota, period = _read(directory / "cpu.cfs_quota_us"), _read(directory / "cpu.cfs_period_us")
    if not quota.isdecimal() or not period.isdecimal() or int(period) == 0:  # "max" and "-1": no limit
        return math.inf
    return int(quota) / int(period)


def _cgroup_memory(directory: Path) -> int:
    limit = _read(directory / "memory.max") or _read(directory / "memory.limit_in_bytes")
    return int(limit) if limit.isdecimal() else _CGROUP_UNLIMITED


def _read(path: Path) -> str:
    return path.read_text().strip() if path.is_file() else ""


def _gpus() -> tuple[int, ...]:
    program = shutil.which("nvidia-smi")
    if program is None:
        return ()
    query = [program, "--query-gpu=memory.total", "--format=csv,noheader,nounits"]
    try:
        done = subprocess.run(query, capture_output=True, text=True, timeout=10, check=True)  # noqa: S603 - constant
    except (OSError, subprocess.SubprocessError) as error:
        log.warning("nvidia-smi does not answer; continuing without a GPU", extra={"cause": str(error)})
        return ()
    return tuple(int(line) << 20 for line in done.stdout.split() if line.isdecimal())
