"""What is tried elsewhere, and what is not: other servers, other models, never after the first piece."""

import asyncio
from contextlib import aclosing
from typing import Any

import pytest
from tests.llm.routing.fakes import HANG, Fake, Forwarding, House, ask, chat, model, read, unreachable, until

from ementa.kit.errors import EmentaError
from ementa.llm.config import Alias, Conditions, GatewayConfig, Rule
from ementa.llm.errors import (
    ModelBusy,
    ModelContextExceeded,
    ModelFailed,
    ModelKeyRefused,
    ModelLacksCapability,
    ModelQueueFull,
    ModelRejected,
    ModelTimeout,
    ModelUnavailable,
)
from ementa.llm.routing.attempt import ATTEMPTS, MOST_ATTEMPTS
from ementa.llm.types import ChatDelta, ChatResult, Message, Tool

ERRORS: dict[str, EmentaError] = {
    "unreachable": unreachable(),
    "busy": ModelBusy(model="m"),
    "failed": ModelFailed(model="m", cause="exit status 2"),
    "timeout": ModelTimeout(model="m", seconds=1),
    "absent": ModelUnavailable(model="m", cause="absent", advice=""),
    "key refused": ModelKeyRefused(host="h", cause="bad key"),
    "rejected": ModelRejected(model="m", cause="bad request"),
    "too long": ModelContextExceeded(model="m", needed=9, context=4),
}
ANOTHER_SERVER = {"unreachable", "busy", "failed", "absent", "key refused"}
ANOTHER_MODEL = ANOTHER_SERVER | {"timeout"}


@pytest.mark.parametrize("name", ERRORS)
@pytest.mark.parametrize("way", ["neutral", "neutral stream", "native", "native stream"])
async def test_another_server_of_the_same_model(name: str, way: str) -> None:
    kind = Forwarding if way.startswith("native") else Fake
    bad, good = kind("m", name="openai", plan=[ERRORS[name]]), kind("m", name="openai", plan=[["o", "k"]])
    question = ask(stream=way.endswith("stream"), dialect="openai" if way.startswith("native") else "")
    async with House(bad, good) as house:
        if name in ANOTHER_SERVER:
            assert await read(house, question) in ("ok", b"ok")
            assert (house.last.status, house.last.attempts, house.last.server) == ("ok", 2, "openai-2")
        else:
            with pytest.raises(type(ERRORS[name])):
                await read(house, question)
            assert good.requests == []
            assert (house.last.status, house.last.attempts) == (ERRORS[name].code, 1)
        assert house.free()


@pytest.mark.parametrize("name", ERRORS)
@pytest.mark.parametrize("stream", [False, True])
async def test_another_model(name: str, stream: bool) -> None:
    bad, good = Fake("m", plan=[ERRORS[name]]), Fake("n", name="other")
    async with House(bad, good, fallback_models=("n",)) as house:
        if name in ANOTHER_MODEL:
            assert await read(house, ask(stream=stream, dialect="")) == "ok"
            assert (house.last.model, house.last.asked_model, house.last.status) == ("n", "m", "ok")
        else:
            with pytest.raises(type(ERRORS[name])):
                await read(house, ask(stream=stream, dialect=""))
            assert good.requests == []
        assert house.free()


@pytest.mark.parametrize("stream", [False, True])
async def test_an_error_after_the_first_piece_is_final_in_a_stream_only(stream: bool) -> None:
    bad, good = Fake("m", plan=[["a", ModelFailed(model="m", cause="boom")]]), Fake("n", name="other")
    async with House(bad, good, fallback_models=("n",)) as house:
        if not stream:
            assert (await house.gateway.chat(chat())).model == "n"
            return
        pieces: list[ChatDelta | ChatResult] = []

        async def take() -> None:
            async with house.gateway.open(ask(stream=True, dialect="")) as answer:
                assert answer.pieces is not None
                async for item in answer.pieces:
                    pieces.append(item)

        with pytest.raises(ModelFailed):
            await take()
        assert pieces == [ChatDelta("a")]
        assert good.requests == []
        assert house.last.status == "MODEL_FAILED"
        assert house.last.output_tokens == 1  # about: the server did not say
        assert house.free()


async def test_tries_are_bounded_whatever_there_is() -> None:
    servers = [Fake("m", "n", "o", "p", name="fake", plan=[ERRORS["failed"]]) for _ in range(6)]
    async with House(*servers, fallback_models=("n", "o", "p")) as house:
        with pytest.raises(ModelFailed):
            await house.gateway.chat(chat())
        assert sum(len(server.requests) for server in servers) == MOST_ATTEMPTS
        assert max(sum(r.model == "m" for s in servers for r in s.requests), 0) == ATTEMPTS
        assert max(len([r for r in server.requests if r.model == "m"]) for server in servers) == 1


async def test_the_error_is_that_of_the_model_asked_for() -> None:
    servers = Fake("m", plan=[ERRORS["failed"]]), Fake("n", name="o", plan=[ERRORS["busy"]])
    async with House(*servers, fallback_models=("n", "absent")) as house:
        with pytest.raises(ModelFailed):
            await house.gateway.chat(chat())
        assert house.last.status == "MODEL_FAILED"


async def test_a_full_line_sends_to_another_model() -> None:
    hold = asyncio.Event()
    slow, other = Fake("m", plan=[[hold, "x"]]), Fake("n", name="other")
    async with House(slow, other, max_queued=0) as house:
        first = asyncio.create_task(house.gateway.chat(chat()))
        await until(lambda: slow.running == 1)
        with pytest.raises(ModelQueueFull):
            await house.gateway.chat(chat())
        await house.gateway.apply(GatewayConfig(aliases={"auto": Alias("auto", "m", ("n",))}))
        assert (await house.gateway.chat(chat("auto"))).model == "n"
        hold.set()
        await first


async def test_a_server_that_is_down_is_passed_over_for_a_model_that_is_there() -> None:
    dead, well = Fake("m", plan=[unreachable()]), Fake("n", name="other")
    async with House(dead, well, fallback_models=("n",)) as house:
        for _ in range(5):
            assert (await house.gateway.chat(chat())).model == "n"
        assert len(dead.requests) == 1  # the others did not wait for what is known
        well.plan = [ERRORS["failed"]]
        dead.plan = [["back"]]
        assert (await house.gateway.chat(chat())).model == "m"  # nothing else helps: it is asked after all


async def test_capabilities_decide_before_anything_is_sent() -> None:
    blind, seeing = Fake(model("m", "completion")), Fake(model("v", "completion", "vision"), name="other")
    pictured = chat("m", messages=[Message("user", "?", images=("aGk=",))])
    async with House(blind, seeing) as house:
        with pytest.raises(ModelLacksCapability):
            await house.gateway.chat(pictured)
        with pytest.raises(ModelLacksCapability):
            await house.gateway.chat(chat("m", tools=(Tool("f"),)))
        assert blind.requests == []
        assert [record.status for record in house.records] == ["MODEL_LACKS_CAPABILITY"] * 2
    async with House(blind, seeing, fallback_models=("v",)) as house:
        assert (await house.gateway.chat(pictured)).model == "v"


async def test_rules_say_it_all() -> None:
    local, cloud = Fake("local", plan=[ERRORS["failed"]]), Fake("cloud", name="other")
    rules = (Rule("house", Conditions(tenants=("t",)), ("local",)),)
    async with House(local, cloud, fallback_models=("cloud",)) as house:
        await house.gateway.apply(GatewayConfig(rules=rules))
        with pytest.raises(ModelFailed):  # no fallback leads out of what the rule says
            await read(house, ask("cloud"))
        assert cloud.requests == []
        await house.gateway.apply(GatewayConfig(rules=(Rule("r", Conditions(models=("auto",)), ("local", "cloud")),)))
        assert (await house.gateway.chat(chat("auto"))).model == "cloud"
        assert (await house.gateway.show("auto")).name == "local"
        with pytest.raises(ModelUnavailable):
            await house.gateway.show("automatic")


async def test_the_cheapest_is_chosen_by_what_names_stand_for() -> None:
    prices = {"dear": 9.0, "cheap": 1.0}
    async with House(Fake("dear", "cheap"), price=prices.get) as house:
        rule = Rule("r", Conditions(models=("auto",)), ("expensive", "small"), cheapest=True)
        names = {"expensive": Alias("expensive", "dear"), "small": Alias("small", "cheap")}
        await house.gateway.apply(GatewayConfig(aliases=names, rules=(rule,)))
        assert (await house.gateway.chat(chat("auto"))).model == "cheap"


async def test_least_loaded_and_where_it_is_loaded() -> None:
    hold = asyncio.Event()
    one, two = Fake("m", plan=[[hold, "x"]]), Fake("m", name="two", plan=[[hold, "x"]])
    two.loaded = ("m",)
    async with House(one, two, model_concurrency=2) as house:
        await house.gateway.health()
        tasks = []
        for expected in [(0, 1), (0, 2), (1, 2), (2, 2), (2, 2), (2, 2)]:
            tasks.append(asyncio.create_task(house.gateway.chat(chat())))
            await until(lambda: one.running + two.running == min(len(tasks), 4))
            assert (one.running, two.running) == expected
        states = {server["name"]: server for server in (await house.gateway.health())["servers"]}
        assert [(states[name]["running"], states[name]["waiting"]) for name in ("fake", "two")] == [(2, 1), (2, 1)]
        hold.set()
        await asyncio.gather(*tasks)
        assert house.free()


@pytest.mark.parametrize(("name", "peak"), [("ollama", 1), ("openai", 3), ("anthropic", 3), ("llamacpp", 1)])
async def test_servers_of_vendors_take_more_at_once(name: str, peak: int) -> None:
    server = Fake("m", name=name)
    server.slow = 0.001
    async with House(server, remote_concurrency=3) as house:
        await asyncio.gather(*(house.gateway.chat(chat()) for _ in range(8)))
        assert server.peak == peak


async def test_no_context_is_reckoned_for_a_vendors_model() -> None:
    local, vendor = Fake("m", name="ollama"), Fake("v", name="openai")
    async with House(local, vendor) as house:
        await house.gateway.chat(chat("m", max_tokens=100))
        await house.gateway.chat(chat("v", text="palavra " * 20_000, max_tokens=100))
        assert local.requests[0].context_tokens == 2048
        assert (vendor.requests[0].context_tokens, vendor.requests[0].max_tokens) == (None, 100)
        with pytest.raises(ModelContextExceeded):
            await house.gateway.chat(chat("m", text="palavra " * 20_000))


async def test_repeated_failures_open_the_breaker_and_a_success_closes_it(monkeypatch: pytest.MonkeyPatch) -> None:
    sick, well = Fake("m", name="sick", plan=[ERRORS["failed"]]), Fake("m", name="well")
    sick.loaded = ("m",)
    async with House(sick, well) as house:
        await house.gateway.health()
        for _ in range(12):
            await house.gateway.chat(chat())
        assert len(sick.requests) == 5
        assert [server["breaker"] for server in (await house.gateway.health())["servers"]] == ["open", "closed"]
        server = house.gateway.states()[0]
        monkeypatch.setattr(server.breaker, "_until", 0.0)  # its time is over
        assert server.breaker.state == "half_open"
        sick.plan = [["ok"]]
        assert (await house.gateway.chat(chat())).server == "sick"
        assert server.breaker.state == "closed"


@pytest.mark.parametrize("dialect", ["openai", ""])
async def test_streams_that_always_break_off_open_the_breaker(dialect: str) -> None:
    server = Forwarding("m", plan=[["a", ERRORS["failed"]]])
    async with House(server) as house:
        for _ in range(5):
            assert house.gateway.states()[0].breaker.state == "closed"
            with pytest.raises(ModelFailed):
                await read(house, ask(stream=True, dialect=dialect))
        assert house.gateway.states()[0].breaker.state == "open"
        server.plan = [["a"]]
        await read(house, ask(stream=True, dialect=dialect))
        assert house.gateway.states()[0].breaker.state == "closed"


async def test_refusals_do_not_open_a_breaker() -> None:
    server = Fake("m", plan=[ERRORS["rejected"]])
    async with House(server) as house:
        for _ in range(10):
            with pytest.raises(ModelRejected):
                await house.gateway.chat(chat())
        assert (await house.gateway.health())["servers"][0]["breaker"] == "closed"


@pytest.mark.parametrize("way", ["chat", "stream", "neutral", "neutral stream", "native", "native stream"])
@pytest.mark.parametrize("script", [[HANG], ["a", HANG]])
async def test_whoever_leaves_frees_everything(way: str, script: list[Any]) -> None:
    server = Forwarding("m", plan=[script])
    async with House(server, remote_concurrency=1) as house:

        async def call() -> None:
            if way == "chat":
                await house.gateway.chat(chat())
            elif way == "stream":
                async with aclosing(house.gateway.stream(chat())) as items:
                    async for _ in items:
                        pass
            else:
                await read(house, ask(stream=way.endswith("stream"), dialect="openai" if "native" in way else ""))

        tasks = [asyncio.create_task(call()) for _ in range(3)]
        await until(lambda: server.running == 1 and house.gateway.states()[0].requests == 3)
        await asyncio.sleep(0.02)
        for task in reversed(tasks):
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        assert all(task.cancelled() for task in tasks)
        assert server.running == 0
        assert house.free()
        assert [record.status for record in house.records] == ["cancelled"] * 3
        assert house.gateway.states()[0].breaker.state == "closed"


async def test_a_door_that_stops_reading_has_lost_its_client() -> None:
    server = Forwarding("m", plan=[["a", "b", HANG]])
    async with House(server) as house:
        async with house.gateway.open(ask(stream=True)) as answer:
            assert answer.native is not None
            assert await anext(answer.native.chunks) == b"a"
        assert (house.last.status, server.running, server.left) == ("cancelled", 0, 1)
        assert house.free()
