"""`POST /llm/generate`: to the letter of its contract."""

import re
from collections.abc import Iterator
from typing import Any

import pytest

from ementa.kit.errors import EmentaError
from ementa.serving.generate import read_body
from ementa.testing.caller import Caller
from ementa.testing.ollama.double import OllamaDouble
from ementa.testing.server import RunningServer

PARAMS = {"temperature": 0.7, "max_tokens": 12, "top_p": 0.9, "top_k": 40}


@pytest.fixture(scope="module")
def upstream() -> Iterator[OllamaDouble]:
    with OllamaDouble() as double:
        yield double


@pytest.fixture(scope="module")
def caller(upstream: OllamaDouble, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Caller]:
    environment = {"OLLAMA_HOST": upstream.url, "EMENTA_LLM__CACHE": "off"}
    with RunningServer(tmp_path_factory.mktemp("generate") / "data", environment) as server:
        yield Caller(server.url, server.key)


def test_a_prompt_and_its_text(caller: Caller, upstream: OllamaDouble) -> None:
    answer = caller.done("POST", "/llm/generate", {"model": "qwen2:7b", "prompt": "Diga oi", "params": PARAMS})
    assert list(answer) == ["text", "model", "tokens_used", "latency_ms", "timestamp"]
    assert answer["text"] == "Resposta à pergunta: Diga oi"
    assert answer["model"] == "qwen2:7b"
    assert answer["tokens_used"] > 0
    assert isinstance(answer["latency_ms"], int)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", answer["timestamp"])
    sent = upstream.stats.bodies[-1]
    assert sent["messages"] == [{"role": "user", "content": "Diga oi"}]
    options = sent["options"]
    assert (options["temperature"], options["num_predict"], options["top_p"], options["top_k"]) == (0.7, 12, 0.9, 40)


def test_what_is_left_out_is_left_to_the_settings_and_the_server(caller: Caller, upstream: OllamaDouble) -> None:
    answer = caller.done("POST", "/llm/generate", {"prompt": "oi", "params": {"temperature": None}})
    assert answer["model"] == "gemma3:1b"
    options = upstream.stats.bodies[-1]["options"]
    assert not {"temperature", "top_p", "top_k", "seed"} & set(options)


def test_an_alias(caller: Caller) -> None:
    assert caller.done("POST", "/llm/generate", {"model": "qwen2-7b", "prompt": "oi"})["model"] == "qwen2:7b"


def test_a_model_that_thinks_answers_without_thoughts(caller: Caller) -> None:
    answer = caller.done("POST", "/llm/generate", {"model": "qwen3:0.6b", "prompt": "oi"})
    assert answer["text"] == "Resposta à pergunta: oi"


@pytest.mark.parametrize(
    ("body", "name", "code"),
    [
        ({}, "prompt", "PARAMETER_INVALID"),
        ({"prompt": ""}, "prompt", "PARAMETER_INVALID"),
        ({"prompt": " \n"}, "prompt", "PARAMETER_INVALID"),
        ({"prompt": 3}, "prompt", "PARAMETER_INVALID"),
        ({"prompt": "x", "model": ""}, "model", "PARAMETER_INVALID"),
        ({"prompt": "x", "model": 3}, "model", "PARAMETER_INVALID"),
        ({"prompt": "x", "params": []}, "params", "PARAMETER_INVALID"),
        ({"prompt": "x", "params": {"temperature": 2.1}}, "params.temperature", "PARAMETER_INVALID"),
        ({"prompt": "x", "params": {"temperature": -0.1}}, "params.temperature", "PARAMETER_INVALID"),
        ({"prompt": "x", "params": {"temperature": "hot"}}, "params.temperature", "PARAMETER_INVALID"),
        ({"prompt": "x", "params": {"temperature": True}}, "params.temperature", "PARAMETER_INVALID"),
        ({"prompt": "x", "params": {"max_tokens": 0}}, "params.max_tokens", "PARAMETER_INVALID"),
        ({"prompt": "x", "params": {"max_tokens": 1.5}}, "params.max_tokens", "PARAMETER_INVALID"),
        ({"prompt": "x", "params": {"top_p": 1.01}}, "params.top_p", "PARAMETER_INVALID"),
        ({"prompt": "x", "params": {"top_k": -1}}, "params.top_k", "PARAMETER_INVALID"),
        ({"prompt": "x", "params": {"temprature": 1}}, "params.temprature", "PARAMETER_UNSUPPORTED"),
        ({"prompt": "x", "stream": True}, "stream", "PARAMETER_UNSUPPORTED"),
    ],
)
def test_what_is_wrong_is_named(body: dict[str, Any], name: str, code: str) -> None:
    with pytest.raises(EmentaError) as refused:
        read_body(body)
    assert (refused.value.code, refused.value.params["name"]) == (code, name)
    assert refused.value.text("pt") != refused.value.text("en")


def test_failures_have_our_form(caller: Caller) -> None:
    ask = {"prompt": "oi"}
    assert caller.refused("POST", "/llm/generate", {}) == (422, "PARAMETER_INVALID")
    assert caller.refused("POST", "/llm/generate", {**ask, "model": "nope:1b"}) == (503, "MODEL_UNAVAILABLE")
    assert caller.refused("POST", "/llm/generate", {**ask, "model": "fail-before:1b"}) == (502, "MODEL_FAILED")
    assert caller.refused("POST", "/llm/generate", {**ask, "model": "all-minilm"}) == (422, "MODEL_CANNOT_CHAT")
    assert caller.refused("GET", "/llm/generate") == (405, "METHOD_NOT_ALLOWED")
    assert Caller(caller.url, "wrong").refused("POST", "/llm/generate", ask) == (401, "UNAUTHENTICATED")
    status, told = caller.ask("POST", "/llm/generate", {**ask, "params": {"top_k": -1}}, **{"Accept-Language": "en"})
    assert (status, told["error"]) == (422, "Invalid parameter: params.top_k: it must be >= 0.")


def test_a_request_may_bound_its_own_time(caller: Caller, upstream: OllamaDouble) -> None:
    body = {"model": "hang:1b", "prompt": "oi"}
    status, told = caller.ask("POST", "/llm/generate", body, **{"X-Ementa-Timeout": "1"})
    assert (status, told["code"]) == (502, "MODEL_TIMEOUT")
    caller.eventually(lambda: upstream.stats.running == 0)
