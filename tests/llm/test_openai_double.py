"""The double speaks as OpenAI does: its own SDK understands it, and so does the fast one."""

import json
import math
from collections.abc import AsyncIterator, Iterator

import openai
import pytest
from openai import AsyncOpenAI

from ementa.testing.fast import serve
from ementa.testing.openai import fast
from ementa.testing.openai.double import OpenAIDouble
from ementa.testing.provider_content import PNG

KEY = "sk-double"
WEATHER = {
    "type": "function",
    "function": {
        "name": "clima",
        "description": "Diz o tempo",
        "parameters": {"type": "object", "properties": {"cidade": {"type": "string"}}, "required": ["cidade"]},
    },
}
QUESTION = [{"role": "user", "content": "Como está o clima na cidade de Recife?"}]


@pytest.fixture
def double() -> Iterator[OpenAIDouble]:
    with OpenAIDouble(flavour="openai", key=KEY) as double:
        yield double


@pytest.fixture
async def client(double: OpenAIDouble) -> AsyncIterator[AsyncOpenAI]:
    async with AsyncOpenAI(base_url=f"{double.url}/v1", api_key=KEY, max_retries=0) as client:
        yield client


async def test_chat(client: AsyncOpenAI) -> None:
    answer = await client.chat.completions.create(model="gpt-4o-double", messages=QUESTION)
    assert answer.choices[0].message.content
    assert answer.choices[0].finish_reason == "stop"
    assert answer.usage is not None
    assert answer.usage.total_tokens == answer.usage.prompt_tokens + answer.usage.completion_tokens


async def test_stream_with_and_without_counts(client: AsyncOpenAI) -> None:
    whole = await client.chat.completions.create(model="gpt-4o-double", messages=QUESTION)
    for counts in (True, False):
        options = {"stream_options": {"include_usage": True}} if counts else {}
        stream = await client.chat.completions.create(model="gpt-4o-double", messages=QUESTION, stream=True, **options)
        chunks = [chunk async for chunk in stream]
        pieces = [chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices]
        assert "".join(pieces) == whole.choices[0].message.content
        assert [chunk.usage for chunk in chunks if chunk.usage] == ([whole.usage] if counts else [])


async def test_tools_in_pieces(client: AsyncOpenAI) -> None:
    async with client.chat.completions.stream(model="gpt-4o-double", messages=QUESTION, tools=[WEATHER]) as stream:
        pieces = sum([event.type == "tool_calls.function.arguments.delta" async for event in stream])
        message = (await stream.get_final_completion()).choices[0].message
    assert pieces > 2
    (call,) = message.tool_calls or []
    assert isinstance(json.loads(call.function.arguments)["cidade"], str)
    result = {"role": "tool", "tool_call_id": call.id, "content": "31 graus"}
    again = await client.chat.completions.create(
        model="gpt-4o-double", messages=[*QUESTION, message.model_dump(exclude_none=True), result], tools=[WEATHER]
    )
    assert "31 graus" in (again.choices[0].message.content or "")


async def test_schema_and_images(client: AsyncOpenAI, double: OpenAIDouble) -> None:
    schema = {"type": "object", "properties": {"n": {"enum": [7]}}, "required": ["n"], "additionalProperties": False}
    content = [
        {"type": "text", "text": "?"},
        {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PNG}"}},
    ]
    answer = await client.chat.completions.create(
        model="gpt-4o-double",
        messages=[{"role": "user", "content": content}],
        response_format={"type": "json_schema", "json_schema": {"name": "n", "strict": True, "schema": schema}},
    )
    assert json.loads(answer.choices[0].message.content or "") == {"n": 7}
    assert double.stats.bodies[-1]["messages"][0]["content"] == content


async def test_embeddings_in_both_forms(client: AsyncOpenAI) -> None:
    texts = ["contrato", "nota fiscal"]
    in_base64 = await client.embeddings.create(model="text-embedding-double", input=texts)  # the SDK's own choice
    floats = await client.embeddings.create(model="text-embedding-double", input=texts, encoding_format="float")
    for one, other in zip(in_base64.data, floats.data, strict=True):
        assert all(math.isclose(a, b, abs_tol=1e-6) for a, b in zip(one.embedding, other.embedding, strict=True))


async def test_models_and_completions(client: AsyncOpenAI) -> None:
    assert "gpt-4o-double" in [model.id async for model in client.models.list()]
    answer = await client.completions.create(model="gpt-4o-double", prompt="Era uma vez", max_tokens=4)
    assert answer.choices[0].text
    assert answer.choices[0].finish_reason == "length"


@pytest.mark.parametrize(
    ("model", "extra", "kind"),
    [
        ("absent", {}, openai.NotFoundError),
        ("status-429", {}, openai.RateLimitError),
        ("fail-before", {}, openai.InternalServerError),
        ("context-overflow", {}, openai.BadRequestError),
        ("o4-double", {"max_tokens": 5}, openai.BadRequestError),
        ("o4-double", {"temperature": 0}, openai.BadRequestError),
        ("gpt-4o-double", {"tool_choice": "required"}, openai.BadRequestError),
        ("gpt-4o-double", {"extra_body": {"top_k": 3}}, openai.BadRequestError),
    ],
)
async def test_refusals(client: AsyncOpenAI, model: str, extra: dict, kind: type[openai.APIStatusError]) -> None:
    with pytest.raises(kind) as caught:
        await client.chat.completions.create(model=model, messages=QUESTION, **extra)
    assert caught.value.body["message"]


async def test_a_wrong_key(double: OpenAIDouble) -> None:
    async with AsyncOpenAI(base_url=f"{double.url}/v1", api_key="wrong", max_retries=0) as stranger:
        with pytest.raises(openai.AuthenticationError):
            await stranger.models.list()


async def test_an_error_amid_a_stream(client: AsyncOpenAI) -> None:
    stream = await client.chat.completions.create(model="fail-after-3", messages=QUESTION, stream=True)
    with pytest.raises(openai.APIError):
        async for _ in stream:
            pass


@pytest.mark.parametrize("delay", [0.0, 0.001])
async def test_the_fast_one(delay: float) -> None:
    server = await serve("127.0.0.1", 0, fast.make_reply(50, not delay), delay)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"
    async with AsyncOpenAI(base_url=url, api_key="x", max_retries=0) as client:
        assert [model.id async for model in client.models.list()] == ["fast"]
        whole = await client.chat.completions.create(model="fast", messages=QUESTION)
        assert whole.usage is not None
        assert whole.usage.completion_tokens == 50
        for options in ({}, {"stream_options": {"include_usage": True}}):
            stream = await client.chat.completions.create(model="fast", messages=QUESTION, stream=True, **options)
            chunks = [chunk async for chunk in stream]
            pieces = [chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices]
            assert "".join(pieces) == whole.choices[0].message.content
            assert [chunk.usage for chunk in chunks if chunk.usage] == ([whole.usage] if options else [])
        with pytest.raises(openai.NotFoundError):
            await client.embeddings.create(model="fast", input="x")
    server.close()
