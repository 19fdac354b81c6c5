"""Everything that has had its time goes, and one failing sweep stops no other."""

import os
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from ementa.db.database import Database
from ementa.jobs.settings import JobSettings
from ementa.kit import clock
from ementa.storage.filesystem import FilesystemStore
from ementa.upkeep.settings import UpkeepSettings
from ementa.upkeep.sweep import Sweep, house_sweeps, remove_old_logs, run_sweeps


def aged(path: Path, age: timedelta) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"line\n")
    moment = (clock.now() - age).timestamp()
    os.utime(path, (moment, moment))
    return path


async def test_the_house_is_swept(sqlite_database: Database, tmp_path: Path) -> None:
    old_log = aged(tmp_path / "logs" / "ementa.log.3", timedelta(days=8))
    new_log = aged(tmp_path / "logs" / "ementa.log.1", timedelta(days=6))
    store = FilesystemStore(tmp_path / "blobs")
    abandoned = aged(tmp_path / "blobs" / ".incoming" / "old", timedelta(hours=30))
    arriving = aged(tmp_path / "blobs" / ".incoming" / "new", timedelta(minutes=30))
    sweeps = house_sweeps(sqlite_database, store, tmp_path, UpkeepSettings(), JobSettings().keep_finished_seconds)
    assert await run_sweeps(sweeps) == {"logs": 1, "incoming": 1, "jobs": 0}
    assert not old_log.exists()
    assert not abandoned.exists()
    assert new_log.exists()
    assert arriving.exists()


def test_the_log_being_written_is_emptied_not_removed(tmp_path: Path) -> None:
    live = aged(tmp_path / "ementa.log", timedelta(days=30))
    assert remove_old_logs(tmp_path, clock.now() - timedelta(days=7)) == 1
    assert live.exists()
    assert live.read_bytes() == b""


async def test_a_failing_sweep_stops_no_other() -> None:
    ran: list[str] = []

    async def fails(_now: datetime) -> int:
        raise OSError("disk gone")

    async def works(_now: datetime) -> int:
        ran.append("works")
        return 2

    with pytest.raises(ExceptionGroup) as caught:
        await run_sweeps([Sweep("fails", fails), Sweep("works", works)])
    assert ran == ["works"]
    assert "disk gone" in str(caught.value.exceptions[0])
