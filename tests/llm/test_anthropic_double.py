"""The Anthropic double is as its own SDK expects the service to be, so what our adapter does with it can be believed.

The SDK (2.11) speaks version 2026-10-21, our adapter 2023-06-01: the double knows both, as the service does.
"""

from collections.abc import AsyncIterator, Iterator

import anthropic
import pytest
from pydantic import BaseModel

from ementa.testing.anthropic.double import AnthropicDouble
from ementa.testing.provider_content import PNG

TOOL: anthropic.types.ToolParam = {
    "name": "clima",
    "description": "Diz o tempo.",
    "input_schema": {"type": "object", "properties": {"cidade": {"type": "string"}}, "required": ["cidade"]},
}


class Note(BaseModel):
    number: int
    items: list[str]


@pytest.fixture
def double() -> Iterator[AnthropicDouble]:
    with AnthropicDouble() as double:
        yield double


@pytest.fixture
async def client(double: AnthropicDouble) -> AsyncIterator[anthropic.AsyncAnthropic]:
    async with anthropic.AsyncAnthropic(base_url=double.url, api_key=double.key, max_retries=0) as client:
        yield client


def user(text: str) -> anthropic.types.MessageParam:
    return {"role": "user", "content": text}


async def test_a_whole_answer(client: anthropic.AsyncAnthropic) -> None:
    message = await client.messages.create(model="claude-double", max_tokens=100, messages=[user("Olá, tudo bem?")])
    (block,) = message.content
    assert block.type == "text"
    assert block.text.startswith("Resposta")
    assert message.stop_reason == "end_turn"
    assert message.usage.input_tokens + (message.usage.cache_read_input_tokens or 0) > 0
    assert message.usage.output_tokens > 0


async def test_a_stream_adds_up_to_the_whole(client: anthropic.AsyncAnthropic) -> None:
    async with client.messages.stream(model="claude-double", max_tokens=100, messages=[user("Ação?")]) as stream:
        texts = [text async for text in stream.text_stream]
        message = await stream.get_final_message()
    assert len(texts) > 1
    assert message.content[0].type == "text"
    assert message.content[0].text == "".join(texts)
    assert message.stop_reason == "end_turn"
    assert message.usage.output_tokens == len(texts)


async def test_thoughts_calls_and_results(client: anthropic.AsyncAnthropic) -> None:
    asked = [user("Como está o clima em Recife?")]
    thinking: anthropic.types.ThinkingConfigParam = {"type": "enabled", "budget_tokens": 1024}
    async with client.messages.stream(
        model="claude-double", max_tokens=4000, messages=asked, tools=[TOOL], thinking=thinking
    ) as stream:
        message = await stream.get_final_message()
    thought, call = message.content
    assert thought.type == "thinking"
    assert thought.signature
    assert call.type == "tool_use"
    assert isinstance(call.input["cidade"], str)
    assert message.stop_reason == "tool_use"
    result: anthropic.types.MessageParam = {
        "role": "user",
        "content": [{"type": "tool_result", "tool_use_id": call.id, "content": [{"type": "text", "text": "31 graus"}]}],
    }
    answer = await client.messages.create(
        model="claude-double",
        max_tokens=4000,
        messages=[*asked, {"role": "assistant", "content": [thought, call]}, result],
        tools=[TOOL],
        thinking=thinking,
    )
    assert "31 graus" in next(block.text for block in answer.content if block.type == "text")


async def test_structured_outputs(client: anthropic.AsyncAnthropic) -> None:
    message = await client.messages.parse(
        model="claude-double", max_tokens=500, messages=[user("Extraia.")], output_format=Note
    )
    assert isinstance(message.parsed_output, Note)


async def test_images(client: anthropic.AsyncAnthropic) -> None:
    source: anthropic.types.Base64ImageSourceParam = {"type": "base64", "media_type": "image/png", "data": PNG}
    content: list[anthropic.types.ContentBlockParam] = [
        {"type": "image", "source": source},
        {"type": "text", "text": "O que é?"},
    ]
    message = await client.messages.create(
        model="claude-double", max_tokens=100, messages=[{"role": "user", "content": content}]
    )
    assert message.content
    source["media_type"] = "image/jpeg"
    with pytest.raises(anthropic.BadRequestError, match="does not match"):
        await client.messages.create(
            model="claude-double", max_tokens=100, messages=[{"role": "user", "content": content}]
        )


async def test_models_by_pages(client: anthropic.AsyncAnthropic) -> None:
    listed = [model async for model in client.models.list(limit=2)]
    assert [model.id for model in listed][:2] == ["claude-double", "claude-double-new"]
    model = await client.models.retrieve("claude-double-new")
    assert model.capabilities is not None
    assert model.capabilities.thinking.types.adaptive.supported
    assert not model.capabilities.thinking.types.enabled.supported


@pytest.mark.parametrize(
    ("model", "error", "status"),
    [
        ("not-found", anthropic.NotFoundError, 404),
        ("status-429", anthropic.RateLimitError, 429),
        ("status-403", anthropic.PermissionDeniedError, 403),
        ("status-400", anthropic.BadRequestError, 400),
        ("fail-before", anthropic.InternalServerError, 500),
        ("busy", anthropic.APIStatusError, 529),
        ("context-overflow", anthropic.BadRequestError, 400),
    ],
)
async def test_errors(
    client: anthropic.AsyncAnthropic, model: str, error: type[anthropic.APIStatusError], status: int
) -> None:
    with pytest.raises(error) as caught:
        await client.messages.create(model=model, max_tokens=10, messages=[user("oi")])
    assert caught.value.status_code == status


async def test_an_error_amid_a_stream(client: anthropic.AsyncAnthropic) -> None:
    async with client.messages.stream(model="fail-after-3", max_tokens=10, messages=[user("oi")]) as stream:
        with pytest.raises(anthropic.APIStatusError, match="Internal server error"):
            await stream.get_final_message()


async def test_a_wrong_key(double: AnthropicDouble) -> None:
    async with anthropic.AsyncAnthropic(base_url=double.url, api_key="wrong", max_retries=0) as client:
        with pytest.raises(anthropic.AuthenticationError):
            await client.models.retrieve("claude-double")


@pytest.mark.parametrize("name", ["temperature", "top_p", "top_k"])
async def test_sampling_is_refused_by_the_newer_version(client: anthropic.AsyncAnthropic, name: str) -> None:
    with pytest.raises(anthropic.BadRequestError, match=f"{name}` is deprecated"):
        await client.messages.create(model="claude-double", max_tokens=10, messages=[user("oi")], extra_body={name: 1})
