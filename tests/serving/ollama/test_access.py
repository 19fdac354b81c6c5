"""Who may ask what of `/api`, and what those are told who may not: in Ollama's own form."""

import asyncio
import io
import json
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
from people import eventually

from ementa.testing.ollama.double import OllamaDouble
from ementa.testing.server import RunningServer

ASKED = {"model": "gemma3:1b", "messages": [{"role": "user", "content": "oi"}]}


@pytest.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=60)) as session:
        yield session


async def told(answer: aiohttp.ClientResponse) -> tuple[int, dict[str, Any]]:
    """The status and the error, which must be in Ollama's form."""
    body = await answer.json()
    assert isinstance(body["error"], str)
    return answer.status, body


@pytest.mark.parametrize("headers", [{}, {"Key": "wrong"}, {"Authorization": "Bearer wrong"}])
async def test_without_a_key(http: aiohttp.ClientSession, server: RunningServer, headers: dict[str, str]) -> None:
    for method, path in (("POST", "/api/chat"), ("GET", "/api/tags"), ("POST", "/api/pull"), ("DELETE", "/api/delete")):
        async with http.request(method, server.url + path, headers=headers, json=ASKED) as answer:
            status, body = await told(answer)
        assert (status, body["code"]) == (401, "UNAUTHENTICATED")


async def test_what_clients_ask_before_anything_else_needs_no_key(
    http: aiohttp.ClientSession, server: RunningServer
) -> None:
    async with http.head(f"{server.url}/") as answer:
        assert answer.status == 200
    async with http.get(f"{server.url}/api/version") as answer:
        assert (await answer.json())["version"].count(".") == 2


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b"", 400, "BODY_NOT_JSON"),
        (b"{", 400, "BODY_NOT_JSON"),
        (b"[]", 400, "BODY_NOT_JSON"),
        (b"\xff\xfe", 400, "BODY_NOT_JSON"),
        (b"[" * 5000 + b"]" * 5000, 400, "BODY_TOO_DEEP"),
        (b'{"model":"gemma3:1b","messages":[{"role":"user","content":3}]}', 400, "PARAMETER_INVALID"),
        (b'{"messages":[{"role":"user","content":"x"}]}', 400, "PARAMETER_INVALID"),
        (b'{"model":"nope:1b","messages":[{"role":"user","content":"x"}]}', 404, "MODEL_UNAVAILABLE"),
        (b'{"model":"all-minilm","messages":[{"role":"user","content":"x"}]}', 400, "MODEL_CANNOT_CHAT"),
        (b'{"model":"fail-before:1b","messages":[{"role":"user","content":"x"}]}', 502, "MODEL_FAILED"),
    ],
)
async def test_bad_requests(
    http: aiohttp.ClientSession, server: RunningServer, body: bytes, status: int, code: str
) -> None:
    async with http.post(f"{server.url}/api/chat", headers={"Key": server.key}, data=body) as answer:
        seen, error = await told(answer)
    assert (seen, error["code"]) == (status, code)


async def test_a_body_beyond_the_limit(http: aiohttp.ClientSession, server: RunningServer) -> None:
    data = json.dumps({**ASKED, "system": "x" * 80_000_000}).encode()
    async with http.post(f"{server.url}/api/chat", headers={"Key": server.key}, data=io.BytesIO(data)) as answer:
        status, _ = await told(answer)
    assert status == 413


async def test_addresses_that_are_not_there(http: aiohttp.ClientSession, server: RunningServer) -> None:
    async with http.get(f"{server.url}/api/nothing", headers={"Key": server.key}) as answer:
        assert (await told(answer))[0] == 404
    async with http.get(f"{server.url}/api/chat", headers={"Key": server.key}) as answer:
        assert (await told(answer))[0] == 405


async def test_errors_speak_the_language_of_the_client(http: aiohttp.ClientSession, server: RunningServer) -> None:
    headers = {"Key": server.key, "Accept-Language": "en"}
    async with http.post(f"{server.url}/api/chat", headers=headers, data=b"{") as answer:
        assert "The request body is not a JSON object" in (await told(answer))[1]["error"]


@pytest.mark.parametrize("stream", [True, False])
async def test_a_client_who_leaves_frees_the_model(
    http: aiohttp.ClientSession, server: RunningServer, upstream: OllamaDouble, stream: bool
) -> None:
    cancelled = upstream.stats.cancelled
    body = {**ASKED, "model": "pace-300:1b", "stream": stream}
    asking = asyncio.create_task(_read_some(http, server, body))
    await eventually(lambda: _is(upstream.stats.running == 1))
    await asyncio.sleep(0.4)
    asking.cancel()
    await eventually(lambda: _is(upstream.stats.cancelled == cancelled + 1), 5)
    assert upstream.stats.running == 0


async def _read_some(http: aiohttp.ClientSession, server: RunningServer, body: dict[str, Any]) -> None:
    async with http.post(f"{server.url}/api/chat", headers={"Key": server.key}, json=body) as answer:
        await answer.read()


async def _is(true: bool) -> bool:
    return true
