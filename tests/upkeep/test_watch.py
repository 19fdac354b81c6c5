"""Resources watched before they run out."""

import os
import subprocess
import sys
from pathlib import Path

from ementa.upkeep.memory import descendants, memory_limit, resident, tree_memory
from ementa.upkeep.settings import UpkeepSettings
from ementa.upkeep.watch import ResourceWatch

MB = 1_000_000


def make_watch(tmp_path: Path, free: int, used: int) -> ResourceWatch:
    settings = UpkeepSettings(min_free_disk_bytes=500 * MB, max_rss_bytes=1000 * MB)
    return ResourceWatch(settings, tmp_path, free_disk=lambda _: free, used_memory=lambda: used)


def test_uploads_are_taken_while_there_is_room(tmp_path: Path) -> None:
    assert make_watch(tmp_path, 500 * MB, 1000 * MB).refusal() is None


def test_a_full_disk_and_full_memory_are_told_apart(tmp_path: Path) -> None:
    disk = make_watch(tmp_path, 499 * MB, 0).refusal()
    memory = make_watch(tmp_path, 500 * MB, 1001 * MB).refusal()
    assert disk is not None
    assert memory is not None
    assert (disk.code, memory.code) == ("DISK_LOW", "MEMORY_LOW")
    assert "499 MB" in disk.text("pt")
    assert "1001 MB" in memory.text("en")


def test_by_default_the_real_machine_is_looked_at(tmp_path: Path) -> None:
    seen = ResourceWatch(UpkeepSettings(min_free_disk_bytes=0), tmp_path).look()
    assert seen.free_disk > 0
    assert 0 < seen.used_memory < seen.max_memory < memory_limit()


def test_children_count_and_the_dead_do_not() -> None:
    script = "import sys; block = b'x' * 80_000_000; print('ready', flush=True); sys.stdin.read()"
    before = tree_memory()
    with subprocess.Popen([sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        child.stdout.readline()
        assert child.pid in descendants(os.getpid())
        assert tree_memory() - before > 70 * MB
        child.communicate(b"")
    assert child.pid not in descendants(os.getpid())
    assert resident(child.pid) == (0, 0)
