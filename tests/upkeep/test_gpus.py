"""`nvidia-smi` well, absent, hanging and talking nonsense."""

import os
import time
from pathlib import Path

import pytest

from ementa.upkeep.gpus import Gpu, GpuReader, GpuReport, find_nvidia_smi

MIB = 1024 * 1024
H200 = Gpu(0, "NVIDIA H200", 1234 * MIB, 143_771 * MIB, 0.37)


def nvidia_smi(directory: Path, body: str) -> Path:
    """A stand-in for it, as a shell script."""
    place = directory / "nvidia-smi"
    place.write_text(f"#!/bin/sh\n{body}\n", encoding="utf-8")
    place.chmod(0o755)
    return place


def says(text: str) -> str:
    return f"cat <<'END'\n{text}\nEND"


async def read(directory: Path, body: str, seconds: float = 30.0) -> GpuReport:
    place = str(nvidia_smi(directory, body))
    return await GpuReader(lambda: place, seconds).read()


async def test_it_is_asked_for_what_is_read(tmp_path: Path) -> None:
    report = await read(tmp_path, f'echo "$@" > {tmp_path}/asked\n' + says("0, 1234, 143771, 37, NVIDIA H200"))
    assert report == GpuReport((H200,))
    query, form = (tmp_path / "asked").read_text(encoding="ascii").split()
    assert query == "--query-gpu=index,memory.used,memory.total,utilization.gpu,name"
    assert form == "--format=csv,noheader,nounits"
    assert H200.used_share == pytest.approx(1234 / 143_771)


async def test_several_gpus_are_told_apart_and_warnings_passed_over(tmp_path: Path) -> None:
    text = "0, 1234, 143771, 37, NVIDIA H200\n1, 0, 24564, 0, NVIDIA, with a comma\nWARNING: infoROM is corrupted"
    report = await read(tmp_path, says(text))
    assert report.error == ""
    assert report.gpus == (H200, Gpu(1, "NVIDIA, with a comma", 0, 24_564 * MIB, 0.0))


@pytest.mark.parametrize("nothing", ["[N/A]", "[Not Supported]", "[Insufficient Permissions]"])
async def test_what_a_gpu_does_not_tell_is_left_open(tmp_path: Path, nothing: str) -> None:
    report = await read(tmp_path, says(f"0, {nothing}, {nothing}, {nothing}, NVIDIA GB10"))
    assert report == GpuReport((Gpu(0, "NVIDIA GB10", None, None, None),))
    assert report.gpus[0].used_share is None


@pytest.mark.parametrize(
    "text", ["", "No devices were found", "a, b, c, d, e", "0, -1, x, 3, name", "0,1,2", "0, 1e9, inf, nan, x", "\x00ÿ"]
)
async def test_nonsense_is_told_as_such(tmp_path: Path, text: str) -> None:
    assert await read(tmp_path, says(text)) == GpuReport(error="unreadable answer")


async def test_a_failure_is_told_by_its_status(tmp_path: Path) -> None:
    report = await read(tmp_path, says("NVIDIA-SMI has failed because it could not reach the driver.") + "\nexit 9")
    assert report == GpuReport(error="exit status 9")


async def test_a_machine_without_it_has_nothing_to_tell(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    if not Path("/usr/lib/wsl/lib/nvidia-smi").exists():
        assert find_nvidia_smi() is None
    assert await GpuReader(lambda: None).read() == GpuReport()
    place = nvidia_smi(tmp_path, says("0, 1234, 143771, 37, NVIDIA H200"))
    assert find_nvidia_smi() == str(place)


async def test_what_cannot_be_run_is_told(tmp_path: Path) -> None:
    report = await GpuReader(lambda: str(tmp_path / "gone")).read()
    assert report == GpuReport(error="cannot be run: No such file or directory")


async def test_one_that_hangs_is_killed_with_its_children(tmp_path: Path) -> None:
    started = time.monotonic()
    body = f"echo $$ > {tmp_path}/pid\nsleep 600 &\necho $! > {tmp_path}/child\nwait"
    report = await read(tmp_path, body, seconds=1.0)
    assert report == GpuReport(error="no answer in 1 s")
    assert time.monotonic() - started < 60
    for name in ("pid", "child"):
        assert is_gone(int((tmp_path / name).read_text(encoding="ascii")))


async def test_one_that_leaves_a_child_behind_is_not_waited_for(tmp_path: Path) -> None:
    body = says("0, 1234, 143771, 37, NVIDIA H200") + f"\nsleep 600 &\necho $! > {tmp_path}/child"
    report = await read(tmp_path, body)
    os.kill(int((tmp_path / "child").read_text(encoding="ascii")), 9)
    assert report == GpuReport((H200,))


async def test_one_that_never_stops_talking_is_stopped(tmp_path: Path) -> None:
    assert await read(tmp_path, "exec yes", seconds=1.0) == GpuReport(error="no answer in 1 s")


async def test_it_is_not_told_our_secrets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("EMENTA_KEY", "OPENAI_API_KEY", "ANTHROPIC_API_KEY", "GEMINI_API_KEY"):
        monkeypatch.setenv(name, "secret-of-ours")
    monkeypatch.setenv("LD_LIBRARY_PATH", "/somewhere")
    await read(tmp_path, f"env > {tmp_path}/environment")
    told = (tmp_path / "environment").read_text(encoding="utf-8")
    assert "secret-of-ours" not in told
    assert "LD_LIBRARY_PATH=/somewhere" in told


async def test_nothing_is_left_open(tmp_path: Path) -> None:
    place = str(nvidia_smi(tmp_path, says("0, 1, 2, 3, x")))
    reader = GpuReader(lambda: place)
    await reader.read()
    before = open_descriptors()
    for _ in range(5):
        await reader.read()
    for _ in range(3):
        await GpuReader(lambda: str(tmp_path / "gone")).read()
    assert open_descriptors() == before


def open_descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def is_gone(pid: int) -> bool:
    """Whether a process has ended, if only nobody asked how."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return True
    return state == "Z"
