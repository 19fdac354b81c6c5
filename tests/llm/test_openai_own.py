"""What is the OpenAI-compatible adapter's own: kinds of servers, what they refuse, addresses, errors, vectors."""

import json
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from tests.llm.openai_bench import connect

from ementa.llm.base import Forward, collect
from ementa.llm.errors import (
    ModelBusy,
    ModelContextExceeded,
    ModelFailed,
    ModelKeyRefused,
    ModelRejected,
    ModelUnavailable,
)
from ementa.llm.hosts import parse_host
from ementa.llm.providers.openai_address import split_address
from ementa.llm.providers.openai_errors import answer_error
from ementa.llm.servers import ServerConfig
from ementa.llm.transport import Transport
from ementa.llm.types import EmbedRequest, RerankRequest, ToolCall
from ementa.testing.openai.catalogue import Flavour
from ementa.testing.openai.double import OpenAIDouble
from ementa.testing.providers import ask, error_of

CLOSED = {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"], "additionalProperties": False}
OPEN = {"type": "object", "properties": {"a": {"type": "string"}}}


@pytest.mark.parametrize(
    ("flavour", "context", "capabilities", "loaded"),
    [
        ("vllm", 32_768, (), True),
        ("llamacpp", 32_768, ("completion", "vision"), True),
        ("lmstudio", 4096, ("completion", "vision", "tools"), True),
        ("bare", 131_072, (), False),
    ],
)
async def test_models_as_each_server_lists_them(
    flavour: Flavour, context: int, capabilities: tuple[str, ...], loaded: bool, transport: Transport
) -> None:
    with OpenAIDouble(flavour=flavour) as double:
        provider = connect(double.url, transport)
        shown = await provider.show("double-chat")
        assert (shown.context_tokens, set(shown.capabilities)) == (context, set(capabilities))
        assert ("double-chat" in (await provider.health()).loaded) == loaded
        assert (await collect(provider.stream(ask("double-chat")))).text


async def test_what_openai_does_not_say_of_its_models(transport: Transport) -> None:
    with OpenAIDouble(flavour="openai") as double:
        provider = connect(double.url, transport, profile="openai")
        shown = {info.name: info for info in await provider.list_models()}
    assert shown["text-embedding-double"].capabilities == ("embedding",)
    assert "thinking" in shown["o4-double"].capabilities
    assert shown["gpt-4o-double"].context_tokens == 128_000


async def test_openai_is_asked_as_it_wants(transport: Transport) -> None:
    with OpenAIDouble(flavour="openai") as double:
        provider = connect(double.url, transport, profile="openai")
        await collect(provider.stream(ask("gpt-4o-double", schema=OPEN, max_tokens=77, top_k=3)))
        body = double.stats.bodies[-1]
        assert body["max_completion_tokens"] == 77
        assert not {"max_tokens", "top_k", "chat_template_kwargs", "reasoning_effort"} & set(body)
        assert body["response_format"]["json_schema"]["strict"] is False
        await collect(provider.stream(ask("gpt-4o-double", schema=CLOSED)))
        assert double.stats.bodies[-1]["response_format"]["json_schema"]["strict"] is True
        for think, effort in ((False, "low"), ("high", "high"), (None, None)):
            await collect(provider.stream(ask("o4-double", think=think, stop=("x",), top_p=0.5)))
            body = double.stats.bodies[-1]
            assert body.get("reasoning_effort") == effort
            assert not {"temperature", "stop", "top_p"} & set(body)
        assert double.stats.requests["POST /v1/chat/completions"] == 5


async def test_a_server_that_refuses_fields_is_asked_without_them(transport: Transport) -> None:
    with OpenAIDouble(flavour="openai") as double:
        provider = connect(double.url, transport, profile="vllm")  # which it is not
        result = await collect(provider.stream(ask("o4-double", top_k=4, max_tokens=50, think="high")))
        assert result.text
        body = double.stats.bodies[-1]
        assert body["max_completion_tokens"] == 50
        assert not {"max_tokens", "top_k", "temperature", "chat_template_kwargs"} & set(body)
        before = double.stats.requests["POST /v1/chat/completions"]
        await collect(provider.stream(ask("o4-double", top_k=4)))
        assert double.stats.requests["POST /v1/chat/completions"] == before + 1


async def test_what_cannot_be_left_out_stays_refused(transport: Transport) -> None:
    with OpenAIDouble(flavour="openai") as double:
        provider = connect(double.url, transport, profile="vllm")
        error = await error_of(ModelRejected, collect(provider.stream(ask("gpt-4o-double", schema=OPEN))))
        assert "additionalProperties" in str(error)
        assert double.stats.requests["POST /v1/chat/completions"] <= 4


async def test_numbers_of_a_prompt_that_does_not_fit(transport: Transport) -> None:
    for flavour in ("vllm", "openai", "llamacpp"):
        with OpenAIDouble(flavour=flavour) as double:
            provider = connect(double.url, transport)
            error = await error_of(ModelContextExceeded, collect(provider.stream(ask("context-overflow"))))
            assert (error.params["needed"], error.params["context"]) == (41_768, 32_768), flavour


async def test_when_to_come_back(transport: Transport) -> None:
    with OpenAIDouble() as double:
        error = await error_of(ModelBusy, collect(connect(double.url, transport).stream(ask("busy"))))
        assert error.params["retry_after"] == 7


async def test_a_wrong_key_is_refused_and_never_told(transport: Transport) -> None:
    with OpenAIDouble(key="sk-right-1234567") as double:
        provider = connect(double.url, transport, "sk-wrong-1234567")
        error = await error_of(ModelKeyRefused, collect(provider.stream(ask("double-chat"))))
        health = await provider.health()
        assert not health.reachable
        assert "sk-wrong" not in f"{error}{error.details}{health}{vars(provider)['host']}"
        good = double.url.replace("http://", "http://:sk-right-1234567@")
        provider = connect(good, transport)
        assert (await collect(provider.stream(ask("double-chat")))).text
        assert "sk-right" not in provider.host


@pytest.mark.parametrize(
    ("written", "secret", "options", "url", "header"),
    [
        ("http://gpu1:8000", "", {}, "http://gpu1:8000/v1", None),
        ("http://gpu1:8000/v1/", "k", {}, "http://gpu1:8000/v1", "Bearer k"),
        ("https://gw.example/openai/v1", "", {}, "https://gw.example:443/openai/v1", None),
        ("http://:segredo%21@gpu1:8000", "", {}, "http://gpu1:8000/v1", "Bearer segredo!"),
        ("http://segredo@gpu1:8000", "", {}, "http://gpu1:8000/v1", "Bearer segredo"),
        ("http://ana:senha@gpu1:8000", "", {}, "http://gpu1:8000/v1", "Basic YW5hOnNlbmhh"),
        ("http://ana:senha@gpu1:8000", "k", {}, "http://gpu1:8000/v1", "Bearer k"),
        ("http://gpu1:8000", "", {"exact_url": True}, "http://gpu1:8000", None),
        ("http://[::1]:8000", "", {}, "http://[::1]:8000/v1", None),
    ],
)
def test_addresses(written: str, secret: str, options: dict[str, Any], url: str, header: str | None) -> None:
    found, headers = split_address(ServerConfig("openai", "x", parse_host(written), secret, options=options))
    assert (found, headers.get("Authorization")) == (url, header)


async def test_absent_models_are_looked_for_again_only_after_a_while(transport: Transport) -> None:
    with OpenAIDouble() as double:
        provider = connect(double.url, transport)
        for _ in range(5):
            await error_of(ModelUnavailable, provider.show("not-there"))
        assert double.stats.requests["GET /v1/models"] == 1


async def test_faults_of_no_dialect(transport: Transport) -> None:
    with OpenAIDouble() as double:
        provider = connect(double.url, transport)
        for fault in ("html", "silent-end"):
            error = await error_of(ModelFailed, collect(provider.stream(ask(fault))))
            assert error.retryable
        call = Forward("/chat/completions", {"model": "silent-end", "stream": True}, "silent-end", True)
        async with provider.forward(call) as answer:
            with pytest.raises(ModelFailed):
                async for _ in answer.chunks:
                    pass


async def test_a_path_that_the_server_does_not_have(transport: Transport) -> None:
    for flavour in ("openai", "lmstudio"):
        with OpenAIDouble(flavour=flavour) as double:
            provider = connect(double.url, transport)
            request = RerankRequest("double-rerank", "prazo", ["contrato"])
            error = await error_of((ModelRejected, ModelFailed), provider.rerank(request))  # type: ignore[arg-type]
            assert "/v1/rerank" in str(error)


async def test_embeddings_only_as_floats(transport: Transport) -> None:
    bodies: list[dict[str, Any]] = []

    async def embed(request: web.Request) -> web.Response:
        bodies.append(await request.json())
        if "encoding_format" in bodies[-1]:
            detail = [{"type": "extra_forbidden", "loc": ["body", "encoding_format"], "msg": "Extra inputs are not"}]
            return web.json_response({"object": "error", "message": json.dumps(detail)}, status=422)
        data = [{"index": 1, "embedding": [0.5, 1]}, {"index": 0, "embedding": [0, 2.5]}]
        return web.json_response({"data": data, "usage": {"prompt_tokens": 3, "total_tokens": 3}})

    application = web.Application()
    application.router.add_post("/v1/embeddings", embed)
    async with TestServer(application) as server:
        provider = connect(str(server.make_url("")), transport)
        for _ in range(2):
            result = await provider.embed(EmbedRequest("m", ["a", "b"]))
            assert [list(vector) for vector in result.vectors] == [[0, 2.5], [0.5, 1]]
            assert result.prompt_tokens == 3
        assert [("encoding_format" in body) for body in bodies] == [True, False, False]
        error = await error_of(ModelFailed, provider.embed(EmbedRequest("m", ["a", "b", "c"])))
        assert "2 vectors for 3 texts" in str(error)


async def test_a_server_that_answers_in_one_piece(transport: Transport) -> None:
    call = {"type": "function", "function": {"name": "clima", "arguments": {"cidade": "Recife"}}}
    message = {"content": None, "reasoning": "Ver o tempo.", "tool_calls": [call]}
    answer = {"choices": [{"message": message, "finish_reason": "stop"}], "usage": {"prompt_tokens": 5}}

    async def chat(request: web.Request) -> web.Response:
        return web.json_response(answer)

    application = web.Application()
    application.router.add_post("/v1/chat/completions", chat)
    async with TestServer(application) as server:
        result = await collect(connect(str(server.make_url("")), transport).stream(ask("m")))
    assert (result.thinking, result.finish, result.prompt_tokens) == ("Ver o tempo.", "tool_calls", 5)
    (found,) = result.tool_calls
    assert found == ToolCall(found.id, "clima", '{"cidade":"Recife"}')
    assert found.id.startswith("call_")


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        ({"error": {"message": "slow down", "type": "rate_limit_error"}}, ModelBusy),
        ({"error": {"message": "boom", "code": 502}}, ModelFailed),
        ({"error": "Unexpected endpoint or method."}, ModelFailed),
        ({"object": "error", "message": "max_tokens must be at least 1", "type": "BadRequestError"}, ModelRejected),
        ({"error": {"message": "bad key", "code": "401", "status": 401}}, ModelKeyRefused),
        ({"error": {"message": "The model `x` does not exist.", "code": 404}}, ModelUnavailable),
        ({"error": {"message": "too long", "code": "context_length_exceeded"}}, ModelContextExceeded),
        ({"error": {}}, ModelFailed),
    ],
)
def test_errors_within_answers(body: dict[str, Any], kind: type[Exception]) -> None:
    assert type(answer_error("http://gpu1", "x", body)) is kind
