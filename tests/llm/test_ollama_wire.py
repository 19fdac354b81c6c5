"""What an Ollama server, or one that says it is one, may send: read with suspicion, on a server that says just that."""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from ementa.llm.base import collect
from ementa.llm.errors import ModelContextExceeded, ModelFailed, ModelRejected, ModelUnavailable
from ementa.llm.providers.ollama import OllamaProvider, connect
from ementa.llm.servers import ServerConfig
from ementa.llm.settings import LlmSettings
from ementa.llm.transport import Transport
from ementa.llm.types import ChatDelta, EmbedRequest, Message, Tool, ToolCall
from ementa.testing.ollama.double import OllamaDouble
from ementa.testing.provider_content import PNG
from ementa.testing.providers import ask, every, until

DONE = {"message": {"role": "assistant", "content": ""}, "done": True, "done_reason": "stop"}


@dataclass
class Script:
    """A server that says what a test wants."""

    provider: OllamaProvider
    lines: list[Any] = field(default_factory=list)
    shown: dict[str, Any] = field(default_factory=dict)
    requests: list[web.Request] = field(default_factory=list)
    connections: set[int] = field(default_factory=set)

    def handle(self, request: web.Request) -> web.Response:
        self.requests.append(request)
        self.connections.add(id(request.transport))
        if request.path == "/api/show":
            return web.json_response(self.shown)
        data = b"\n".join(line if isinstance(line, bytes) else json.dumps(line).encode() for line in self.lines)
        return web.Response(body=data + b"\n", content_type="application/x-ndjson")


@pytest.fixture
async def script(transport: Transport) -> AsyncIterator[Script]:
    async def handle(request: web.Request) -> web.Response:
        await request.read()
        return script.handle(request)

    application = web.Application()
    application.router.add_route("*", "/{path:.*}", handle)
    async with TestServer(application) as server:
        url = str(server.make_url("")).rstrip("/")
        script = Script(connect(ServerConfig("ollama", "ollama", url, secret="segredo-123"), LlmSettings(), transport))
        yield script


def said(**message: Any) -> dict[str, Any]:
    return {"message": {"role": "assistant", **message}, "done": False}


async def test_calls_in_every_form(script: Script) -> None:
    first = {"function": {"name": "a", "arguments": {"x": 1, "y": "ç"}}}
    second = {"id": "call_9", "type": "function", "function": {"index": 1, "name": "b", "arguments": '{"z": 2}'}}
    third = {"id": "", "function": {"name": "c"}}
    script.lines = [said(content="", tool_calls=[first, second]), said(content="", tool_calls=[third]), DONE]
    *deltas, result = await every(script.provider, ask("m"))
    assert [(call.id, call.name, json.loads(call.arguments)) for call in result.tool_calls] == [
        ("call_0", "a", {"x": 1, "y": "ç"}),
        ("call_9", "b", {"z": 2}),
        ("call_2", "c", {}),
    ]
    assert [len(delta.tool_calls) for delta in deltas if isinstance(delta, ChatDelta)] == [2, 1]
    assert result.finish == "tool_calls"


async def test_a_call_in_the_last_line_counts(script: Script) -> None:
    call = {"id": "x", "function": {"name": "a", "arguments": {}}}
    script.lines = [{**DONE, "message": {"role": "assistant", "content": "", "tool_calls": [call]}}]
    result = await collect(script.provider.stream(ask("m")))
    assert (result.tool_calls, result.finish) == ((ToolCall("x", "a", "{}"),), "tool_calls")


async def test_thought_and_text_may_share_a_line(script: Script) -> None:
    script.lines = [said(content=None, thinking="hum"), said(content="Sim", thinking="!"), said(content="."), DONE]
    *deltas, result = await every(script.provider, ask("m"))
    assert deltas == [ChatDelta("", "hum"), ChatDelta("Sim", "!"), ChatDelta(".")]
    assert (result.text, result.thinking) == ("Sim.", "hum!")


@pytest.mark.parametrize(("count", "tokens"), [(12, 12), (12.0, 12), (None, 0), ("12", 0), (-1, 0), (1e300, 0)])
async def test_counters_of_every_kind(script: Script, count: Any, tokens: int) -> None:
    script.lines = [said(content="oi"), {**DONE, "prompt_eval_count": count, "eval_count": count}]
    result = await collect(script.provider.stream(ask("m")))
    assert (result.prompt_tokens, result.output_tokens) == (tokens, tokens)


@pytest.mark.parametrize(
    "line",
    [
        b"[]",
        b"null",
        b'{"message": "oi"}',
        b'{"message": {"content": 5}}',
        b'{"done": "yes"}',
        b"\xff\xfe",
        b'{"message": {"content": "\xc3"}}',
    ],
)
async def test_what_is_no_answer_is_a_failure(script: Script, line: bytes) -> None:
    script.lines = [line, DONE]
    with pytest.raises(ModelFailed, match="unreadable answer"):
        await collect(script.provider.stream(ask("m")))


@pytest.mark.parametrize("error", ["request (9 tokens) exceeds the available context size (4 tokens)"])
async def test_an_error_line_means_what_it_says(script: Script, error: str) -> None:
    script.lines = [{"error": error}]
    with pytest.raises(ModelContextExceeded) as caught:
        await collect(script.provider.stream(ask("m")))
    assert "9" in caught.value.text("en")


async def test_connections_are_kept_for_the_next_request(script: Script) -> None:
    script.lines = [said(content="oi"), DONE]
    for _ in range(5):
        await collect(script.provider.stream(ask("m")))
    assert len(script.connections) == 1


async def test_a_key_for_a_proxy_before_it_is_sent(script: Script) -> None:
    script.lines = [DONE]
    await collect(script.provider.stream(ask("m")))
    assert {request.headers["Authorization"] for request in script.requests} == {"Bearer segredo-123"}


@pytest.mark.parametrize("answer", [{}, {"embeddings": []}, {"embeddings": [["a"]]}, {"embeddings": None}, []])
async def test_vectors_that_are_none(script: Script, answer: Any) -> None:
    script.lines = [answer]
    with pytest.raises(ModelFailed):
        await script.provider.embed(EmbedRequest("m", ["oi"]))


def local(ollama: OllamaDouble, transport: Transport) -> OllamaProvider:
    return connect(ServerConfig("ollama", "ollama", ollama.url), LlmSettings(), transport)


async def test_everything_asked_is_sent(ollama: OllamaDouble, transport: Transport) -> None:
    tools = (Tool("a", "Faz A.", {"type": "object", "properties": {"x": {"type": "string"}}}), Tool("b"))
    request = ask(
        "qwen3:0.6b",
        think="high",
        tools=tools,
        tool_choice="b",
        any_json=True,
        stop=("fim",),
        presence_penalty=0.5,
        frequency_penalty=0.25,
        top_p=0.9,
    )
    await collect(local(ollama, transport).stream(request))
    body = ollama.stats.bodies[-1]
    assert (body["think"], body["format"], body["options"]["stop"]) == ("high", "json", ["fim"])
    assert (body["options"]["presence_penalty"], body["options"]["frequency_penalty"]) == (0.5, 0.25)
    assert [tool["function"]["name"] for tool in body["tools"]] == ["b"]
    assert body["tools"][0]["function"]["parameters"] == {"type": "object", "properties": {}}


async def test_think_left_open_is_not_sent(ollama: OllamaDouble, transport: Transport) -> None:
    await collect(local(ollama, transport).stream(ask("qwen3:0.6b", think=None)))
    assert "think" not in ollama.stats.bodies[-1]
    await collect(local(ollama, transport).stream(ask("gemma3:1b", think=True)))
    assert "think" not in ollama.stats.bodies[-1], "a model that cannot think is not refused for it"


async def test_a_model_that_does_not_see_refuses_images(ollama: OllamaDouble, transport: Transport) -> None:
    message = Message("user", "o que é?", images=(PNG,))
    with pytest.raises(ModelRejected, match="image input is not supported"):
        await collect(local(ollama, transport).stream(ask("gemma3:1b", messages=[message])))


async def test_a_text_longer_than_the_model_holds_is_refused_whole(ollama: OllamaDouble, transport: Transport) -> None:
    with pytest.raises(ModelContextExceeded):
        await local(ollama, transport).embed(EmbedRequest("all-minilm", ["contrato " * 600]))
    assert ollama.stats.embed_bodies[-1]["truncate"] is False
    assert ollama.stats.embed_bodies[-1]["options"] == {"num_ctx": 512}


async def test_a_download_that_breaks_off(ollama: OllamaDouble, transport: Transport) -> None:
    with pytest.raises(ModelFailed, match="max retries exceeded"):
        [step async for step in local(ollama, transport).pull("fail-pull:1b")]


async def test_a_download_that_nobody_waits_for_stops(ollama: OllamaDouble, transport: Transport) -> None:
    steps = local(ollama, transport).pull("slow-pull:1b")
    await anext(steps)
    assert ollama.stats.pulling == 1
    await steps.aclose()
    await until(lambda: ollama.stats.pulling == 0, 1.0)
    with pytest.raises(ModelUnavailable):
        await local(ollama, transport).show("slow-pull:1b")


async def test_embedding_models_are_warmed_too(ollama: OllamaDouble, transport: Transport) -> None:
    provider = local(ollama, transport)
    await provider.warm("all-minilm:latest")
    assert (await provider.health()).loaded == ("all-minilm:latest",)
    await provider.unload("all-minilm:latest")
    assert (await provider.health()).loaded == ()


async def test_what_is_warmed_is_not_loaded_again(ollama: OllamaDouble, transport: Transport) -> None:
    provider = local(ollama, transport)
    await provider.warm("gemma3:1b")
    await collect(provider.stream(ask("gemma3:1b", context_tokens=4096)))
    assert ollama.stats.loads == 1


async def test_models_are_listed_with_their_digest(ollama: OllamaDouble, transport: Transport) -> None:
    listed = {info.name: info for info in await local(ollama, transport).list_models()}
    assert len(listed["gemma3:1b"].digest) == 64
    assert listed["gemma3:1b"].modified_at.startswith("2026-08-01")


async def test_a_consumer_may_take_longer_than_the_model_is_given(ollama: OllamaDouble, transport: Transport) -> None:
    """The time is the model's: what came in time is not lost because its reader was slow."""
    stream = local(ollama, transport).stream(ask("gemma3:1b", timeout_seconds=0.5))
    first = await anext(stream)
    await asyncio.sleep(0.7)
    rest = [item async for item in stream]
    assert first
    assert rest[-1].text
