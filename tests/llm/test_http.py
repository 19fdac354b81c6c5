"""What all providers over HTTP share, against servers that do as they please."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from ementa.llm.errors import ModelBusy, ModelFailed, ModelKeyRefused, ModelRejected, ModelTimeout, ServerUnreachable
from ementa.llm.http import (
    Deadline,
    HttpServer,
    Refused,
    encode,
    is_model_name,
    said_in,
    status_error,
    unreachable,
    whole_seconds,
)
from ementa.llm.transport import Transport

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@asynccontextmanager
async def serving(handler: Handler, transport: Transport, **headers: str) -> AsyncIterator[HttpServer]:
    application = web.Application()
    application.router.add_route("*", "/{path:.*}", handler)
    async with TestServer(application) as server:
        url = str(server.make_url("")).rstrip("/")
        yield HttpServer(url, transport, refusal=lambda m, refused: status_error(m, url, refused), headers=headers)


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (302, ModelRejected),
        (400, ModelRejected),
        (401, ModelKeyRefused),
        (403, ModelKeyRefused),
        (422, ModelRejected),
        (429, ModelBusy),
        (500, ModelFailed),
        (503, ModelBusy),
        (529, ModelBusy),
    ],
)
async def test_what_a_status_says(transport: Transport, status: int, error: type[Exception]) -> None:
    async def refuse(request: web.Request) -> web.Response:
        return web.json_response({"error": {"message": "no"}}, status=status)

    async with serving(refuse, transport) as server:
        with pytest.raises(error):
            await server.ask("GET", "/x", None, "m")


async def test_the_time_that_a_server_asks_for_is_passed_on(transport: Transport) -> None:
    async def refuse(request: web.Request) -> web.Response:
        return web.Response(status=429, headers={"Retry-After": request.query["after"]})

    async with serving(refuse, transport) as server:
        told = {"7": 7, "0.2": 1, "99999999": 3600, "Wed,%2021%20Oct%202015%2007:28:00%20GMT": 1}
        for written, seconds in told.items():
            with pytest.raises(ModelBusy) as caught:
                await server.ask("GET", f"/x?after={written}", None, "m")
            assert caught.value.params["retry_after"] == seconds
        with pytest.raises(ModelBusy) as caught:
            await server.ask("GET", "/x?after=soon", None, "m")
        assert "retry_after" not in caught.value.params


async def test_a_key_that_is_said_back_is_not_repeated(transport: Transport) -> None:
    async def refuse(request: web.Request) -> web.Response:
        return web.json_response({"error": f"wrong key {request.headers['x-key']}"}, status=401)

    async with serving(refuse, transport, **{"x-key": "secret-0123456789"}) as server:
        with pytest.raises(ModelKeyRefused) as caught:
            await server.ask("GET", "/x")
    assert "secret" not in str(caught.value)
    assert "wrong key …" in str(caught.value)


async def test_a_key_that_is_no_header_is_a_failure(transport: Transport) -> None:
    async def answer(request: web.Request) -> web.Response:
        return web.json_response({})

    async with serving(answer, transport, key="a\nb: c") as server:
        with pytest.raises(ModelFailed) as caught:
            await server.ask("GET", "/x")
    assert "b: c" not in str(caught.value)


@pytest.mark.parametrize("body", [b"", b"[1]", b"{", b"\xff", b"x" * 33 * 1024 * 1024])
async def test_what_is_no_object_is_a_failure(transport: Transport, body: bytes) -> None:
    async def answer(request: web.Request) -> web.Response:
        return web.Response(body=body)

    async with serving(answer, transport) as server:
        with pytest.raises(ModelFailed):
            await server.ask("GET", "/x")


async def test_a_server_that_speaks_no_tls(transport: Transport) -> None:
    async def answer(request: web.Request) -> web.Response:
        return web.json_response({})

    async with serving(answer, transport) as plain:
        server = HttpServer(plain.host.replace("http:", "https:"), transport, refusal=plain._refusal)
        with pytest.raises(ServerUnreachable):
            await server.ask("GET", "/x")


async def test_a_kept_connection_that_was_closed_is_tried_once_more(transport: Transport) -> None:
    calls = 0

    async def answer(request: web.Request) -> web.Response:
        nonlocal calls
        calls += 1
        if calls == 2:
            assert request.transport is not None
            request.transport.abort()
        return web.json_response({"n": calls})

    async with serving(answer, transport) as server:
        assert await server.ask("POST", "/x", {}) == {"n": 1}
        assert await server.ask("POST", "/x", {}) == {"n": 3}


async def test_a_deadline_holds_over_all_pieces_but_not_over_the_reader() -> None:
    closed = asyncio.Event()

    async def pieces() -> AsyncIterator[int]:
        try:
            yield 1
            yield 2
            await asyncio.Event().wait()
        finally:
            closed.set()

    deadline = Deadline(0.05, "m")
    each = deadline.each(pieces())  # type: ignore[arg-type]
    assert await anext(each) == 1
    assert await anext(each) == 2
    with pytest.raises(ModelTimeout):
        await anext(each)
    assert closed.is_set()


def test_broken_text_can_be_sent() -> None:
    assert encode({"a": "é"}) == '{"a":"é"}'.encode()
    assert encode({"a": "\ud800"}) == b'{"a": "\\ud800"}'


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"error": {"message": "a"}}, "a"),
        ({"error": "b"}, "b"),
        ({"message": "c"}, "c"),
        ({"detail": "d"}, "d"),
        ({"error": {}, "detail": [1]}, ""),
    ],
)
def test_words_of_errors(body: dict[str, object], words: str) -> None:
    assert said_in(body) == words


@pytest.mark.parametrize("name", ["", "..", "../x", "a/b", "a b", "a%2fb", "a?b", "a#b", "á", "-a", "x" * 201, "a\n"])
def test_names_that_never_reach_an_address(name: str) -> None:
    assert not is_model_name(name)


def test_names_of_models() -> None:
    assert all(map(is_model_name, ("claude-opus-4-1", "gemini-3.1-pro-preview", "gpt-4o@2024", "a")))


def test_seconds_that_make_no_sense() -> None:
    assert whole_seconds(float("nan")) is None
    assert whole_seconds(float("inf")) == 3600
    assert whole_seconds(-5) == 1


def test_an_absent_thing_is_only_a_missing_model_when_one_was_named() -> None:
    assert status_error("m", "h", Refused(404, "no")).code == "MODEL_UNAVAILABLE"
    assert status_error("", "h", Refused(404, "no")).code == "MODEL_REJECTED"


def test_an_unreachable_service_is_not_told_to_be_started() -> None:
    for language in ("pt", "en"):
        assert "ollama serve" not in unreachable("m", "https://api.anthropic.com", "timeout").text(language)
        assert "ollama serve" in unreachable("m", "http://gpu1:11434", "timeout").text(language)
