"""Ollama's SDK speaks to models of servers that speak no word of Ollama: the same loop of tools, streams and errors."""

import base64
import json
from collections.abc import Iterator
from typing import Any

import ollama
import pytest

from ementa.testing.anthropic.double import AnthropicDouble
from ementa.testing.openai.double import OpenAIDouble
from ementa.testing.server import RunningServer

ASKED = [{"role": "user", "content": "Qual é a capital do Pará?"}]
PIXEL = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)


def add(a: int, b: int) -> int:
    """Adds two numbers: soma.

    Args:
      a (int): The first.
      b (int): The second.

    Returns:
      int: Their sum.
    """
    return a + b


@pytest.fixture(scope="module")
def vllm() -> Iterator[OpenAIDouble]:
    with OpenAIDouble() as double:
        yield double


@pytest.fixture(scope="module")
def anthropic() -> Iterator[AnthropicDouble]:
    with AnthropicDouble(key="sk-ant-double") as double:
        yield double


@pytest.fixture(scope="module")
def client(
    vllm: OpenAIDouble, anthropic: AnthropicDouble, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ollama.Client]:
    """The SDK of somebody whose Ementa has no Ollama at all."""
    environment = {
        "EMENTA_OPENAI_HOSTS": f"{vllm.url}/v1",
        "ANTHROPIC_API_KEY": "sk-ant-double",
        "ANTHROPIC_BASE_URL": anthropic.url,
        "EMENTA_LLM__REQUESTS_PER_MINUTE": "0",
    }
    data = tmp_path_factory.mktemp("translated") / "data"
    with (
        RunningServer(data, environment) as server,
        ollama.Client(server.url, headers={"Key": server.key}) as sdk,
    ):
        yield sdk
    assert "unexpected error" not in server.log.read_text(encoding="utf-8", errors="replace")


MODELS = ["double-chat", "claude-double"]


@pytest.mark.parametrize("model", MODELS)
def test_a_conversation(client: ollama.Client, model: str) -> None:
    whole = client.chat(model, messages=ASKED)
    assert whole.message.role == "assistant"
    assert "capital do Pará" in (whole.message.content or "")
    assert (whole.model, whole.done, whole.done_reason) == (model, True, "stop")
    assert whole.prompt_eval_count
    assert whole.eval_count
    parts = list(client.chat(model, messages=ASKED, stream=True))
    assert "".join(part.message.content or "" for part in parts) == whole.message.content
    assert [part.done for part in parts] == [False] * (len(parts) - 1) + [True]
    assert parts[-1].eval_count == whole.eval_count


@pytest.mark.parametrize("model", MODELS)
def test_a_generation(client: ollama.Client, model: str) -> None:
    whole = client.generate(model, "Bom dia", system="Seja breve")
    assert whole.response
    parts = list(client.generate(model, "Bom dia", system="Seja breve", stream=True))
    assert "".join(part.response or "" for part in parts) == whole.response


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("stream", [False, True])
def test_the_whole_loop_of_tools(client: ollama.Client, model: str, stream: bool) -> None:
    messages: list[Any] = [{"role": "user", "content": "Qual é a soma (add) de 2 e 3?"}]

    def ask() -> Any:
        if not stream:
            return client.chat(model, messages=messages, tools=[add]).message
        parts = list(client.chat(model, messages=messages, tools=[add], stream=True))
        calls = [call for part in parts for call in part.message.tool_calls or ()]
        text = "".join(part.message.content or "" for part in parts)
        return ollama.Message(role="assistant", content=text, tool_calls=calls or None)

    first = ask()
    assert [call.function.name for call in first.tool_calls] == ["add"]
    arguments = first.tool_calls[0].function.arguments
    assert set(arguments) == {"a", "b"}
    result = add(int(arguments["a"]), int(arguments["b"]))
    # The SDK forgets the ids of calls: Ementa finds which call the result answers.
    messages += [first, {"role": "tool", "tool_name": "add", "content": str(result)}]
    last = ask()
    assert not last.tool_calls
    assert last.content


@pytest.mark.parametrize("model", MODELS)
def test_a_schema_binds_the_answer(client: ollama.Client, model: str) -> None:
    schema = {"type": "object", "properties": {"cidade": {"type": "string"}}, "required": ["cidade"]}
    answer = client.chat(model, messages=ASKED, format=schema)
    assert set(json.loads(answer.message.content or "")) == {"cidade"}


@pytest.mark.parametrize("model", MODELS)
def test_images(client: ollama.Client, model: str) -> None:
    asked = [{"role": "user", "content": "O que é isto?", "images": [PIXEL]}]
    assert client.chat(model, messages=asked).message.content


def test_thinking(client: ollama.Client) -> None:
    answer = client.chat("double-thinking", messages=ASKED, think=True)
    assert answer.message.thinking
    assert answer.message.content
    parts = list(client.chat("double-thinking", messages=ASKED, think=True, stream=True))
    assert "".join(part.message.thinking or "" for part in parts) == answer.message.thinking


def test_the_limit_of_an_answer(client: ollama.Client, vllm: OpenAIDouble) -> None:
    answer = client.chat("double-chat", messages=ASKED, options={"num_predict": 2, "temperature": 0.5, "mirostat": 1})
    assert answer.done_reason == "length"
    sent = vllm.stats.bodies[-1]
    assert sent["temperature"] == 0.5
    assert "mirostat" not in sent


def test_vectors(client: ollama.Client) -> None:
    answer = client.embed("double-embedding", ["um", "dois"])
    assert len(answer.embeddings) == 2
    assert client.embeddings("double-embedding", "um").embedding == pytest.approx(answer.embeddings[0])


def test_which_models_there_are(client: ollama.Client) -> None:
    assert {"double-chat", "claude-double"} <= {model.model for model in client.list().models}
    assert 32_768 in (client.show("double-chat").modelinfo or {}).values()


def test_a_question_without_words_only_looks(client: ollama.Client) -> None:
    assert client.generate("double-chat").done_reason == "load"


@pytest.mark.parametrize(
    "given", [{"raw": True}, {"suffix": "}"}, {"template": "x"}, {"context": [1]}, {"logprobs": True}]
)
def test_what_only_ollama_understands_is_refused(client: ollama.Client, given: dict[str, Any]) -> None:
    for stream in (False, True):
        with pytest.raises(ollama.ResponseError, match=next(iter(given))) as refused:
            list(client.generate("double-chat", "oi", stream=stream, **given))
        assert refused.value.status_code == 400


def test_what_a_server_cannot_is_refused(client: ollama.Client) -> None:
    with pytest.raises(ollama.ResponseError, match="openai@") as refused:
        client.delete("double-chat")
    assert refused.value.status_code == 400
    with pytest.raises(ollama.ResponseError, match="openai@") as refused:
        client.generate("double-chat", keep_alive=0)
    assert refused.value.status_code == 400


def test_an_error_in_the_middle_is_the_last_line(client: ollama.Client) -> None:
    with pytest.raises(ollama.ResponseError):
        list(client.chat("cut", messages=ASKED, stream=True))
