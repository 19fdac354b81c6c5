"""Connections that are slow, broken, too many or given up: the others are still served, and nothing stays behind."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import aiohttp
import psutil
import pytest
from people import Person, eventually

from ementa.testing.ollama.double import OllamaDouble
from ementa.testing.server import RunningServer

ASKED = {"Prompt": "Extraia o CNPJ", "Format_Response": '{"cnpj": ""}', "Model": "ementa-reader"}
UPLOAD = 'POST /upload HTTP/1.1\r\nHost: x\r\nPrompt: x\r\nModel: ementa-reader\r\nFormat-Response: [""]\r\n'
SPARE = 20
"""Descriptors that may come and go by themselves: pooled database connections (two or three each), child processes,
log files, the spool of calls, kept connections to a model server."""


@pytest.fixture(scope="module")
def patient(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A server that gives up the slow after a second, with a model that never answers."""
    with OllamaDouble() as ollama:
        environment = {"EMENTA_APP__BODY_TIMEOUT_SECONDS": "1.5", "OLLAMA_HOST": ollama.url}
        with RunningServer(tmp_path_factory.mktemp("patient") / "data", environment) as running:
            yield running
        assert "unexpected error" not in running.log.read_text(encoding="utf-8", errors="replace")


@pytest.fixture
async def person(patient: RunningServer) -> AsyncIterator[Person]:
    """Somebody who behaves. When they leave, the server holds no more than before they came."""
    before = descriptors(patient)
    one = Person(patient)
    yield one
    await one.close()

    async def let_go() -> bool:
        return descriptors(patient) <= before + SPARE and await in_progress(patient) <= 1  # the scrape itself

    await eventually(let_go)
    assert not list((patient.data / "blobs" / ".incoming").iterdir())


def descriptors(server: RunningServer) -> int:
    return psutil.Process(server.pid).num_fds()


async def in_progress(server: RunningServer) -> float:
    async with aiohttp.ClientSession() as session, session.get(f"{server.url}/metrics") as answer:
        lines = (await answer.text()).splitlines()
    return next(float(line.split()[1]) for line in lines if line.startswith("ementa_http_requests_in_progress "))


async def talk(server: RunningServer, data: bytes, *, seconds: float = 15) -> bytes:
    """Everything that comes back for raw bytes, until the server closes."""
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    try:
        writer.write(data)
        await writer.drain()
        return await asyncio.wait_for(reader.read(), seconds)
    finally:
        writer.close()


def read_error(answer: bytes) -> tuple[int, str]:
    """Status and code of an answer in the one error form."""
    head, _, body = answer.partition(b"\r\n\r\n")
    told = json.loads(body)
    assert set(told) == {"error", "code", "details", "timestamp"}
    assert b"x-request-id:" in head.lower()
    return int(head.split()[1]), told["code"]


KEYED = UPLOAD + "Key: {key}\r\n"
CHUNKED = KEYED + "Transfer-Encoding: chunked\r\n"
LAST = " HTTP/1.1\r\nHost: x\r\nKey: {key}\r\nConnection: close\r\n\r\n"


@pytest.mark.parametrize(
    ("request_text", "status", "code"),
    [
        (CHUNKED + "\r\nZZZ\r\nhello\r\n", 400, "REQUEST_MALFORMED"),
        (CHUNKED + "\r\nffffffffffffffffff\r\n", 400, "REQUEST_MALFORMED"),
        (CHUNKED + "Content-Length: 5\r\n\r\n0\r\n\r\n", 400, "REQUEST_MALFORMED"),
        (CHUNKED + "\r\n5\r\nhello\r\n", 408, "BODY_TIMEOUT"),
        (KEYED + "Content-Length: 1000\r\n\r\nonly this", 408, "BODY_TIMEOUT"),
        (KEYED + "Expect: 100-continue\r\nContent-Length: 999999999\r\n\r\n", 413, "FILE_TOO_LARGE"),
        (UPLOAD + "Key: wrong\r\nExpect: 100-continue\r\nContent-Length: 9\r\n\r\n", 401, "UNAUTHENTICATED"),
        ("GET /health HTTP/1.1\r\nHost: x\r\n" + "X-A: b\r\n" * 20_000 + "\r\n", 431, "HEADERS_TOO_LARGE"),
        ("GET /%ff%fe/../%c0%af" + LAST, 400, "REQUEST_MALFORMED"),
        ("GET /queue/%F0%9F%92%A9" + LAST, 404, "ANALYSIS_NOT_FOUND"),
        ("GET /" + "a" * 20_000 + LAST, 404, "ROUTE_NOT_FOUND"),
        ("GET /" + "a" * 100_000 + LAST, 400, "REQUEST_MALFORMED"),
        ("OPTIONS /upload" + LAST, 405, "METHOD_NOT_ALLOWED"),
        ("PATCH /queue" + LAST, 405, "METHOD_NOT_ALLOWED"),
        ("BREW /upload" + LAST, 400, "REQUEST_MALFORMED"),
    ],
)
async def test_what_is_wrong_is_told_in_the_one_form(
    patient: RunningServer, person: Person, request_text: str, status: int, code: str
) -> None:
    answer = await talk(patient, request_text.replace("{key}", patient.key).encode())
    assert read_error(answer) == (status, code)


async def test_a_head_alone_is_not_offered_and_has_no_body(patient: RunningServer, person: Person) -> None:
    answer = await talk(patient, b"HEAD /health/live HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    assert answer.split()[1] == b"405"
    assert b"\r\nallow: GET\r\n" in answer.replace(b"Allow", b"allow")
    assert answer.endswith(b"\r\n\r\n")


async def test_an_upload_that_waits_for_leave_gets_it(patient: RunningServer, person: Person) -> None:
    text = b"CNPJ 11.222.333/0001-81"
    head = f"{UPLOAD}Key: {patient.key}\r\nContent-Length: {len(text)}\r\n"
    head += "Expect: 100-continue\r\nConnection: close\r\n\r\n"
    reader, writer = await asyncio.open_connection("127.0.0.1", patient.port)
    writer.write(head.encode())
    assert b" 100 " in await asyncio.wait_for(reader.readline(), 10)
    writer.write(text)
    assert b" 202 " in await asyncio.wait_for(reader.read(), 10)
    writer.close()


async def test_requests_sent_all_at_once_are_answered_in_their_order(patient: RunningServer, person: Person) -> None:
    paths = ["/health/live", "/nothing-1", "/health/live", "/nothing-2"] * 10
    asked = "".join(f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n" for path in paths[:-1])
    answer = await talk(patient, f"{asked}GET {paths[-1]} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
    statuses = [int(part[:3]) for part in answer.split(b"HTTP/1.1 ")[1:]]
    assert statuses == [200 if path == "/health/live" else 404 for path in paths]


async def test_the_slow_do_not_hold_up_the_others(patient: RunningServer, person: Person) -> None:
    async with AsyncExitStack() as stack:
        readers = []
        for number in range(150):
            reader, writer = await asyncio.open_connection("127.0.0.1", patient.port)
            stack.callback(writer.close)
            writer.write(b"GET /health HTTP/1.1\r\nHost: x\r\nX-Slow: " if number % 2 else f"{UPLOAD}Key: x".encode())
            readers.append(reader)
        status, _ = await person.call("GET", "/queue")
        assert status == 200
        for reader in readers:
            answer = await asyncio.wait_for(reader.read(), 20)
            assert read_error(answer) == (408, "BODY_TIMEOUT")


async def test_an_upload_given_up_half_way_leaves_nothing(patient: RunningServer, person: Person) -> None:
    before = uploads(patient), (await person.call("GET", "/queue"))[1]["total"]
    head = f"{UPLOAD}Key: {patient.key}\r\nContent-Length: 3000000\r\n\r\n"
    for _ in range(20):
        _, writer = await asyncio.open_connection("127.0.0.1", patient.port)
        writer.write(head.encode() + b"x" * 1_000_000)
        await writer.drain()
        writer.transport.abort()

    async def gone() -> bool:
        return not list((patient.data / "blobs" / ".incoming").iterdir())

    await eventually(gone)
    assert (uploads(patient), (await person.call("GET", "/queue"))[1]["total"]) == before


def uploads(server: RunningServer) -> set[Path]:
    return {path for path in (server.data / "blobs" / "uploads").rglob("*") if path.is_file()}


async def test_two_hundred_may_wait_and_all_are_told(patient: RunningServer, person: Person) -> None:
    _, accepted = await person.send(b"CNPJ 11.222.333/0001-81", **{**ASKED, "Model": "hang:1b"})
    async with AsyncExitStack() as stack:
        waiters = [asyncio.create_task(wait(patient, accepted["response_url"], stack)) for _ in range(200)]
        await asyncio.sleep(2)
        status, _ = await asyncio.wait_for(person.call("GET", "/health/live"), 10)
        assert status == 200
        assert not any(waiter.done() for waiter in waiters)
        await person.call("DELETE", accepted["queue_url"])
        told = await asyncio.wait_for(asyncio.gather(*waiters), 40)
    assert set(told) == {(410, "ANALYSIS_CANCELLED")}


async def wait(server: RunningServer, path: str, stack: AsyncExitStack) -> tuple[int, str]:
    session = await stack.enter_async_context(aiohttp.ClientSession())
    async with session.get(f"{server.url}{path}?wait=60", headers={"Key": server.key}) as answer:
        return answer.status, (await answer.json())["code"]


async def test_who_stops_waiting_is_forgotten(patient: RunningServer, person: Person) -> None:
    _, accepted = await person.send(b"CNPJ 11.222.333/0001-81", **{**ASKED, "Model": "hang:1b"})
    paths = [f"{accepted['response_url']}?wait=60", "/queue/events"] * 50
    writers = []
    for path in paths:
        _, writer = await asyncio.open_connection("127.0.0.1", patient.port)
        writer.write(f"GET {path} HTTP/1.1\r\nHost: x\r\nKey: {patient.key}\r\n\r\n".encode())
        writers.append(writer)

    async def all_in() -> bool:
        return await in_progress(patient) >= len(paths)

    await eventually(all_in)
    for writer in writers:
        writer.transport.abort()

    async def all_out() -> bool:
        return await in_progress(patient) <= 1

    await eventually(all_out)
    await person.call("DELETE", accepted["queue_url"])


async def test_fifty_listeners_hear_of_every_document(patient: RunningServer, person: Person) -> None:
    async with AsyncExitStack() as stack:
        heard: list[set[str]] = [set() for _ in range(50)]
        listeners = [asyncio.create_task(listen(patient, stack, one)) for one in heard]
        await asyncio.sleep(1)
        ids = {(await person.send(f"CNPJ {number}".encode(), **ASKED))[1]["id"] for number in range(3)}

        async def all_heard() -> bool:
            return all(ids <= one for one in heard)

        await eventually(all_heard, 40)
        for listener in listeners:
            listener.cancel()
        await asyncio.gather(*listeners, return_exceptions=True)
    for analysis_id in ids:
        await person.call("DELETE", f"/queue/{analysis_id}")


async def listen(server: RunningServer, stack: AsyncExitStack, heard: set[str]) -> None:
    session = await stack.enter_async_context(aiohttp.ClientSession())
    async with session.get(f"{server.url}/queue/events", headers={"Key": server.key}) as answer:
        async for line in answer.content:
            if line.startswith(b"data: "):
                heard.add(json.loads(line[6:])["id"])
