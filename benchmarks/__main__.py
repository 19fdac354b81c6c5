"""`python -m benchmarks [NAME…]` runs the benches; results go to benchmarks/results/NAME.json."""

import argparse
import importlib
import json
import os
import platform
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

RESULTS = Path(__file__).parent / "results"

BENCHES = {
    "accuracy": "benchmarks.accuracy.measure",
    "server": "benchmarks.server.measure",
    "jobs": "benchmarks.jobs.throughput",
    "gateway": "benchmarks.gateway.measure",
    "streams": "benchmarks.gateway.soak",
    "speed": "benchmarks.extraction.speed",
    "corpus": "benchmarks.extraction.corpus",
    "http_corpus": "benchmarks.server.corpus",
    "office": "benchmarks.extraction.office_quality",
}
"""Each module has `run() -> dict`."""


class Goal(NamedTuple):
    """A figure of a bench's result, by dotted path, and what it should be."""

    path: str
    at_least: float | None = None
    at_most: float | None = None

    def met(self, value: float) -> bool:
        """Whether `value` is good enough."""
        if self.at_least is not None:
            return value >= self.at_least
        return self.at_most is not None and value <= self.at_most


GOALS: dict[str, tuple[Goal, ...]] = {
    "accuracy": (
        Goal("ratios.digital f1_formatted.value", at_least=0.98),
        Goal("ratios.digital proof.value", at_least=0.98),
        Goal("ratios.digital unproven_unmarked.value", at_most=0),
        Goal("ratios.scan f1_formatted.value", at_least=0.95),
        Goal("ratios.scan proof.value", at_least=0.95),
        Goal("ratios.scan unproven_unmarked.value", at_most=0),
    ),
    "server": (
        Goal("start_seconds", at_most=2.0),
        Goal("idle_rss_mb", at_most=150.0),
        Goal("overhead_p50_ms", at_most=50.0),
        Goal("rss_kb_per_document", at_most=5.0),
    ),
    "jobs": (
        Goal("sqlite.jobs_per_second", at_least=300),
        Goal("postgres.jobs_per_second", at_least=500),
    ),
    "gateway": (
        Goal("request_ratio.ementa", at_most=1.6),
        Goal("stream_ratio.ementa", at_most=1.6),
    ),
    "streams": (
        Goal("steady.failed", at_most=0),
        Goal("steady.unfinished", at_most=0),
        Goal("steady.leaks", at_most=0),
        Goal("steady.rss_growth_mb", at_most=1.5),
        Goal("steady.first_byte_p95_ms", at_most=500),
        Goal("churn.failed", at_most=0),
        Goal("churn.never_released", at_most=0),
        Goal("churn.leaks", at_most=0),
        Goal("churn.release_max_ms", at_most=1000),
    ),
    "speed": (
        Goal("text_pass.ratio", at_least=0.7),
        Goal("ocr.ratio", at_least=0.95),
    ),
    "http_corpus": (
        Goal("crashes", at_most=0),
        Goal("hangs", at_most=0),
        Goal("health_max_seconds", at_most=1.0),
        Goal("child_share_of_limit", at_most=1.0),
    ),
    "office": (Goal("mean", at_least=0.91),),
}


def figure(result: Any, path: str) -> float | None:
    """The number at a dotted path, or None."""
    for part in path.split("."):
        if not isinstance(result, dict) or part not in result:
            return None
        result = result[part]
    return float(result) if isinstance(result, (int, float)) else None


def scalars(result: Any, prefix: str = "") -> list[tuple[str, float]]:
    """Every number of a result that is not deeper than three levels."""
    if isinstance(result, (int, float)) and not isinstance(result, bool):
        return [(prefix, float(result))]
    if isinstance(result, dict) and prefix.count(".") < 2:
        found: list[tuple[str, float]] = []
        for name, inner in result.items():
            found += scalars(inner, f"{prefix}.{name}" if prefix else str(name))
        return found
    return []


def report(name: str, result: dict[str, Any]) -> bool:
    """Print a result with its goals; whether all were met."""
    goals = {goal.path: goal for goal in GOALS.get(name, ())}
    good = True
    for path, value in scalars(result):
        goal = goals.pop(path, None)
        wanted = ""
        if goal is not None:
            limit = f">= {goal.at_least:g}" if goal.at_least is not None else f"<= {goal.at_most:g}"
            wanted = f"   goal {limit}   {'met' if goal.met(value) else 'NOT MET'}"
            good &= goal.met(value)
        print(f"  {path:<60} {value:>12,.4g}{wanted}")
    for path in goals:
        print(f"  {path:<60} {'not measured':>12}")
    return good and not goals


def main() -> int:
    """Run the named benches, or all; the exit status says whether every goal was met."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("name", nargs="*", metavar="NAME", help=f"any of {', '.join(BENCHES)}; all when none")
    chosen = parser.parse_args().name or list(BENCHES)
    if unknown := set(chosen) - BENCHES.keys():
        parser.error(f"no bench is called {', '.join(sorted(unknown))}")
    RESULTS.mkdir(exist_ok=True)
    machine = {"cores": os.cpu_count(), "python": platform.python_version(), "system": platform.platform()}
    good = True
    for name in chosen:
        print(f"{name}:", flush=True)
        started = time.monotonic()
        try:
            result: dict[str, Any] = importlib.import_module(BENCHES[name]).run()
        except Exception as error:  # one bench that breaks must not hide the others; the exit status tells
            print(f"  failed: {type(error).__name__}: {error}")
            good = False
            continue
        if "skipped" in result:
            print(f"  skipped: {result['skipped']}")
            continue
        good &= report(name, result)
        record = {"bench": name, "when": datetime.now(UTC).isoformat(timespec="seconds"), "machine": machine}
        record |= {"seconds": round(time.monotonic() - started, 1), "result": result}
        (RESULTS / f"{name}.json").write_text(json.dumps(record, ensure_ascii=False, indent=1), encoding="utf-8")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
