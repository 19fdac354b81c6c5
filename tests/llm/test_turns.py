"""Conversations with tools, and images, as they come from clients of different houses."""

import base64

import pytest

from ementa.llm.images import media_type
from ementa.llm.turns import arguments_of, paired
from ementa.llm.types import Message, ToolCall

ASKED = Message("user", "quanto?")


def test_a_conversation_without_tools_stays_as_it_is() -> None:
    assert paired([ASKED]) == [ASKED]


def test_results_get_the_name_of_the_call_that_their_id_says() -> None:
    calls = (ToolCall("a", "soma", "{}"), ToolCall("b", "data", "{}"))
    results = [Message("tool", "hoje", tool_call_id="b"), Message("tool", "3", tool_call_id="a")]
    whole = paired([ASKED, Message("assistant", "", tool_calls=calls), *results])
    assert [(m.tool_call_id, m.tool_name) for m in whole[2:]] == [("b", "data"), ("a", "soma")]


def test_results_that_name_only_the_function_find_their_calls() -> None:
    calls = (ToolCall("", "soma", "{}"), ToolCall("", "data", "{}"), ToolCall("", "soma", "{}"))
    results = [Message("tool", "1", tool_name="data"), Message("tool", "2", tool_name="soma"), Message("tool", "3")]
    whole = paired([Message("assistant", "", tool_calls=calls), *results])
    ids = [call.id for call in whole[0].tool_calls]
    assert len(set(ids)) == 3
    assert all(ids)
    assert [(m.tool_call_id, m.tool_name) for m in whole[1:]] == [(ids[1], "data"), (ids[0], "soma"), (ids[2], "soma")]


def test_a_result_of_no_call_is_left_to_the_server() -> None:
    stray = Message("tool", "1", tool_call_id="x")
    assert paired([ASKED, stray])[1] == stray


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ('{"a": 1}', {"a": 1}),
        ("", {}),
        ("[1]", {"value": [1]}),
        ("{oh", {"value": "{oh"}),
        ('"\ud800"', {"value": '"\ud800"'}),
    ],
)
def test_arguments_are_an_object(written: str, read: dict[str, object]) -> None:
    assert arguments_of(ToolCall("a", "f", written)) == read


@pytest.mark.parametrize(
    ("begin", "kind"),
    [
        (b"\x89PNG\r\n\x1a\n", "image/png"),
        (b"\xff\xd8\xff\xe0", "image/jpeg"),
        (b"GIF89a", "image/gif"),
        (b"RIFF\x00\x00\x00\x00WEBPVP8 ", "image/webp"),
        (b"RIFF\x00\x00\x00\x00WAVEfmt ", "image/png"),
        (b"", "image/png"),
    ],
)
def test_images_are_known_by_their_first_bytes(begin: bytes, kind: str) -> None:
    assert media_type(base64.b64encode(begin + b"\x00" * 40).decode()) == kind
    assert media_type("not base64 é") == "image/png"
