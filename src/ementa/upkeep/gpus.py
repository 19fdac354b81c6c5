"""The GPUs of this machine, as `nvidia-smi` tells them."""

import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass

from ementa.upkeep.commands import Command, StillRunning

ANSWER_SECONDS = 5.0
"""How long `nvidia-smi` may take. Without the driver's persistence mode it takes a second or two."""
_QUERY = ("--query-gpu=index,memory.used,memory.total,utilization.gpu,name", "--format=csv,noheader,nounits")
_WSL = "/usr/lib/wsl/lib"
"""Where WSL has it, which services do not look through."""
_MOST_BYTES = 65_536
_MIB = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Gpu:
    """One GPU. What it does not tell (machines whose GPU shares the memory, slices of a GPU) is None."""

    index: int
    name: str
    used_bytes: int | None
    total_bytes: int | None
    busy_share: float | None
    """The part of the last moments in which it worked, 0 to 1."""

    @property
    def used_share(self) -> float | None:
        """The part of its memory that is in use, 0 to 1."""
        return self.used_bytes / self.total_bytes if self.used_bytes is not None and self.total_bytes else None


@dataclass(frozen=True, slots=True)
class GpuReport:
    """What was found: GPUs, or why `nvidia-smi` names none. Neither when there is no `nvidia-smi`."""

    gpus: tuple[Gpu, ...] = ()
    error: str = ""


class GpuReader:
    """Asks `nvidia-smi`, which may hang when the driver does; nobody hangs with it."""

    def __init__(self, find: Callable[[], str | None] | None = None, answer_seconds: float = ANSWER_SECONDS) -> None:
        """`find` says where `nvidia-smi` is, if it is there."""
        self._find = find or find_nvidia_smi
        self._answer_seconds = answer_seconds
        self._command = Command()

    async def read(self) -> GpuReport:
        """The figures of now; takes no more than the time allowed and a second, and raises nothing."""
        place = self._find()
        if place is None:
            return GpuReport()
        reading, writing = os.pipe()
        os.set_blocking(reading, False)
        try:
            try:
                status = await self._command.run((place, *_QUERY), self._answer_seconds, writing)
            finally:
                os.close(writing)
            if status is None:
                return GpuReport(error=f"no answer in {self._answer_seconds:.0f} s")
            said = _said(reading)
        except StillRunning:
            return GpuReport(error="it hangs, and cannot be killed")
        except OSError as error:
            return GpuReport(error=f"cannot be run: {error.strerror}")
        finally:
            os.close(reading)
        return GpuReport(error=f"exit status {status}") if status else _parse(said)


def find_nvidia_smi() -> str | None:
    """Where `nvidia-smi` is; None where it is not installed."""
    return shutil.which("nvidia-smi") or shutil.which("nvidia-smi", path=_WSL)


def _said(reading: int) -> str:
    try:
        return os.read(reading, _MOST_BYTES).decode("utf-8", "replace")
    except BlockingIOError:
        return ""  # it ended without a word, and somebody else still holds the other end


def _parse(text: str) -> GpuReport:
    """What the lines say; those that are no GPU are warnings, which it mixes in."""
    gpus = tuple(gpu for line in text.splitlines() if (gpu := _parse_line(line)) is not None)
    return GpuReport(gpus, "" if gpus else "unreadable answer")


def _parse_line(line: str) -> Gpu | None:
    parts = [part.strip() for part in line.split(",", 4)]
    if len(parts) != 5 or not parts[0].isdecimal():
        return None
    try:
        used, total, percent = (_number(part) for part in parts[1:4])
    except ValueError:
        return None
    return Gpu(
        index=int(parts[0]),
        name=parts[4][:100],
        used_bytes=None if used is None else round(used * _MIB),
        total_bytes=None if total is None else round(total * _MIB),
        busy_share=None if percent is None else percent / 100,
    )


def _number(text: str) -> float | None:
    """A figure; None for `[N/A]`, `[Not Supported]` and their like. Raises `ValueError` for anything else."""
    if text.startswith("["):
        return None
    if not text.replace(".", "", 1).isdecimal():
        raise ValueError(text)
    return float(text)
