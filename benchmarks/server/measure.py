"""Measured from outside against a real `ementa serve`, with the built-in reader and fresh documents."""

import asyncio
import json
import statistics
import time
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Any

import psutil

from benchmarks.accuracy.pipeline import Pipeline
from benchmarks.documents.generate import sample
from benchmarks.documents.truth import Sample
from ementa.testing.server import RunningServer

IDLE_SECONDS = 5.0


def run(documents: int = 1000, timed: int = 40) -> dict[str, Any]:
    """Start-up seconds, idle MB, overhead ms at the median, and kB of memory per document."""
    with TemporaryDirectory(prefix="ementa-bench-") as folder:
        server = RunningServer(Path(folder) / "data", {"LOG_LEVEL": "WARNING"})
        started = time.monotonic()
        server.start()
        seconds = time.monotonic() - started
        try:
            time.sleep(IDLE_SECONDS)
            idle = _resident_mb(server.pid)
            overhead = _overhead(server, timed)
            slope = _slope(server, documents)
        finally:
            server.stop()
    return {"start_seconds": round(seconds, 3), "idle_rss_mb": round(idle, 1), **overhead, **slope}


def _resident_mb(pid: int) -> float:
    """Resident memory of the server and its children together; pages they share are counted once a process."""
    process = psutil.Process(pid)
    total = 0
    for one in (process, *process.children(recursive=True)):
        try:
            total += one.memory_info().rss
        except psutil.NoSuchProcess:
            continue
    return total / 1e6


def _notes(count: int, seed: int) -> Iterator[tuple[bytes, str, str]]:
    """Small text documents, each different, with the question to ask of them."""
    rng = Random(seed)
    for number in range(count):
        text = (
            f"Recibo {number}-{rng.getrandbits(48)}\nData: {rng.randint(1, 28):02d}/03/2026\n"
            f"Total: R$ {rng.randint(10, 9999)},{rng.randint(0, 99):02d}\n"
        )
        yield text.encode(), "Qual a data e o total?", '{"data": "", "total": 0}'


def _ask(server: RunningServer, data: bytes, prompt: str, form: str, filename: str = "nota.txt") -> float:
    """Seconds from sending the document to holding its answer."""
    headers = {
        "Key": server.key,
        "Model": "ementa-reader",
        "Prompt": prompt,
        "Format-Response": form,
        "Filename": filename,
        "Content-Type": "application/octet-stream",
    }
    started = time.monotonic()
    request = urllib.request.Request(f"{server.url}/upload", data=data, headers=headers, method="POST")
    with urllib.request.urlopen(request, timeout=60) as answer:
        analysis = json.load(answer)["id"]
    while True:
        request = urllib.request.Request(f"{server.url}/response/{analysis}?wait=30", headers={"Key": server.key})
        with urllib.request.urlopen(request, timeout=60) as answer:
            answer.read()
            if answer.status == 200:
                return time.monotonic() - started


def _overhead(server: RunningServer, timed: int) -> dict[str, float]:
    for data, prompt, form in _notes(5, seed=1):  # children start, caches fill
        _ask(server, data, prompt, form)
    whole = [_ask(server, *note) for note in _notes(timed, seed=2)]
    work = asyncio.run(_own_work(timed))
    return {
        "upload_to_done_p50_ms": round(statistics.median(whole) * 1000, 1),
        "stages_own_work_p50_ms": round(statistics.median(work) * 1000, 1),
        "overhead_p50_ms": round((statistics.median(whole) - statistics.median(work)) * 1000, 1),
    }


async def _own_work(timed: int) -> list[float]:
    """The same documents through the same three stages, called one after the other in this process."""
    seconds: list[float] = []
    async with Pipeline() as pipeline:
        for warm, seed in ((True, 1), (False, 2)):
            for data, prompt, form in _notes(5 if warm else timed, seed):
                note = Sample("note", 0, "digital", 0, "nota.txt", data, prompt, form, (), (), {})
                started = time.monotonic()
                await pipeline.answer(note)
                if not warm:
                    seconds.append(time.monotonic() - started)
    return seconds


def _slope(server: RunningServer, documents: int) -> dict[str, float]:
    """Least squares over the second half: start-up of children and first-use caches lie in the first."""
    pdf = sample("receipt", 1, "digital", 1)
    seen: list[tuple[int, float]] = []
    with ThreadPoolExecutor(4) as senders:
        notes = list(_notes(documents, seed=3))
        for first in range(0, documents, 20):
            batch = notes[first : first + 20]
            list(senders.map(lambda note: _ask(server, *note), batch))
            _ask(server, pdf.data + f"\n% {first}\n".encode(), pdf.prompt, pdf.format, pdf.filename)
            seen.append((first + len(batch), psutil.Process(server.pid).memory_info().rss / 1000))
    half = seen[len(seen) // 2 :]
    slope = statistics.linear_regression(*zip(*half, strict=True)).slope if len(half) > 1 else 0.0
    return {
        "documents": documents,
        "rss_kb_per_document": round(slope, 2),
        "rss_mb_after": round(seen[-1][1] / 1000, 1),
    }
