"""The gateway: whom it asks, how long it waits, when it falls back, and what it says."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing, suppress

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from ementa.llm.ask import Ask
from ementa.llm.errors import (
    ModelBusy,
    ModelCannotChat,
    ModelContextExceeded,
    ModelFailed,
    ModelRejected,
    ModelTimeout,
    ModelUnavailable,
)
from ementa.llm.gateway import Gateway
from ementa.llm.reader import READER
from ementa.llm.settings import LlmSettings
from ementa.llm.types import ChatDelta, ChatRequest, ChatResult
from ementa.testing.ollama.catalogue import DoubleModel
from ementa.testing.ollama.double import OllamaDouble
from ementa.testing.providers import ask
from ementa.testing.server import free_port

Make = Callable[..., Gateway]


@pytest.fixture
async def make() -> AsyncIterator[Make]:
    gateways: list[Gateway] = []

    def build(*hosts: str, **settings: object) -> Gateway:
        gateways.append(Gateway(LlmSettings(ollama_hosts=hosts, **settings)))
        return gateways[-1]

    yield build
    for gateway in gateways:
        await gateway.close()


def request(model: str = "gemma3:1b", **changes: object) -> ChatRequest:
    return ask(model, **{"context_tokens": None, **changes})


async def test_plain_and_schema(ollama: OllamaDouble, make: Make) -> None:
    gateway = make(ollama.url)
    plain = await gateway.chat(request())
    assert (plain.model, plain.asked_model, plain.finish) == ("gemma3:1b", "gemma3:1b", "stop")
    schema = {"type": "object", "properties": {"cnpj": {"enum": [1, 2]}}}
    chosen = await gateway.chat(request(text="[1] Total: 10,00\n[2] CNPJ: 11.222.333/0001-81", schema=schema))
    assert json.loads(chosen.text) == {"cnpj": 2}


async def test_models_include_the_reader_even_when_nobody_answers(ollama: OllamaDouble, make: Make) -> None:
    assert [m.name for m in await make(f"127.0.0.1:{free_port()}").models()] == [READER]
    listed = {m.name: m for m in await make(ollama.url).models()}
    assert listed[READER].capabilities == ("extraction",)
    assert listed["qwen2:7b"].capabilities == ("completion", "tools")


async def test_capabilities_of_old_servers_come_from_show(make: Make) -> None:
    with OllamaDouble(lists_capabilities=False) as old:
        listed = {m.name: m for m in await make(old.url).models()}
    assert listed["gemma3:4b"].capabilities == ("completion", "vision")
    assert listed["gemma3:4b"].context_tokens == 131_072
    assert listed["gemma3:4b"].size_bytes > 0


async def test_absent_model_says_what_there_is_and_how_to_get_it(ollama: OllamaDouble, make: Make) -> None:
    with pytest.raises(ModelUnavailable) as caught:
        await make(ollama.url).chat(request("phi9:1b"))
    for language in ("pt", "en"):
        assert "ollama pull phi9:1b" in caught.value.text(language)
        assert "gemma3:1b" in caught.value.text(language)
        assert READER in caught.value.text(language)
    assert caught.value.details["reason"] == "absent"


async def test_unreachable_server_is_told_from_an_absent_model(make: Make) -> None:
    port = free_port()
    with pytest.raises(ModelUnavailable) as caught:
        await make(f"127.0.0.1:{port}").show("gemma3:1b")
    assert caught.value.code == "MODEL_UNAVAILABLE"
    assert caught.value.details["reason"] == "unreachable"
    for language in ("pt", "en"):
        assert f"127.0.0.1:{port}" in caught.value.text(language)
        assert "OLLAMA_HOST" in caught.value.text(language)
        assert "ollama pull gemma3:1b" in caught.value.text(language)


async def test_no_server_configured_makes_no_call(make: Make) -> None:
    gateway = make()
    with pytest.raises(ModelUnavailable) as caught:
        await gateway.chat(request())
    assert "nenhum servidor de modelos está configurado" in caught.value.text("pt")
    assert await gateway.health() == {"status": "ok", "servers": []}


async def test_errors_survive_being_stored(make: Make) -> None:
    with pytest.raises(ModelUnavailable) as caught:
        await make(f"127.0.0.1:{free_port()}").chat(request())
    again = ModelUnavailable.from_record(json.loads(json.dumps(caught.value.to_record())))
    assert again.text("pt") == caught.value.text("pt")
    assert again.retryable


async def test_the_reader_does_not_chat(ollama: OllamaDouble, make: Make) -> None:
    gateway = make(ollama.url, fallback_models=("gemma3:1b",))
    with pytest.raises(ModelCannotChat):
        await gateway.chat(request(READER))
    assert (await gateway.show(READER)).capabilities == ("extraction",)


async def test_embedding_models_do_not_chat(ollama: OllamaDouble, make: Make) -> None:
    with pytest.raises(ModelCannotChat):
        await make(ollama.url).chat(request("all-minilm"))
    assert ollama.stats.requests["POST /api/chat"] == 0


async def test_context_grows_by_doubling_and_does_not_shrink(ollama: OllamaDouble, make: Make) -> None:
    gateway = make(ollama.url)
    for text in ("curto", "palavra " * 800, "curto"):
        await gateway.chat(request(text=text, max_tokens=500))
    assert [body["options"]["num_ctx"] for body in ollama.stats.bodies] == [2048, 4096, 4096]
    assert ollama.stats.loads == 2


async def test_a_prompt_beyond_the_context_is_refused_before_any_call(ollama: OllamaDouble, make: Make) -> None:
    gateway = make(ollama.url, max_context_tokens=4096)
    with pytest.raises(ModelContextExceeded) as caught:
        await gateway.chat(request(text="palavra " * 2000))
    assert caught.value.details["context_tokens"] == 4096
    assert ollama.stats.requests["POST /api/chat"] == 0


async def test_the_answer_takes_what_the_prompt_leaves(ollama: OllamaDouble, make: Make) -> None:
    await make(ollama.url, max_context_tokens=2048).chat(request(text="palavra " * 400, max_tokens=5000))
    options = ollama.stats.bodies[-1]["options"]
    assert options["num_ctx"] == 2048
    assert 256 <= options["num_predict"] < 2048


async def test_one_request_at_a_time_per_model(ollama: OllamaDouble, make: Make) -> None:
    gateway = make(ollama.url)
    await asyncio.gather(*(gateway.chat(request("delay-20:1b")) for _ in range(5)))
    assert ollama.stats.peak == 1
    both = [gateway.chat(request(model)) for model in ("delay-60:1b", "delay-61:1b")]
    await asyncio.gather(*both)
    assert ollama.stats.peak == 2


async def test_first_come_first_served(ollama: OllamaDouble, make: Make) -> None:
    gateway = make(ollama.url)
    await gateway.show("delay-10:1b")  # who has to ask where a model is may be overtaken by who need not
    order: list[int] = []

    async def one(number: int) -> None:
        await gateway.chat(request("delay-10:1b", text=f"pedido {number}"))
        order.append(number)

    async with asyncio.TaskGroup() as tasks:
        for number in range(6):
            tasks.create_task(one(number))
            await asyncio.sleep(0.002)
    assert order == sorted(order)


async def test_concurrency_can_be_raised(ollama: OllamaDouble, make: Make) -> None:
    gateway = make(ollama.url, model_concurrency=3)
    await asyncio.gather(*(gateway.chat(request("delay-50:1b")) for _ in range(9)))
    assert ollama.stats.peak == 3


async def test_waiting_in_line_is_bounded_too(ollama: OllamaDouble, make: Make) -> None:
    gateway = make(ollama.url)
    first = asyncio.create_task(gateway.chat(request("hang:1b", timeout_seconds=5.0)))
    await until(lambda: ollama.stats.running == 1)
    with pytest.raises(ModelBusy):
        await gateway.chat(request("hang:1b", timeout_seconds=0.1))
    first.cancel()
    with suppress(asyncio.CancelledError):
        await first


async def test_a_cancelled_request_leaves_the_line_and_the_server(ollama: OllamaDouble, make: Make) -> None:
    gateway = make(ollama.url)
    tasks = [asyncio.create_task(gateway.chat(request("hang:1b", timeout_seconds=30.0))) for _ in range(3)]
    await until(lambda: ollama.stats.running == 1)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    await until(lambda: ollama.stats.running == 0, 1.0)
    assert ollama.stats.requests["POST /api/chat"] == 1
    with pytest.raises(ModelTimeout):
        await gateway.chat(request("hang:1b", timeout_seconds=0.1))


async def test_several_hosts_share_the_work(make: Make) -> None:
    with OllamaDouble() as one, OllamaDouble() as two:
        gateway = make(one.url, two.url)
        await asyncio.gather(*(gateway.chat(request("delay-30:1b")) for _ in range(6)))
        assert (one.stats.requests["POST /api/chat"], two.stats.requests["POST /api/chat"]) == (3, 3)
        assert (one.stats.peak, two.stats.peak) == (1, 1)


async def test_a_model_is_found_where_it_is(make: Make) -> None:
    with OllamaDouble([DoubleModel("a:1b")]) as one, OllamaDouble([DoubleModel("b:1b")]) as two:
        gateway = make(one.url, two.url)
        await gateway.chat(request("b:1b"))
        assert (one.stats.requests["POST /api/chat"], two.stats.requests["POST /api/chat"]) == (0, 1)
        assert {m.name for m in await gateway.models()} == {"a:1b", "b:1b", READER}


async def test_a_host_that_went_away_is_replaced_by_another(make: Make) -> None:
    with OllamaDouble() as one, OllamaDouble() as two:
        gateway = make(one.url, two.url)
        await asyncio.gather(*(gateway.chat(request()) for _ in range(2)))
        one.stop()
        for _ in range(4):
            assert (await gateway.chat(request())).text
        assert (await gateway.health())["status"] == "degraded"
        assert two.stats.requests["POST /api/chat"] == 5
        one.start()
        assert (await gateway.health())["status"] == "ok"


async def test_a_model_removed_meanwhile_is_absent(ollama: OllamaDouble, make: Make) -> None:
    gateway = make(ollama.url)
    await gateway.chat(request())
    async with (
        aiohttp.ClientSession() as session,
        session.delete(f"{ollama.url}/api/delete", json={"model": "gemma3:1b"}) as answer,
    ):
        assert answer.status == 200
    with pytest.raises(ModelUnavailable) as caught:
        await gateway.chat(request())
    assert "qwen2:7b" in caught.value.text("pt")
    with pytest.raises(ModelUnavailable):
        await gateway.show("gemma3:1b")


async def test_a_server_that_cannot_describe_a_model_does_not_hide_one_that_can(make: Make) -> None:
    async def broken(request: web.Request) -> web.Response:
        raise web.HTTPInternalServerError(text='{"error": "disk on fire"}')

    application = web.Application()
    application.router.add_route("*", "/{path:.*}", broken)
    async with TestServer(application) as sick:
        address = str(sick.make_url(""))
        with OllamaDouble() as well:
            assert (await make(address, well.url).chat(request())).text
        with pytest.raises(ModelFailed, match="disk on fire"):
            await make(address).chat(request())
        assert [m.name for m in await make(address).models()] == [READER]


async def test_absent_here_and_silent_there_are_both_told(ollama: OllamaDouble, make: Make) -> None:
    port = free_port()
    with pytest.raises(ModelUnavailable) as caught:
        await make(ollama.url, f"127.0.0.1:{port}").chat(request("phi9:1b"))
    assert f"127.0.0.1:{port} não responde" in caught.value.text("pt")


@pytest.mark.parametrize("broken", ["phi9:1b", "fail-before:1b", "busy:1b", "hang:1b", "fail-after-3:1b", "cut:1b"])
async def test_fallback_answers_and_says_so(ollama: OllamaDouble, make: Make, broken: str) -> None:
    gateway = make(ollama.url, fallback_models=(READER, "not-found:1b", "qwen2:7b"))
    result = await gateway.chat(request(broken, timeout_seconds=0.3))
    assert (result.model, result.asked_model) == ("qwen2:7b", broken)


@pytest.mark.parametrize("wrong", ["all-minilm", "status-400:1b", "context-overflow:1b"])
async def test_no_fallback_where_the_request_is_at_fault(ollama: OllamaDouble, make: Make, wrong: str) -> None:
    gateway = make(ollama.url, fallback_models=("qwen2:7b",))
    with pytest.raises((ModelCannotChat, ModelContextExceeded, ModelRejected)):
        await gateway.chat(request(wrong))
    assert all(body["model"] != "qwen2:7b" for body in ollama.stats.bodies)


async def test_when_no_fallback_helps_the_first_error_stands(ollama: OllamaDouble, make: Make) -> None:
    gateway = make(ollama.url, fallback_models=("not-found:1b",))
    with pytest.raises(ModelFailed) as caught:
        await gateway.chat(request("fail-before:1b"))
    assert "exit status 2" in str(caught.value)


async def test_a_stream_never_changes_model_once_begun(ollama: OllamaDouble, make: Make) -> None:
    gateway = make(ollama.url, fallback_models=("qwen2:7b",))
    pieces: list[str] = []

    async def read() -> None:
        async with aclosing(gateway.stream(request("fail-after-3:1b"))) as stream:
            async for item in stream:
                assert isinstance(item, ChatDelta)
                pieces.append(item.text)

    with pytest.raises(ModelFailed):
        await read()
    assert len(pieces) == 3


async def test_a_stream_falls_back_before_its_first_piece(ollama: OllamaDouble, make: Make) -> None:
    gateway = make(ollama.url, fallback_models=("qwen2:7b",))
    async with aclosing(gateway.stream(request("fail-before:1b"))) as stream:
        items = [item async for item in stream]
    assert isinstance(items[-1], ChatResult)
    assert items[-1].model == "qwen2:7b"


async def test_a_cut_answer_says_so(ollama: OllamaDouble, make: Make) -> None:
    result = await make(ollama.url).chat(request("loop:1b", max_tokens=10))
    assert result.finish == "length"


async def until(condition: Callable[[], bool], seconds: float = 5.0) -> None:
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0.005)


async def test_a_list_of_models_does_not_wait_for_a_server_that_hangs(ollama: OllamaDouble) -> None:
    async def hold(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        held.append(writer)

    held: list[asyncio.StreamWriter] = []
    silent = await asyncio.start_server(hold, "127.0.0.1", 0)
    port = silent.sockets[0].getsockname()[1]
    gateway = Gateway(LlmSettings(ollama_hosts=(ollama.url, f"http://127.0.0.1:{port}")))
    async with asyncio.timeout(9):  # the server itself is given ten seconds
        names = {model.name for model in await gateway.models()}
    assert {"ementa-reader", "gemma3:1b"} <= names
    assert held != []
    await gateway.close()
    for writer in held:
        writer.close()
    silent.close()


def passed_on(text: str, *, stream: bool = False, **changes: object) -> Ask:
    """A question of an Ollama client."""
    neutral = request(text=text, max_tokens=100, **changes)
    body = {
        "model": "gemma3:1b",
        "messages": [{"role": "user", "content": text}],
        "stream": stream,
        "options": {"top_k": 5},
    }
    return Ask("gemma3:1b", lambda: neutral, stream=stream, dialect="ollama", path="/api/chat", body=body)


async def relayed(gateway: Gateway, question: Ask) -> bytes:
    async with gateway.open(question) as answer:
        assert answer.native is not None
        return b"".join([chunk async for chunk in answer.native.chunks])


@pytest.mark.parametrize("stream", [False, True])
async def test_what_is_passed_on_has_a_context_that_holds_it(ollama: OllamaDouble, make: Make, stream: bool) -> None:
    gateway = make(ollama.url)
    for text in ("curto", "palavra " * 800, "curto"):
        lines = (await relayed(gateway, passed_on(text, stream=stream))).splitlines()
        assert json.loads(lines[-1])["done"]
        assert len(lines) > 1 or not stream
    options = [body["options"] for body in ollama.stats.bodies]
    assert [(one["num_ctx"], one["num_predict"], one["top_k"]) for one in options] == [
        (2048, 100, 5),
        (4096, 100, 5),
        (4096, 100, 5),
    ]
    assert ollama.stats.loads == 2
    with pytest.raises(ModelContextExceeded):
        await relayed(gateway, passed_on("palavra " * 5000, stream=stream))
    assert len(ollama.stats.bodies) == 3


async def test_a_chosen_context_is_kept(ollama: OllamaDouble, make: Make) -> None:
    await relayed(make(ollama.url), passed_on("curto", context_tokens=3000))
    assert ollama.stats.bodies[-1]["options"]["num_ctx"] == 3000
