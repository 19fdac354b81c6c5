"""Requests to `/v1` that are broken, too large, too deep, not permitted, or whose client goes away."""

import asyncio
import io
import json
import socket
from typing import Any

import aiohttp
import pytest
from people import eventually

from ementa.testing.ollama.double import OllamaDouble
from ementa.testing.openai.double import OpenAIDouble
from ementa.testing.server import RunningServer

ASKED = {"model": "gemma3:1b", "messages": [{"role": "user", "content": "oi"}]}
BROKEN_IMAGE = {"type": "image_url", "image_url": {"url": "data:image/png;base64,@@"}}
HELLO = json.dumps(ASKED).encode()


def with_(**more: Any) -> bytes:
    return json.dumps({**ASKED, **more}).encode()


def nested(levels: int) -> bytes:
    return b'{"model":"gemma3:1b","messages":' + b"[" * levels + b"]" * levels + b"}"


async def told(answer: aiohttp.ClientResponse) -> tuple[int, dict[str, Any]]:
    """The status and the error, which must be in OpenAI's form."""
    body = await answer.json()
    assert set(body) == {"error"}, body
    error = body["error"]
    assert {"message", "type", "param", "code", "ementa_code", "details"} == set(error)
    assert error["message"]
    return answer.status, error


@pytest.mark.parametrize(
    ("body", "status", "code", "param"),
    [
        (b"", 400, "BODY_NOT_JSON", None),
        (b"{", 400, "BODY_NOT_JSON", None),
        (b"[]", 400, "BODY_NOT_JSON", None),
        (b"null", 400, "BODY_NOT_JSON", None),
        (b'{"model": NaN}', 400, "BODY_NOT_JSON", None),
        (b"\xff\xfe", 400, "BODY_NOT_JSON", None),
        (b'{"model": "\\ud800"}', 400, "BODY_NOT_JSON", None),
        (nested(99), 400, "PARAMETER_INVALID", "messages[0]"),
        (nested(100), 400, "BODY_TOO_DEEP", None),
        (nested(5000), 400, "BODY_TOO_DEEP", None),
        (b'{"messages":[{"role":"user","content":"x"}]}', 400, "PARAMETER_INVALID", "model"),
        (with_(model=3), 400, "PARAMETER_INVALID", "model"),
        (with_(model=" "), 400, "PARAMETER_INVALID", "model"),
        (with_(stream="yes"), 400, "PARAMETER_INVALID", "stream"),
        (with_(stream=True, stream_options=3), 400, "PARAMETER_INVALID", "stream_options"),
        (with_(messages="oi"), 400, "PARAMETER_INVALID", "messages"),
        (with_(messages=[]), 400, "PARAMETER_INVALID", "messages"),
        (with_(messages=[{"content": "oi"}]), 400, "PARAMETER_INVALID", "messages[0].role"),
        (with_(messages=[{"role": "boss", "content": "oi"}]), 400, "PARAMETER_INVALID", "messages[0].role"),
        (with_(messages=[{"role": "user", "content": [{"type": "input_audio"}]}]), 400, "PARAMETER_UNSUPPORTED",
         "messages[0].content[0].type"),
        (with_(model="gemma3:4b", messages=[{"role": "user", "content": [BROKEN_IMAGE]}]), 400, "PARAMETER_INVALID",
         "messages[0].content[0].image_url"),
        (with_(max_tokens=0), 400, "PARAMETER_INVALID", "max_tokens"),
        (with_(temperature=3), 400, "PARAMETER_INVALID", "temperature"),
        (with_(seed=2**70), 400, "PARAMETER_INVALID", "seed"),
        (with_(model="qwen2:7b", tools=[{"type": "web_search"}]), 400, "PARAMETER_UNSUPPORTED", "tools[0]"),
        (with_(response_format={"type": "yaml"}), 400, "PARAMETER_INVALID", "response_format"),
        (with_(reasoning_effort="furious"), 400, "PARAMETER_INVALID", "reasoning_effort"),
        (with_(model="nope"), 404, "MODEL_UNAVAILABLE", "model"),
        (with_(model="all-minilm"), 400, "MODEL_CANNOT_CHAT", "model"),
    ],
)  # fmt: skip
async def test_broken_bodies(
    http: aiohttp.ClientSession, server: RunningServer, body: bytes, status: int, code: str, param: str | None
) -> None:
    headers = {"Key": server.key}
    async with http.post(f"{server.url}/v1/chat/completions", headers=headers, data=body) as answer:
        answered, error = await told(answer)
    assert (answered, error["ementa_code"], error["param"]) == (status, code, param)


async def test_a_body_that_is_too_large(http: aiohttp.ClientSession, server: RunningServer) -> None:
    headers = {"Key": server.key}
    data = b'{"model": "' + b"x" * 2_000_001 + b'"}'
    async with http.post(f"{server.url}/v1/chat/completions", headers=headers, data=io.BytesIO(data)) as answer:
        assert (await told(answer))[0] == 413
    large = with_(messages=[{"role": "user", "content": "x " * 600_000}], max_tokens=5)
    assert 1_000_000 < len(large) < 2_000_000  # more than other addresses take
    async with http.post(f"{server.url}/v1/chat/completions", headers=headers, data=io.BytesIO(large)) as answer:
        status, error = await told(answer)
    assert (status, error["code"]) == (400, "context_length_exceeded")


@pytest.mark.parametrize("headers", [{}, {"Key": "wrong"}, {"Authorization": "Bearer wrong"}])
async def test_without_a_key(http: aiohttp.ClientSession, server: RunningServer, headers: dict[str, str]) -> None:
    for method, path in (
        ("POST", "chat/completions"),
        ("GET", "models"),
        ("POST", "embeddings"),
        ("POST", "responses"),
    ):
        async with http.request(method, f"{server.url}/v1/{path}", headers=headers, data=HELLO) as answer:
            status, error = await told(answer)
            assert answer.headers["www-authenticate"].startswith("Bearer")
        assert (status, error["code"], error["ementa_code"]) == (401, "invalid_api_key", "UNAUTHENTICATED")


async def test_wrong_addresses_and_methods(http: aiohttp.ClientSession, server: RunningServer) -> None:
    headers = {"Key": server.key}
    async with http.get(f"{server.url}/v1/chat/completions", headers=headers) as answer:
        status, error = await told(answer)
        assert answer.headers["allow"] == "POST"
    assert (status, error["code"]) == (405, "METHOD_NOT_ALLOWED")
    for path in ("/v1", "/v1/", "/v1/nothing", "/v1/chat/completions/x"):
        async with http.post(f"{server.url}{path}", headers=headers, data=HELLO) as answer:
            status, error = await told(answer)
        assert (status, error["code"]) == (404, "ROUTE_NOT_FOUND")


async def test_errors_speak_the_language_of_the_client(http: aiohttp.ClientSession, server: RunningServer) -> None:
    headers = {"Key": server.key, "Accept-Language": "en"}
    async with http.post(f"{server.url}/v1/chat/completions", headers=headers, data=b"{") as answer:
        assert "The request body is not a JSON object" in (await told(answer))[1]["message"]


async def test_half_a_head_is_answered_in_openais_form(server: RunningServer) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    writer.write(b"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nBad Header: y\r\n\r\n")
    async with asyncio.timeout(30):
        answer = await reader.read()
    writer.close()
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert json.loads(answer.partition(b"\r\n\r\n")[2])["error"]["code"] == "REQUEST_MALFORMED"


async def test_a_key_that_only_reads_may_list_but_not_ask(http: aiohttp.ClientSession, server: RunningServer) -> None:
    key = await new_key(http, server, scopes=["read"])
    headers = {"Authorization": f"Bearer {key}"}
    async with http.get(f"{server.url}/v1/models", headers=headers) as answer:
        assert answer.status == 200
    async with http.post(f"{server.url}/v1/chat/completions", headers=headers, data=HELLO) as answer:
        status, error = await told(answer)
    assert (status, error["type"], error["code"]) == (403, "permission_error", "SCOPE_MISSING")


async def test_a_key_of_some_models_sees_and_asks_only_those(
    http: aiohttp.ClientSession, server: RunningServer
) -> None:
    key = await new_key(http, server, models=["gemma3:*", "qwen2:7b"])
    headers = {"Authorization": f"Bearer {key}"}
    async with http.get(f"{server.url}/v1/models", headers=headers) as answer:
        names = {model["id"] for model in (await answer.json())["data"]}
    assert names == {"gemma3:1b", "gemma3:4b", "qwen2:7b", "qwen2-7b"}  # the last is another name of the third
    for model, status in (
        ("gemma3:1b", 200),
        ("qwen2-7b", 200),
        ("llama3.1:8b", 403),
        ("double-chat", 403),
        ("x", 403),
    ):
        async with http.post(f"{server.url}/v1/chat/completions", headers=headers, data=with_(model=model)) as answer:
            assert answer.status == status, model
            if status == 403:
                assert (await told(answer))[1]["code"] == "MODEL_NOT_PERMITTED"
    async with http.get(f"{server.url}/v1/models/llama3.1:8b", headers=headers) as answer:
        assert (await told(answer))[0] == 403
    body = {"model": "all-minilm", "input": "oi"}
    async with http.post(f"{server.url}/v1/embeddings", headers=headers, json=body) as answer:
        assert (await told(answer))[0] == 403


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize("path", ["chat/completions", "responses"])
async def test_a_client_who_leaves_frees_the_model(
    http: aiohttp.ClientSession, server: RunningServer, upstream: OllamaDouble, stream: bool, path: str
) -> None:
    cancelled = upstream.stats.cancelled
    body = {**ASKED, "model": "pace-300:1b", "stream": stream, "input": "uma pergunta bem longa para render pedaços"}
    asking = asyncio.create_task(read_some(http, server, path, body))
    await eventually(lambda: is_(upstream.stats.running == 1))
    await asyncio.sleep(0.5)
    asking.cancel()
    await eventually(lambda: is_(upstream.stats.cancelled == cancelled + 1), 5)
    assert upstream.stats.running == 0


@pytest.mark.parametrize("stream", [True, False])
async def test_a_client_who_leaves_frees_a_server_of_its_own_dialect(
    http: aiohttp.ClientSession, server: RunningServer, native: OpenAIDouble, stream: bool
) -> None:
    cancelled = native.stats.cancelled
    body = {**ASKED, "model": "hang-mid:native", "stream": stream}
    asking = asyncio.create_task(read_some(http, server, "chat/completions", body))
    await eventually(lambda: is_(native.stats.running == 1))
    await asyncio.sleep(0.5)
    asking.cancel()
    await eventually(lambda: is_(native.stats.cancelled == cancelled + 1), 5)
    assert native.stats.running == 0


async def test_one_line_tells_of_a_request_and_never_its_words(
    http: aiohttp.ClientSession, server: RunningServer
) -> None:
    headers = {"Key": server.key, "X-Request-Id": "uma-linha-1"}
    data = with_(messages=[{"role": "user", "content": "palavra-sigilosa"}])
    async with http.post(f"{server.url}/v1/chat/completions", headers=headers, data=data) as answer:
        assert answer.status == 200

    async def lines() -> list[dict[str, Any]]:
        text = (server.data / "logs" / "ementa.log").read_text(encoding="utf-8")
        return [line for line in map(json.loads, text.splitlines()) if line.get("request_id") == "uma-linha-1"]

    (line,) = await eventually(lines)
    assert (line["message"], line["status"], line["path"]) == ("request", 200, "/v1/chat/completions")
    assert (line["model"], line["outcome"], line["cached"]) == ("gemma3:1b", "ok", False)
    assert line["prompt_tokens"] > 0
    assert line["output_tokens"] > 0
    assert "palavra-sigilosa" not in server.log.read_text(encoding="utf-8")


async def test_requests_one_after_the_other_on_one_connection(server: RunningServer) -> None:
    lines = ("POST /v1/chat/completions HTTP/1.1", "Host: x", f"Key: {server.key}", f"Content-Length: {len(HELLO)}")
    head = "\r\n".join([*lines, "", ""])
    with socket.create_connection(("127.0.0.1", server.port), timeout=30) as connection:
        connection.sendall((head.encode() + HELLO) * 3)
        received = b""
        while received.count(b'"finish_reason":"stop"') < 3:
            chunk = connection.recv(65_536)
            assert chunk, received
            received += chunk
    assert received.count(b"HTTP/1.1 200") == 3


async def new_key(http: aiohttp.ClientSession, server: RunningServer, **more: Any) -> str:
    async with http.post(
        f"{server.url}/admin/keys", headers={"Key": server.key}, json={"name": "teste", **more}
    ) as made:
        body = await made.json()
        assert made.status in (200, 201), body
        return body["key"] if isinstance(body.get("key"), str) else body["secret"]


async def read_some(http: aiohttp.ClientSession, server: RunningServer, path: str, body: dict[str, Any]) -> None:
    async with http.post(f"{server.url}/v1/{path}", headers={"Key": server.key}, json=body) as answer:
        await answer.read()


async def is_(true: bool) -> bool:
    return true
