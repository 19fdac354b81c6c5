"""Lines on disk: none lost to a kill, a full disk or a torn end, none taken from a process that lives."""

import os
from pathlib import Path

import pytest

from ementa.llm.usage.spool import Spool


def emptied(spool: Spool) -> list[bytes]:
    found: list[bytes] = []
    while (segment := spool.take()) is not None:
        found += segment.lines()
        spool.done(segment)
    return found


def abandon(spool: Spool) -> None:
    """End it as a kill would: descriptors closed by the kernel, nothing else done."""
    for segment in spool._all():
        os.close(segment.descriptor)


def test_lines_come_back_in_their_order_and_once(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "usage", 10_000)
    for number in range(5):
        assert spool.append(b"%d\n" % number)
    taken = spool.take()
    assert taken is not None
    assert spool.append(b"5\n")
    assert list(taken.lines()) == [b"0", b"1", b"2", b"3", b"4"]
    assert spool.take() is taken
    spool.done(taken)
    assert emptied(spool) == [b"5"]
    assert spool.size == 0
    spool.close()
    assert list((tmp_path / "usage").iterdir()) == []


def test_the_spool_of_a_dead_process_is_taken_over_and_that_of_a_living_one_is_not(tmp_path: Path) -> None:
    living, dead, heir = (Spool(tmp_path, 10_000) for _ in range(3))
    living.append(b"living\n")
    dead.append(b"dead\n")
    assert heir.adopt() == 0
    abandon(dead)
    assert heir.adopt() == 1
    assert heir.adopt() == 0
    assert emptied(heir) == [b"dead"]
    assert emptied(living) == [b"living"]
    for spool in (living, heir):
        spool.close()
    assert list(tmp_path.iterdir()) == []


def test_a_torn_end_is_left_out(tmp_path: Path) -> None:
    dead, heir = Spool(tmp_path, 10_000), Spool(tmp_path, 10_000)
    dead.append(b"whole\n")
    dead.append(b"torn")
    abandon(dead)
    heir.adopt()
    assert emptied(heir) == [b"whole"]


def test_a_full_disk_spoils_no_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spool = Spool(tmp_path, 10_000)
    write = os.write
    spool.append(b"first\n")
    monkeypatch.setattr("os.write", lambda descriptor, line: write(descriptor, line[:3]))
    assert not spool.append(b"second\n")

    def no_room(_descriptor: int, _line: bytes) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.write", no_room)
    assert not spool.append(b"third\n")
    monkeypatch.undo()
    spool.append(b"fourth\n")
    assert emptied(spool) == [b"first", b"fourth"]
    spool.close()


def test_it_grows_no_larger_than_allowed_and_opens_few_files(tmp_path: Path) -> None:
    spool = Spool(tmp_path, 12_000_000)
    line = b"x" * 999_999 + b"\n"
    assert sum(spool.append(line) for _ in range(30)) == 12
    assert len(list(tmp_path.iterdir())) <= 4
    assert len(emptied(spool)) == 12
    assert spool.append(line)
    spool.close()


def test_files_are_private(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "usage", 10_000)
    spool.append(b"x\n")
    assert (tmp_path / "usage").stat().st_mode & 0o777 == 0o700
    assert {path.stat().st_mode & 0o777 for path in (tmp_path / "usage").iterdir()} == {0o600}
    spool.close()
