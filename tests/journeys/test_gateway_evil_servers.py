"""Model servers that are broken or hostile: whatever one sends, nobody learns its key, and the house goes on."""

import asyncio
import json
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from evil import ANSWER, CHUNK, EvilServer, Script, Wire
from people import eventually

from ementa.testing.server import RunningServer

SECRET = "sk-upstream-4711-abcdef-secret"
DEEP = 100_000
HUGE = b"9" * 200
THEIRS = {"set-cookie", "x-evil", "location", "content-encoding", "x-big"}


def replaced(old: bytes, new: bytes) -> bytes:
    """The answer with a part of its JSON replaced."""
    data = json.dumps(ANSWER).encode()
    assert data.count(old) == 1
    return data.replace(old, new)


def whole(content: Any, status: str = "200 OK", kind: str = "application/json", *more: str) -> Script:
    """Answers so, whatever it is asked."""

    async def script(wire: Wire) -> None:
        await wire.answer(content, status, kind, *more)

    return script


def told(status: str, **error: Any) -> Script:
    """Refuses with an error that repeats the key."""
    return whole({"error": {"message": f"wrong: {SECRET}", **error}}, status)


async def echo_headers(wire: Wire) -> None:
    await wire.answer({"error": {"message": str(wire.headers), "code": wire.headers["authorization"]}}, "401 No")


async def echo_in_stream(wire: Wire) -> None:
    await wire.head("200 OK", "text/event-stream")
    await wire.event(CHUNK)
    await wire.event({"error": {"message": f"oh {SECRET}"}})


async def endless(wire: Wire) -> None:
    await wire.head()
    while True:
        await wire.raw(b" " * 1_000_000)


async def endless_event(wire: Wire) -> None:
    await wire.head("200 OK", "text/event-stream")
    await wire.raw(b"data: ")
    while True:
        await wire.raw(b"a" * 1_000_000)


async def bomb(wire: Wire) -> None:
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    data = b"".join(packer.compress(b" " * 1_000_000) for _ in range(100)) + packer.flush()
    await wire.answer(data, "200 OK", "application/json", "Content-Encoding: gzip")


async def half(wire: Wire) -> None:
    await wire.head("200 OK", "application/json", "Content-Length: 1000")
    await wire.raw(b'{"choices":')
    wire.writer.close()


async def stream_of_other_script(wire: Wire) -> None:
    await wire.head("200 OK", "text/event-stream; x=中文")
    await wire.event(CHUNK)
    await wire.event({**CHUNK, "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]})
    await wire.event(b"[DONE]")


COUNT = b'"prompt_tokens": 1'
WELL: dict[str, Script] = {
    "plain": whole(ANSWER),
    "many-headers": whole(ANSWER, "200 OK", "application/json", "Set-Cookie: a=b", "X-Evil: 1", "Location: http://x"),
    "other-script": whole(ANSWER, "200 OK", "application/json; x=中文"),
    "other-script-stream": stream_of_other_script,
    "huge-count": whole(replaced(COUNT, b'"prompt_tokens": ' + HUGE)),
    "count-below-zero": whole(replaced(COUNT, b'"prompt_tokens": -5')),
    "counts-deep": whole(replaced(COUNT, b'"prompt_tokens": 1, "x": [[[[[[[[[[]]]]]]]]]]')),
}
"""Answers, though odd ones."""
ILL: dict[str, Script] = {
    "echo-headers": echo_headers,
    "echo-400": told("400 Bad", param=SECRET, code=SECRET),
    "echo-500": told("500 Bad"),
    "echo-context": told("400 Bad", code="context_length_exceeded"),
    "echo-page": whole(f"<html>{SECRET}".encode(), "502 Bad", "text/html"),
    "echo-200": told("200 OK", code=500),
    "echo-in-stream": echo_in_stream,
    "page": whole(b"<html><script>alert(1)</script>", "200 OK", "text/html"),
    "no-json": whole(b"{not json"),
    "no-utf8": whole(replaced(b'"oi"', b'"\xff\xc3"')),
    "nan": whole(replaced(COUNT, b'"prompt_tokens": NaN')),
    "nothing": whole(b""),
    "list": whole([1, 2]),
    "no-choices": whole({"choices": None}),
    "deep": whole(b'{"choices":' + b"[" * DEEP + b"]" * DEEP + b"}"),
    "deep-error": whole(b'{"error":' + b"[" * DEEP + b"]" * DEEP + b"}", "500 Bad"),
    "redirect": whole(b"", "302 Found", "text/plain", f"Location: http://127.0.0.1:1/{SECRET}"),
    "giant-header": whole(ANSWER, "200 OK", "application/json", "X-Big: " + "a" * 1_000_000),
    "half": half,
    "endless": endless,
    "endless-event": endless_event,
    "bomb": bomb,
}
"""No answers."""
ASKED: dict[str, dict[str, Any]] = {
    "/v1/chat/completions": {"messages": [{"role": "user", "content": "oi"}]},
    "/v1/completions": {"prompt": "oi"},
    "/v1/responses": {"input": "oi"},
    "/v1/embeddings": {"input": "oi"},
    "/v1/rerank": {"query": "oi", "documents": ["a"]},
    "/api/chat": {"messages": [{"role": "user", "content": "oi"}]},
    "/api/generate": {"prompt": "oi"},
    "/llm/generate": {"prompt": "oi"},
}
STREAMED = {"/v1/chat/completions", "/v1/completions", "/v1/responses", "/api/chat", "/api/generate"}
FACES = [(path, stream) for path in ASKED for stream in (False, True) if path in STREAMED or not stream]


@pytest.fixture(scope="module")
def evil() -> Iterator[EvilServer]:
    with EvilServer({**WELL, **ILL}) as server:
        yield server


@pytest.fixture(scope="module")
def house(evil: EvilServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    environment = {"OPENAI_BASE_URL": evil.url, "OPENAI_API_KEY": SECRET, "LOG_LEVEL": "DEBUG", "TIMEOUT": "60"}
    with RunningServer(tmp_path_factory.mktemp("house") / "data", environment) as running:
        yield running


async def ask(house: RunningServer, path: str, model: str, *, stream: bool) -> tuple[int, bytes]:
    """The status and the body of an answer, with no header of the model server."""
    body = {"model": model, **ASKED[path], **({"stream": stream} if path in STREAMED else {})}
    headers = {"Key": house.key}
    async with aiohttp.ClientSession() as http, http.post(house.url + path, headers=headers, json=body) as answer:
        data = await answer.read()
        for name, value in answer.headers.items():
            assert name.lower() not in THEIRS
            assert SECRET not in value
        assert SECRET.encode() not in data
        assert b"INTERNAL" not in data, data
        return answer.status, data


@pytest.mark.parametrize("model", ILL)
async def test_what_is_no_answer_is_an_error_without_secrets(
    house: RunningServer, evil: EvilServer, model: str
) -> None:
    before = resident(house)
    for path, stream in FACES:
        status, data = await ask(house, path, model, stream=stream)
        if status == 200:  # the stream had begun, or this face asks for something else
            assert b'"error"' in data or b"response.failed" in data, (path, data)
        else:
            assert status in (400, 413, 502), (path, status, data)
    assert resident(house) - before < 120
    await eventually(lambda: at_rest(evil))


@pytest.mark.parametrize("model", WELL)
async def test_odd_answers_are_answers(house: RunningServer, model: str) -> None:
    for path, stream in FACES:
        if path in STREAMED or path == "/llm/generate":
            status, data = await ask(house, path, model, stream=stream)
            assert status == 200 or (model == "other-script-stream" and not stream), (path, data)


async def test_wrong_counts_neither_overflow_nor_give_tokens_back(house: RunningServer) -> None:
    async def counted() -> list[dict[str, Any]]:
        url = f"{house.url}/usage?group_by=asked_model&model="
        async with aiohttp.ClientSession(headers={"Key": house.key}) as http:
            found: list[dict[str, Any]] = []
            for model in ("huge-count", "count-below-zero"):
                await ask(house, "/llm/generate", model, stream=False)
                async with http.get(url + model) as answer:
                    found += (await answer.json())["rows"]
        return found if len(found) == 2 else []

    huge, negative = await eventually(counted)
    assert 0 < huge["prompt_tokens"] / huge["calls"] <= 1_000_000_000
    assert negative["prompt_tokens"] == 0


async def test_afterwards_nothing_holds_the_secret_and_nothing_broke(house: RunningServer, evil: EvilServer) -> None:
    headers = {"Key": house.key}
    async with aiohttp.ClientSession(headers=headers) as http:
        for path in (
            "/health",
            "/metrics",
            "/openapi.json",
            "/admin/servers",
            "/admin/usage?group_by=status",
            "/models",
        ):
            async with http.get(house.url + path) as answer:
                assert SECRET not in await answer.text(), path
    assert any(SECRET in headers.get("authorization", "") for headers in evil.asked)
    for path in [*house.data.rglob("*"), house.log]:
        if path.is_file():
            assert SECRET.encode() not in path.read_bytes(), path
    assert "Traceback" not in house.log.read_text()


async def at_rest(evil: EvilServer) -> bool:
    await asyncio.sleep(0)
    return evil.running == 0


def resident(house: RunningServer) -> int:
    """MiB of memory."""
    status = Path(f"/proc/{house.pid}/status").read_text()
    return int(status.partition("VmRSS:")[2].split()[0]) // 1024
