"""The double is close enough to Ollama that Ollama's own client library cannot tell."""

import base64
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import ollama
import pytest

from ementa.testing.ollama.double import OllamaDouble
from ementa.testing.provider_content import PNG

QUESTION = [{"role": "user", "content": "Qual é o clima em Recife?"}]


def clima(cidade: str) -> str:
    """Diz o clima.

    Args:
        cidade: o nome da cidade
    """
    return f"31 graus em {cidade}"


async def gather(stream: AsyncIterator[Any], into: list[Any]) -> None:
    async for item in stream:
        into.append(item)


@pytest.fixture
async def client(double: OllamaDouble) -> AsyncIterator[ollama.AsyncClient]:
    client = ollama.AsyncClient(double.url)
    yield client
    await client.close()


@pytest.fixture(name="double")
def make_double(ollama: OllamaDouble) -> OllamaDouble:
    return ollama


async def test_chat_whole_and_streamed_are_the_same(client: ollama.AsyncClient) -> None:
    whole = await client.chat("gemma3:1b", QUESTION)
    parts = [part async for part in await client.chat("gemma3:1b", QUESTION, stream=True)]
    assert whole.message.content == "".join(part.message.content or "" for part in parts)
    assert len(parts) > 3
    assert [part.done for part in parts] == [False] * (len(parts) - 1) + [True]
    last = parts[-1]
    assert (last.done_reason, last.prompt_eval_count, last.eval_count) == (
        "stop",
        whole.prompt_eval_count,
        len(parts) - 1,
    )
    assert last.total_duration > 0
    assert abs(datetime.fromisoformat(last.created_at) - datetime.now(UTC)) < timedelta(hours=1)


async def test_generate_whole_and_streamed_are_the_same(client: ollama.AsyncClient) -> None:
    whole = await client.generate("gemma3:1b", "Oi, tudo bem?", system="Seja breve.")
    parts = [
        part async for part in await client.generate("gemma3:1b", "Oi, tudo bem?", system="Seja breve.", stream=True)
    ]
    assert whole.response == "".join(part.response for part in parts)
    assert len(whole.context) == whole.prompt_eval_count + whole.eval_count


async def test_a_tool_is_called_and_its_result_used(client: ollama.AsyncClient) -> None:
    asked = await client.chat("qwen2:7b", QUESTION, tools=[clima])
    (call,) = asked.message.tool_calls
    assert call.function.name == "clima"
    result = clima(**call.function.arguments)
    answered = {"role": "tool", "tool_name": "clima", "content": result}
    said = await client.chat("qwen2:7b", [*QUESTION, asked.message, answered], tools=[clima])
    assert not said.message.tool_calls
    assert "31 graus" in said.message.content
    parts = [part async for part in await client.chat("qwen2:7b", QUESTION, tools=[clima], stream=True)]
    assert [call.function.name for part in parts for call in part.message.tool_calls or ()] == ["clima"]
    assert [call.function.name for part in parts if part.done for call in part.message.tool_calls or ()] == []


async def test_thinking(client: ollama.AsyncClient) -> None:
    thought = await client.chat("qwen3:0.6b", QUESTION, think=True)
    assert thought.message.thinking.startswith("Pensando")
    assert "Pensando" not in thought.message.content
    assert (await client.chat("qwen3:0.6b", QUESTION)).message.thinking, "it thinks unless told not to"
    assert (await client.chat("qwen3:0.6b", QUESTION, think=False)).message.thinking is None
    with pytest.raises(ollama.ResponseError, match='"gemma3:1b" does not support thinking'):
        await client.chat("gemma3:1b", QUESTION, think="high")


async def test_forms_and_limits(client: ollama.AsyncClient) -> None:
    schema = {"type": "object", "properties": {"n": {"enum": [7]}}, "required": ["n"]}
    assert json.loads((await client.chat("gemma3:1b", QUESTION, format=schema)).message.content) == {"n": 7}
    assert isinstance(json.loads((await client.chat("gemma3:1b", QUESTION, format="json")).message.content), dict)
    whole = (await client.chat("gemma3:1b", QUESTION)).message.content
    cut = await client.chat("gemma3:1b", QUESTION, options={"num_predict": 2})
    assert cut.done_reason == "length"
    assert whole.startswith(cut.message.content)
    stopped = await client.chat("gemma3:1b", QUESTION, options={"stop": ["clima"]})
    assert stopped.message.content == whole.partition("clima")[0]


async def test_images(client: ollama.AsyncClient, double: OllamaDouble) -> None:
    message = {"role": "user", "content": "o que há?", "images": [base64.b64decode(PNG)]}
    assert (await client.chat("gemma3:4b", [message])).message.content
    assert double.stats.bodies[-1]["messages"][0]["images"] == [PNG]
    with pytest.raises(ollama.ResponseError, match="image input is not supported"):
        await client.chat("gemma3:1b", [message])


async def test_vectors(client: ollama.AsyncClient) -> None:
    answer = await client.embed("all-minilm", ["contrato", "nota"], dimensions=16)
    assert [len(vector) for vector in answer.embeddings] == [16, 16]
    assert answer.prompt_eval_count == 3
    assert len((await client.embeddings("all-minilm", "contrato")).embedding) == 384
    with pytest.raises(ollama.ResponseError, match="does not support embeddings"):
        await client.embed("gemma3:1b", "contrato")
    with pytest.raises(ollama.ResponseError, match="the input length exceeds the context length"):
        await client.embed("all-minilm", "contrato " * 600, truncate=False)


async def test_models_on_disk(client: ollama.AsyncClient) -> None:
    listed = {model.model: model for model in (await client.list()).models}
    shown = await client.show("gemma3:1b")
    assert shown.capabilities == ["completion"]
    assert shown.modelinfo["gemma3.context_length"] == 32_768
    assert listed["gemma3:1b"].details.family == "gemma3"
    assert listed["gemma3:1b"].modified_at == shown.modified_at
    steps = [step async for step in await client.pull("phi9:1b", stream=True)]
    assert [step.status for step in steps][-1] == "success"
    assert max(step.completed or 0 for step in steps) == steps[1].total > 0
    assert (await client.pull("phi9:1b")).status == "success"
    assert (await client.delete("phi9:1b")).status == "success"
    with pytest.raises(ollama.ResponseError) as caught:
        await client.delete("phi9:1b")
    assert (caught.value.status_code, caught.value.error) == (404, "model 'phi9:1b' not found")


@pytest.mark.parametrize(
    ("model", "error"), [("not-found:1b", "file does not exist"), ("fail-pull:1b", "max retries exceeded")]
)
async def test_downloads_that_fail(client: ollama.AsyncClient, model: str, error: str) -> None:
    steps = []
    with pytest.raises(ollama.ResponseError, match=error):
        await gather(await client.pull(model, stream=True), steps)
    assert steps, "the error comes after the first line, under status 200"
    with pytest.raises(ollama.ResponseError, match=error):
        await client.pull(model)


async def test_models_in_memory(client: ollama.AsyncClient, double: OllamaDouble) -> None:
    await client.generate("gemma3:1b", keep_alive="10m", options={"num_ctx": 8192})
    await client.chat("qwen2:7b", QUESTION, keep_alive=-1)
    first, second = (await client.ps()).models
    assert (first.model, second.model) == ("qwen2:7b", "gemma3:1b")
    assert second.context_length == 8192
    left = second.expires_at - datetime.now(UTC)
    assert timedelta(minutes=5) < left <= timedelta(minutes=10)
    assert first.expires_at - datetime.now(UTC) > timedelta(days=365)
    await client.generate("gemma3:1b", keep_alive=0)
    await client.chat("qwen2:7b", QUESTION, keep_alive=0)
    assert list((await client.ps()).models) == []
    assert double.stats.loaded == ["gemma3:1b", "qwen2:7b"]
    with pytest.raises(ollama.ResponseError, match='time: invalid duration "logo"'):
        await client.generate("gemma3:1b", keep_alive="logo")


async def test_memory_holds_so_many_and_a_change_of_size_loads_again() -> None:
    with OllamaDouble(max_loaded=1) as double:
        client = ollama.AsyncClient(double.url)
        for model, size in (("gemma3:1b", 2048), ("gemma3:1b", 2048), ("gemma3:1b", 4096), ("qwen2:7b", 2048)):
            await client.generate(model, "oi", options={"num_ctx": size})
        assert double.stats.loaded == ["gemma3:1b", "gemma3:1b", "qwen2:7b"]
        assert double.stats.evictions == 1
        assert [model.model for model in (await client.ps()).models] == ["qwen2:7b"]
        await client.close()


async def test_errors_amid_a_stream(client: ollama.AsyncClient) -> None:
    parts = []
    with pytest.raises(ollama.ResponseError, match="llama runner process has terminated"):
        await gather(await client.chat("fail-after-3:1b", QUESTION, stream=True), parts)
    assert len(parts) == 3
