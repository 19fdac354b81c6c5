"""Passing streams on: whatever the network cuts, the same bytes and the same counts."""

import itertools
import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from tests.llm.openai_bench import connect

from ementa.llm.base import Forward
from ementa.llm.errors import ModelBusy
from ementa.llm.providers.openai_events import Assembly, decode_chunk
from ementa.llm.providers.openai_forward import StreamWatch, with_counts
from ementa.llm.transport import Transport
from ementa.testing.openai.double import OpenAIDouble

USAGE = {"prompt_tokens": 9, "completion_tokens": 2, "prompt_tokens_details": {"cached_tokens": 4}}


def event(body: dict[str, Any], end: str = "\n\n") -> bytes:
    return f"data: {json.dumps(body, ensure_ascii=False)}{end}".encode()


def delta(text: str, finish: str | None = None) -> dict[str, Any]:
    return {"choices": [{"index": 0, "delta": {"content": text}, "finish_reason": finish}], "usage": None}


def fed(watch: StreamWatch, data: bytes, cuts: list[int]) -> bytes:
    edges = [0, *sorted(cut % (len(data) + 1) for cut in cuts), len(data)]
    parts = [watch.feed(data[start:end]) for start, end in itertools.pairwise(edges)]
    return b"".join([*parts, watch.finish()])


TEXTS = ("ação", '"usage":{"prompt_tokens":1}', '"finish_reason":"length"', '"error"', "data: [x]\n\n", "\r\n\r\n")


@given(
    st.lists(st.sampled_from(TEXTS), min_size=1, max_size=5),
    st.lists(st.integers(0, 5000), max_size=12),
    st.sampled_from(["\n\n", "\r\n\r\n"]),
    st.booleans(),
)
def test_any_cut_gives_the_same_bytes_and_counts(texts: list[str], cuts: list[int], end: str, hides: bool) -> None:
    said = b"".join(event(delta(text), end) for text in texts) + event(delta("", "stop"), end)
    counts = event({"choices": [], "usage": USAGE}, end)
    done = f"data: [DONE]{end}".encode()
    watch = StreamWatch(hides_usage=hides)
    passed = fed(watch, b": comment" + end.encode() + said + counts + done, cuts)
    assert passed == b": comment" + end.encode() + said + (b"" if hides else counts) + done
    assert watch.error is None
    assert watch.is_complete
    assert watch.counts is not None
    assert watch.counts.as_usage(watch.reason).cached_tokens == 4
    assert (watch.counts.prompt_tokens, watch.reason) == (9, "stop")


@given(st.lists(st.integers(0, 5000), max_size=12))
def test_nothing_passes_after_an_error(cuts: list[int]) -> None:
    before = event(delta("um")) + event(delta('"error"'))
    watch = StreamWatch(hides_usage=True)
    data = before + event({"error": {"message": "boom", "code": 500}})
    assert fed(watch, data, cuts) == before
    assert watch.error == {"error": {"message": "boom", "code": 500}}
    assert not watch.is_complete


def test_counts_within_the_last_choice_stay_where_they_are() -> None:
    watch = StreamWatch(hides_usage=True)
    data = event({**delta("fim", "stop"), "usage": USAGE})
    assert watch.feed(data) == data
    assert watch.counts is not None


def test_a_stream_without_its_last_line_end() -> None:
    watch = StreamWatch(hides_usage=True)
    assert watch.feed(event(delta("oi", "stop")) + b"data: [DONE]") == event(delta("oi", "stop"))
    assert watch.finish() == b"data: [DONE]"
    assert watch.is_complete


def test_options_of_the_client_are_kept() -> None:
    body = {"stream": True, "stream_options": {"include_obfuscation": False}}
    assert with_counts(body)["stream_options"] == {"include_obfuscation": False, "include_usage": True}
    asked = {"stream_options": {"include_usage": True}}
    assert with_counts(asked) is asked


async def test_a_client_who_asks_for_counts_gets_them(transport: Transport) -> None:
    with OpenAIDouble() as double:
        provider = connect(double.url, transport)
        body = {"model": "double-chat", "messages": [{"role": "user", "content": "Oi"}], "stream": True}
        body["stream_options"] = {"include_usage": True}
        async with provider.forward(Forward("/chat/completions", body, "double-chat", True)) as answer:
            data = b"".join([chunk async for chunk in answer.chunks])
        assert data == double.written
        assert b'"choices":[]' in data


async def test_completions_and_embeddings_are_passed_on(transport: Transport) -> None:
    with OpenAIDouble() as double:
        provider = connect(double.url, transport)
        calls = [
            Forward("/completions", {"model": "double-chat", "prompt": "Oi", "stream": True}, "double-chat", True),
            Forward("/completions", {"model": "double-chat", "prompt": "Oi"}, "double-chat", False),
            Forward("/embeddings", {"model": "double-embedding", "input": "Oi"}, "double-embedding", False),
            Forward("/rerank", {"model": "double-rerank", "query": "a", "documents": ["b"]}, "double-rerank", False),
        ]
        for call in calls:
            async with provider.forward(call) as answer:
                data = b"".join([chunk async for chunk in answer.chunks])
            assert answer.usage().prompt_tokens > 0, call.path
            assert (b'"usage"' in data) != call.stream


async def test_an_error_under_status_200_before_anything_else(transport: Transport) -> None:
    from aiohttp import web
    from aiohttp.test_utils import TestServer

    error = {"error": {"message": "overloaded", "type": "overloaded_error"}}

    async def chat(request: web.Request) -> web.Response:
        if (await request.json()).get("stream"):
            return web.Response(body=event(error), content_type="text/event-stream")
        return web.json_response(error)

    application = web.Application()
    application.router.add_post("/v1/chat/completions", chat)
    async with TestServer(application) as server:
        provider = connect(str(server.make_url("")), transport)
        for stream in (True, False):
            async with provider.forward(Forward("/chat/completions", {"stream": stream}, "m", stream)) as answer:
                try:
                    first = await anext(answer.chunks)
                except ModelBusy:
                    continue
                raise AssertionError(f"{first!r} came")


def test_calls_that_are_numbered_badly() -> None:
    assembly = Assembly()
    pieces: list[dict[str, Any]] = [
        {"index": 0, "id": "a", "function": {"name": "um", "arguments": '{"x"'}},
        {"index": 0, "function": {"arguments": ":1}"}},
        {"index": 0, "id": "b", "function": {"name": "dois", "arguments": "{}"}},
        {"id": "c", "function": {"name": "três"}},
        {"id": "d", "function": {"name": "quatro", "arguments": {"y": 2}}},
    ]
    for piece in pieces:
        chunk = {"choices": [{"delta": {"tool_calls": [piece, None, "x"]}, "finish_reason": None}]}
        assert assembly.take(decode_chunk(json.dumps(chunk).encode())) is None
    found = [(call.id, call.name, call.arguments) for call in assembly.calls()]
    assert found == [("a", "um", '{"x":1}'), ("b", "dois", "{}"), ("c", "três", "{}"), ("d", "quatro", '{"y":2}')]
