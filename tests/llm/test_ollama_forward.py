"""Passing Ollama's own requests through: what is added to them, and what is seen of the answers."""

import itertools
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ementa.llm.base import Forward
from ementa.llm.errors import ModelContextExceeded, ModelFailed
from ementa.llm.providers.ollama import OllamaProvider, connect
from ementa.llm.providers.ollama_forward import Watch
from ementa.llm.servers import ServerConfig
from ementa.llm.settings import LlmSettings
from ementa.llm.tokens import estimate_tokens, rough_tokens
from ementa.llm.transport import Transport
from ementa.llm.types import Usage
from ementa.testing.ollama.double import OllamaDouble

HELLO = [{"role": "user", "content": "Oi, ação!"}]


@pytest.fixture
def provider(ollama: OllamaDouble, transport: Transport) -> OllamaProvider:
    return connect(ServerConfig("ollama", "ollama", ollama.url), LlmSettings(), transport)


async def passed(
    provider: OllamaProvider, body: dict[str, Any], path: str = "/api/chat", *, stream: bool = True
) -> tuple[bytes, Usage]:
    call = Forward(path, {"model": "gemma3:1b", **body}, body.get("model", "gemma3:1b"), stream, timeout_seconds=20.0)
    async with provider.forward(call) as answer:
        return b"".join([chunk async for chunk in answer.chunks]), answer.usage()


async def test_what_a_client_leaves_open_is_bounded(provider: OllamaProvider, ollama: OllamaDouble) -> None:
    await passed(provider, {"messages": HELLO, "options": {"temperature": 0.7, "num_ctx": None}, "think": None})
    assert ollama.stats.bodies[-1] == {
        "model": "gemma3:1b",
        "messages": HELLO,
        "options": {"temperature": 0.7, "num_predict": 2000, "num_ctx": 4096},
        "stream": True,
        "keep_alive": "5m",
        "truncate": False,
        "shift": False,
    }


async def test_what_a_client_says_is_kept(provider: OllamaProvider, ollama: OllamaDouble) -> None:
    own = {
        "messages": HELLO,
        "options": {"num_ctx": 3000, "num_predict": -1, "mirostat": 2},
        "keep_alive": 0,
        "truncate": True,
        "logprobs": True,
        "unknown": {"a": 1},
    }
    await passed(provider, own | {"shift": True})
    assert ollama.stats.bodies[-1] == {"model": "gemma3:1b", "stream": True, "shift": False, **own}


async def test_a_context_larger_than_the_settings_allow_is_not(provider: OllamaProvider, ollama: OllamaDouble) -> None:
    await passed(provider, {"messages": HELLO, "options": {"num_ctx": 1_000_000}})
    assert ollama.stats.bodies[-1]["options"]["num_ctx"] == 8192


async def test_a_loaded_model_is_not_loaded_again_for_less(provider: OllamaProvider, ollama: OllamaDouble) -> None:
    await passed(provider, {"messages": [{"role": "user", "content": "palavra " * 1500}]})
    assert ollama.stats.bodies[-1]["options"]["num_ctx"] == 8192
    await passed(provider, {"messages": HELLO})
    await passed(provider, {"prompt": "oi"}, "/api/generate")
    assert ollama.stats.loaded == ["gemma3:1b"]
    await passed(provider, {"messages": HELLO, "options": {"num_ctx": 2048}, "shift": True})
    assert ollama.stats.loads == 1
    await provider.unload("gemma3:1b")
    await passed(provider, {"messages": HELLO})
    assert ollama.stats.bodies[-1]["options"]["num_ctx"] == 4096


async def test_sizes_are_learnt_from_the_server(provider: OllamaProvider, ollama: OllamaDouble) -> None:
    other = connect(ServerConfig("ollama", "ollama", ollama.url), LlmSettings(), provider._transport)
    await passed(other, {"messages": HELLO, "options": {"num_ctx": 6000}})
    await provider.health()
    await passed(provider, {"messages": HELLO})
    assert ollama.stats.bodies[-1]["options"]["num_ctx"] == 6000
    assert ollama.stats.loads == 1


async def test_an_estimate_that_was_too_low_is_mended_once(provider: OllamaProvider, ollama: OllamaDouble) -> None:
    model = "context-overflow:1b"
    with pytest.raises(ModelContextExceeded):
        await passed(provider, {"model": model, "messages": HELLO})
    assert [body["options"]["num_ctx"] for body in ollama.stats.bodies] == [4096, 8192]
    with pytest.raises(ModelContextExceeded):
        await passed(provider, {"model": model, "messages": HELLO, "options": {"num_ctx": 4096}})
    assert len(ollama.stats.bodies) == 3


@pytest.mark.parametrize("stream", [True, False])
async def test_generation_passes_too(provider: OllamaProvider, ollama: OllamaDouble, stream: bool) -> None:
    body = {"prompt": "Diga olá", "system": "Seja breve."} | ({} if stream else {"stream": False})
    data, usage = await passed(provider, body, "/api/generate", stream=stream)
    assert data == bytes(ollama.stats.sent)
    last = json.loads(data.splitlines()[-1])
    assert usage == Usage(last["prompt_eval_count"], last["eval_count"], finish="stop")


@pytest.mark.parametrize(("keep", "reason"), [(None, "load"), (0, "unload")])
@pytest.mark.parametrize("path", ["/api/chat", "/api/generate"])
async def test_models_are_loaded_and_unloaded_through_it(
    provider: OllamaProvider, path: str, keep: int | None, reason: str
) -> None:
    data, usage = await passed(provider, {} if keep is None else {"keep_alive": keep}, path)
    assert json.loads(data)["done_reason"] == reason
    assert usage == Usage(finish=reason)


async def test_a_stream_that_just_ends_is_a_failure(provider: OllamaProvider) -> None:
    with pytest.raises(ModelFailed) as caught:
        await passed(provider, {"model": "repeat:1b", "messages": HELLO})
    assert "se repete" in caught.value.text("pt")


async def test_a_line_without_end_is_a_failure(provider: OllamaProvider) -> None:
    with pytest.raises(ModelFailed, match="longer than"):
        await passed(provider, {"model": "long-line:1b", "messages": HELLO})


LINES = st.lists(
    st.builds(
        lambda text: json.dumps({"message": {"content": text}, "done": False}, ensure_ascii=False).encode() + b"\n",
        st.text(max_size=12) | st.just('{"error": 1}'),
    ),
    max_size=6,
)


def watched(data: bytes, cuts: list[int]) -> tuple[bytes, Watch]:
    watch = Watch()
    edges = [0, *sorted(cut % (len(data) + 1) for cut in cuts), len(data)]
    out = b"".join(watch.feed(data[start:end]) for start, end in itertools.pairwise(edges) if end > start)
    return out + watch.finish(), watch


@given(LINES, st.lists(st.integers(0, 1000), max_size=30), st.booleans())
def test_nothing_changes_wherever_the_network_cuts(lines: list[bytes], cuts: list[int], ended: bool) -> None:
    data = b"".join(lines) if ended else b"".join(lines)[:-1]
    out, watch = watched(data, cuts)
    assert out == data
    assert watch.error is None
    assert watch.last_line() == (lines[-1].rstrip() if lines else b"")


@given(LINES, st.lists(st.integers(0, 1000), max_size=30))
def test_an_error_is_kept_back_whole(lines: list[bytes], cuts: list[int]) -> None:
    error = b'{"error":"acabou a mem\xc3\xb3ria"}\n'
    out, watch = watched(b"".join(lines) + error, cuts)
    assert out == b"".join(lines)
    assert watch.error == error


@given(st.text(st.characters(max_codepoint=0x17F)))
def test_the_rough_estimate_is_seldom_below_the_fine_one(text: str) -> None:
    assert rough_tokens(text) * 2 >= estimate_tokens(text)


@pytest.mark.parametrize(
    "text",
    [
        "O contrato de locação vence em 30 dias, conforme a cláusula 7ª. " * 20,
        "VALOR TOTAL: R$ 1.234,56 | CNPJ 11.222.333/0001-81\n" * 20,
        "def soma(a, b):\n    return a + b\n" * 20,
        "不動産売買契約書" * 20,
    ],
)
def test_the_rough_estimate_is_on_the_safe_side_of_ordinary_texts(text: str) -> None:
    assert estimate_tokens(text) <= rough_tokens(text) <= 3 * estimate_tokens(text)
