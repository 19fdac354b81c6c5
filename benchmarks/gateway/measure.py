"""CPU per request and per stream, and the latency added, of Ementa and its peers in one run.

Rounds of each server alternate, so that what else the machine does falls on all alike; figures are medians over the
rounds. The ratio to `bare` (FastAPI + aiohttp and nothing else) is what travels between machines.
"""

import statistics
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import uvloop

from benchmarks.gateway.load import run as load
from benchmarks.gateway.servers import Target, started

ROUNDS = 7
REQUESTS = {"direct": 2000, "bare": 2000, "ementa": 2000, "litellm": 60}
STREAMS = {"direct": 1000, "bare": 1000, "ementa": 1000, "litellm": 30}
CONCURRENCY = 8


def run(rounds: int = ROUNDS, *, peers: bool = True) -> dict[str, Any]:
    """CPU in ms a request and a 50-chunk stream, latencies in ms at concurrency 1, and their ratios to `bare`."""
    with TemporaryDirectory(prefix="ementa-gateway-") as folder, started(Path(folder), peers=peers) as targets:
        plain = _rounds(targets, REQUESTS, rounds, stream=False)
        streams = _rounds(targets, STREAMS, rounds, stream=True)
        latency = {name: _latency(target) for name, target in targets.items()}
    return {
        "request_cpu_ms": plain,
        "stream_cpu_ms": streams,
        "request_ratio": _ratios(plain),
        "stream_ratio": _ratios(streams),
        "added_ms": {
            f"{name} {what}": round(values[what] - latency["direct"][what], 3)
            for name, values in latency.items()
            if name != "direct"
            for what in values
        },
    }


def _rounds(targets: dict[str, Target], many: dict[str, int], rounds: int, *, stream: bool) -> dict[str, float]:
    seen: dict[str, list[float]] = {name: [] for name in targets}
    for number in range(rounds + 1):
        for name, target in targets.items():
            before = target.cpu_seconds()
            result = uvloop.run(load(target, many[name], CONCURRENCY, stream=stream, seed=number))
            if result.failures:
                raise RuntimeError(f"{name} failed {result.failures} of {many[name]} requests")
            if number:  # the first round warms up
                seen[name].append((target.cpu_seconds() - before) * 1000 / many[name])
    return {name: round(statistics.median(values), 4) for name, values in seen.items()}


def _ratios(values: dict[str, float]) -> dict[str, float]:
    return {name: round(value / values["bare"], 3) for name, value in values.items() if name != "bare"}


def _latency(target: Target) -> dict[str, float]:
    many = 40 if target.name == "litellm" else 300
    figures: dict[str, float] = {}
    for stream, word in ((False, "request"), (True, "stream")):
        seen = uvloop.run(load(target, many, 1, stream=stream, seed=99))
        values = sorted(seen.seconds)
        figures[f"{word} p50"] = values[len(values) // 2] * 1000
        figures[f"{word} p95"] = values[int(len(values) * 0.95)] * 1000
    return figures
