"""What Ollama's clients receive: read back by the official SDK's own types."""

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from ollama import ChatResponse, GenerateResponse

from ementa.llm.types import ChatDelta, ChatResult, ToolCall
from ementa.serving.ollama.lines import Lines, error_line


def result(**given: Any) -> ChatResult:
    whole: dict[str, Any] = {
        "text": "Olá", "model": "m", "prompt_tokens": 3, "output_tokens": 5, "latency_ms": 100, "finish": "stop",
    }  # fmt: skip
    return ChatResult(**{**whole, **given})


def read(data: bytes) -> dict[str, Any]:
    return json.loads(data)


def test_a_line_of_a_conversation() -> None:
    line = read(Lines("chat", "m").piece(ChatDelta(text="Ol")))
    assert line["model"] == "m"
    assert line["message"] == {"role": "assistant", "content": "Ol"}
    assert line["done"] is False
    assert line["created_at"].endswith("Z")


def test_a_line_of_a_generation() -> None:
    line = read(Lines("generate", "m").piece(ChatDelta(text="Ol", thinking="hm")))
    assert (line["response"], line["thinking"], line["done"]) == ("Ol", "hm", False)


def test_identifiers_of_many_digits_and_halves_of_characters_are_written() -> None:
    access_key = "35200114200166000187550010000000046550000046"
    call = ToolCall("a", "consulta", f'{{"chave": {access_key}}}')
    for line in (
        Lines("chat", "m").piece(ChatDelta(tool_calls=(call,))),
        Lines("chat", "m").whole(result(tool_calls=(call,))),
    ):
        assert read(line)["message"]["tool_calls"][0]["function"]["arguments"] == {"chave": int(access_key)}
    line = Lines("chat", "m").piece(ChatDelta(text="a\ud800b"))
    assert line.endswith(b"}\n")
    assert read(line)["message"]["content"] == "a?b"


def test_arguments_without_an_end_stay_a_text() -> None:
    deep = '{"a":' + "[" * 300 + "]" * 300 + "}"
    line = read(Lines("chat", "m").piece(ChatDelta(tool_calls=(ToolCall("a", "f", deep),))))
    assert line["message"]["tool_calls"][0]["function"]["arguments"] == {"value": deep}


def test_calls_are_numbered_over_the_whole_answer_and_carry_objects() -> None:
    lines = Lines("chat", "m")
    first = read(lines.piece(ChatDelta(tool_calls=(ToolCall("a", "soma", '{"x":1}'),))))
    second = read(lines.piece(ChatDelta(tool_calls=(ToolCall("", "hora", ""),))))
    assert first["message"]["tool_calls"] == [
        {"id": "a", "function": {"index": 0, "name": "soma", "arguments": {"x": 1}}}
    ]
    assert second["message"]["tool_calls"] == [{"function": {"index": 1, "name": "hora", "arguments": {}}}]


def test_durations_are_nanoseconds_that_add_up() -> None:
    line = read(Lines("chat", "m").last(result(), wait_ms=10, first_ms=30))
    assert line["done_reason"] == "stop"
    assert line["message"]["content"] == ""
    assert line["total_duration"] == 100_000_000
    assert line["load_duration"] == 10_000_000
    assert line["prompt_eval_duration"] == 30_000_000
    assert line["eval_duration"] == 60_000_000
    assert (line["prompt_eval_count"], line["eval_count"]) == (3, 5)


def test_zeros_are_left_out_as_go_does() -> None:
    line = read(Lines("chat", "m").last(result(prompt_tokens=0, output_tokens=0, latency_ms=0)))
    assert not [name for name in line if name.endswith(("_count", "_duration"))]


def test_a_whole_answer_and_why_it_ended() -> None:
    line = read(Lines("generate", "m").whole(result(finish="length", thinking="hm")))
    assert (line["response"], line["thinking"], line["done"], line["done_reason"]) == ("Olá", "hm", True, "length")
    assert read(Lines("chat", "m").whole(result(finish="tool_calls")))["done_reason"] == "stop"


def test_an_error_is_a_line() -> None:
    assert error_line("falhou", "MODEL_FAILED") == b'{"error":"falhou","code":"MODEL_FAILED"}\n'


TEXT = st.text(max_size=30)
CALLS = st.lists(
    st.builds(ToolCall, TEXT, TEXT, st.one_of(TEXT, st.dictionaries(TEXT, TEXT, max_size=3).map(json.dumps))),
    max_size=3,
).map(tuple)


@given(st.lists(st.builds(ChatDelta, TEXT, TEXT, CALLS), max_size=5), TEXT)
def test_whatever_a_model_says_the_sdk_reads_the_same(deltas: list[ChatDelta], model: str) -> None:
    lines = Lines("chat", model)
    written = [lines.piece(delta) for delta in deltas]
    assert all(line.count(b"\n") == 1 and line.endswith(b"\n") for line in written)
    received = [ChatResponse(**json.loads(line)) for line in written]
    assert [part.message.content for part in received] == [delta.text for delta in deltas]
    assert [part.message.thinking or "" for part in received] == [delta.thinking for delta in deltas]
    assert [len(part.message.tool_calls or ()) for part in received] == [len(delta.tool_calls) for delta in deltas]


@given(TEXT, TEXT, st.floats(0, 1e6), st.floats(0, 1e6), st.integers(0, 10**6))
def test_no_duration_is_ever_negative(text: str, thinking: str, wait: float, first: float, latency: int) -> None:
    whole = Lines("generate", "m").whole(
        result(text=text, thinking=thinking, latency_ms=latency), wait_ms=wait, first_ms=first
    )
    received = GenerateResponse(**json.loads(whole))
    assert received.response == text
    assert (received.eval_duration or 0) >= 0
    assert (received.prompt_eval_duration or 0) >= 0
