"""What is Gemini's own: calls that are signed, levels of thinking, forms of answers, vectors, words for failures."""

import json
from collections.abc import Iterator
from typing import Any

import jsonschema
import pytest

from ementa.llm.base import Embeds, Provider, collect
from ementa.llm.errors import ModelBusy, ModelContextExceeded, ModelFailed, ModelKeyRefused, ModelUnavailable
from ementa.llm.providers.gemini import connect
from ementa.llm.providers.gemini_stream import Reading
from ementa.llm.providers.gemini_vectors import vectors_in
from ementa.llm.servers import ServerConfig
from ementa.llm.settings import LlmSettings
from ementa.llm.sse import Event
from ementa.llm.thoughts import Thoughts
from ementa.llm.transport import Transport
from ementa.llm.types import ChatDelta, ChatRequest, ChatResult, EmbedRequest, Message, Tool, ToolCall
from ementa.testing.gemini.catalogue import DoubleModel
from ementa.testing.gemini.double import GeminiDouble
from ementa.testing.provider_content import WEATHER
from ementa.testing.providers import ask


@pytest.fixture
def double() -> Iterator[GeminiDouble]:
    with GeminiDouble() as double:
        yield double


@pytest.fixture
async def provider(double: GeminiDouble, transport: Transport) -> Provider:
    return connect(ServerConfig("gemini", "g", double.url, double.key), LlmSettings(timeout_seconds=10), transport)


async def chat(provider: Provider, model: str = "gemini-2.5-double", **changes: Any) -> ChatResult:
    return await collect(provider.stream(ask(model, **changes)))


def generation(double: GeminiDouble) -> dict[str, Any]:
    return double.stats.bodies[-1]["generationConfig"]


async def test_turns_alternate_and_results_of_a_round_come_together(provider: Provider, double: GeminiDouble) -> None:
    calls = (ToolCall("a", "clima", '{"cidade": "Recife"}'), ToolCall("", "soma", ""))
    messages = [
        Message("system", "Seja breve."),
        Message("user", "Oi"),
        Message("user", "Como está?"),
        Message("system", "Em português."),
        Message("assistant", "Vejo.", tool_calls=calls),
        Message("tool", "3", tool_name="soma"),
        Message("tool", "31 graus", tool_call_id="a"),
    ]
    await chat(provider, messages=messages, tools=(WEATHER, Tool("soma")), tool_choice="none")
    body = double.stats.bodies[-1]
    assert body["systemInstruction"] == {"parts": [{"text": "Seja breve.\n\nEm português."}]}
    assert [content["role"] for content in body["contents"]] == ["user", "model", "user"]
    assert body["contents"][0]["parts"] == [{"text": "Oi"}, {"text": "Como está?"}]
    text, first, second = body["contents"][1]["parts"]
    assert text == {"text": "Vejo."}
    assert first == {"functionCall": {"id": "a", "name": "clima", "args": {"cidade": "Recife"}}}
    results = [part["functionResponse"] for part in body["contents"][2]["parts"]]
    assert [result["name"] for result in results] == ["soma", "clima"]
    assert results[0]["id"] == second["functionCall"]["id"]
    assert body["tools"][0]["functionDeclarations"][1] == {"name": "soma"}
    assert body["toolConfig"] == {"functionCallingConfig": {"mode": "NONE"}}


@pytest.mark.parametrize(
    ("choice", "sent"),
    [
        ("required", {"mode": "ANY"}),
        ("soma", {"mode": "ANY", "allowedFunctionNames": ["soma"]}),
        ("auto", {"mode": "AUTO"}),
    ],
)
async def test_which_call_must_come(
    provider: Provider, double: GeminiDouble, choice: str, sent: dict[str, Any]
) -> None:
    result = await chat(provider, tools=(WEATHER, Tool("soma")), tool_choice=choice)
    assert [call.name for call in result.tool_calls] == ["soma" if choice == "soma" else "clima"]
    assert double.stats.bodies[-1]["toolConfig"]["functionCallingConfig"] == sent


@pytest.mark.parametrize(
    ("model", "think", "tried"),
    [
        ("gemini-2.5-double", None, [None]),
        ("gemini-2.5-double", False, [{"thinkingBudget": 0}]),
        ("gemini-2.5-double", True, [{"includeThoughts": True}]),
        ("gemini-2.5-double", "low", [{"includeThoughts": True, "thinkingBudget": 1024}]),
        ("gemini-2.5-double-pro", False, [{"thinkingBudget": 0}, {"thinkingBudget": 128}]),
        ("gemini-3-double", False, [{"thinkingLevel": "MINIMAL"}]),
        ("gemini-3-double", "high", [{"includeThoughts": True, "thinkingLevel": "HIGH"}]),
        ("gemini-3-double-pro", False, [{"thinkingLevel": "MINIMAL"}, {"thinkingLevel": "LOW"}]),
        ("gemma-double", False, [None]),
        ("gemma-double", True, [None]),
    ],
)
async def test_each_model_is_told_in_its_way_whether_to_think(
    provider: Provider, double: GeminiDouble, model: str, think: Any, tried: list[Any]
) -> None:
    result = await chat(provider, model, think=think, temperature=None)
    sent = [body["generationConfig"].get("thinkingConfig") for body in double.stats.bodies]
    assert sent == tried
    assert bool(result.thinking) == bool(tried[-1] and "includeThoughts" in tried[-1])
    await chat(provider, model, think=think, temperature=None)
    assert generation(double).get("thinkingConfig") == tried[-1]
    assert len(double.stats.bodies) == len(tried) + 1  # what was refused once is not tried again


async def test_sampling_is_left_out_where_it_is_refused(provider: Provider, double: GeminiDouble) -> None:
    for _ in range(2):
        assert (await chat(provider, "gemini-3-double-pro", think=None, temperature=0.5, top_p=0.5)).text
    sent = [sorted({"temperature", "topP"} & set(body["generationConfig"])) for body in double.stats.bodies]
    assert sent[-1] == []
    assert sent[-2] == []
    await chat(provider, temperature=0.5, top_k=3, presence_penalty=0.1, seed=4)
    assert {"temperature": 0.5, "topK": 3, "presencePenalty": 0.1, "seed": 4}.items() <= generation(double).items()


async def test_signatures_go_back_with_their_calls(provider: Provider, double: GeminiDouble) -> None:
    first = await chat(provider, "gemini-3-double", tools=(WEATHER,))
    (call,) = first.tool_calls
    answered = Message("tool", "31 graus", tool_call_id=call.id)
    messages = [Message("user", "oi"), Message("assistant", "", tool_calls=(call,)), answered]
    assert "31 graus" in (await chat(provider, "gemini-3-double", messages=messages, tools=(WEATHER,))).text
    part = double.stats.bodies[-1]["contents"][1]["parts"][0]
    assert part["thoughtSignature"] not in ("", "skip_thought_signature_validator")
    assert len(double.stats.bodies) == 2


async def test_calls_of_another_process_go_back_without_their_signature(
    provider: Provider, double: GeminiDouble
) -> None:
    calls = (ToolCall("x", "clima", "{}"), ToolCall("y", "clima", "{}"))
    results = [Message("tool", "31 graus", tool_call_id=id_) for id_ in ("x", "y")]
    messages = [Message("user", "oi"), Message("assistant", "", tool_calls=calls), *results]
    assert "31 graus" in (await chat(provider, "gemini-3-double", messages=messages, tools=(WEATHER,))).text
    first, second = double.stats.bodies[-1]["contents"][1]["parts"]
    assert first["thoughtSignature"] == "skip_thought_signature_validator"
    assert "thoughtSignature" not in second
    await chat(provider, messages=messages, tools=(WEATHER,))
    assert "thoughtSignature" not in double.stats.bodies[-1]["contents"][1]["parts"][0]


async def test_a_schema_is_sent_as_json_schema(provider: Provider, double: GeminiDouble) -> None:
    schema = {"type": "object", "properties": {"n": {"const": 7}, "t": {"const": True}}, "required": ["n"]}
    result = await chat(provider, schema=schema)
    jsonschema.validate(json.loads(result.text), schema)
    assert generation(double)["responseMimeType"] == "application/json"
    assert generation(double)["responseJsonSchema"]["properties"] == {"n": {"enum": [7]}, "t": {"const": True}}
    assert schema["properties"]["n"] == {"const": 7}


async def test_where_forms_and_tools_do_not_go_together_the_form_is_told(
    provider: Provider, double: GeminiDouble
) -> None:
    schema = {"type": "object", "properties": {"n": {"type": "integer"}}}
    for count in (2, 4):
        assert (await chat(provider, schema=schema, tools=(WEATHER,))).finish == "tool_calls"
        assert "responseMimeType" not in generation(double)
        assert '"integer"' in double.stats.bodies[-1]["systemInstruction"]["parts"][0]["text"]
        assert len(double.stats.bodies) == count  # a schema is tried again: it may have been this one's fault
    assert (await chat(provider, any_json=True)).text
    assert generation(double)["responseMimeType"] == "application/json"


async def test_a_prompt_that_is_blocked_is_no_failure(provider: Provider) -> None:
    result = await chat(provider, text="BLOQUEIE isto")
    assert (result.text, result.finish) == ("", "content_filter")
    assert result.prompt_tokens > 0


async def test_models_of_many_pages_that_write_or_embed(transport: Transport, double: GeminiDouble) -> None:
    many = [DoubleModel(f"gemini-{number}") for number in range(1500)]
    drawing = DoubleModel("imagen", ("predict",), thinking=False)
    vectors = DoubleModel("gemini-embedding", ("embedContent",), 2048, thinking=False)
    with GeminiDouble([drawing, *many, vectors, DoubleModel("gemma", thinking=False)]) as double:
        address = ServerConfig("gemini", "g", f"{double.url}/v1", double.key)
        listed = await connect(address, LlmSettings(), transport).list_models()
        assert double.stats.requests == {"GET /v1/models": 2}
    assert len(listed) == 1502
    known = {info.name: info for info in listed}
    assert known["gemini-7"].capabilities == ("completion", "tools", "vision", "thinking")
    assert known["gemma"].capabilities == ("completion",)
    assert known["gemini-embedding"].capabilities == ("embedding",)
    assert known["gemini-embedding"].context_tokens == 2048


async def test_names_that_are_none_are_never_sent(provider: Provider, double: GeminiDouble) -> None:
    for name in ("../../x", "gemma3:1b", "models/x", ""):
        with pytest.raises(ModelUnavailable):
            await provider.show(name)
    assert not double.stats.requests


async def test_a_wrong_key_is_told_by_health_and_by_answers(double: GeminiDouble, transport: Transport) -> None:
    for key, words in (("AIza-wrong", "API key not valid"), ("", "unregistered callers")):
        provider = connect(ServerConfig("gemini", "g", double.url, key), LlmSettings(), transport)
        health = await provider.health()
        assert not health.reachable
        assert words in health.error
        with pytest.raises(ModelKeyRefused):
            await chat(provider)


async def test_what_the_service_says_of_waiting_and_of_length(provider: Provider) -> None:
    with pytest.raises(ModelBusy) as busy:
        await chat(provider, "status-429")
    assert busy.value.params["retry_after"] == 35
    with pytest.raises(ModelBusy):
        await chat(provider, "busy")
    with pytest.raises(ModelContextExceeded) as long:
        await chat(provider, "context-overflow")
    assert (long.value.params["needed"], long.value.params["context"]) == (3475108, 1048576)


async def test_shortened_vectors_are_of_length_one(provider: Provider, double: GeminiDouble) -> None:
    assert isinstance(provider, Embeds)
    texts = ["contrato de locação", "nota"] * 120
    result = await provider.embed(EmbedRequest("gemini-embedding-double", texts, dimensions=8))
    assert len(result.vectors) == 240
    assert all(abs(sum(value * value for value in vector) - 1) < 1e-9 for vector in result.vectors)
    assert [len(body["requests"]) for body in double.stats.embed_bodies] == [100, 100, 40]
    assert result.prompt_tokens > 240


@pytest.mark.parametrize(
    "answer",
    [
        {},
        {"embeddings": [{"values": []}]},
        {"embeddings": [1]},
        {"embeddings": {}},
        {"embeddings": [{"values": [0.5, None]}]},
        {"embeddings": [{"values": [[0.5]]}]},
        {"embeddings": [{"values": [10**400]}]},
    ],
)
def test_vectors_that_are_not_one_each(answer: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="vectors for 1 texts"):
        vectors_in(answer, 1, shortened=True)


REQUEST = ChatRequest("m", [Message("user", "oi")])


def read(*events: Any) -> ChatResult:
    reading = Reading(REQUEST, Thoughts(), "host")
    pieces = [piece for event in events for piece in reading.read(Event(json.dumps(event).encode()))]
    result = reading.result(0.1)
    assert "".join(piece.text for piece in pieces if isinstance(piece, ChatDelta)) == result.text
    return result


def candidate(**fields: Any) -> dict[str, Any]:
    return {"candidates": [fields]}


@pytest.mark.parametrize(
    ("reason", "finish"),
    [
        ("STOP", "stop"),
        ("MAX_TOKENS", "length"),
        ("SAFETY", "content_filter"),
        ("RECITATION", "content_filter"),
        ("IMAGE_SAFETY", "content_filter"),
        ("SPII", "content_filter"),
    ],
)
def test_reasons_to_finish(reason: str, finish: str) -> None:
    assert read(candidate(finishReason=reason)).finish == finish


@pytest.mark.parametrize("reason", ["MALFORMED_FUNCTION_CALL", "OTHER", "SOMETHING_NEW"])
def test_reasons_that_are_no_answer(reason: str) -> None:
    with pytest.raises(ModelFailed, match=f"{reason} porque sim"):
        read(candidate(finishReason=reason, finishMessage="porque sim"))


def test_an_answer_without_a_reason_to_finish_is_none() -> None:
    with pytest.raises(ModelFailed):
        read(candidate(content={"parts": [{"text": "a"}]}))


def test_what_is_not_known_is_passed_over() -> None:
    parts = [
        {"text": None},
        {"text": "a"},
        {"executableCode": {}},
        7,
        {"text": "b", "thought": True},
        {"functionCall": 1},
    ]
    counts = {"promptTokenCount": 3, "candidatesTokenCount": "many", "thoughtsTokenCount": 4}
    result = read(
        {},
        {"candidates": None},
        {"candidates": [], "usageMetadata": None},
        {**candidate(content={"parts": parts}, finishReason="STOP"), "usageMetadata": counts},
        candidate(content=None, finishReason=None),
    )
    assert (result.text, result.thinking, result.prompt_tokens, result.output_tokens) == ("a", "b", 3, 4)


def test_calls_without_an_id_get_one_each() -> None:
    part = {"functionCall": {"name": "clima", "args": {"cidade": "São Luís"}}}
    result = read(candidate(content={"parts": [part, part, {"functionCall": {"name": "x"}}]}, finishReason="STOP"))
    assert len({call.id for call in result.tool_calls}) == 3
    assert [call.arguments for call in result.tool_calls] == ['{"cidade":"São Luís"}'] * 2 + ["{}"]
    assert result.finish == "tool_calls"


@pytest.mark.parametrize(
    ("code", "error"),
    [
        (429, ModelBusy),
        (503, ModelBusy),
        (500, ModelFailed),
        (400, ModelFailed),
        (403, ModelKeyRefused),
        ("x", ModelFailed),
    ],
)
def test_errors_amid_an_answer(code: Any, error: type[Exception]) -> None:
    with pytest.raises(error):
        read({"error": {"code": code, "message": "no"}})
    with pytest.raises(ModelFailed):
        read({"error": code})
