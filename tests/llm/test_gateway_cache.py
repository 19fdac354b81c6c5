"""Remembered answers: the key holds all that matters and nothing else, and a store never stands in the way."""

import asyncio
from typing import Any

import msgspec
import pytest
from tests.llm.routing.fakes import Fake, Forwarding, House, ask, changed, chat, read, result, until

from ementa.llm.errors import ModelFailed
from ementa.llm.routing.memory import MOST_BYTES, Remembered, key_of, key_of_body
from ementa.llm.types import Caller, ChatDelta, ChatRequest, ChatResult, Message, ModelInfo, Tool, ToolCall, Usage


class Store:
    """Remembers in a dictionary; fails or hangs when told to."""

    def __init__(self) -> None:
        self.kept: dict[str, tuple[str, bytes, float]] = {}
        self.fault: BaseException | None = None
        self.hold: asyncio.Event | None = None

    async def get(self, key: str) -> bytes | None:
        await self._trouble()
        return self.kept[key][1] if key in self.kept else None

    async def put(self, key: str, tenant: str, content: bytes, seconds: float) -> None:
        await self._trouble()
        self.kept[key] = tenant, content, seconds

    async def forget(self, tenant: str) -> None:
        self.kept = {key: entry for key, entry in self.kept.items() if entry[0] != tenant}

    async def close(self) -> None:
        raise AssertionError("closed by whoever made it, not by the gateway")

    async def _trouble(self) -> None:
        if self.hold is not None:
            await self.hold.wait()
        if self.fault is not None:
            raise self.fault


INFO = ModelInfo("m", "openai", digest="d1")
CALLER = Caller(tenant="t", user="u")
REQUEST = ChatRequest(
    model="m",
    messages=[Message("system", "s"), Message("user", "oi")],
    schema={"properties": {"a": {}, "b": {}}},
    tools=(Tool("f", "d", {"type": "object"}),),
    stop=("x",),
)
MATTERS: dict[str, Any] = {
    "messages": [Message("user", "oi")],
    "schema": {"properties": {"b": {}, "a": {}}},  # models answer in the order of the properties
    "any_json": True,
    "tools": (Tool("g"),),
    "tool_choice": "required",
    "max_tokens": 7,
    "temperature": 0.5,
    "top_p": 0.5,
    "top_k": 3,
    "stop": (),
    "presence_penalty": 0.1,
    "frequency_penalty": 0.1,
    "context_tokens": 4096,
    "seed": 9,
    "think": True,
}
MATTERS_NOT: dict[str, Any] = {
    "model": "alias",
    "timeout_seconds": 3.0,
    "use_cache": True,
    "caller": Caller(tenant="t", user="another", key="k", api="ollama.chat"),
}


def test_every_field_of_a_request_is_in_its_key_or_known_not_to_matter() -> None:
    assert MATTERS.keys() | MATTERS_NOT.keys() == set(ChatRequest.__struct_fields__)
    base = key_of(CALLER, INFO, REQUEST)
    assert base == key_of(CALLER, INFO, changed(REQUEST))
    keys = {key_of(CALLER, INFO, changed(REQUEST, **{name: value})) for name, value in MATTERS.items()}
    assert len(keys | {base}) == len(MATTERS) + 1
    for name, value in MATTERS_NOT.items():
        assert key_of(CALLER, INFO, changed(REQUEST, **{name: value})) == base


@pytest.mark.parametrize("kind", ["neutral", "native"])
def test_who_asks_which_model_is_in_the_key(kind: str) -> None:
    body = {"messages": [], "temperature": 0}

    def key(caller: Caller, info: ModelInfo) -> str:
        if kind == "neutral":
            return key_of(caller, info, REQUEST)
        return key_of_body(caller, info, "openai", "/chat/completions", body, False)

    keys = {
        key(caller, info)
        for caller in (CALLER, Caller(tenant="t2"), Caller(tenant="t", visible="documents"))
        for info in (INFO, changed(INFO, digest="d2"), changed(INFO, name="n"), changed(INFO, provider="ollama"))
    }
    assert len(keys) == 12
    assert key(changed(CALLER, user="x", key="y", api="z"), INFO) == key(CALLER, INFO)
    undated = changed(INFO, digest="")
    assert key(CALLER, undated) != key(CALLER, changed(undated, modified_at="2026-01-01"))


def test_bodies_are_told_apart_by_what_matters() -> None:
    body = {"messages": [{"role": "user", "content": "oi"}], "temperature": 0, "options": {"a": 1, "b": 2}}

    def key(given: dict[str, Any], path: str = "/api/chat", dialect: str = "ollama", stream: bool = False) -> str:
        return key_of_body(CALLER, INFO, dialect, path, given, stream)

    base = key(body)
    same = [
        dict(reversed(body.items())),
        {**body, "model": "alias", "stream": True, "user": "someone", "metadata": {"a": "b"}, "keep_alive": "1h"},
        {**body, "options": {"b": 2, "a": 1}},
    ]
    assert {key(one) for one in same} == {base}
    other = [
        {**body, "messages": [{"role": "user", "content": "oi "}]},
        {**body, "messages": [{"content": "oi", "role": "user", "images": ["aGk="]}]},
        {**body, "options": {"a": 1}},
        {**body, "temperature": 0.1},
        {**body, "n": 2},
        {**body, "stream_options": {"include_usage": True}},
        {**body, "unheard_of": 1},
        {**body, "format": {"properties": {"a": {}, "b": {}}}},
        {**body, "format": {"properties": {"b": {}, "a": {}}}},
    ]
    keys = {key(one) for one in other} | {
        key(body, "/api/generate"),
        key(body, dialect="openai"),
        key(body, stream=True),
    }
    assert len(keys | {base}) == len(other) + 4
    assert key({**body, "messages": "\ud800"}) == ""  # cannot be written down: not remembered


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("kind", ["neutral", "native"])
async def test_the_same_question_gets_the_same_answer(kind: str, stream: bool) -> None:
    store, server = (
        Store(),
        Forwarding("m", plan=[["data: a\n\n", "data: b\n\n"], ModelFailed(model="m", cause="again?")]),
    )
    question = ask(stream=stream, dialect="openai" if kind == "native" else "", temperature=0)
    async with House(server, answers=store, cache="deterministic") as house:
        first = await read(house, question)
        await until(lambda: len(store.kept) == 1)
        async with house.gateway.open(question) as answer:
            assert (answer.cached, answer.model, answer.server, answer.provider) == (True, "m", "openai", "openai")
            if kind == "native":
                assert answer.native is not None
                assert answer.native.content_type == "text/event-stream"
                assert b"".join([chunk async for chunk in answer.native.chunks]) == first
            else:
                assert answer.pieces is not None
                items = [item async for item in answer.pieces]
                assert isinstance(items[-1], ChatResult)
                assert items[-1].cached
                assert items[:-1] == ([ChatDelta("ok")] if stream else [])
        assert len(server.requests) == 1
        assert [(record.cached, record.status) for record in house.records] == [(False, "ok"), (True, "ok")]
        assert house.records[1].prompt_tokens == house.records[0].prompt_tokens > 0
        assert house.records[1].latency_ms <= 1000
        assert next(iter(store.kept.values()))[0] == "t"


async def test_neutral_answers_serve_streams_and_whole_answers_alike() -> None:
    store, server = Store(), Fake("m")
    async with House(server, answers=store, cache="deterministic") as house:
        await house.gateway.chat(chat())
        await until(lambda: bool(store.kept))
        items = [item async for item in house.gateway.stream(chat())]
        assert [type(item) for item in items] == [ChatDelta, ChatResult]
        assert len(server.requests) == 1


@pytest.mark.parametrize(
    ("policy", "use_cache", "temperature", "remembered"),
    [
        ("deterministic", None, 0, True),
        ("deterministic", None, 0.7, False),
        ("deterministic", None, None, False),
        ("deterministic", True, 0.7, True),
        ("deterministic", False, 0, False),
        ("all", None, 0.7, True),
        ("all", False, 0.7, False),
        ("off", None, 0, False),
        ("off", True, 0, True),
    ],
)
@pytest.mark.parametrize("dialect", ["openai", "ollama", ""])
async def test_who_decides_what_is_remembered(
    policy: str, use_cache: bool | None, temperature: float | None, remembered: bool, dialect: str
) -> None:
    store, server = Store(), Forwarding("m", dialect=dialect or "openai")
    given = {} if temperature is None else {"temperature": temperature}
    body: dict[str, Any] = {"options": given} if dialect == "ollama" else given
    question = ask(
        dialect=dialect, use_cache=use_cache, request=chat(temperature=temperature), **(body if dialect else {})
    )
    async with House(server, answers=store, cache=policy) as house:
        await read(house, question)
        await asyncio.sleep(0.01)
        assert bool(store.kept) is remembered
        await read(house, question)
        assert len(server.requests) == (1 if remembered else 2)


@pytest.mark.parametrize("finish", ["length", "content_filter", ""])
async def test_only_complete_answers_are_remembered(finish: str) -> None:
    store, server = Store(), Forwarding("m")
    server.used = Usage(1, 1, 0, finish)
    cut = Fake("n", name="n", plan=[[result(finish=finish)]])
    async with House(server, cut, answers=store, cache="all") as house:
        await read(house, ask())
        await house.gateway.chat(chat("n"))
        await asyncio.sleep(0.01)
        assert store.kept == {}


async def test_what_breaks_off_is_not_remembered() -> None:
    store = Store()
    server = Forwarding("m", plan=[["a", ModelFailed(model="m", cause="boom")], ["a", "b", "c"]])
    async with House(server, answers=store, cache="all") as house:
        with pytest.raises(ModelFailed):
            await read(house, ask(stream=True))
        async with house.gateway.open(ask(stream=True)) as answer:
            assert answer.native is not None
            await anext(answer.native.chunks)  # the client leaves
        await asyncio.sleep(0.01)
        assert store.kept == {}


async def test_tool_calls_are_remembered_whole() -> None:
    store = Store()
    called = result("", finish="tool_calls", tool_calls=(ToolCall("1", "f", "{}"),), thinking="hm")
    server = Fake("m", plan=[[called]])
    async with House(server, answers=store, cache="all") as house:
        await house.gateway.chat(chat())
        await until(lambda: bool(store.kept))
        items = [item async for item in house.gateway.stream(chat())]
        assert items[:2] == [ChatDelta(thinking="hm"), ChatDelta(tool_calls=called.tool_calls)]
        assert isinstance(items[2], ChatResult)
        assert items[2].tool_calls == called.tool_calls


async def test_a_fallbacks_answer_is_not_remembered_as_the_models() -> None:
    store = Store()
    server, other = Fake("m", plan=[ModelFailed(model="m", cause="boom"), ["ok"]]), Fake("n", name="n")
    async with House(server, other, answers=store, cache="all", fallback_models=("n",)) as house:
        assert (await house.gateway.chat(chat())).model == "n"
        await asyncio.sleep(0.01)
        assert store.kept == {}
        assert (await house.gateway.chat(chat())).model == "m"


async def test_tenants_do_not_see_each_others_answers() -> None:
    store, server = Store(), Fake("m")
    async with House(server, answers=store, cache="all") as house:
        for tenant in ("a", "b", "a"):
            await read(house, ask(dialect="", caller=Caller(tenant=tenant)))
            await asyncio.sleep(0.01)
        assert len(server.requests) == 2


async def test_a_model_that_changed_is_asked_again() -> None:
    store, server = Store(), Fake(ModelInfo("m", "fake", 8192, ("completion",), digest="old"))
    async with House(server, answers=store, cache="all") as house:
        await house.gateway.chat(chat())
        await until(lambda: bool(store.kept))
        server.infos["m"] = changed(server.infos["m"], digest="new")
        await house.gateway._directory.refresh(house.gateway.states()[0])
        await house.gateway.chat(chat())
        assert len(server.requests) == 2


@pytest.mark.parametrize("fault", [OSError("gone"), ValueError("?"), None])
async def test_a_store_in_trouble_costs_nothing_but_answers(fault: BaseException | None) -> None:
    store, server = Store(), Fake("m")
    store.fault = fault
    store.hold = asyncio.Event()
    if fault is not None:
        store.hold.set()
    async with House(server, answers=store, cache="all") as house:
        async with asyncio.timeout(20):
            for _ in range(3):
                assert (await house.gateway.chat(chat())).text == "ok"
        assert len(server.requests) == 3


OLD = msgspec.msgpack.encode(Remembered(0, "m", "fake", "fake", Usage(), result=result("old")))


@pytest.mark.parametrize("content", [b"", b"\xff\x00", b"\x81\xa4form\x63", OLD])
async def test_what_cannot_be_read_again_is_asked_again(content: bytes) -> None:
    store, server = Store(), Fake("m")
    async with House(server, answers=store, cache="all") as house:
        await house.gateway.chat(chat())
        await until(lambda: bool(store.kept))
        key = next(iter(store.kept))
        store.kept[key] = ("t", content, 1.0)
        await house.gateway.chat(chat())
        assert len(server.requests) == 2


async def test_endless_answers_are_not_remembered() -> None:
    store = Store()
    server = Forwarding("m", plan=[[b"x" * 100_000] * (MOST_BYTES // 100_000 + 1)])
    async with House(server, answers=store, cache="all") as house:
        assert len(await read(house, ask(stream=True))) > MOST_BYTES
        assert len(await read(house, ask())) > MOST_BYTES
        await asyncio.sleep(0.01)
        assert store.kept == {}
