"""The double itself: it speaks as Ollama does, and its rules satisfy any schema."""

import json
import re
import signal
import subprocess
import sys
import urllib.request
from typing import Any

import aiohttp
import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ementa.testing.ollama.answers import answer_schema
from ementa.testing.ollama.double import OllamaDouble
from ementa.testing.ollama.patterns import shortest_match

PROMPT = """Escolha.
[3] Data de emissão: 05/11/2026
[7] CNPJ do emitente: 11.222.333/0001-81
[9] Valor total da nota: R$ 1.250,00
"""


async def call(method: str, url: str, body: Any = None) -> tuple[int, str]:
    async with aiohttp.ClientSession() as session, session.request(method, url, json=body) as answer:
        return answer.status, await answer.text()


@pytest.mark.parametrize(
    ("path", "body", "status", "error"),
    [
        ("/api/chat", {"model": "phi9", "messages": []}, 404, "model 'phi9' not found"),
        ("/api/show", {"model": "phi9"}, 404, "model 'phi9' not found"),
        ("/api/show", {}, 400, "model is required"),
        ("/api/chat", {"model": "all-minilm", "messages": []}, 400, '"all-minilm" does not support chat'),
        ("/api/generate", {"model": "all-minilm"}, 400, '"all-minilm" does not support generate'),
        ("/api/chat", {"model": "gemma3:1b", "think": True}, 400, '"gemma3:1b" does not support thinking'),
        ("/api/chat", {"model": "gemma3:1b", "tools": [{}]}, 400, "gemma3:1b does not support tools"),
        ("/api/pull", {"model": "not-found", "stream": False}, 500, "pull model manifest: file does not exist"),
    ],
)
async def test_errors_are_ollamas(ollama: OllamaDouble, path: str, body: Any, status: int, error: str) -> None:
    assert await call("POST", f"{ollama.url}{path}", body) == (
        status,
        json.dumps({"error": error}, separators=(",", ":")),
    )


async def test_head_of_the_root_answers(ollama: OllamaDouble) -> None:
    assert (await call("HEAD", ollama.url))[0] == 200
    assert (await call("GET", ollama.url))[1] == "Ollama is running"


async def test_not_streamed_is_one_object(ollama: OllamaDouble) -> None:
    body = {"model": "gemma3:1b", "prompt": "oi", "stream": False}
    answer = json.loads((await call("POST", f"{ollama.url}/api/generate", body))[1])
    assert answer["done"]
    assert answer["response"].startswith("Resposta")
    assert answer["eval_count"] > 0


async def test_an_empty_request_loads_the_model(ollama: OllamaDouble) -> None:
    answer = json.loads((await call("POST", f"{ollama.url}/api/chat", {"model": "gemma3:1b"}))[1])
    assert answer["done_reason"] == "load"
    listed = json.loads((await call("GET", f"{ollama.url}/api/ps"))[1])
    assert [entry["name"] for entry in listed["models"]] == ["gemma3:1b"]


async def test_what_does_not_fit_is_dropped_in_silence_as_ollama_does(ollama: OllamaDouble) -> None:
    messages = [{"role": "user", "content": "palavra " * 40}] * 3
    body = {"model": "gemma3:1b", "messages": messages, "options": {"num_ctx": 128}}
    assert (await call("POST", f"{ollama.url}/api/chat", body))[0] == 200
    assert ollama.stats.dropped_messages == 2
    status, text = await call("POST", f"{ollama.url}/api/chat", {**body, "truncate": False})
    assert status == 400
    assert "longer than the context" in text


async def test_pulling_makes_a_model_and_deleting_unmakes_it(ollama: OllamaDouble) -> None:
    lines = (await call("POST", f"{ollama.url}/api/pull", {"model": "phi9:1b"}))[1].splitlines()
    assert json.loads(lines[0]) == {"status": "pulling manifest"}
    assert json.loads(lines[-1]) == {"status": "success"}
    assert any("completed" in json.loads(line) for line in lines)
    assert (await call("POST", f"{ollama.url}/api/show", {"model": "phi9:1b"}))[0] == 200
    assert (await call("DELETE", f"{ollama.url}/api/delete", {"model": "phi9:1b"}))[0] == 200
    assert (await call("DELETE", f"{ollama.url}/api/delete", {"model": "phi9:1b"}))[0] == 404


async def test_vectors_of_like_texts_are_near(ollama: OllamaDouble) -> None:
    texts = ["contrato de locação", "contratos de locação", "nota fiscal eletrônica"]
    answer = await call("POST", f"{ollama.url}/api/embed", {"model": "all-minilm", "input": texts})
    one, near, far = json.loads(answer[1])["embeddings"]
    assert len(one) == 384

    def dot(a: list[float], b: list[float]) -> float:
        return sum(x * y for x, y in zip(a, b, strict=True))

    assert dot(one, near) > dot(one, far)


def test_candidates_are_chosen_by_the_words_they_share() -> None:
    choice = {"enum": [0, 3, 7, 9]}
    schema = {
        "type": "object",
        "properties": {
            "cnpjEmitente": choice,
            "valor_total": {"type": "integer", "minimum": 0, "maximum": 20},
            "data_emissao": {"anyOf": [{"type": "integer"}, {"type": "null"}]},
            "placa": {"anyOf": [{"type": "integer"}, {"type": "null"}]},
            "renavam": choice,
        },
    }
    assert answer_schema(schema, PROMPT) == {
        "cnpjEmitente": 7,
        "valor_total": 9,
        "data_emissao": 3,
        "placa": None,
        "renavam": 0,
    }


LEAVES = st.one_of(
    st.builds(lambda n: {"type": "integer", "minimum": n, "maximum": n + 3}, st.integers(-5, 50)),
    st.builds(lambda n: {"type": "string", "minLength": n, "maxLength": n + 4}, st.integers(0, 30)),
    st.builds(lambda values: {"enum": values}, st.lists(st.integers(0, 9) | st.text(max_size=4), min_size=1)),
    st.just({"type": ["string", "null"], "maxLength": 5}),
    st.just({"type": "boolean"}),
    st.just({"type": "null"}),
    st.just({"type": "number", "minimum": 0.5}),
    st.builds(lambda value: {"const": value}, st.integers() | st.text(max_size=5)),
    st.just({"type": "string", "pattern": r"^\d{3}\.\d{3}-[A-Z]{2}$"}),
    st.just({"$ref": "#/$defs/leaf"}),
)
SCHEMAS = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.builds(
            lambda p: {"type": "object", "properties": p, "required": list(p), "additionalProperties": False},
            st.dictionaries(st.text("abcdef", min_size=1, max_size=4), inner, max_size=4),
        ),
        st.builds(
            lambda item, n: {"type": "array", "items": item, "minItems": n, "maxItems": n + 2},
            inner,
            st.integers(0, 3),
        ),
        st.builds(lambda one: {"anyOf": [{"type": "null"}, one]}, inner),
    ),
    max_leaves=8,
)


@given(SCHEMAS)
def test_any_schema_is_satisfied(schema: dict[str, Any]) -> None:
    whole = {**schema, "$defs": {"leaf": {"type": "string", "maxLength": 3}}}
    jsonschema.validate(answer_schema(whole, PROMPT), whole)


@pytest.mark.parametrize(
    "pattern",
    [r"^\d{2}/\d{2}/\d{4}$", r"[A-Z]{3}-?\d[A-Z0-9]\d{2}", r"^(sim|não)$", r"[^0-9]+", r"a*b", r"\w+@\w+\.com"],
)
def test_patterns_are_matched(pattern: str) -> None:
    assert re.search(pattern, shortest_match(pattern))


def test_it_runs_by_itself() -> None:
    command = [sys.executable, "-m", "ementa.testing.ollama", "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        url = process.stdout.readline().strip()
        with urllib.request.urlopen(f"{url}/api/version", timeout=5) as answer:
            assert json.load(answer)["version"].startswith("0.32")
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0
