"""Every file of the test corpus through the real HTTP API: each ends in done or in its own code, and meanwhile the
server answers `/health` and keeps its memory.

Needs the corpus (`EMENTA_TEST_DATA` or `../shared/data`), which is not part of the repository.
"""

import asyncio
import io
import json
import sys
import time
from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.parse import quote

import aiohttp

from benchmarks.extraction.corpus import OUR_FAULT, corpus_directory
from benchmarks.server.watching import Watch
from ementa.extraction.settings import ExtractionSettings
from ementa.testing.server import RunningServer

SENDERS = 2
"""Documents under way at once; each is timed from its upload to its answer."""
HANG_SECONDS = 60.0
_ASKED = {
    "Prompt": "Extraia o número, a data e o valor total do documento",
    "Format-Response": '{"numero": "", "data": "", "total": 0}',
    "Model": "ementa-reader",
}


def run(categories: frozenset[str] = frozenset()) -> dict[str, Any]:
    """Send the corpus (or some of its categories) to a fresh server; see the module's text."""
    directory = corpus_directory()
    if directory is None:
        return {"skipped": "no corpus: set EMENTA_TEST_DATA"}
    manifest = json.loads((directory / "manifest.json").read_text(encoding="utf-8"))
    paths = [directory / item["path"] for item in manifest if not categories or item["category"] in categories]
    with TemporaryDirectory(prefix="ementa-corpus-") as folder:
        server = RunningServer(Path(folder) / "data", {"LOG_LEVEL": "WARNING"})
        server.start()
        pid = server.pid
        try:
            started = time.monotonic()
            with Watch(server) as watch:
                files = asyncio.run(_send_all(server, paths))
            seconds = time.monotonic() - started
            same = server.pid == pid and server.is_ready()
        finally:
            server.stop()
        unexpected = server.log.read_text(encoding="utf-8", errors="replace").count("unexpected error")
    return {
        **_summary(files),
        "unexpected_errors_logged": unexpected,
        "server_survived": same,
        **_measured(watch, seconds),
    }


def _summary(files: list[dict[str, Any]]) -> dict[str, Any]:
    codes = Counter(file["code"] for file in files)
    our_fault = [file for file in files if file["code"] in OUR_FAULT]
    hung = [file for file in files if file["code"] == "UNANSWERED" or file["seconds"] > HANG_SECONDS]
    return {
        "files": len(files),
        "done": codes["DONE"],
        "crashes": len(our_fault),
        "our_fault": our_fault,
        "hangs": len(hung),
        "hung": hung,
        "slowest": sorted(files, key=lambda file: -file["seconds"])[:5],
        "codes": dict(codes.most_common()),
    }


def _measured(watch: Watch, seconds: float) -> dict[str, Any]:
    limit = ExtractionSettings().memory_bytes
    return {"seconds": round(seconds, 1), "child_share_of_limit": round(watch.child_bytes / limit, 3), **watch.report()}


async def _send_all(server: RunningServer, paths: list[Path]) -> list[dict[str, Any]]:
    gate = asyncio.Semaphore(SENDERS)
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=120), headers={"Key": server.key}) as session:

        async def one(path: Path) -> dict[str, Any]:
            async with gate:
                started = time.monotonic()
                code = await _outcome(session, server.url, path)
                return {"file": path.name, "code": code, "seconds": round(time.monotonic() - started, 2)}

        return list(await asyncio.gather(*(one(path) for path in paths)))


async def _outcome(session: aiohttp.ClientSession, url: str, path: Path) -> str:
    headers = {**{name: quote(value) for name, value in _ASKED.items()}, "Filename": quote(path.name)}
    content = await asyncio.to_thread(path.read_bytes)
    async with session.post(f"{url}/upload", data=io.BytesIO(content), headers=headers) as answer:
        accepted = await answer.json()
        if answer.status != 202:
            return str(accepted["code"])
    deadline = time.monotonic() + 10 * HANG_SECONDS
    while time.monotonic() < deadline:
        async with session.get(f"{url}{accepted['response_url']}?wait=30") as answer:
            body = await answer.json()
            if answer.status == 200:
                return "DONE"
            if answer.status != 202:
                return str(body["code"])
    return "UNANSWERED"


if __name__ == "__main__":
    print(json.dumps(run(frozenset(sys.argv[1:])), indent=1, ensure_ascii=False))
