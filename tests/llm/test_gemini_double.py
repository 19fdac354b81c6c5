"""The Gemini double is as Google's own SDK (3.4) expects the service to be, so what our adapter does with it can be
believed.
"""

import base64
from collections.abc import AsyncIterator, Iterator

import pytest
from google import genai
from google.genai import errors, types
from pydantic import BaseModel

from ementa.testing.gemini.double import GeminiDouble
from ementa.testing.provider_content import PNG

# The SDK's own session, made by a subclass that aiohttp would rather not see.
pytestmark = pytest.mark.filterwarnings("ignore:Inheritance class AiohttpClientSession:DeprecationWarning")

CLIMATE = types.FunctionDeclaration(
    name="clima",
    description="Diz o tempo.",
    parameters_json_schema={"type": "object", "properties": {"cidade": {"type": "string"}}, "required": ["cidade"]},
)
TOOLS = types.GenerateContentConfig(tools=[types.Tool(function_declarations=[CLIMATE])])


class Note(BaseModel):
    number: int
    items: list[str]


def client_of(url: str, key: str) -> genai.Client:
    return genai.Client(api_key=key, http_options=types.HttpOptions(base_url=url))


@pytest.fixture
def double() -> Iterator[GeminiDouble]:
    with GeminiDouble() as double:
        yield double


@pytest.fixture
async def client(double: GeminiDouble) -> AsyncIterator[genai.client.AsyncClient]:
    async with client_of(double.url, double.key).aio as client:
        yield client


async def test_a_whole_answer(client: genai.client.AsyncClient) -> None:
    answer = await client.models.generate_content(model="gemini-2.5-double", contents="Olá, tudo bem?")
    assert answer.text
    assert answer.text.startswith("Resposta")
    assert answer.candidates
    assert answer.candidates[0].finish_reason == types.FinishReason.STOP
    assert answer.usage_metadata
    assert answer.usage_metadata.prompt_token_count
    assert answer.usage_metadata.candidates_token_count


async def test_a_stream_adds_up(client: genai.client.AsyncClient) -> None:
    config = types.GenerateContentConfig(system_instruction="Seja breve.", temperature=0.2, max_output_tokens=50)
    stream = await client.models.generate_content_stream(model="gemini-2.5-double", contents="Ação?", config=config)
    chunks = [chunk async for chunk in stream]
    assert len(chunks) > 2
    assert "".join(chunk.text or "" for chunk in chunks).startswith("Resposta")
    assert chunks[-1].candidates
    assert chunks[-1].candidates[0].finish_reason == types.FinishReason.STOP


async def test_calls_and_results_in_a_chat_that_is_signed(client: genai.client.AsyncClient) -> None:
    chat = client.chats.create(model="gemini-3-double", config=TOOLS)
    first = await chat.send_message("Como está o clima em Recife?")
    assert first.function_calls
    (call,) = first.function_calls
    assert call.name == "clima"
    assert call.args
    assert isinstance(call.args["cidade"], str)
    result = types.Part(
        function_response=types.FunctionResponse(id=call.id, name="clima", response={"output": "31 graus"})
    )
    assert "31 graus" in ((await chat.send_message(result)).text or "")


async def test_thoughts(client: genai.client.AsyncClient) -> None:
    thinking = types.ThinkingConfig(include_thoughts=True, thinking_level=types.ThinkingLevel.LOW)
    config = types.GenerateContentConfig(thinking_config=thinking)
    answer = await client.models.generate_content(model="gemini-3-double", contents="Pense.", config=config)
    assert answer.parts
    assert answer.parts[0].thought
    assert not answer.parts[1].thought
    assert answer.usage_metadata
    assert answer.usage_metadata.thoughts_token_count


async def test_structured_output(client: genai.client.AsyncClient) -> None:
    config = types.GenerateContentConfig(
        response_mime_type="application/json", response_json_schema=Note.model_json_schema()
    )
    answer = await client.models.generate_content(model="gemini-2.5-double", contents="Extraia.", config=config)
    assert Note.model_validate_json(answer.text or "")


async def test_images(client: genai.client.AsyncClient) -> None:
    for kind, fits in (("image/png", True), ("image/jpeg", False)):
        part = types.Part.from_bytes(data=base64.b64decode(PNG), mime_type=kind)
        call = client.models.generate_content(model="gemini-2.5-double", contents=[part, "O que é?"])
        if fits:
            assert (await call).text
        else:
            with pytest.raises(errors.ClientError):
                await call


async def test_vectors(client: genai.client.AsyncClient) -> None:
    config = types.EmbedContentConfig(output_dimensionality=16)
    contents = [types.Content(parts=[types.Part(text=text)]) for text in ("um", "dois")]
    answer = await client.models.embed_content(model="gemini-embedding-double", contents=contents, config=config)
    assert answer.embeddings
    assert [len(vector.values or []) for vector in answer.embeddings] == [16, 16]


async def test_models_by_pages(client: genai.client.AsyncClient) -> None:
    pager = await client.models.list(config={"page_size": 2})
    listed = {model.name: model async for model in pager}
    assert listed["models/gemini-2.5-double"].input_token_limit == 1_048_576
    assert listed["models/gemini-embedding-double"].supported_actions == ["embedContent", "batchEmbedContents"]
    assert (await client.models.get(model="gemini-3-double")).name == "models/gemini-3-double"


async def test_a_blocked_prompt(client: genai.client.AsyncClient) -> None:
    answer = await client.models.generate_content(model="gemini-2.5-double", contents="BLOQUEIE isto")
    assert answer.prompt_feedback
    assert answer.prompt_feedback.block_reason == types.BlockedReason.PROHIBITED_CONTENT
    assert not answer.candidates


@pytest.mark.parametrize(
    ("model", "error", "code", "status"),
    [
        ("not-found", errors.ClientError, 404, "NOT_FOUND"),
        ("status-429", errors.ClientError, 429, "RESOURCE_EXHAUSTED"),
        ("status-400", errors.ClientError, 400, "INVALID_ARGUMENT"),
        ("fail-before", errors.ServerError, 500, "INTERNAL"),
        ("busy", errors.ServerError, 503, "UNAVAILABLE"),
        ("context-overflow", errors.ClientError, 400, "INVALID_ARGUMENT"),
        ("status-401", errors.ClientError, 400, "INVALID_ARGUMENT"),
    ],
)
async def test_errors(
    client: genai.client.AsyncClient, model: str, error: type[errors.APIError], code: int, status: str
) -> None:
    with pytest.raises(error) as caught:
        await client.models.generate_content(model=model, contents="oi")
    assert (caught.value.code, caught.value.status) == (code, status)


async def test_a_wrong_key(double: GeminiDouble) -> None:
    async with client_of(double.url, "wrong").aio as client:
        with pytest.raises(errors.ClientError, match="API key not valid"):
            await client.models.get(model="gemini-2.5-double")
