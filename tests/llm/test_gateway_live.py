"""The gateway while it runs: servers are watched, configuration changes, models are managed."""

import asyncio
import itertools
import time
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
from tests.llm.routing.fakes import Fake, Forwarding, House, Verbs, ask, changed, chat, model, read, until

from ementa.llm.config import Alias, Conditions, GatewayConfig, Rule
from ementa.llm.errors import (
    ModelServerUnknown,
    ModelsNotManaged,
    ModelUnavailable,
    ServerNotNamed,
)
from ementa.llm.gateway import Gateway
from ementa.llm.servers import ServerConfig
from ementa.llm.settings import LlmSettings
from ementa.llm.types import ChatResult, ModelInfo
from ementa.testing.ollama.catalogue import DoubleModel
from ementa.testing.ollama.double import OllamaDouble
from ementa.testing.server import free_port

# Watching


async def test_a_watched_server_is_not_asked_by_requests() -> None:
    server = Forwarding("m")
    async with House(server, health_seconds=60) as house:
        await house.gateway.start()
        await until(lambda: house.gateway.states()[0].is_listed)
        before = list(server.asked)
        for _ in range(5):
            await read(house, ask())
            await house.gateway.show("m")
            await house.gateway.models()
        assert server.asked == before == ["health", "list"]


async def test_a_known_model_is_reached_without_a_turn_of_the_loop() -> None:
    server = Forwarding("m")
    async with House(server, health_seconds=60) as house:
        await house.gateway.start()
        await until(lambda: house.gateway.states()[0].is_listed)
        task = asyncio.create_task(read(house, ask()))
        await asyncio.sleep(0)  # it runs up to the first thing that it waits for: the server
        assert len(server.requests) == 1
        await task


async def test_changes_are_noticed() -> None:
    server = Fake("m")
    async with House(server, health_seconds=0.02) as house:
        await house.gateway.start()
        await until(lambda: house.gateway.states()[0].is_listed)
        server.infos = {"n": Fake("n").infos["n"]}
        server.loaded = ("n",)
        await until(lambda: house.gateway.states()[0].find("n") is not None)
        assert house.gateway.states()[0].find("m") is None
        assert [info.name for info in await house.gateway.models()] == ["n"]
        await until(lambda: house.gateway.states()[0].holds("n"))
        server.alive = False
        await until(lambda: house.gateway.states()[0].breaker.is_down)
        assert await house.gateway.models() == []
        server.alive = True
        await until(lambda: house.gateway.states()[0].breaker.state == "closed")
        assert [info.name for info in await house.gateway.models()] == ["n"]


async def test_what_old_servers_do_not_list_is_asked_once_for_each_model() -> None:
    class Old(Fake):
        async def list_models(self) -> list[ModelInfo]:
            self.asked.append("list")
            return [changed(info, capabilities=(), context_tokens=4096) for info in self.infos.values()]

    server = Old(model("m", "completion", "vision", context_tokens=9000, digest="1"), model("n", digest="2"))
    async with House(server) as house:
        state = house.gateway.states()[0]
        for _ in range(3):
            await house.gateway._directory.refresh(state)
        found = state.models["m"]
        assert (found.capabilities, found.context_tokens) == (("completion", "vision"), 9000)
        assert sorted(server.asked) == ["list", "list", "list", "show m", "show n"]
        server.infos["m"] = model("m", "completion", digest="3")  # another model behind the name
        await house.gateway._directory.refresh(state)
        assert state.models["m"].capabilities == ("completion",)
        assert server.asked.count("show m") == 2
        assert server.asked.count("show n") == 1


async def test_starting_waits_for_nobody() -> None:
    async def hold(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        held.append(writer)

    held: list[asyncio.StreamWriter] = []
    silent = await asyncio.start_server(hold, "127.0.0.1", 0)
    port = silent.sockets[0].getsockname()[1]
    with OllamaDouble() as well:
        hosts = (f"http://127.0.0.1:{port}", f"http://127.0.0.1:{free_port()}", well.url)
        gateway = Gateway(LlmSettings(ollama_hosts=hosts))
        started = time.monotonic()
        await gateway.start()
        assert time.monotonic() - started < 1.0
        await until(lambda: any(state.find("gemma3:1b") for state in gateway.states()))
        async with asyncio.timeout(5):  # neither the silent nor the dead one delays it
            assert (await gateway.chat(chat("gemma3:1b"))).text
        await gateway.close()
    for writer in held:
        writer.close()
    silent.close()


async def test_a_model_that_a_server_does_not_list_is_asked_for() -> None:
    with OllamaDouble() as double:
        gateway = Gateway(LlmSettings(ollama_hosts=(double.url,)))
        await gateway.start()
        await until(lambda: gateway.states()[1].is_listed)
        assert (await gateway.chat(chat("delay-1:1b"))).model == "delay-1:1b"
        with pytest.raises(ModelUnavailable) as caught:
            await gateway.chat(chat("phi9:1b"))
        assert "gemma3:1b" in caught.value.text("pt")
        assert (await gateway.chat(chat("qwen2-7b"))).model == "qwen2:7b"
        assert gateway.resolve("gemma3-1b") == "gemma3:1b"
        assert gateway.resolve("all-minilm") == "all-minilm:latest"
        assert gateway.resolve("nobody") == "nobody"
        await gateway.close()


async def test_health_tells_each_server_and_its_breaker() -> None:
    one, two = Fake("m", name="one"), Fake("m", name="two")
    two.alive = False
    async with House(one, two) as house:
        health = await house.gateway.health()
        assert health["status"] == "degraded"
        first, second = health["servers"]
        assert first == {
            "name": "one", "kind": "one", "provider": "one", "host": "http://one", "reachable": True, "version": "",
            "loaded": (), "error": "", "breaker": "closed", "retry_in_seconds": 0.0, "running": 0, "waiting": 0,
        }  # fmt: skip
        assert (second["reachable"], second["breaker"]) == (False, "open")
        assert 0 < second["retry_in_seconds"] <= 5


async def test_a_provider_that_raises_what_it_should_not_stays_watched() -> None:
    class Odd(Fake):
        async def health(self):
            self.asked.append("health")
            raise ZeroDivisionError

    server = Odd("m")
    async with House(server, health_seconds=0.01) as house:
        await house.gateway.start()
        await until(lambda: server.asked.count("health") >= 3)


# Configuration


Live = Callable[..., Awaitable[Gateway]]


@pytest.fixture
async def live() -> AsyncIterator[Live]:
    gateways: list[Gateway] = []

    async def start(*doubles: OllamaDouble, **settings: object) -> Gateway:
        hosts = tuple(double.url for double in doubles)
        gateways.append(Gateway(LlmSettings(**{"ollama_hosts": hosts, "cache": "off", **settings})))
        await gateways[-1].start()
        return gateways[-1]

    yield start
    for gateway in gateways:
        await gateway.close()


def ollama(name: str, double: OllamaDouble, **changes: object) -> ServerConfig:
    return ServerConfig(**{"kind": "ollama", "name": name, "url": double.url, **changes})


async def test_servers_come_and_go_while_calls_run(live: Live) -> None:
    with OllamaDouble([DoubleModel("a:1b")]) as one, OllamaDouble([DoubleModel("b:1b")]) as two:
        gateway = await live(one)
        assert [server.kind for server in gateway.servers()] == ["reader", "ollama"]
        await gateway.apply(GatewayConfig(servers=(ollama("two", two),)))
        assert gateway.servers()[0].name == "two"
        assert (await gateway.chat(chat("b:1b"))).server == "two"
        running = asyncio.create_task(gateway.chat(chat("delay-300:1b", timeout_seconds=20)))
        await until(lambda: one.stats.running + two.stats.running == 1)
        await gateway.apply(GatewayConfig())
        assert [server.kind for server in gateway.servers()] == ["reader", "ollama"]
        assert (await running).text  # it ends as it would have
        with pytest.raises(ModelUnavailable):
            await gateway.chat(chat("b:1b"))
        assert {model.name for model in await gateway.models()} == {"a:1b", "ementa-reader"}


async def test_what_did_not_change_keeps_its_state(live: Live) -> None:
    with OllamaDouble() as one, OllamaDouble() as two:
        gateway = await live()
        await gateway.apply(GatewayConfig(servers=(ollama("one", one), ollama("two", two))))
        kept, changed = gateway.states()[:2]
        kept.breaker.miss()
        line = kept.line("gemma3:1b")
        await gateway.apply(GatewayConfig(servers=(ollama("one", one), ollama("two", two, models=("qwen2:7b",)))))
        assert gateway.states()[0] is kept
        assert kept.breaker.is_down
        assert kept.line("gemma3:1b") is line
        assert gateway.states()[1] is not changed


async def test_only_the_models_that_are_configured_are_offered(live: Live) -> None:
    with OllamaDouble() as double:
        gateway = await live()
        await gateway.apply(GatewayConfig(servers=(ollama("some", double, models=("qwen2:7b", "all-minilm")),)))
        assert {m.name for m in await gateway.models()} == {"qwen2:7b", "all-minilm:latest", "ementa-reader"}
        with pytest.raises(ModelUnavailable):
            await gateway.chat(chat("gemma3:1b"))
        assert double.stats.requests["POST /api/chat"] == 0
        assert (await gateway.chat(chat("qwen2:7b"))).server == "some"


async def test_one_bad_server_does_not_keep_the_others_out(live: Live) -> None:
    with OllamaDouble() as double:
        gateway = await live()
        bad = ServerConfig("no-such-kind", "bad", "http://127.0.0.1:1")
        await gateway.apply(
            GatewayConfig(
                servers=(bad, ollama("good", double)),
                aliases={"auto": Alias("auto", "gemma3:1b")},
                rules=(Rule("r", Conditions(languages=("pt",), models=("auto",)), ("qwen2:7b",)),),
            )
        )
        assert [server.name for server in gateway.servers()] == ["good", "ementa"]
        assert (await gateway.chat(chat("auto", "What is the total of it?"))).model == "gemma3:1b"
        assert (await gateway.chat(chat("auto", "Qual é o total da nota?"))).model == "qwen2:7b"
        assert gateway.other_names("")["auto"] == "gemma3:1b"


async def test_a_server_with_its_own_limits(live: Live) -> None:
    with OllamaDouble() as double:
        gateway = await live()
        await gateway.apply(GatewayConfig(servers=(ollama("s", double, options={"concurrency": 3}),)))
        await asyncio.gather(*(gateway.chat(chat("delay-40:1b", timeout_seconds=20)) for _ in range(6)))
        assert double.stats.peak == 3


async def test_swaps_are_ordered_on_a_server_that_holds_one_model(live: Live) -> None:
    with OllamaDouble() as double:
        gateway = await live(double, max_loaded_models=1, swap_patience_seconds=60)
        order: list[str] = []

        async def one(name: str) -> None:
            await gateway.chat(chat(name, timeout_seconds=60))
            order.append(name)

        names = ["delay-30:1b", "delay-31:1b"] * 4
        async with asyncio.TaskGroup() as tasks:
            for name in names:
                tasks.create_task(one(name))
                await asyncio.sleep(0.001)
        assert sorted(order) == sorted(names)
        assert sum(a != b for a, b in itertools.pairwise(order)) == 1  # loaded once each
        assert double.stats.peak == 1


async def test_what_a_provider_holds_is_let_go_of() -> None:
    class Holding(Fake):
        closed = 0

        async def close(self) -> None:
            self.closed += 1

    server = Holding("m")
    async with House(server):
        pass
    assert server.closed == 1


async def test_names_that_nobody_has_are_not_asked_for_again_and_again() -> None:
    server = Fake("m")
    async with House(server, health_seconds=60) as house:
        await house.gateway.start()
        await until(lambda: house.gateway.states()[0].is_listed)
        for _ in range(5):
            with pytest.raises(ModelUnavailable):
                await house.gateway.chat(chat("nobody"))
        assert server.asked.count("show nobody") == 1
        assert server.asked.count("health") == 1


# Management


async def test_models_are_pulled_warmed_unloaded_and_deleted() -> None:
    server, plain = Verbs("m", name="s"), Fake("m", name="plain")
    async with House(server, plain) as house:
        gateway = house.gateway
        steps = [step.status async for step in gateway.pull("new")]
        assert steps == ["pulling", "success"]
        assert "new" in {info.name for info in await gateway.models()}
        await gateway.warm("new")
        assert await gateway.loaded() == {"s": ("new",), "plain": ()}
        assert gateway.states()[0].holds("new")
        await gateway.unload("new", "s")
        assert (await gateway.loaded())["s"] == ()
        await gateway.delete("new")
        with pytest.raises(ModelUnavailable):
            await gateway.show("new")


async def test_aliases_name_models_here_too() -> None:
    server = Verbs("m:1b", name="s")
    async with House(server) as house:
        await house.gateway.apply(GatewayConfig(aliases={"mine": Alias("mine", "m-1b")}))
        await house.gateway.models()
        await house.gateway.warm("mine")
        assert server.loaded == ("m:1b",)


@pytest.mark.parametrize(
    ("act", "error"),
    [
        (lambda g: g.delete("m"), ServerNotNamed),
        (lambda g: g.delete("m", "nobody"), ModelServerUnknown),
        (lambda g: g.warm("m", "plain"), ModelsNotManaged),
        (lambda g: g.unload("p"), ModelsNotManaged),
        (lambda g: g.warm("absent"), ModelUnavailable),
        (lambda g: first(g.pull("x")), ServerNotNamed),
        (lambda g: first(g.pull("x", "plain")), ModelsNotManaged),
    ],
)
async def test_what_cannot_be_done_says_so(act: Callable[[Gateway], object], error: type[Exception]) -> None:
    async with House(Verbs("m", name="a"), Verbs("m", name="b"), Fake("m", "p", name="plain")) as house:
        with pytest.raises(error):
            await act(house.gateway)  # type: ignore[misc]


async def first(progress: object) -> object:
    return await anext(progress)  # type: ignore[call-overload]


async def test_both_of_two_servers_are_warmed_and_each_can_be_named() -> None:
    one, two = Verbs("m", name="a"), Verbs("m", name="b")
    async with House(one, two) as house:
        await house.gateway.warm("m")
        assert one.loaded == two.loaded == ("m",)
        await house.gateway.delete("m", "b")
        assert "m" in one.infos
        assert "m" not in two.infos
        assert isinstance(await house.gateway.chat(chat()), ChatResult)
        assert house.last.server == "a"
