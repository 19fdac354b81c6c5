"""Many streams at once for a minute: none fails, memory stays flat, nothing is left open; and clients that hang up at
any moment, whose models are let go within a second.

Memory is flat when the line through its samples of the measured minute hardly rises: `rss_growth_mb`, of which the
goal is a hundredth of all. Before that minute there is another with the same load, because what is made once and kept
(connections to the database and their caches, the arenas of its threads) is made when it is first needed.
"""

import asyncio
import statistics
import time
import urllib.request
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Any

import orjson
import psutil
import uvloop

from benchmarks.gateway.upstream import Upstream, listening
from ementa.testing.server import RunningServer

CHUNKS = 50
DELAY = 0.1
SETTLE_SECONDS = 45.0
"""Idle connections to a model server are closed after 15 s; a busy machine is given longer."""
KEPT = 2.0
"""Connections to a model server that stay: those by which it is asked for its health and its models, in turns."""
_END = b"0\r\n\r\n"
_WORD = b" palavra"


def run(streams: int = 500, seconds: float = 60.0) -> dict[str, Any]:
    """Both soaks, in figures."""
    return {
        "steady": uvloop.run(_alone(partial(steady, warm_seconds=seconds), streams, seconds)),
        "churn": uvloop.run(_alone(churn, streams, seconds / 2)),
    }


async def _alone(soak: Any, streams: int, seconds: float) -> dict[str, Any]:
    with TemporaryDirectory(prefix="ementa-soak-") as folder:
        return await soak(Path(folder), streams, seconds)


@dataclass
class Seen:
    """What the clients saw."""

    first: list[float] = field(default_factory=list[float])
    """Seconds to the first piece of each stream."""
    complete: int = 0
    hung_up: dict[int, float] = field(default_factory=dict[int, float])
    """When a client left, by `time.monotonic`, of each stream that was left."""
    failures: list[str] = field(default_factory=list[str])


class House:
    """A running Ementa before an upstream, with numbers for streams."""

    def __init__(self, server: RunningServer, upstream: Upstream) -> None:
        self.server = server
        self.upstream = upstream
        self._number = 0

    def request(self) -> tuple[int, bytes]:
        """The next stream's number, and the request for it."""
        self._number += 1
        text = f"Qual o prazo de pagamento da nota? stream-{self._number}"
        body = orjson.dumps({"model": "fast", "stream": True, "messages": [{"role": "user", "content": text}]})
        head = (
            f"POST /v1/chat/completions HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
            f"Authorization: Bearer {self.server.key}\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        return self._number, head.encode() + body

    def gauges(self) -> dict[str, float]:
        """What could leak: its sockets (but those to the model server, which are counted there), tasks, requests, and
        places in lines."""
        with urllib.request.urlopen(f"{self.server.url}/metrics", timeout=30) as answer:
            lines = answer.read().decode().splitlines()
        names = {
            "tasks": "ementa_tasks",
            "requests": "ementa_http_requests_in_progress",
            "running": "ementa_llm_running",
            "waiting": "ementa_llm_waiting{",
        }
        found = {
            name: sum(float(line.rpartition(" ")[2]) for line in lines if line.startswith(start))
            for name, start in names.items()
        }
        return {**found, "sockets": self._sockets() - self.upstream.connections}

    def _sockets(self) -> float:
        """Its descriptors but files: the database opens those as it needs them, and keeps a few."""
        links: list[str] = []
        for descriptor in Path(f"/proc/{self.server.pid}/fd").iterdir():
            with suppress(FileNotFoundError):  # closed meanwhile
                links.append(str(descriptor.readlink()))
        return float(sum(not link.startswith("/") for link in links))

    def rss_mb(self) -> float:
        """Resident memory of the server's own process: no child of it serves streams."""
        return psutil.Process(self.server.pid).memory_info().rss / 1e6

    async def leaks(self, before: dict[str, float], *, idle: bool = True) -> dict[str, float]:
        """What there is more of than before, once everything has had time to be let go. Without `idle` the connections
        to the model server that wait for their next use are not waited for."""
        deadline = time.monotonic() + SETTLE_SECONDS
        while True:
            now = await asyncio.to_thread(self.gauges)
            more = {name: max(0.0, now[name] - before[name]) for name in before}
            more["upstream_streams"] = float(len(self.upstream.running))
            if idle:
                more["upstream_connections"] = max(0.0, self.upstream.connections - KEPT)
            if not any(more.values()) or time.monotonic() > deadline:
                return more
            await asyncio.sleep(0.5)


@asynccontextmanager
async def house(data: Path, chunks: int, delay: float) -> AsyncGenerator[House]:
    """Ementa with keys, limits and records on, as in the other benches, warmed up."""
    upstream = Upstream(chunks, delay)
    async with listening(upstream) as url:
        settings = {
            "OLLAMA_HOST": "",
            "EMENTA_LLM__OLLAMA_HOSTS": "[]",
            "EMENTA_OPENAI_HOSTS": url,
            "EMENTA_LLM__REQUESTS_PER_MINUTE": "100000000",
            "EMENTA_LLM__TOKENS_PER_MINUTE": "1000000000000",
            "EMENTA_LLM__REMOTE_CONCURRENCY": "2000",
            "EMENTA_LLM__MAX_QUEUED": "5000",
            "EMENTA_UPKEEP__SWEEP_SECONDS": "15",  # several times in a run, the first before the measured minute
        }
        async with RunningServer(data / "ementa", settings) as server:
            made = House(server, upstream)
            await _warm_up(made)
            yield made


async def _warm_up(house: House) -> None:
    """What is opened once and kept is no leak: database connections, threads, the first samples of each metric."""
    seen = Seen()
    await asyncio.gather(*(_one(house, seen) for _ in range(8)))
    if seen.failures:
        raise RuntimeError(seen.failures[0])
    nothing = {"requests": 1.0, "running": 0.0, "waiting": 0.0}  # the scrape itself is a request
    await house.leaks(nothing, idle=False)


async def steady(
    data: Path,
    streams: int,
    seconds: float,
    *,
    warm_seconds: float = 0.0,
    delay: float = DELAY,
    idle: bool = True,
) -> dict[str, Any]:
    """So many streams at once, each followed by the next, all read to their end; memory after `warm_seconds`."""
    async with house(data, CHUNKS, delay) as made:
        before = await asyncio.to_thread(made.gauges)
        seen = Seen()
        started = time.monotonic()
        watch = asyncio.create_task(_watch_memory(made))
        until = started + warm_seconds + seconds
        await asyncio.gather(*(_listen(made, seen, until, seconds, n / streams) for n in range(streams)))
        took = time.monotonic() - started
        watch.cancel()
        leaks = await made.leaks(before, idle=idle)
        samples: list[tuple[float, float]] = (await asyncio.gather(watch))[0]
    return {
        "streams": streams,
        "seconds": round(took, 1),
        "complete": seen.complete,
        "failed": len(seen.failures),
        "failures": seen.failures[:5],
        "unfinished": made.upstream.finished - 8 - seen.complete,
        **_first_bytes(seen.first),
        **_memory([sample for sample in samples if started + warm_seconds <= sample[0] <= until]),
        "leaked": leaks,
        "leaks": sum(leaks.values()),
    }


async def churn(data: Path, streams: int, seconds: float, *, delay: float = DELAY, idle: bool = True) -> dict[str, Any]:
    """So many clients at once that mostly hang up: before the answer, in the middle, politely or not."""
    async with house(data, CHUNKS, delay) as made:
        before = await asyncio.to_thread(made.gauges)
        seen = Seen()
        started = time.monotonic()
        await asyncio.gather(*(_leave(made, seen, started + seconds, n / streams, n) for n in range(streams)))
        leaks = await made.leaks(before, idle=idle)
        upstream = made.upstream
    waits = [
        max(0.0, upstream.released[number] - left)
        for number, left in seen.hung_up.items()
        if number in upstream.released
    ]
    waits.sort()
    return {
        "clients": streams,
        "complete": seen.complete,
        "hung_up": len(seen.hung_up),
        "reached_the_model": len(waits),
        "never_released": len(upstream.running),
        "failed": len(seen.failures),
        "failures": seen.failures[:5],
        "release_p50_ms": round(statistics.median(waits) * 1000, 1),
        "release_p99_ms": round(waits[int(len(waits) * 0.99)] * 1000, 1),
        "release_max_ms": round(waits[-1] * 1000, 1),
        "leaked": leaks,
        "leaks": sum(leaks.values()),
    }


async def _watch_memory(house: House) -> list[tuple[float, float]]:
    """Samples of the server's memory until cancelled: when, and how many MB."""
    samples: list[tuple[float, float]] = []
    try:
        while True:
            samples.append((time.monotonic(), house.rss_mb()))
            await asyncio.sleep(0.25)
    except asyncio.CancelledError:
        return samples


async def _listen(house: House, seen: Seen, until: float, seconds: float, place: float) -> None:
    """One client: streams over one kept connection until the time is over. They begin one after the other, for as long
    as a stream takes; `place` is where in that time, 0 to 1."""
    await asyncio.sleep(place * min(CHUNKS * house.upstream.delay, seconds / 4))
    reader, writer = await asyncio.open_connection("127.0.0.1", house.server.port)
    try:
        while time.monotonic() < until:
            await _read(reader, writer, house.request()[1], seen)
    except (OSError, asyncio.IncompleteReadError, ValueError) as error:
        seen.failures.append(f"{type(error).__name__}: {error}"[:300])
    finally:
        writer.close()


async def _one(house: House, seen: Seen) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", house.server.port)
    try:
        await _read(reader, writer, house.request()[1], seen)
    except (OSError, asyncio.IncompleteReadError, ValueError) as error:
        seen.failures.append(f"{type(error).__name__}: {error}"[:300])
    finally:
        writer.close()


async def _read(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, request: bytes, seen: Seen) -> None:
    """Ask, and read the stream to its end. Raises `ValueError` when it is not what it should be."""
    begun = time.monotonic()
    writer.write(request)
    head = await reader.readuntil(b"\r\n\r\n")
    if not head.startswith(b"HTTP/1.1 200"):
        raise ValueError(f"{head[:60]!r} {await reader.read(300)!r}")
    pieces: list[bytes] = []
    tail = b""
    while not tail.endswith(_END):
        piece = await reader.read(65_536)
        if not piece:
            raise ValueError("the stream was cut")
        if not pieces:
            seen.first.append(time.monotonic() - begun)
        pieces.append(piece)
        tail = (tail + piece)[-len(_END) :]
    body = b"".join(pieces)
    if body.count(_WORD) != CHUNKS or b"[DONE]" not in body:
        raise ValueError(f"{body.count(_WORD)} of {CHUNKS} pieces: …{body[-200:]!r}")
    seen.complete += 1


async def _leave(house: House, seen: Seen, until: float, place: float, seed: int) -> None:
    """One client after the other, most of which hang up: after any time that a stream may take, or at once. As in
    `_listen` they do not all begin at once."""
    chance = Random(seed)
    length = CHUNKS * house.upstream.delay
    await asyncio.sleep(place * min(length, (until - time.monotonic()) / 4))
    while time.monotonic() < until:
        number, request = house.request()
        patience = chance.choice((0.0, chance.random() * 0.05, chance.random() * length, 1e6))
        reading: asyncio.Task[None] | None = None
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", house.server.port)
        except OSError as error:
            seen.failures.append(f"{type(error).__name__}: {error}")
            continue
        try:
            reading = asyncio.create_task(_read(reader, writer, request, seen))
            done, _ = await asyncio.wait([reading], timeout=min(patience, 120))
            if done:
                reading.result()
                continue
            seen.hung_up[number] = time.monotonic()
            if chance.random() < 0.5:
                writer.transport.abort()  # a reset, as of a process that was killed
        except (OSError, asyncio.IncompleteReadError, ValueError) as error:
            seen.failures.append(f"{type(error).__name__}: {error}"[:300])
        finally:
            writer.close()
            if reading is not None:
                reading.cancel()
                await asyncio.gather(reading, return_exceptions=True)


def _first_bytes(seconds: Sequence[float]) -> dict[str, float]:
    values = sorted(seconds)
    return {
        "first_byte_p50_ms": round(values[len(values) // 2] * 1000, 1),
        "first_byte_p95_ms": round(values[int(len(values) * 0.95)] * 1000, 1),
    }


def _memory(samples: Sequence[tuple[float, float]]) -> dict[str, float]:
    """The first, the last and the most, and what the line through all of them says."""
    line = statistics.linear_regression([at for at, _ in samples], [mb for _, mb in samples])
    return {
        "rss_start_mb": round(samples[0][1], 1),
        "rss_end_mb": round(samples[-1][1], 1),
        "rss_max_mb": round(max(mb for _, mb in samples), 1),
        "rss_slope_kb_per_s": round(line.slope * 1000, 1),
        "rss_growth_mb": round(line.slope * (samples[-1][0] - samples[0][0]), 2),
    }
