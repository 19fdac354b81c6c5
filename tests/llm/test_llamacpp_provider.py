"""GGUF files in this process: the behaviour of every provider with real engines, and what is this provider's own."""

import asyncio
import urllib.error
import urllib.request
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, aclosing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
import pytest

from ementa.kit.registry import Registry
from ementa.llm.ask import Ask
from ementa.llm.base import Closes, Embeds, Forward, Forwarded, Forwards, Provider, Reranks, collect
from ementa.llm.errors import (
    ModelCannotChat,
    ModelCannotEmbed,
    ModelFailed,
    ModelUnavailable,
    ServerUnreachable,
    model_absent,
)
from ementa.llm.gateway import Gateway
from ementa.llm.providers.llamacpp import LocalModel
from ementa.llm.servers import ServerConfig, from_settings
from ementa.llm.settings import LlmSettings
from ementa.llm.transport import Transport
from ementa.llm.types import (
    ChatRequest,
    EmbedRequest,
    EmbedResult,
    Message,
    ModelInfo,
    RerankRequest,
    ServerHealth,
)
from ementa.testing.ollama.tiny_model import write_tiny_model
from ementa.testing.provider_verbs import EmbeddingBehaviour
from ementa.testing.providers import Ability, Bench, Fault, ProviderBehaviour, Received, ask, error_of, released, until

SAYS = "Oi,abcdef"


class House:
    """Several GGUF files as one provider, because one file shows no more than one behaviour."""

    name = "llamacpp"
    host = ""

    def __init__(self, models: dict[str, LocalModel]) -> None:
        self.models = models

    def _find(self, name: str) -> Any:
        if name not in self.models:
            raise model_absent(name, list(self.models))
        return self.models[name]

    async def stream(self, request: ChatRequest) -> Any:
        if request.model == "small":  # llama.cpp allows no context under 256 tokens
            request = msgspec.structs.replace(request, messages=[Message("user", "muito longo " * 100)])
        async with aclosing(self._find(request.model).stream(request)) as pieces:
            async for piece in pieces:
                yield piece

    async def list_models(self) -> list[ModelInfo]:
        return [info for model in self.models.values() for info in await model.list_models()]

    async def show(self, model: str) -> ModelInfo:
        return await self._find(model).show(model)

    async def health(self) -> ServerHealth:
        return await next(iter(self.models.values())).health()

    async def embed(self, request: EmbedRequest) -> EmbedResult:
        model = self._find(request.model)
        if not isinstance(model, Embeds):
            raise ModelCannotEmbed(model=request.model, capabilities="completion")
        return await model.embed(request)


@dataclass
class HouseBench:
    provider: House
    unreachable: Provider
    model: str = "ends"
    abilities: dict[Ability, str] = field(default_factory=lambda: {"embed": "vectors"})

    def faulty(self, fault: Fault) -> str:
        return {"endless": "endless", "context-overflow": "small", "absent": "absent"}[fault]

    def running(self) -> int:
        return sum(busy(model) for model in self.provider.models.values())

    def received(self) -> Received:
        raise NotImplementedError

    def forward(self, model: str, text: str, *, stream: bool) -> Forward:
        raise NotImplementedError

    def due(self) -> bytes:
        raise NotImplementedError


def busy(model: LocalModel) -> int:
    """Slots of an engine that are at work."""
    return model.engine.busy() if model.engine else 0


@pytest.fixture(scope="session")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("gguf")
    write_tiny_model(folder / "ends.gguf", says=SAYS)
    write_tiny_model(folder / "endless.gguf", says=SAYS, ends=False)
    return folder


def connect(path: Path, transport: Transport, name: str = "", **options: Any) -> LocalModel:
    server = ServerConfig("llamacpp", name or path.stem, str(path), options=options)
    settings = LlmSettings(timeout_seconds=60.0, gguf_threads=1)
    return Registry("ementa.providers").load("llamacpp")(server, settings, transport)


@pytest.fixture
async def bench(files: Path, transport: Transport) -> AsyncIterator[HouseBench]:
    models = {
        "ends": connect(files / "ends.gguf", transport, "ends", concurrency=2),
        "endless": connect(files / "endless.gguf", transport, "endless", concurrency=2),
        "small": connect(files / "endless.gguf", transport, "small", context_tokens=256),
        "vectors": connect(files / "endless.gguf", transport, "vectors", kind="embedding"),
    }
    yield HouseBench(House(models), connect(files / "none.gguf", transport))
    for model in models.values():
        await model.close()


class TestLlamaCpp(ProviderBehaviour, EmbeddingBehaviour):
    """Every provider's behaviour."""


async def test_a_file_does_what_it_is_for(files: Path, transport: Transport) -> None:
    chat = connect(files / "ends.gguf", transport)
    vectors = connect(files / "ends.gguf", transport, kind="embedding")
    scores = connect(files / "ends.gguf", transport, kind="rerank")
    assert [isinstance(chat, verb) for verb in (Forwards, Embeds, Reranks, Closes)] == [True, False, False, True]
    assert [isinstance(vectors, verb) for verb in (Forwards, Embeds, Reranks)] == [False, True, False]
    assert [isinstance(scores, verb) for verb in (Forwards, Embeds, Reranks)] == [False, False, True]
    await error_of(ModelCannotChat, collect(vectors.stream(ask("ends"))))
    assert (await vectors.show("ends")).capabilities == ("embedding",)
    assert vectors.engine is None
    await scores.close()


async def test_nothing_is_loaded_until_it_is_used(bench: HouseBench) -> None:
    model = bench.provider.models["ends"]
    shown = await model.show("ends")
    assert (shown.context_tokens, shown.quantization, shown.capabilities) == (4096, "", ("completion", "tools"))
    assert shown.digest
    assert (await model.health()).loaded == ()
    assert model.engine is None
    results = await asyncio.gather(*(collect(model.stream(ask("ends"))) for _ in range(3)))
    assert [result.text for result in results] == [SAYS] * 3
    assert results[0].provider == "llamacpp"
    assert (await model.health()).loaded == ("ends",)


async def test_a_closed_model_leaves_and_comes_back(bench: HouseBench) -> None:
    model = bench.provider.models["ends"]
    first = await collect(model.stream(ask("ends")))
    await model.close()
    await model.close()
    assert (await model.health()).loaded == ()
    assert (await collect(model.stream(ask("ends")))).text == first.text


async def test_closing_breaks_off_what_is_on_its_way(bench: HouseBench) -> None:
    model = bench.provider.models["endless"]
    async with aclosing(model.stream(ask("endless", max_tokens=1_000_000))) as pieces:
        await anext(pieces)
        await model.close()
        with pytest.raises(ModelFailed):
            async for _ in pieces:
                pass
    assert model.engine is None


async def test_closing_at_once_after_loading(bench: HouseBench) -> None:
    for _ in range(20):
        for name, model in bench.provider.models.items():
            await model.ready(name, 60.0)
            await model.close()


async def test_closing_while_loading(bench: HouseBench) -> None:
    model = bench.provider.models["ends"]
    waiting = asyncio.create_task(collect(model.stream(ask("ends"))))
    await asyncio.sleep(0)
    await model.close()
    await asyncio.wait([waiting])
    assert waiting.exception() is None or isinstance(waiting.exception(), ModelFailed | ServerUnreachable)
    assert (await collect(model.stream(ask("ends")))).text == SAYS


async def test_two_answers_at_once(bench: HouseBench) -> None:
    model = bench.provider.models["endless"]
    async with (
        aclosing(model.stream(ask("endless", max_tokens=1_000_000))) as one,
        aclosing(model.stream(ask("endless", max_tokens=1_000_000))) as other,
    ):
        await anext(one)
        await anext(other)
        assert busy(model) == 2
    await released(bench)


async def test_cancelling_frees_the_slot(bench: HouseBench) -> None:
    model = bench.provider.models["endless"]
    task = asyncio.create_task(collect(model.stream(ask("endless", max_tokens=1_000_000))))
    await until(lambda: busy(model) == 1, 30.0)
    task.cancel()
    await asyncio.wait([task])
    await released(bench)


async def test_requests_are_passed_on(bench: HouseBench) -> None:
    model = bench.provider.models["ends"]
    assert isinstance(model, Forwards)
    body = {"model": "ends", "messages": [{"role": "user", "content": "Oi"}], "max_tokens": 8, "temperature": 0}
    for stream in (True, False):
        call = Forward("/chat/completions", body | ({"stream": True} if stream else {}), "ends", stream)
        forwarded: AbstractAsyncContextManager[Forwarded] = model.forward(call)
        async with forwarded as answer:
            data = b"".join([chunk async for chunk in answer.chunks])
        assert answer.usage().output_tokens == 8
        assert answer.usage().finish == "length"
        assert (b"[DONE]" in data) == stream
        assert (b'"usage"' in data) != stream
    with pytest.raises(ModelCannotEmbed):
        async with model.forward(Forward("/embeddings", {"input": "x"}, "ends", False)):
            pass


async def test_the_port_is_locked(bench: HouseBench) -> None:
    model = bench.provider.models["ends"]
    await collect(model.stream(ask("ends", max_tokens=2)))
    assert model.engine is not None
    for key, origin in (("", ""), ("wrong", "http://evil.example")):
        headers = {"Authorization": f"Bearer {key}", "Origin": origin, "Content-Type": "application/json"}
        request = urllib.request.Request(f"{model.engine.url}/chat/completions", b"{}", headers)
        with pytest.raises(urllib.error.HTTPError) as refused:
            await asyncio.to_thread(urllib.request.urlopen, request, None, 10)
        with refused.value as answer:
            assert answer.code == 401
            assert not answer.headers.get("Access-Control-Allow-Origin")


@pytest.mark.parametrize("content", [b"", b"no model at all", b"GGUF" + b"\xff" * 500, b"GGUF\x03\0\0\0" + b"\0" * 8])
async def test_files_that_are_no_model(content: bytes, tmp_path: Path, transport: Transport) -> None:
    path = tmp_path / "broken.gguf"
    path.write_bytes(content)
    model = connect(path, transport)
    assert await model.list_models() == []
    health = await model.health()
    assert not health.reachable
    assert "broken.gguf" in health.error
    await error_of(ModelUnavailable, model.show("broken"))
    await error_of(ModelFailed, collect(model.stream(ask("broken"))))
    await model.close()


async def test_a_header_without_a_model_behind_it(files: Path, tmp_path: Path, transport: Transport) -> None:
    path = tmp_path / "half.gguf"
    path.write_bytes((files / "ends.gguf").read_bytes()[:20_000])
    model = connect(path, transport)
    for _ in range(2):
        error = await error_of(ModelFailed, collect(model.stream(ask("half"))))
        assert "half.gguf" in str(error)


async def test_the_environment_names_files(files: Path) -> None:
    settings = LlmSettings(ollama_hosts=(), gguf_models=(files / "ends.gguf",), gguf_threads=1, timeout_seconds=60.0)
    assert ServerConfig("llamacpp", "ends", str(files / "ends.gguf")) in from_settings(settings)
    gateway = Gateway(settings)
    try:
        assert "ends" in [info.name for info in await gateway.models()]
        assert (await gateway.chat(ask("ends"))).text == SAYS
        body = {"model": "ends", "messages": [{"role": "user", "content": "Oi"}], "stream": True}
        passed_on = Ask("ends", lambda: ask("ends"), True, "openai", "/chat/completions", body)
        async with gateway.open(passed_on) as answer:
            assert answer.native is not None
            data = b"".join([chunk async for chunk in answer.native.chunks])
        assert data.endswith(b"data: [DONE]\n\n")
    finally:
        await gateway.close()


def test_the_suite_takes_the_bench(bench: HouseBench) -> None:
    checked: Bench = bench
    assert checked.model in bench.provider.models


async def test_scores_come_from_models_that_score(files: Path, transport: Transport) -> None:
    model = connect(files / "ends.gguf", transport, kind="rerank")
    assert isinstance(model, Reranks)
    assert list((await model.rerank(RerankRequest("ends", "prazo", []))).scores) == []
    await model.close()
