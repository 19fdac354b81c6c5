"""What is written: chunks by template are what encoding the whole object would give, whatever the text."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ementa.kit.errors import EmentaError, LimitExceeded, Unauthenticated
from ementa.llm.errors import ModelBusy, ModelContextExceeded, model_absent, server_unreachable
from ementa.llm.types import ChatDelta, ChatResult, ToolCall
from ementa.serving.forms import error_body, face_of
from ementa.serving.openai.chat_answer import ChatChunks, completion
from ementa.serving.openai.completions import CompletionChunks
from ementa.serving.openai.embeddings import pack
from ementa.serving.openai.responses_answer import ResponseObject
from ementa.serving.openai.responses_events import ResponseEvents
from ementa.serving.openai.responses_request import read_response

TEXTS = st.text(st.characters(codec=None) | st.just("\ud800"), max_size=30)  # halves of surrogate pairs too
CALLS = st.builds(ToolCall, id=st.just("call_1"), name=st.text(max_size=8), arguments=st.just("{}"))
DELTAS = st.lists(
    st.builds(ChatDelta, text=TEXTS, thinking=TEXTS, tool_calls=st.lists(CALLS, max_size=2).map(tuple)), max_size=12
)


def result(deltas: list[ChatDelta]) -> ChatResult:
    calls = tuple(call for delta in deltas for call in delta.tool_calls)
    return ChatResult(
        text="".join(delta.text for delta in deltas),
        thinking="".join(delta.thinking for delta in deltas),
        model='mo"del',
        prompt_tokens=3,
        output_tokens=4,
        latency_ms=1,
        finish="tool_calls" if calls else "stop",
        tool_calls=calls,
    )


def sendable(text: str) -> str:
    """What JSON can hold of it."""
    return text.encode("utf-8", "replace").decode()


def events(data: bytes) -> list[Any]:
    """The JSON of each event, the ends of lines being exactly where they belong."""
    assert data.endswith(b"\n\n")
    found: list[Any] = []
    for block in data[:-2].split(b"\n\n"):
        lines = block.split(b"\n")
        assert lines[-1].startswith(b"data: ")
        assert len(lines) == 1 or (len(lines) == 2 and lines[0].startswith(b"event: "))
        text = lines[-1][6:]
        found.append("[DONE]" if text == b"[DONE]" else json.loads(text))
        if len(lines) == 2:
            assert found[-1]["type"].encode() == lines[0][7:]
    return found


@given(DELTAS, st.booleans(), st.booleans())
def test_chunks_of_a_conversation(deltas: list[ChatDelta], include_usage: bool, parallel: bool) -> None:
    chunks = ChatChunks('mo"del', include_usage=include_usage, parallel=parallel)
    *told, done = events(chunks.begin() + chunks.pieces(deltas) + chunks.end(result(deltas)))
    assert done == "[DONE]"
    usage = told.pop() if include_usage else None
    assert (usage is not None) is include_usage
    if usage is not None:
        assert usage["choices"] == []
        assert usage["usage"] == {"prompt_tokens": 3, "completion_tokens": 4, "total_tokens": 7}
    assert all(("usage" in chunk) is include_usage for chunk in told)
    assert all(chunk["model"] == 'mo"del' and chunk["object"] == "chat.completion.chunk" for chunk in told)
    pieces = [chunk["choices"][0]["delta"] for chunk in told]
    assert pieces[0] == {"role": "assistant", "content": ""}
    assert "".join(piece.get("content", "") for piece in pieces) == sendable_all(deltas, "text")
    assert "".join(piece.get("reasoning_content", "") for piece in pieces) == sendable_all(deltas, "thinking")
    calls = [call for piece in pieces for call in piece.get("tool_calls", ())]
    expected = [call.name for delta in deltas for call in delta.tool_calls]
    assert [call["function"]["name"] for call in calls] == (expected if parallel else expected[:1])
    assert [call["index"] for call in calls] == list(range(len(calls)))
    finishes = [chunk["choices"][0]["finish_reason"] for chunk in told]
    assert finishes == [None] * (len(told) - 1) + [result(deltas).finish]


def sendable_all(deltas: list[ChatDelta], name: str) -> str:
    return "".join(sendable(getattr(delta, name)) for delta in deltas)


@given(DELTAS)
def test_chunks_of_a_completion(deltas: list[ChatDelta]) -> None:
    chunks = CompletionChunks("m", include_usage=True)
    *told, usage, done = events(chunks.begin() + chunks.pieces(deltas) + chunks.end(result(deltas)))
    assert done == "[DONE]"
    assert usage["usage"]["total_tokens"] == 7
    assert "".join(chunk["choices"][0]["text"] for chunk in told) == sendable_all(deltas, "text")
    assert told[-1]["choices"][0]["finish_reason"] == result(deltas).finish


@given(DELTAS, st.booleans())
def test_events_of_a_response(deltas: list[ChatDelta], parallel: bool) -> None:
    body = {"model": "m", "input": "x", "parallel_tool_calls": parallel}
    writer = ResponseEvents(ResponseObject(read_response(body), body, "m"))
    told = events(writer.begin() + writer.pieces(deltas) + writer.end(result(deltas)))
    assert [event["sequence_number"] for event in told] == list(range(len(told)))
    assert [told[0]["type"], told[1]["type"], told[-1]["type"]] == [
        "response.created",
        "response.in_progress",
        "response.completed",
    ]
    added = [event for event in told if event["type"] == "response.output_item.added"]
    done = [event for event in told if event["type"] == "response.output_item.done"]
    assert [event["item"]["id"] for event in added] == [event["item"]["id"] for event in done]
    assert [event["output_index"] for event in added] == list(range(len(added)))
    final = told[-1]["response"]["output"]
    assert final == [event["item"] for event in done]
    texts = [part["text"] for item in final if item["type"] == "message" for part in item["content"]]
    assert "".join(texts) == sendable_all(deltas, "text")
    calls = [call.name for delta in deltas for call in delta.tool_calls]
    assert [item["name"] for item in final if item["type"] == "function_call"] == (calls if parallel else calls[:1])
    for item in final:  # the deltas of an item are its text
        if item["type"] != "function_call":
            said = [event["delta"] for event in told if event.get("item_id") == item["id"] and "delta" in event]
            assert "".join(said) == item["content"][0]["text"]


@given(st.builds(ChatDelta, text=TEXTS, tool_calls=st.lists(CALLS, max_size=2).map(tuple)))
def test_a_whole_answer(delta: ChatDelta) -> None:
    message = json.loads(completion(result([delta])))["choices"][0]["message"]
    assert (message["content"] or "") == sendable(delta.text)
    assert len(message.get("tool_calls", ())) == len(delta.tool_calls)


@given(st.lists(st.floats(width=32, allow_nan=False), max_size=8))
def test_packed_vectors(vector: list[float]) -> None:
    import base64
    import struct

    assert list(struct.unpack(f"<{len(vector)}f", base64.b64decode(pack(vector)))) == vector


@pytest.mark.parametrize(
    ("error", "kind", "code"),
    [
        (model_absent("m", []), "invalid_request_error", "model_not_found"),
        (server_unreachable("m", ["h"], "refused"), "server_error", "MODEL_UNAVAILABLE"),
        (ModelBusy(model="m"), "server_error", "MODEL_BUSY"),
        (ModelContextExceeded(model="m", needed=2, context=1), "invalid_request_error", "context_length_exceeded"),
        (Unauthenticated(), "authentication_error", "invalid_api_key"),
        (LimitExceeded(), "rate_limit_error", "rate_limit_exceeded"),
        (EmentaError(), "server_error", "INTERNAL"),
    ],
)
def test_failures_in_openais_words(error: EmentaError, kind: str, code: str) -> None:
    told = json.loads(error_body(error, "en", "openai"))["error"]
    assert (told["type"], told["code"], told["ementa_code"]) == (kind, code, error.code)
    assert json.loads(error_body(error, "en", "ollama")) == {"error": error.text("en"), "code": error.code}


@pytest.mark.parametrize(
    ("path", "face"),
    [
        ("/v1", "openai"),
        ("/v1/x", "openai"),
        ("/v11", "ementa"),
        ("/api/chat", "ollama"),
        ("/apis", "ementa"),
        ("/", "ementa"),
    ],
)
def test_whose_form_a_path_has(path: str, face: str) -> None:
    assert face_of(path) == face
