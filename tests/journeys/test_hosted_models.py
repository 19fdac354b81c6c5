"""Models of Anthropic and Google behind the one door, for a client that knows only OpenAI's API."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import openai
import pytest
from openai.types.chat import ChatCompletionMessageParam, ChatCompletionToolParam

from ementa.testing.anthropic.double import AnthropicDouble
from ementa.testing.gemini.double import GeminiDouble
from ementa.testing.provider_content import PNG
from ementa.testing.server import RunningServer

CLIMATE: ChatCompletionToolParam = {
    "type": "function",
    "function": {
        "name": "clima",
        "description": "Diz o tempo.",
        "parameters": {"type": "object", "properties": {"cidade": {"type": "string"}}, "required": ["cidade"]},
    },
}
MODELS = pytest.mark.parametrize(
    "model", ["claude-double", "claude-double-new", "gemini-2.5-double", "gemini-3-double"]
)


@pytest.fixture(scope="module")
def anthropic() -> Iterator[AnthropicDouble]:
    with AnthropicDouble() as double:
        yield double


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory, anthropic: AnthropicDouble) -> Iterator[RunningServer]:
    data: Path = tmp_path_factory.mktemp("hosted") / "data"
    with GeminiDouble() as gemini:
        environment = {
            "ANTHROPIC_BASE_URL": anthropic.url,
            "ANTHROPIC_API_KEY": anthropic.key,
            "GEMINI_BASE_URL": gemini.url,
            "GEMINI_API_KEY": gemini.key,
        }
        with RunningServer(data, environment) as server:
            yield server


@pytest.fixture
async def client(house: RunningServer) -> AsyncIterator[openai.AsyncOpenAI]:
    async with openai.AsyncOpenAI(base_url=f"{house.url}/v1", api_key=house.key, max_retries=0) as client:
        yield client


@MODELS
async def test_a_tool_is_called_and_its_result_told(client: openai.AsyncOpenAI, model: str) -> None:
    """Two turns, thinking: what the vendors sign reaches them again, though OpenAI's API has no place for it."""
    messages: list[ChatCompletionMessageParam] = [{"role": "user", "content": "Como está o clima em Recife?"}]
    first = await client.chat.completions.create(
        model=model, messages=messages, tools=[CLIMATE], reasoning_effort="low"
    )
    assert first.choices[0].finish_reason == "tool_calls"
    calls = first.choices[0].message.tool_calls
    assert calls
    assert calls[0].type == "function"
    call: ChatCompletionMessageParam = {
        "role": "assistant",
        "tool_calls": [{"id": calls[0].id, "type": "function", "function": calls[0].function.model_dump()}],  # pyright: ignore
    }
    result: ChatCompletionMessageParam = {"role": "tool", "tool_call_id": calls[0].id, "content": "31 graus"}
    stream = await client.chat.completions.create(
        model=model, messages=[*messages, call, result], tools=[CLIMATE], reasoning_effort="low", stream=True
    )
    texts = [chunk.choices[0].delta.content or "" async for chunk in stream if chunk.choices]
    assert "31 graus" in "".join(texts)


@MODELS
async def test_an_image_and_a_form(client: openai.AsyncOpenAI, model: str) -> None:
    schema = {"type": "object", "properties": {"n": {"type": "integer", "minimum": 0}}, "required": ["n"]}
    answer = await client.chat.completions.create(
        model=model,
        messages=[
            {"role": "system", "content": "Leia."},
            {
                "role": "user",
                "content": [
                    {"type": "text", "text": "O que há?"},
                    {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PNG}"}},
                ],
            },
        ],
        response_format={"type": "json_schema", "json_schema": {"name": "forma", "schema": schema}},
    )
    assert answer.choices[0].message.content in ('{"n": 0}', '{"n":0}')
    assert answer.usage
    assert answer.usage.completion_tokens > 0


async def test_a_key_that_was_revoked_is_not_the_clients_fault(
    client: openai.AsyncOpenAI, anthropic: AnthropicDouble
) -> None:
    with pytest.raises(openai.APIStatusError) as caught:
        await client.chat.completions.create(model="status-401", messages=[{"role": "user", "content": "oi"}])
    assert caught.value.status_code == 502
    assert anthropic.key not in caught.value.response.text
