"""The state of everything Ementa depends on, always told within a second: a probe that hangs is reported as hanging,
never waited for."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ementa.kit import clock
from ementa.kit.errors import EmentaError, Unavailable

WAIT_SECONDS = 0.6
"""How long an answer waits for probes that have just been started."""

State = str
"""`ok`, `degraded`, `down` or `unknown` (still hanging, or never answered yet)."""


class NotReady(Unavailable):
    """Something that Ementa cannot work without is missing."""

    code = "NOT_READY"
    pt = "O serviço não está pronto: {names}. Os detalhes dizem o estado de cada dependência."
    en = "The service is not ready: {names}. The details give the state of each dependency."


@dataclass(frozen=True, slots=True)
class Finding:
    """What a probe found."""

    state: State = "ok"
    details: Mapping[str, Any] | None = None


Probe = Callable[[], Awaitable[Finding]]


@dataclass(frozen=True, slots=True)
class Check:
    """One dependency. Without a `required` one Ementa is not ready; without another it is degraded."""

    name: str
    probe: Probe
    required: bool = False
    fresh_seconds: float = 5.0


class HealthBoard:
    """Runs probes when asked, each at most once at a time, and remembers what they found."""

    def __init__(self, checks: Sequence[Check]) -> None:
        self._checks = checks
        self._results: dict[str, tuple[float, dict[str, Any]]] = {}
        self._running: dict[str, asyncio.Task[None]] = {}
        self._started_at: dict[str, float] = {}

    async def report(self, *, required_only: bool = False) -> dict[str, Any]:
        """`{"status", "dependencies": {name: {"state", "required", "latency_ms", "checked_at", …}}, "timestamp"}`."""
        checks = [check for check in self._checks if check.required or not required_only]
        for check in checks:
            self._refresh(check)
        waiting = [self._running[check.name] for check in checks if check.name in self._running]
        if waiting:
            await asyncio.wait(waiting, timeout=WAIT_SECONDS)
        dependencies = {check.name: self._tell(check) for check in checks}
        return {
            "status": _overall(dependencies.values()),
            "dependencies": dependencies,
            "timestamp": clock.rfc3339(clock.now()),
        }

    async def close(self) -> None:
        """End the probes that still run."""
        for task in self._running.values():
            task.cancel()
        await asyncio.gather(*self._running.values(), return_exceptions=True)

    def _refresh(self, check: Check) -> None:
        known = self._results.get(check.name)
        if check.name in self._running or (known and time.monotonic() - known[0] < check.fresh_seconds):
            return
        self._started_at[check.name] = time.monotonic()
        task = asyncio.create_task(self._run(check), name=f"health {check.name}")
        self._running[check.name] = task
        task.add_done_callback(lambda _task: self._running.pop(check.name, None))

    async def _run(self, check: Check) -> None:
        started = time.monotonic()
        try:
            finding = await check.probe()
            result: dict[str, Any] = {"state": finding.state, **(finding.details or {})}
        except EmentaError as error:
            result = {"state": "down", "code": error.code, "error": error.text("en")}
        except Exception as error:  # whatever ails a dependency is what we are here to tell
            result = {"state": "down", "error": type(error).__name__}
        result["latency_ms"] = round((time.monotonic() - started) * 1000, 1)
        result["checked_at"] = clock.rfc3339(clock.now())
        self._results[check.name] = (time.monotonic(), result)

    def _tell(self, check: Check) -> dict[str, Any]:
        known = self._results.get(check.name)
        told = {"required": check.required, **(known[1] if known else {"state": "unknown"})}
        if check.name in self._running:
            waited = time.monotonic() - self._started_at[check.name]
            told |= {"state": "unknown", "error": "no answer yet", "latency_ms": round(waited * 1000, 1)}
        return told


def require_ready(report: Mapping[str, Any]) -> None:
    """Raise `NotReady` when something required is not in order."""
    missing = [name for name, told in report["dependencies"].items() if _is_missing(told)]
    if missing:
        raise NotReady(details=report, names=", ".join(missing))


def _overall(dependencies: Any) -> State:
    told = list(dependencies)
    if any(map(_is_missing, told)):
        return "down"
    return "ok" if all(one["state"] == "ok" for one in told) else "degraded"


def _is_missing(told: Mapping[str, Any]) -> bool:
    return told["required"] and told["state"] in ("down", "unknown")
