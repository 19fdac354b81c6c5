"""What is Anthropic's own: turns, thoughts that are signed, forms of answers, models that refuse what others take."""

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import jsonschema
import pytest

from ementa.llm.base import Provider, collect
from ementa.llm.errors import ModelBusy, ModelContextExceeded, ModelFailed, ModelKeyRefused, ModelUnavailable
from ementa.llm.providers.anthropic import connect
from ementa.llm.providers.anthropic_schema import Inexpressible, strict_schema
from ementa.llm.providers.anthropic_stream import Reading
from ementa.llm.providers.anthropic_wire import Built
from ementa.llm.servers import ServerConfig
from ementa.llm.settings import LlmSettings
from ementa.llm.sse import Event
from ementa.llm.thoughts import Thoughts
from ementa.llm.transport import Transport
from ementa.llm.types import ChatDelta, ChatRequest, ChatResult, Message, Tool, ToolCall
from ementa.testing.anthropic.catalogue import DoubleModel
from ementa.testing.anthropic.double import AnthropicDouble
from ementa.testing.provider_content import WEATHER
from ementa.testing.providers import ask

OBJECT = {
    "type": "object",
    "properties": {"n": {"type": "integer", "minimum": 1, "maximum": 9}},
    "required": ["n"],
}


@pytest.fixture
def double() -> Iterator[AnthropicDouble]:
    with AnthropicDouble() as double:
        yield double


@pytest.fixture
async def provider(double: AnthropicDouble, transport: Transport) -> Provider:
    return connect(ServerConfig("anthropic", "a", double.url, double.key), LlmSettings(timeout_seconds=10), transport)


async def chat(provider: Provider, model: str = "claude-double", **changes: Any) -> ChatResult:
    return await collect(provider.stream(ask(model, **changes)))


async def test_turns_alternate_and_results_of_a_round_come_together(
    provider: Provider, double: AnthropicDouble
) -> None:
    calls = (ToolCall("a", "clima", '{"cidade": "Recife"}'), ToolCall("b:1", "clima", "not json"))
    messages = [
        Message("system", "Seja breve."),
        Message("user", "Oi"),
        Message("user", " \n"),
        Message("system", "Em português."),
        Message("user", "Como está?"),
        Message("assistant", "", tool_calls=calls),
        Message("tool", "31 graus", tool_call_id="a"),
        Message("tool", "", tool_call_id="b:1"),
        Message("user", "E então?"),
    ]
    await chat(provider, messages=messages, tools=(WEATHER,), tool_choice="none")
    body = double.stats.bodies[-1]
    assert body["system"] == "Seja breve.\n\nEm português."
    assert [turn["role"] for turn in body["messages"]] == ["user", "assistant", "user"]
    assert [block["text"] for block in body["messages"][0]["content"]] == ["Oi", "Como está?"]
    assert [block["input"] for block in body["messages"][1]["content"]] == [{"cidade": "Recife"}, {"value": "not json"}]
    first, second, last = body["messages"][2]["content"]
    assert (first["tool_use_id"], second["tool_use_id"]) == ("a", "b_1")
    assert (first["content"], second["content"]) == ([{"type": "text", "text": "31 graus"}], [])
    assert last["text"] == "E então?"
    assert body["tool_choice"] == {"type": "none"}


@pytest.mark.parametrize(
    ("choice", "sent"), [("required", {"type": "any"}), ("clima", {"type": "tool", "name": "clima"})]
)
async def test_a_call_that_must_come_leaves_no_room_for_thoughts(
    provider: Provider, double: AnthropicDouble, choice: str, sent: dict[str, str]
) -> None:
    result = await chat(provider, tools=(WEATHER, Tool("nada")), tool_choice=choice, think=True)
    assert [call.name for call in result.tool_calls] == ["clima"]
    body = double.stats.bodies[-1]
    assert body["tool_choice"] == sent
    assert body["thinking"] == {"type": "disabled"}
    assert body["tools"][1] == {"name": "nada", "input_schema": {"type": "object", "properties": {}}}


async def test_what_a_model_refuses_is_left_out_from_then_on(provider: Provider, double: AnthropicDouble) -> None:
    for _ in range(2):
        assert (await chat(provider, "claude-double-new", temperature=0.5, top_k=4)).text
    sent = [sorted({"temperature", "top_k"} & set(body)) for body in double.stats.bodies]
    assert sent == [["temperature", "top_k"], ["top_k"], [], []]
    assert (await chat(provider, temperature=0.5)).text
    assert double.stats.bodies[-1]["temperature"] == 0.5


async def test_of_temperature_and_top_p_one_is_kept(provider: Provider, double: AnthropicDouble) -> None:
    assert (await chat(provider, temperature=1.7, top_p=0.9)).text
    assert double.stats.bodies[-1]["temperature"] == 1.0
    assert "top_p" not in double.stats.bodies[-1]


@pytest.mark.parametrize(
    ("model", "think", "thinking", "effort"),
    [
        ("claude-double", None, None, None),
        ("claude-double", False, {"type": "disabled"}, None),
        ("claude-double", True, {"type": "enabled", "budget_tokens": 4096}, None),
        ("claude-double", "low", {"type": "enabled", "budget_tokens": 1024}, None),
        ("claude-double-new", False, {"type": "disabled"}, None),
        ("claude-double-new", True, {"type": "adaptive", "display": "summarized"}, None),
        ("claude-double-new", "high", {"type": "adaptive", "display": "summarized"}, "high"),
        ("claude-double-always", False, None, "low"),
        ("claude-double-old", False, None, None),
        ("claude-double-old", True, None, None),
    ],
)
async def test_each_model_is_told_in_its_way_whether_to_think(
    provider: Provider, double: AnthropicDouble, model: str, think: Any, thinking: Any, effort: str | None
) -> None:
    result = await chat(provider, model, think=think, temperature=None, max_tokens=50)
    body = double.stats.bodies[-1]
    assert len(double.stats.bodies) == 1  # nothing was refused
    assert body.get("thinking") == thinking
    assert body.get("output_config", {}).get("effort") == effort
    assert bool(result.thinking) == (thinking is not None and thinking["type"] != "disabled")
    assert body["max_tokens"] == 50 + (thinking or {}).get("budget_tokens", 0)


async def test_thoughts_go_back_with_the_calls_that_they_led_to(provider: Provider, double: AnthropicDouble) -> None:
    first = await chat(provider, tools=(WEATHER,), think=True)
    assert first.thinking
    messages = [
        Message("user", "oi"),
        Message("assistant", "", thinking=first.thinking, tool_calls=first.tool_calls),
        Message("tool", "31 graus", tool_call_id=first.tool_calls[0].id),
    ]
    answer = await chat(provider, messages=messages, tools=(WEATHER,), think=True)
    assert "31 graus" in answer.text
    assert answer.thinking
    thought = double.stats.bodies[-1]["messages"][1]["content"][0]
    assert (thought["type"], thought["thinking"]) == ("thinking", first.thinking)


async def test_where_thoughts_are_lost_the_model_answers_without(provider: Provider, double: AnthropicDouble) -> None:
    messages = [
        Message("user", "oi"),
        Message("assistant", "", thinking="de outro processo", tool_calls=(ToolCall("x", "clima", "{}"),)),
        Message("tool", "31 graus", tool_call_id="x"),
    ]
    answer = await chat(provider, messages=messages, tools=(WEATHER,), think=True)
    assert "31 graus" in answer.text
    assert len(double.stats.bodies) == 1
    assert double.stats.bodies[-1]["thinking"] == {"type": "disabled"}


async def test_a_schema_is_told_in_the_words_that_are_heeded(provider: Provider, double: AnthropicDouble) -> None:
    result = await chat(provider, schema=OBJECT)
    assert json.loads(result.text).keys() == {"n"}
    assert double.stats.bodies[-1]["output_config"]["format"] == {
        "type": "json_schema",
        "schema": {
            "type": "object",
            "properties": {"n": {"type": "integer", "description": "{minimum: 1, maximum: 9}"}},
            "required": ["n"],
            "additionalProperties": False,
        },
    }


@pytest.mark.parametrize(
    ("model", "schema"),
    [
        ("claude-double-old", OBJECT),
        ("claude-double-old", {"type": "array", "items": {"type": "integer"}, "minItems": 2}),
        ("claude-double", {"type": "object", "additionalProperties": {"type": "integer"}}),
        ("claude-double-old", {"enum": ["sim", "não"]}),
    ],
)
async def test_other_forms_come_as_the_arguments_of_a_call(
    provider: Provider, double: AnthropicDouble, model: str, schema: dict[str, Any]
) -> None:
    items = [item async for item in provider.stream(ask(model, schema=schema, think=True))]
    result = items[-1]
    assert isinstance(result, ChatResult)
    jsonschema.validate(json.loads(result.text), schema)
    assert "".join(item.text for item in items if isinstance(item, ChatDelta)) == result.text
    assert (result.finish, result.tool_calls) == ("stop", ())
    assert double.stats.bodies[-1]["tool_choice"] == {"type": "tool", "name": "answer"}


async def test_counters(provider: Provider) -> None:
    result = await chat(provider, text="palavra " * 40)
    assert result.prompt_tokens == 80  # those read from the vendor's cache are among them
    assert result.output_tokens > 1


async def test_more_than_a_model_can_say_is_not_asked(provider: Provider, double: AnthropicDouble) -> None:
    await chat(provider, max_tokens=1_000_000)
    assert double.stats.bodies[-1]["max_tokens"] == 64_000


async def test_models_of_many_pages_without_those_that_are_gone(transport: Transport) -> None:
    models = [DoubleModel(f"claude-{number}") for number in range(1500)]
    models.append(DoubleModel("claude-gone", lifecycle="retired"))
    with AnthropicDouble(models) as double:
        provider = connect(ServerConfig("anthropic", "a", f"{double.url}/v1", double.key), LlmSettings(), transport)
        listed = await provider.list_models()
    assert [info.name for info in listed] == [f"claude-{number}" for number in range(1500)]
    assert listed[0].capabilities == ("completion", "tools", "vision", "thinking")
    assert listed[0].context_tokens == 200_000


async def test_names_that_are_none_are_never_sent(provider: Provider, double: AnthropicDouble) -> None:
    for name in ("../../x", "a b", ""):
        with pytest.raises(ModelUnavailable):
            await provider.show(name)
    assert not double.stats.requests


async def test_a_wrong_key_is_told_by_health_and_by_answers(double: AnthropicDouble, transport: Transport) -> None:
    provider = connect(ServerConfig("anthropic", "a", double.url, "sk-ant-wrong"), LlmSettings(), transport)
    health = await provider.health()
    assert not health.reachable
    assert "invalid x-api-key" in health.error
    with pytest.raises(ModelKeyRefused):
        await chat(provider)


async def test_what_the_service_says_of_waiting_and_of_length(provider: Provider) -> None:
    with pytest.raises(ModelBusy) as busy:
        await chat(provider, "status-429")
    assert busy.value.params["retry_after"] == 7
    with pytest.raises(ModelBusy):
        await chat(provider, "busy")
    with pytest.raises(ModelContextExceeded) as long:
        await chat(provider, "context-overflow")
    assert (long.value.params["needed"], long.value.params["context"]) == (209353, 200000)


async def test_abilities_are_asked_once_in_a_while(provider: Provider, double: AnthropicDouble) -> None:
    await asyncio.gather(*(chat(provider) for _ in range(3)))
    assert double.stats.requests["GET /v1/models/claude-double"] == 1


REQUEST = ChatRequest("m", [Message("user", "oi")])


def read(*events: Any) -> ChatResult:
    reading = Reading(REQUEST, Built({}), Thoughts(), "host")
    for event in events:
        reading.read(Event(event if isinstance(event, bytes) else json.dumps(event).encode()))
    assert reading.done
    return reading.result(0.1)


END = {"type": "message_stop"}


@pytest.mark.parametrize(
    ("reason", "finish"),
    [
        ("end_turn", "stop"),
        ("stop_sequence", "stop"),
        ("max_tokens", "length"),
        ("model_context_window_exceeded", "length"),
        ("refusal", "content_filter"),
        ("pause_turn", "stop"),
        ("something_new", "stop"),
    ],
)
def test_reasons_to_finish(reason: str, finish: str) -> None:
    assert read({"type": "message_delta", "delta": {"stop_reason": reason}}, END).finish == finish


def test_what_is_not_known_is_passed_over() -> None:
    result = read(
        {"type": "something_new"},
        {},
        {"type": "content_block_delta", "index": 9, "delta": {"type": "thinking_delta", "thinking": "x"}},
        {"type": "content_block_start", "index": "x", "content_block": None},
        {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": "a"}},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": None}},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "citations_delta", "citation": {}}},
        {"type": "content_block_stop", "index": 7},
        {"type": "message_delta", "usage": {"output_tokens": "many", "input_tokens": 3}},
        END,
    )
    assert (result.text, result.prompt_tokens, result.output_tokens) == ("a", 3, 0)


@pytest.mark.parametrize(
    ("kind", "error"),
    [
        ("overloaded_error", ModelBusy),
        ("rate_limit_error", ModelBusy),
        ("api_error", ModelFailed),
        ("invalid_request_error", ModelFailed),
        ("authentication_error", ModelKeyRefused),
        ("request_too_large", ModelContextExceeded),
        ("something_new", ModelFailed),
    ],
)
def test_errors_amid_an_answer(kind: str, error: type[Exception]) -> None:
    with pytest.raises(error):
        read({"type": "error", "error": {"type": kind, "message": "no"}})
    with pytest.raises(ModelFailed):
        read({"type": "error", "error": kind})


@pytest.mark.parametrize(
    ("schema", "strict"),
    [
        (
            {"type": ["string", "null"], "maxLength": 5, "description": "Nome"},
            {"anyOf": [{"type": "string", "description": "{maxLength: 5}"}, {"type": "null"}], "description": "Nome"},
        ),
        ({"enum": [1, None], "type": ["integer", "null"]}, {"enum": [1, None]}),
        ({"const": "x", "type": "string"}, {"const": "x"}),
        ({"oneOf": [{"type": "null"}, {"const": 2}]}, {"anyOf": [{"type": "null"}, {"const": 2}]}),
        (
            {"$ref": "#/$defs/a", "$defs": {"a": {"type": "null"}}},
            {"$ref": "#/$defs/a", "$defs": {"a": {"type": "null"}}},
        ),
        ({"type": "string", "format": "cnpj"}, {"type": "string", "description": "{format: cnpj}"}),
        ({"type": "string", "format": "date"}, {"type": "string", "format": "date"}),
        (
            {"type": "array", "items": {"type": "boolean"}, "minItems": 1, "maxItems": 3},
            {"type": "array", "items": {"type": "boolean"}, "minItems": 1, "description": "{maxItems: 3}"},
        ),
        (
            {"$schema": "x", "properties": {}, "additionalProperties": False},
            {"type": "object", "properties": {}, "additionalProperties": False},
        ),
    ],
)
def test_schemas_in_the_part_of_the_language_that_is_known(schema: dict[str, Any], strict: dict[str, Any]) -> None:
    before = json.dumps(schema)
    assert strict_schema(schema) == strict
    assert json.dumps(schema) == before


@pytest.mark.parametrize(
    "schema",
    [
        {},
        {"type": "object", "additionalProperties": True},
        {"type": "object", "properties": {"a": True}},
        {"type": "object", "patternProperties": {"^a": {}}},
        {"type": "array", "prefixItems": [{"type": "null"}]},
        {"type": "array", "items": {}},
        {"type": "object", "properties": []},
    ],
)
def test_schemas_that_no_grammar_says(schema: dict[str, Any]) -> None:
    with pytest.raises(Inexpressible):
        strict_schema(schema)


def test_thoughts_are_kept_within_bounds() -> None:
    thoughts = Thoughts(most_bytes=100)
    for number in range(10):
        thoughts.keep(f"call-{number}", "x" * 28)
    assert [number for number in range(10) if thoughts.of(f"call-{number}")] == [7, 8, 9]
    thoughts.keep("call-9", "y")
    assert thoughts.of("call-9") == "y"
    assert thoughts.of("call-8") is not None
