"""Exactly one record of every call, however it ends; and how long a call may take."""

import asyncio
from contextlib import aclosing
from typing import Any

import pytest
from tests.llm.routing.fakes import HANG, Fake, Forwarding, House, Verbs, ask, chat, model, read, result, until

from ementa.kit.errors import EmentaError
from ementa.llm.calls import CallRecord
from ementa.llm.errors import ModelBusy, ModelFailed, ModelLacksCapability, ModelTimeout, ModelUnavailable
from ementa.llm.types import Caller, ChatDelta, EmbedRequest, RerankRequest, Usage
from ementa.observability.context import bound

CALLER = Caller(tenant="t", user="u", key="k", api="openai.chat")


async def test_a_call_is_told_with_all_that_is_known_of_it() -> None:
    server = Forwarding("m")
    async with House(server) as house:
        with bound(request="req-1", client="10.0.0.9"):
            opening = house.gateway.open(ask(stream=True, caller=CALLER))
        # The stream is read and ends where nothing is known of the request any more.
        async with opening as answer:
            assert answer.native is not None
            assert [chunk async for chunk in answer.native.chunks] == [b"o", b"k"]
            assert (answer.attempts, answer.cached) == (1, False)
            assert answer.upstream_ms > 0
        record = house.last
        assert (record.request_id, record.client, record.caller) == ("req-1", "10.0.0.9", CALLER)
        assert (record.model, record.provider, record.server, record.asked_model) == ("m", "openai", "openai", "m")
        assert (record.prompt_tokens, record.output_tokens, record.cached_tokens) == (11, 5, 2)
        assert (record.status, record.streamed, record.cached, record.attempts) == ("ok", True, False, 1)
        assert 0 <= record.ttft_ms <= record.latency_ms
        assert record.id != ""
        assert record.at.tzinfo is not None


WAYS = ["chat", "stream", "neutral", "neutral stream", "native", "native stream"]


async def call(house: House, way: str, **changes: Any) -> None:
    if way == "chat":
        await house.gateway.chat(chat(caller=CALLER, **changes))
    elif way == "stream":
        async with aclosing(house.gateway.stream(chat(caller=CALLER, **changes))) as items:
            async for _ in items:
                pass
    else:
        dialect = "openai" if way.startswith("native") else ""
        await read(house, ask(stream=way.endswith("stream"), dialect=dialect, caller=CALLER, **changes))


ENDS: list[tuple[list[Any], str]] = [
    (["o", "k"], "ok"),
    ([ModelFailed(model="m", cause="boom")], "MODEL_FAILED"),
    (["a", ModelFailed(model="m", cause="boom")], "MODEL_FAILED"),
    ([ModelUnavailable(model="m", cause="", advice="")], "MODEL_UNAVAILABLE"),
    ([KeyError("a bug")], "INTERNAL"),
    (["a", KeyError("a bug")], "INTERNAL"),
    ([HANG], "MODEL_TIMEOUT"),
    (["a", HANG], "MODEL_TIMEOUT"),
]
# The silence of a stream that is passed on is bounded by its provider.
CASES = [(way, *end) for way in WAYS for end in ENDS if not (way == "native stream" and end[0] == ["a", HANG])]


@pytest.mark.parametrize(("way", "plan", "status"), CASES)
async def test_one_record_however_it_ends(way: str, plan: list[Any], status: str) -> None:
    server = Forwarding("m", plan=[plan])
    async with House(server) as house:
        try:
            await call(house, way, timeout_seconds=0.2 if HANG in plan else None)
        except (EmentaError, KeyError):
            assert status != "ok"
        assert [record.status for record in house.records] == [status]
        assert (house.last.caller, house.last.streamed) == (CALLER, way.endswith("stream"))
        assert house.free()
        assert server.running == 0


@pytest.mark.parametrize("way", WAYS)
async def test_what_never_reached_a_server_is_told_too(way: str) -> None:
    async with House(Fake(model("m", "embedding"))) as house:
        with pytest.raises(EmentaError):
            await call(house, way)
        assert [record.status for record in house.records] == ["MODEL_CANNOT_CHAT"]
        assert (house.last.server, house.last.model, house.last.asked_model) == ("", "", "m")


async def test_a_door_that_fails_is_a_bug_and_a_client_that_left_is_none() -> None:
    async with House(Forwarding("m", plan=[["a", "b", "c"]])) as house:
        for raised in (OSError("broken pipe"), ValueError("a bug")):
            with pytest.raises(type(raised)):
                await fail_while_reading(house, raised)
        assert [record.status for record in house.records] == ["cancelled", "INTERNAL"]
        assert house.free()


async def fail_while_reading(house: House, error: Exception) -> None:
    async with house.gateway.open(ask(stream=True)) as answer:
        assert answer.native is not None
        await anext(answer.native.chunks)
        raise error


async def test_what_was_streamed_before_the_client_left_is_estimated() -> None:
    server = Forwarding("m", plan=[["a", "b", "c", HANG]])
    server.used = Usage()
    async with House(server) as house:
        async with house.gateway.open(ask(stream=True, text="palavra " * 100)) as answer:
            assert answer.native is not None
            for _ in range(3):
                await anext(answer.native.chunks)
        assert (house.last.status, house.last.output_tokens) == ("cancelled", 3)
        assert house.last.prompt_tokens >= 100


async def test_an_observer_that_fails_breaks_nothing() -> None:
    async with House(Fake("m")) as house:

        def broken(record: CallRecord) -> None:
            raise RuntimeError("on purpose")

        house.gateway._router.observers = [broken, house.records.append]
        assert (await house.gateway.chat(chat())).text == "ok"
        assert house.last.status == "ok"


async def test_embedding_and_ranking_are_calls_like_others() -> None:
    plain, able = Fake(model("e", "embedding", "rerank")), Verbs(model("e", "embedding", "rerank"), name="able")
    async with House(plain, able, model_concurrency=1) as house:
        vectors = await house.gateway.embed(EmbedRequest("e", ["a", "b"], caller=CALLER))
        assert (len(vectors.vectors), vectors.server, vectors.asked_model) == (2, "able", "e")
        scores = await house.gateway.rerank(RerankRequest("e", "q", ["a"], caller=CALLER))
        assert (scores.scores, scores.server, scores.provider) == ([0.5], "able", "able")
        assert [(r.status, r.prompt_tokens, r.caller) for r in house.records] == [("ok", 9, CALLER), ("ok", 8, CALLER)]
        able.plan = [ModelFailed(model="e", cause="boom")]
        with pytest.raises(ModelFailed):
            await house.gateway.embed(EmbedRequest("e", ["a"]))
        able.plan = [[HANG]]
        with pytest.raises(ModelTimeout):
            await house.gateway.embed(EmbedRequest("e", ["a"], timeout_seconds=0.1))
        assert house.last.status == "MODEL_TIMEOUT"
        assert house.free()


async def test_models_that_cannot_embed_or_rank_say_so() -> None:
    async with House(Verbs(model("m", "completion"), "silent"), Fake(model("v", "embedding"), name="o")) as house:
        with pytest.raises(ModelLacksCapability, match="embeddings"):
            await house.gateway.embed(EmbedRequest("m", ["a"]))
        with pytest.raises(ModelLacksCapability, match="rerank"):
            await house.gateway.rerank(RerankRequest("m", "q", ["a"]))
        with pytest.raises(ModelLacksCapability):  # the server says that the model does, but has no way to ask it
            await house.gateway.embed(EmbedRequest("v", ["a"]))


async def test_embedding_falls_back_and_shares_the_line() -> None:
    bad, good = Verbs(model("e", "embedding"), plan=[[HANG]]), Verbs(model("f", "embedding"), name="good")
    async with House(bad, good, fallback_models=("f",)) as house:
        answers = await asyncio.gather(
            *(house.gateway.embed(EmbedRequest("e", ["a"], timeout_seconds=0.2)) for _ in range(4))
        )
        assert {answer.model for answer in answers} == {"f"}
        assert (bad.peak, good.peak) == (1, 1)


# Time


async def test_time_in_line_counts_for_whole_answers() -> None:
    release = asyncio.Event()
    server = Fake("m", plan=[[release, "a"]])
    async with House(server) as house:
        first = asyncio.create_task(house.gateway.chat(chat(timeout_seconds=60)))
        await until(lambda: server.running == 1)
        second = asyncio.create_task(house.gateway.chat(chat(timeout_seconds=40)))
        await until(lambda: house.gateway.states()[0].requests == 2)
        await asyncio.sleep(0.2)
        release.set()
        await asyncio.gather(first, second)
        assert server.requests[0].timeout_seconds == 60
        assert 30 < server.requests[1].timeout_seconds <= 39.9
        assert house.records[1].queue_ms >= 150


async def test_waiting_is_bounded_for_streams_too() -> None:
    server = Fake("m", plan=[[HANG]])
    async with House(server) as house:
        first = asyncio.create_task(house.gateway.chat(chat()))
        await until(lambda: server.running == 1)
        with pytest.raises(ModelBusy):
            await read(house, ask(stream=True, dialect="", timeout_seconds=0.1))
        assert house.last.status == "MODEL_BUSY"
        first.cancel()
        await asyncio.gather(first, return_exceptions=True)


@pytest.mark.parametrize(("asked", "given"), [(None, 30.0), (5.0, 5.0), (10_000.0, 50.0)])
async def test_what_is_asked_is_capped(asked: float | None, given: float) -> None:
    server = Forwarding("m")
    async with House(server, max_timeout_seconds=50.0) as house:
        await call(house, "chat", timeout_seconds=asked)
        await call(house, "native", timeout_seconds=asked)
        await call(house, "native stream", timeout_seconds=asked)
        await call(house, "stream", timeout_seconds=asked)
        times = [request.timeout_seconds for request in server.requests]
        assert times == [given, given, given, 50.0]  # of a neutral stream the gateway bounds the silence


async def test_a_stream_is_bounded_by_its_silence_and_not_by_its_length() -> None:
    server = Fake("m", plan=[[*"abcdefghij"], ["a", HANG]])
    server.slow = 0.05
    async with House(server) as house:
        pieces = [item async for item in house.gateway.stream(chat(timeout_seconds=0.4))]
        assert len(pieces) == 11  # half a second and more, with no long silence in it
        seen: list[Any] = []

        async def take() -> None:
            async for item in house.gateway.stream(chat(timeout_seconds=0.4)):
                seen.append(item)

        with pytest.raises(ModelTimeout):
            await take()
        assert seen == [ChatDelta("a")]


@pytest.mark.parametrize("where", ["upstream", "client"])
async def test_a_stream_ends_when_the_longest_time_is_over(where: str) -> None:
    server = Forwarding("m", plan=[["a"] * 1_000_000])
    server.slow = 0.01 if where == "upstream" else 0.0
    async with House(server, max_timeout_seconds=0.3) as house:

        async def take() -> None:
            async with house.gateway.open(ask(stream=True)) as answer:
                assert answer.native is not None
                async for _ in answer.native.chunks:
                    if where == "client":
                        await asyncio.sleep(3600)  # it does not read

        async with asyncio.timeout(20):
            with pytest.raises(ModelTimeout):
                await take()
        assert house.last.status == "MODEL_TIMEOUT"
        assert server.running == 0
        assert house.free()
        task = asyncio.current_task()
        assert task is not None
        assert task.cancelling() == 0


async def test_answers_name_who_gave_them() -> None:
    async with House(Fake("m", plan=[["x"]]), fallback_models=("m",)) as house:
        answered = await house.gateway.chat(chat("gone"))
        assert (answered.asked_model, answered.model, answered.provider, answered.server) == (
            "gone",
            "m",
            "fake",
            "fake",
        )
        assert result().model == "m"
