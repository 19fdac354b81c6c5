"""The official `ollama` SDK, unchanged, pointed at Ementa."""

import base64
import json
from typing import Any

import ollama
import pytest

from ementa.testing.ollama.double import OllamaDouble
from ementa.testing.server import RunningServer

PIXEL = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
ASKED = [{"role": "user", "content": "Qual é a capital do Pará?"}]


def add(a: int, b: int) -> int:
    """Adds two numbers: soma.

    Args:
      a (int): The first.
      b (int): The second.

    Returns:
      int: Their sum.
    """
    return a + b


def test_a_conversation(client: ollama.Client) -> None:
    answer = client.chat("gemma3:1b", messages=ASKED)
    assert answer.message.content == "Resposta à pergunta: Qual é a capital do Pará?"
    assert (answer.model, answer.done, answer.done_reason) == ("gemma3:1b", True, "stop")
    assert answer.prompt_eval_count
    assert answer.eval_count
    assert answer.total_duration


def test_a_conversation_piece_by_piece(client: ollama.Client) -> None:
    parts = list(client.chat("gemma3:1b", messages=ASKED, stream=True))
    assert len(parts) > 3
    assert "".join(part.message.content or "" for part in parts) == "Resposta à pergunta: Qual é a capital do Pará?"
    assert [part.done for part in parts] == [False] * (len(parts) - 1) + [True]
    assert parts[-1].eval_count


async def test_the_asynchronous_client(async_client: ollama.AsyncClient) -> None:
    whole = await async_client.chat("gemma3:1b", messages=ASKED)
    text = ""
    async for part in await async_client.chat("gemma3:1b", messages=ASKED, stream=True):
        text += part.message.content or ""
    assert text == whole.message.content
    assert [model.model for model in (await async_client.list()).models]
    assert (await async_client.generate("gemma3:1b", "oi")).response == "Resposta à pergunta: oi"
    assert len((await async_client.embed("all-minilm", "oi")).embeddings) == 1
    assert (await async_client.show("gemma3:1b")).capabilities == ["completion"]


def test_bytes_of_ollama_leave_as_they_came(
    server: RunningServer, upstream: OllamaDouble, client: ollama.Client
) -> None:
    with client._client.stream("POST", "/api/chat", json={"model": "gemma3:1b", "messages": ASKED}) as answer:
        received = answer.read()
    assert received == bytes(upstream.stats.sent)
    assert answer.headers["content-type"] == "application/x-ndjson"
    assert answer.headers["x-ementa-model"] == "gemma3:1b"


def test_a_generation(client: ollama.Client) -> None:
    assert client.generate("gemma3:1b", "oi", system="Seja breve").response == "Resposta à pergunta: oi"
    parts = list(client.generate("gemma3:1b", "oi", stream=True))
    assert "".join(part.response or "" for part in parts) == "Resposta à pergunta: oi"
    assert parts[-1].done_reason == "stop"


def test_what_only_ollama_has_reaches_ollama(upstream: OllamaDouble, client: ollama.Client) -> None:
    answer = client.generate("gemma3:1b", "def f(", suffix="return 1", raw=True, options={"mirostat": 2, "top_k": 9})
    assert answer.response
    sent = upstream.stats.bodies[-1]
    assert (sent["raw"], sent["suffix"]) == (True, "return 1")
    assert (sent["options"]["mirostat"], sent["options"]["top_k"]) == (2, 9)


def test_the_whole_loop_of_tools(client: ollama.Client) -> None:
    messages: list[Any] = [{"role": "user", "content": "Qual é a soma (add) de 2 e 3?"}]
    first = client.chat("qwen2:7b", messages=messages, tools=[add])
    assert first.message.tool_calls
    call = first.message.tool_calls[0].function
    assert call.name == "add"
    assert set(call.arguments) == {"a", "b"}
    result = add(int(call.arguments["a"]), int(call.arguments["b"]))
    messages += [first.message, {"role": "tool", "tool_name": call.name, "content": str(result)}]
    last = client.chat("qwen2:7b", messages=messages, tools=[add])
    assert not last.message.tool_calls
    assert last.message.content


def test_tools_in_a_stream(client: ollama.Client) -> None:
    asked = [{"role": "user", "content": "Qual é a soma (add) de 2 e 3?"}]
    parts = list(client.chat("qwen2:7b", messages=asked, tools=[add], stream=True))
    assert [call.function.name for part in parts for call in part.message.tool_calls or ()] == ["add"]


def test_a_schema_binds_the_answer(client: ollama.Client) -> None:
    schema = {"type": "object", "properties": {"cidade": {"type": "string"}}, "required": ["cidade"]}
    answer = client.chat("gemma3:1b", messages=ASKED, format=schema)
    assert set(json.loads(answer.message.content or "")) == {"cidade"}
    assert isinstance(json.loads(client.generate("gemma3:1b", "oi", format="json").response or ""), dict)


def test_thinking(client: ollama.Client) -> None:
    answer = client.chat("qwen3:0.6b", messages=ASKED, think=True)
    assert answer.message.thinking
    assert answer.message.content
    assert not client.chat("qwen3:0.6b", messages=ASKED, think=False).message.thinking


def test_images(client: ollama.Client, upstream: OllamaDouble) -> None:
    asked = [{"role": "user", "content": "O que é isto?", "images": [PIXEL]}]
    assert client.chat("gemma3:4b", messages=asked).message.content
    assert upstream.stats.bodies[-1]["messages"][0]["images"] == [base64.b64encode(PIXEL).decode()]
    assert client.generate("gemma3:4b", "O que é isto?", images=[PIXEL]).response


def test_vectors(client: ollama.Client) -> None:
    answer = client.embed("all-minilm", ["um", "dois"])
    assert [len(vector) for vector in answer.embeddings] == [384, 384]
    assert answer.prompt_eval_count
    assert len(client.embed("all-minilm", "um", dimensions=64).embeddings[0]) == 64
    assert client.embeddings("all-minilm", "um").embedding == answer.embeddings[0]
    assert client.embed("all-minilm", []).embeddings == []


def test_which_models_there_are(client: ollama.Client) -> None:
    models = {model.model: model for model in client.list().models}
    assert {"gemma3:1b", "qwen2:7b", "all-minilm:latest", "qwen2-7b"} <= set(models)
    assert "ementa-reader" not in models
    assert models["qwen2-7b"].digest == models["qwen2:7b"].digest
    gemma = models["gemma3:1b"]
    assert gemma.size == 815_319_791
    assert gemma.digest
    assert gemma.details is not None
    assert gemma.details.parameter_size == "999.89M"
    shown = client.show("gemma3:1b")
    assert shown.capabilities == ["completion"]
    assert 32_768 in (shown.modelinfo or {}).values()


def test_what_is_in_memory(client: ollama.Client) -> None:
    client.chat("llama3.1:8b", messages=ASKED)
    assert "llama3.1:8b" in [model.model for model in client.ps().models]


def test_a_question_without_words_loads_and_unloads(client: ollama.Client, upstream: OllamaDouble) -> None:
    client.generate("gemma3:4b", "", keep_alive=0)
    assert client.generate("gemma3:4b").done_reason == "load"
    assert "gemma3:4b" in [model.model for model in client.ps().models]
    assert client.chat("gemma3:4b", messages=[], keep_alive=0).done_reason == "unload"
    assert "gemma3:4b" not in [model.model for model in client.ps().models]


def test_an_alias_is_a_model_like_any_other(client: ollama.Client) -> None:
    assert client.chat("qwen2-7b", messages=ASKED).model == "qwen2:7b"
    assert client.show("qwen2-7b").capabilities == ["completion", "tools"]


def test_downloading_and_removing(client: ollama.Client, upstream: OllamaDouble) -> None:
    seen = list(client.pull("hf.co/casa/modelo:Q4_K_M", stream=True))
    assert seen[-1].status == "success"
    assert any(part.total and part.completed for part in seen)
    assert "hf.co/casa/modelo:Q4_K_M" in [model.model for model in client.list().models]
    assert client.delete("hf.co/casa/modelo:Q4_K_M").status == "success"
    assert "hf.co/casa/modelo:Q4_K_M" not in [model.model for model in client.list().models]
    assert client.pull("granite:2b").status == "success"
    with pytest.raises(ollama.ResponseError) as absent:
        client.delete("granite:3b")
    assert absent.value.status_code == 404


def test_what_nobody_has(client: ollama.Client) -> None:
    for ask in (
        lambda: client.chat("nope:1b", messages=ASKED),
        lambda: list(client.chat("nope:1b", messages=ASKED, stream=True)),
        lambda: client.generate("nope:1b", "oi"),
        lambda: client.embed("nope:1b", "oi"),
        lambda: client.show("nope:1b"),
    ):
        with pytest.raises(ollama.ResponseError) as refused:
            ask()
        assert refused.value.status_code == 404
        assert "nope:1b" in refused.value.error


def test_an_error_in_the_middle_is_the_last_line(client: ollama.Client) -> None:
    texts: list[str] = []
    with pytest.raises(ollama.ResponseError, match="fail-after-3"):
        texts.extend(part.message.content or "" for part in client.chat("fail-after-3:1b", messages=ASKED, stream=True))


@pytest.mark.parametrize("model", ["cut:1b", "repeat:1b"])
def test_a_stream_that_breaks_off_says_so(client: ollama.Client, model: str) -> None:
    with pytest.raises(ollama.ResponseError):
        list(client.chat(model, messages=ASKED, stream=True))


def test_models_are_not_made_here(client: ollama.Client) -> None:
    for refused in (
        lambda: client.create("x", from_="gemma3:1b"),
        lambda: client.copy("gemma3:1b", "x"),
        lambda: client.push("x"),
    ):
        with pytest.raises(ollama.ResponseError, match="servidor Ollama") as error:
            refused()
        assert error.value.status_code == 400
