"""A disk that fills up, and memory that runs short: uploads are refused with the cause, what runs is not lost, and all
is well again once there is room."""

import asyncio
import os
import resource
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from people import Person, eventually

from ementa.testing.ollama.double import OllamaDouble
from ementa.testing.server import RunningServer

ASKED = {"Prompt": "Extraia o CNPJ", "Format_Response": '{"cnpj": ""}', "Model": "ementa-reader"}
TEXT = b"CNPJ 11.222.333/0001-81"
ANSWER = {"cnpj": "11.222.333/0001-81"}
QUICK = {"EMENTA_JOBS__RETRY_BASE_SECONDS": "0.3", "EMENTA_JOBS__RETRY_MAX_SECONDS": "0.5"}
NO_ROOM = {(507, "STORAGE_FULL"), (507, "DISK_LOW"), (503, "DATABASE_UNAVAILABLE")}


def blobs(server: RunningServer) -> list[Path]:
    return [path for path in (server.data / "blobs").rglob("*") if path.is_file()]


async def refusal(person: Person, content: bytes) -> tuple[int, str]:
    status, body = await person.send(content, **ASKED)
    assert status != 202, body
    assert set(body) == {"error", "code", "details", "timestamp"}
    return status, body["code"]


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 24 MB of its own."""
    place = tmp_path / "disk"
    place.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=24m,mode=0700", "ementa-test", str(place)]
    try:
        subprocess.run(command, check=True, capture_output=True, timeout=20)
    except (OSError, subprocess.CalledProcessError) as error:
        pytest.skip(f"mounting a small disk needs root ({error}); the limit on file sizes is tested instead")
    yield place
    subprocess.run(["umount", "--lazy", str(place)], check=True, capture_output=True, timeout=20)


def fill(disk: Path, leave: int) -> Path:
    """Take all but `leave` bytes of it."""
    filler = disk / "filler"
    with filler.open("ab", buffering=0) as file, suppress(OSError):
        while (free := os.statvfs(disk).f_bavail * os.statvfs(disk).f_frsize - leave) > 0:
            file.write(bytes(min(free, 1_000_000)))
    return filler


async def test_a_disk_that_fills_up_loses_nothing(small_disk: Path) -> None:
    with OllamaDouble() as ollama:
        environment = {**QUICK, "EMENTA_UPKEEP__MIN_FREE_DISK_BYTES": "0", "OLLAMA_HOST": ollama.url}
        async with RunningServer(small_disk / "data", environment) as server:
            person = Person(server)
            assert (await person.ask(TEXT, **ASKED))["response"] == ANSWER

            # A document is with the model when the disk fills up.
            _, accepted = await person.send(TEXT + b" 2", **{**ASKED, "Model": "delay-1500:1b"})
            await eventually(lambda: running(ollama))
            filler = fill(small_disk, leave=0)
            before = blobs(server)
            for content in (b"x" * 300_000, TEXT):
                assert await refusal(person, content) in NO_ROOM
            assert blobs(server) == before
            assert (await person.call("GET", "/health/live"))[0] == 200
            assert (await person.call("GET", "/queue"))[0] == 200
            await asyncio.sleep(2)

            # With room again the document ends, by its answer or by saying why not; new ones are taken.
            filler.unlink()
            status, body = await person.answer(accepted["id"])
            assert (status, body.get("response")) == (200, ANSWER) or (status, body["code"]) in NO_ROOM
            assert (await person.ask(TEXT + b" 3", **ASKED))["response"] == ANSWER
            await person.close()


async def running(ollama: OllamaDouble) -> bool:
    return ollama.stats.running > 0


@pytest.fixture
async def cramped(tmp_path: Path) -> AsyncIterator[RunningServer]:
    """A server whose files can be kept from growing, as a quota would; needs no privilege."""
    async with RunningServer(tmp_path / "data", {**QUICK, "EMENTA_EXTRACTION__CHILDREN": "1"}) as server:
        yield server


def limit_files(server: RunningServer, size: int | None) -> None:
    """Let no file of the server grow beyond `size` bytes; None lifts that."""
    _, most = resource.prlimit(server.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(server.pid, resource.RLIMIT_FSIZE, (most if size is None else size, most))


async def test_a_file_that_finds_no_room_leaves_nothing(cramped: RunningServer) -> None:
    person = Person(cramped)
    limit_files(cramped, 8_000_000)
    assert await refusal(person, b"a" * 9_000_000) == (507, "STORAGE_FULL")
    assert blobs(cramped) == []
    assert (await person.ask(TEXT, **ASKED))["response"] == ANSWER
    await person.close()


async def test_a_database_that_finds_no_room_recovers(cramped: RunningServer) -> None:
    person = Person(cramped)
    assert (await person.ask(TEXT, **ASKED))["response"] == ANSWER
    limit_files(cramped, 1000)
    before = blobs(cramped)
    for number in range(5):
        assert await refusal(person, TEXT + b"." * number) in NO_ROOM
    assert blobs(cramped) == before
    assert (await person.call("GET", "/queue"))[1]["total"] == 1
    limit_files(cramped, None)
    assert (await person.ask(TEXT + b" 2", **ASKED))["response"] == ANSWER
    await person.close()


@pytest.mark.parametrize(
    ("setting", "value", "expected"),
    [
        ("EMENTA_UPKEEP__MIN_FREE_DISK_BYTES", str(10**18), (507, "DISK_LOW")),
        ("EMENTA_UPKEEP__MAX_RSS_BYTES", "1000000", (503, "MEMORY_LOW")),
    ],
)
async def test_the_watch_refuses_uploads_before_it_hurts(
    tmp_path: Path, setting: str, value: str, expected: tuple[int, str]
) -> None:
    server = AliveServer(tmp_path / "data", {setting: value})
    async with server:
        person = Person(server)
        began = time.monotonic()
        assert await refusal(person, b"x" * 50_000_000) == expected
        assert time.monotonic() - began < 30
        status, body = await person.call("GET", "/health")
        assert (status, body["code"]) == (503, "NOT_READY")
        assert (await person.call("GET", "/queue"))[0] == 200
        await person.close()
    assert blobs(server) == []


class AliveServer(RunningServer):
    """A server that is waited for until it lives: this one is never ready for documents."""

    def is_ready(self) -> bool:

        try:
            with urllib.request.urlopen(f"{self.url}/health/live", timeout=1):
                return True
        except (OSError, urllib.error.URLError):
            return False
