"""The Ollama adapter: the behaviour of every provider, and what is Ollama's own."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest

from ementa.kit.registry import Registry
from ementa.llm.base import Forward, Provider, collect
from ementa.llm.errors import ModelContextExceeded, ModelFailed, ModelRejected
from ementa.llm.hosts import parse_host
from ementa.llm.providers.ollama import OllamaProvider
from ementa.llm.servers import ServerConfig
from ementa.llm.settings import LlmSettings
from ementa.llm.transport import Transport
from ementa.llm.types import Message
from ementa.testing.ollama.double import OllamaDouble
from ementa.testing.provider_content import PNG, ImageBehaviour, ThinkingBehaviour, ToolBehaviour
from ementa.testing.provider_faults import NetworkBehaviour
from ementa.testing.provider_forwarding import ForwardingBehaviour
from ementa.testing.provider_verbs import EmbeddingBehaviour, ManagingBehaviour
from ementa.testing.providers import Ability, Fault, ProviderBehaviour, Received, ask
from ementa.testing.server import free_port

MODES = {
    "absent": "not-found:1b",
    "not-chat": "all-minilm",
    "slow-headers": "slow-headers-300:1b",
    "busy": "status-429:1b",
    "status-500": "fail-before:1b",
    "status-400": "status-400:1b",
    "key-refused": "status-401:1b",
    "error-mid": "fail-after-3:1b",
    "cut-mid": "cut:1b",
    "not-json": "broken-line:1b",
    "endless": "loop:1b",
}


@dataclass
class OllamaBench:
    provider: Provider
    unreachable: Provider
    ollama: OllamaDouble
    model: str = "gemma3:1b"
    abilities: Mapping[Ability, str] = field(
        default_factory=lambda: {
            "network": "gemma3:1b",
            "tools": "qwen2:7b",
            "images": "gemma3:4b",
            "thinking": "qwen3:0.6b",
            "embed": "all-minilm:latest",
            "forward": "gemma3:1b",
            "manage": "phi9:1b",
        }
    )

    def faulty(self, fault: Fault) -> str:
        return MODES.get(fault, f"{fault}:1b")

    def running(self) -> int:
        return self.ollama.stats.running

    def received(self) -> Received:
        body = self.ollama.stats.bodies[-1]
        options, messages = body.get("options", {}), body["messages"]
        return Received(
            temperature=options.get("temperature"),
            stop=tuple(options.get("stop", ())),
            images=tuple(image for message in messages for image in message.get("images", ())),
            tools=tuple(tool["function"]["name"] for tool in body.get("tools", ())),
            calls=tuple(
                (call["function"]["name"], call["function"]["arguments"])
                for message in messages
                for call in message.get("tool_calls", ())
            ),
            results=tuple(message["content"] for message in messages if message["role"] == "tool"),
            json=body.get("format") == "json",
            fields=frozenset({*body, *options}),
        )

    def forward(self, model: str, text: str, *, stream: bool) -> Forward:
        messages = [{"role": "user", "content": text}]
        body = {"model": model, "messages": messages} | ({} if stream else {"stream": False})
        return Forward("/api/chat", body, model, stream, timeout_seconds=30.0)

    def due(self) -> bytes:
        return bytes(self.ollama.stats.sent)


def connect(url: str, transport: Transport, **settings: Any) -> OllamaProvider:
    server = ServerConfig("ollama", "ollama", parse_host(url))
    return Registry("ementa.providers").load("ollama")(server, LlmSettings(**settings), transport)


@pytest.fixture
def bench(ollama: OllamaDouble, transport: Transport) -> OllamaBench:
    nobody = connect(f"127.0.0.1:{free_port()}", transport)
    return OllamaBench(connect(ollama.url, transport), nobody, ollama)


class TestOllama(
    ProviderBehaviour,
    NetworkBehaviour,
    ToolBehaviour,
    ImageBehaviour,
    ThinkingBehaviour,
    EmbeddingBehaviour,
    ForwardingBehaviour,
    ManagingBehaviour,
):
    """Every provider's behaviour."""


async def test_context_schema_and_limits_are_always_sent(bench: OllamaBench) -> None:
    schema = {"type": "object", "properties": {"a": {"type": "string"}}}
    await collect(bench.provider.stream(ask("gemma3:1b", schema=schema, top_k=5, max_tokens=33)))
    body = bench.ollama.stats.bodies[-1]
    assert body["format"] == schema
    assert body["options"] == {"num_ctx": 2048, "num_predict": 33, "temperature": 0.0, "top_k": 5, "seed": 0}
    assert body["keep_alive"] == "5m"
    assert body["truncate"] is False
    assert body["shift"] is False
    assert "think" not in body


async def test_context_is_sent_even_when_the_caller_names_none(bench: OllamaBench) -> None:
    await collect(bench.provider.stream(ask("gemma3:1b", context_tokens=None)))
    assert bench.ollama.stats.bodies[-1]["options"]["num_ctx"] == 4096


async def test_thinking_models_are_told_not_to_think(bench: OllamaBench) -> None:
    await collect(bench.provider.stream(ask("qwen3:0.6b")))
    assert bench.ollama.stats.bodies[-1]["think"] is False


async def test_a_prompt_larger_than_the_context_is_refused_not_shortened(bench: OllamaBench) -> None:
    request = ask("gemma3:1b", text="palavra " * 3000)
    with pytest.raises(ModelContextExceeded):
        await collect(bench.provider.stream(request))
    assert bench.ollama.stats.dropped_messages == 0


async def test_zero_counters_are_zero(bench: OllamaBench) -> None:
    result = await collect(bench.provider.stream(ask("empty:1b")))
    assert (result.text, result.prompt_tokens, result.output_tokens) == ("", 0, 0)


async def test_a_last_line_without_its_end_counts(bench: OllamaBench) -> None:
    assert (await collect(bench.provider.stream(ask("no-newline:1b")))).finish == "stop"


async def test_a_stream_that_just_ends_is_a_failure(bench: OllamaBench) -> None:
    with pytest.raises(ModelFailed) as caught:
        await collect(bench.provider.stream(ask("repeat:1b")))
    assert "se repete" in caught.value.text("pt")


async def test_images_are_passed_on(bench: OllamaBench) -> None:
    request = ask("gemma3:4b")
    with_image = [Message(role="user", content="o que é?", images=(PNG,))]
    await collect(bench.provider.stream(type(request)(model="gemma3:4b", messages=with_image)))
    assert bench.ollama.stats.bodies[-1]["messages"] == [{"role": "user", "content": "o que é?", "images": [PNG]}]


async def test_abilities_are_asked_once_in_a_while(bench: OllamaBench) -> None:
    for _ in range(3):
        await collect(bench.provider.stream(ask("gemma3:1b")))
    assert bench.ollama.stats.requests["POST /api/show"] == 1


async def test_loaded_models_are_told(bench: OllamaBench) -> None:
    assert (await bench.provider.health()).loaded == ()
    await collect(bench.provider.stream(ask("gemma3:1b")))
    assert (await bench.provider.health()).loaded == ("gemma3:1b",)


async def test_a_server_that_comes_back_is_found_again(bench: OllamaBench) -> None:
    await collect(bench.provider.stream(ask("gemma3:1b")))
    bench.ollama.stop()
    bench.ollama.start()
    assert (await collect(bench.provider.stream(ask("gemma3:1b")))).text


async def test_a_server_that_is_no_ollama(transport: Transport) -> None:
    from aiohttp import web
    from aiohttp.test_utils import TestServer

    async def moved(request: web.Request) -> web.Response:
        raise web.HTTPFound("http://127.0.0.1:1/elsewhere")

    application = web.Application()
    application.router.add_route("*", "/{path:.*}", moved)
    async with TestServer(application) as server:
        provider = connect(str(server.make_url("")), transport)
        with pytest.raises(ModelRejected):
            await provider.show("gemma3:1b")
