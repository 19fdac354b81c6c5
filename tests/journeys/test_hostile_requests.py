"""Requests that mean harm, or are merely broken: each a clear 4xx in the one error form, and nothing left on disk."""

import asyncio
import io
import json
import zipfile
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest
from people import Person

from ementa.testing.server import RunningServer

GOOD = {"Prompt": "Extraia o CNPJ", "Format_Response": '{"cnpj": ""}', "Model": "ementa-reader"}
TEXT = b"CNPJ 11.222.333/0001-81"


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> RunningServer:
    """A server with small limits, shared by these tests: each must leave it as it found it."""
    environment = {"EMENTA_EXTRACTION__MAX_UPLOAD_BYTES": "2000000", "EMENTA_APP__BODY_TIMEOUT_SECONDS": "1"}
    with RunningServer(tmp_path_factory.mktemp("guarded") / "data", environment) as running:
        yield running


@pytest.fixture
async def stranger(guarded: RunningServer) -> AsyncIterator[Person]:
    person = Person(guarded)
    yield person
    await person.close()
    assert blobs(guarded) == []


def blobs(server: RunningServer) -> list[Path]:
    return [path for path in (server.data / "blobs").rglob("*") if path.is_file()]


def assert_explained(status: int, body: object, code: str) -> None:
    assert isinstance(body, dict)
    assert 400 <= status < 500
    assert set(body) == {"error", "code", "details", "timestamp"}
    assert body["code"] == code
    assert body["error"]


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"Prompt": ""}, "HEADER_REQUIRED"),
        ({"Model": ""}, "HEADER_REQUIRED"),
        ({"Format_Response": ""}, "HEADER_REQUIRED"),
        ({"TTL": "999999999"}, "HEADER_INVALID"),
        ({"Priority": "now!"}, "HEADER_INVALID"),
        ({"Callback_Url": "http://169.254.169.254/latest"}, "CALLBACK_REFUSED"),
        ({"Format_Response": '{"cnpj": '}, "FORMAT_INVALID"),
        ({"Format_Response": '{"a": 1, "a": 2}'}, "FORMAT_INVALID"),
        ({"Filename": "virus.exe"}, "EXTENSION_REFUSED"),
        ({"Filename": "nota.pdf"}, "CONTENT_MISMATCH"),
    ],
)
async def test_a_wrong_field_is_named(stranger: Person, changed: dict[str, str], code: str) -> None:
    status, body = await stranger.send(TEXT, **{**GOOD, **changed})
    assert_explained(status, body, code)


async def test_a_repeated_header_is_not_guessed(guarded: RunningServer, stranger: Person) -> None:
    headers = [("Key", guarded.key), ("Prompt", "a"), ("Prompt", "b"), ("Model", "m"), ("Format-Response", "{}")]
    async with (
        aiohttp.ClientSession() as session,
        session.post(guarded.url + "/upload", headers=headers, data=TEXT) as answer,
    ):
        assert_explained(answer.status, await answer.json(), "HEADER_REPEATED")


async def test_no_file_at_all(stranger: Person) -> None:
    status, body = await stranger.send(b"", **GOOD)
    assert_explained(status, body, "FILE_REQUIRED")
    status, body = await stranger.send(b"", **GOOD, Filename="vazio.pdf")
    assert_explained(status, body, "FILE_EMPTY")


async def test_a_file_over_the_limit_is_cut_short(guarded: RunningServer, stranger: Person) -> None:
    status, body = await stranger.send(b"x" * 2_000_001, **GOOD)
    assert_explained(status, body, "FILE_TOO_LARGE")


async def test_a_gigabyte_is_refused_while_it_is_being_sent(guarded: RunningServer, stranger: Person) -> None:
    sent = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal sent
        for _ in range(1024):
            sent += 1_048_576
            yield b"x" * 1_048_576

    headers = {"Key": guarded.key, "Prompt": "x", "Model": "ementa-reader", "Format-Response": '[""]'}
    async with aiohttp.ClientSession() as session:
        try:
            async with session.post(guarded.url + "/upload", headers=headers, data=endless()) as answer:
                assert_explained(answer.status, await answer.json(), "FILE_TOO_LARGE")
        except aiohttp.ClientError:
            pass  # the server answered and hung up while we were still talking
    assert sent < 200_000_000


async def test_a_body_that_trickles_is_given_up(guarded: RunningServer, stranger: Person) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", guarded.port)
    head = "POST /upload HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\nPrompt: x\r\nModel: ementa-reader\r\n"
    writer.write(f'{head}Format-Response: [""]\r\nKey: {guarded.key}\r\n\r\nab'.encode())
    await writer.drain()
    answer = await asyncio.wait_for(reader.read(), 15)
    writer.close()
    assert b" 408 " in answer.split(b"\r\n")[0]
    assert_explained(408, json.loads(answer.split(b"\r\n\r\n", 1)[1]), "BODY_TIMEOUT")


async def test_a_million_keys_are_refused_quickly(stranger: Person) -> None:
    form = aiohttp.FormData()
    form.add_field("file", TEXT, filename="nota.txt")
    form.add_field("format_response", json.dumps({f"k{number}": "" for number in range(60_000)}))
    status, body = await stranger.call("POST", "/upload", {"Prompt": "x", "Model": "ementa-reader"}, form)
    assert_explained(status, body, "FORMAT_TOO_LARGE")


async def test_a_deep_format_is_refused(stranger: Person) -> None:
    status, body = await stranger.send(TEXT, **{**GOOD, "Format_Response": "[" * 5000 + "]" * 5000})
    assert_explained(status, body, "FORMAT_TOO_LARGE")


async def test_a_path_in_a_name_goes_nowhere(guarded: RunningServer, stranger: Person) -> None:
    status, accepted = await stranger.send(TEXT, **GOOD, Filename="..%2F..%2Fetc%2Fcron.d%2Fevil.txt")
    assert status == 202
    _, item = await stranger.call("GET", accepted["queue_url"])
    assert item["filename"] == "evil.txt"
    await stranger.call("DELETE", accepted["queue_url"])
    for path in ("/queue/../../etc/passwd", "/response/..%2F..%2Fetc", "/response/" + "x" * 5000, "/queue/%00"):
        status, body = await stranger.call("GET", path)
        assert status == 404
        assert set(body) == {"error", "code", "details", "timestamp"}


async def test_a_zip_bomb_ends_in_its_own_error(stranger: Person) -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("[Content_Types].xml", "<Types/>")
        archive.writestr("word/document.xml", b"\0" * 900_000_000)
    status, accepted = await stranger.send(packed.getvalue(), **GOOD, Filename="bomba.docx")
    if status != 202:
        assert 400 <= status < 500
        return
    status, body = await stranger.answer(accepted["id"])
    assert_explained(status, body, "DECOMPRESSION_BOMB")
    await stranger.call("DELETE", accepted["queue_url"])


async def test_headers_that_are_too_long(guarded: RunningServer, stranger: Person) -> None:
    status, body = await stranger.send(TEXT, **{**GOOD, "Prompt": "x" * 25_000})
    assert_explained(status, body, "HEADER_TOO_LARGE")


async def test_wrong_key_without_reading_the_body(guarded: RunningServer, stranger: Person) -> None:
    thief = Person(guarded, key="x" * 40)
    try:
        status, body = await thief.send(b"x" * 1_000_000, **GOOD)
        assert_explained(status, body, "UNAUTHENTICATED")
    finally:
        await thief.close()
