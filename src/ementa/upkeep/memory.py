"""How much memory Ementa uses, children included, and how much it may, containers respected (Linux: `/proc`)."""

import os
from contextlib import suppress
from pathlib import Path

_PAGE = os.sysconf("SC_PAGE_SIZE")
_CGROUP = Path("/sys/fs/cgroup")


def tree_memory(root: int | None = None) -> int:
    """Bytes in RAM of a process (this one by default) and all its descendants.

    Of descendants only what they do not share counts: libraries mapped by all would be counted many times.
    """
    root = root or os.getpid()
    total = resident(root)[0]
    for pid in descendants(root):
        size, shared = resident(pid)
        total += size - shared
    return total


def resident(pid: int) -> tuple[int, int]:
    """Bytes in RAM of one process and how many of them are shared with files or others; zeros when it has ended."""
    try:
        fields = Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()
    except (FileNotFoundError, ProcessLookupError, PermissionError):
        return 0, 0
    return int(fields[1]) * _PAGE, int(fields[2]) * _PAGE


def descendants(root: int) -> list[int]:
    """The ids of all processes that descend from `root`, now."""
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            children.setdefault(_parent(entry), []).append(int(entry.name))
    found: list[int] = []
    waiting = [root]
    while waiting:
        own = children.get(waiting.pop(), [])
        found += own
        waiting += own
    return found


def memory_limit() -> int:
    """Bytes that this process may use: the machine's memory, or less where a control group says so."""
    limits = [_machine_memory()]
    for name in ("memory.max", "memory/memory.limit_in_bytes"):
        with suppress(OSError, ValueError):  # absent outside that version of control groups; "max" means no limit
            limits.append(int((_CGROUP / name).read_text(encoding="ascii")))
    return min(limits)


def _machine_memory() -> int:
    return os.sysconf("SC_PHYS_PAGES") * _PAGE


def _parent(process: Path) -> int:
    try:
        stat = (process / "stat").read_text(encoding="ascii", errors="replace")
    except OSError:
        return 0  # it has ended meanwhile
    return int(stat.rpartition(")")[2].split()[1])  # its name, in parentheses, may hold anything
