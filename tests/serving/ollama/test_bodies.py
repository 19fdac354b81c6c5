"""What Ollama's clients send, in our words."""

import base64
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ementa.kit.errors import EmentaError
from ementa.llm.tokens import estimate_prompt
from ementa.llm.types import ToolCall
from ementa.serving.errors import ParameterInvalid
from ementa.serving.ollama import bodies
from ementa.serving.ollama.bodies import ChatBody, EmbedBody, GenerateBody, NameBody

PIXEL = base64.b64encode(b"\x89PNG\r\n\x1a\n").decode()


def chat(**given: Any) -> Any:
    body = bodies.read_body({"model": "m", "messages": [{"role": "user", "content": "oi"}], **given}, ChatBody)
    return bodies.chat_request(body, 2000, 8192)


def generate(**given: Any) -> Any:
    return bodies.generate_request(bodies.read_body({"model": "m", "prompt": "oi", **given}, GenerateBody), 2000, 8192)


def test_a_plain_question_leaves_the_rest_to_the_server() -> None:
    request = chat()
    assert [(m.role, m.content) for m in request.messages] == [("user", "oi")]
    assert (request.temperature, request.top_p, request.top_k, request.seed, request.think) == (None,) * 5
    assert request.max_tokens == 2000
    assert request.schema is None
    assert not request.any_json


def test_options_become_ours() -> None:
    request = chat(
        options={
            "num_predict": 7,
            "num_ctx": 4096.0,
            "temperature": 0,
            "top_p": 0.5,
            "top_k": 3,
            "seed": 42,
            "stop": ["fim"],
            "presence_penalty": 1,
            "frequency_penalty": -1.5,
            "mirostat": 2,
            "of_the_future": {"x": 1},
        }
    )
    assert (request.max_tokens, request.context_tokens, request.temperature) == (7, 4096, 0.0)
    assert (request.top_p, request.top_k, request.seed, request.stop) == (0.5, 3, 42, ("fim",))
    assert (request.presence_penalty, request.frequency_penalty) == (1.0, -1.5)


@pytest.mark.parametrize(("wanted", "limit"), [(None, 2000), (0, 0), (5, 5), (-1, 8192), (-2, 8192)])
def test_an_answer_always_ends_somewhere(wanted: int | None, limit: int) -> None:
    assert chat(options={"num_predict": wanted}).max_tokens == limit


def test_a_random_seed_is_none() -> None:
    assert chat(options={"seed": -1}).seed is None


def test_formats() -> None:
    assert chat(format="json").any_json
    assert chat(format={"type": "object"}).schema == {"type": "object"}
    assert chat(format="").schema is None
    assert chat(format=None).schema is None


@pytest.mark.parametrize(
    ("think", "meant"), [(True, True), (False, False), ("low", "low"), ("max", "high"), (None, None)]
)
def test_thinking(think: Any, meant: Any) -> None:
    assert chat(think=think).think == meant


def test_a_loop_of_tools_keeps_names_and_arguments() -> None:
    messages = [
        {"role": "user", "content": "Tempo?"},
        {"role": "assistant", "tool_calls": [{"function": {"name": "tempo", "arguments": {"cidade": "Belém"}}}]},
        {"role": "tool", "tool_name": "tempo", "content": "31 graus"},
    ]
    tool = {"type": "function", "function": {"name": "tempo", "parameters": {"type": "object"}}}
    request = chat(messages=messages, tools=[tool])
    assert request.tools[0].name == "tempo"
    assert request.tools[0].parameters == {"type": "object"}
    assert request.messages[1].tool_calls == (ToolCall("", "tempo", '{"cidade":"Belém"}'),)
    assert (request.messages[2].role, request.messages[2].tool_name) == ("tool", "tempo")


def test_roles_are_read_as_ollama_reads_them() -> None:
    assert chat(messages=[{"role": "System", "content": "x"}]).messages[0].role == "system"
    with pytest.raises(ParameterInvalid, match=r"messages\[0\]\.role"):
        chat(messages=[{"role": "robot", "content": "x"}])


def test_images_are_base64_and_never_addresses() -> None:
    assert chat(messages=[{"role": "user", "images": [PIXEL]}]).messages[0].images == (PIXEL,)
    for bad in ("http://10.0.0.1/a.png", "não", "a"):
        with pytest.raises(ParameterInvalid, match=r"messages\[0\]\.images\[0\]"):
            chat(messages=[{"role": "user", "images": [bad]}])


def test_a_prompt_is_a_conversation_of_one() -> None:
    request = generate(system="Seja breve", images=[PIXEL])
    assert [(m.role, m.content) for m in request.messages] == [("system", "Seja breve"), ("user", "oi")]
    assert request.messages[1].images == (PIXEL,)


@pytest.mark.parametrize(
    "given", [{"raw": True}, {"suffix": "}"}, {"template": "{{ .Prompt }}"}, {"context": [1, 2]}, {"logprobs": True}]
)
def test_what_only_ollama_understands_is_known(given: dict[str, Any]) -> None:
    refusal = bodies.native_only(bodies.read_body({"model": "m", "prompt": "oi", **given}, GenerateBody))
    assert refusal is not None
    assert next(iter(given)) in str(refusal)


def test_what_is_empty_is_as_good_as_absent() -> None:
    empty = {"raw": False, "suffix": "", "template": "", "context": [], "logprobs": False, "keep_alive": None}
    assert bodies.native_only(bodies.read_body({"model": "m", "prompt": "oi", **empty}, GenerateBody)) is None


def test_all_that_takes_room_is_counted() -> None:
    large = generate(prompt="x", suffix="y" * 10, context=[1] * 100)
    assert estimate_prompt(large.messages) > estimate_prompt(generate(prompt="x").messages) + 100


@pytest.mark.parametrize(
    ("body", "name"),
    [
        ({}, "model"),
        ({"model": ""}, "model"),
        ({"model": 3}, "model"),
        ({"model": "m", "messages": "oi"}, "messages"),
        ({"model": "m", "messages": [3]}, "messages"),
        ({"model": "m", "messages": [{"content": "oi"}]}, "role"),
        ({"model": "m", "stream": "yes"}, "stream"),
        ({"model": "m", "format": 3}, "format"),
        ({"model": "m", "format": "xml"}, "format"),
        ({"model": "m", "options": {"temperature": "hot"}}, "options.temperature"),
        ({"model": "m", "think": "a lot"}, "think"),
        ({"model": "m", "tools": [{}]}, "function"),
    ],
)
def test_what_is_wrong_is_named(body: dict[str, Any], name: str) -> None:
    with pytest.raises(ParameterInvalid) as refused:
        bodies.read_body(body, ChatBody)
    assert name in str(refused.value.params["name"])


@pytest.mark.parametrize(
    ("keep_alive", "zero"),
    [(0, True), (0.0, True), ("0", True), ("0s", True), ("0m", True), (None, False), (-1, False), ("5m", False)],
)
def test_when_a_model_should_leave_memory(keep_alive: Any, zero: bool) -> None:
    assert bodies.names_zero(keep_alive) is zero


def test_old_clients_say_name_instead_of_model() -> None:
    assert bodies.read_body({"name": "hf.co/x/y:Q4"}, NameBody).named == "hf.co/x/y:Q4"


def test_texts_to_embed_are_one_or_many() -> None:
    assert bodies.read_body({"model": "m", "input": "a"}, EmbedBody).input == "a"
    assert bodies.read_body({"model": "m", "input": ["a", "b"]}, EmbedBody).input == ["a", "b"]
    with pytest.raises(ParameterInvalid):
        bodies.read_body({"model": "m", "input": [1]}, EmbedBody)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
NAMES = [*ChatBody.__struct_fields__, *GenerateBody.__struct_fields__, "anything"]


@given(st.dictionaries(st.sampled_from(NAMES), JSON, max_size=6))
def test_any_json_is_understood_or_explained(body: dict[str, Any]) -> None:
    for kind, convert in ((ChatBody, bodies.chat_request), (GenerateBody, bodies.generate_request)):
        with suppress(EmentaError):
            request = convert(bodies.read_body(body, kind), 2000, 8192)  # type: ignore[arg-type]
            assert request.model
            assert 0 <= request.max_tokens < 2**54
