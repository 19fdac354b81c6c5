"""What every provider of language models must do, as tests that anybody's adapter can run.

In a test module, subclass `ProviderBehaviour` and the behaviours of all that the provider can do besides, with a name
that begins with `Test`, and give it a fixture `bench`:

    class TestMine(ProviderBehaviour, NetworkBehaviour, ToolBehaviour):
        @pytest.fixture
        async def bench(self): ...  # yields a `Bench` whose `abilities` are exactly those: a test checks that they are

`provider_faults.py` has `NetworkBehaviour`, `provider_content.py` tools, images and thinking, `provider_verbs.py`
embedding, reranking and management of models, `provider_forwarding.py` passing a dialect through.
"""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any, Literal, Protocol, TypeVar

from ementa.llm.base import Embeds, Forward, Forwards, ManagesModels, Provider, Reranks, collect
from ementa.llm.errors import ModelContextExceeded, ModelUnavailable, ServerUnreachable
from ementa.llm.types import ChatDelta, ChatRequest, ChatResult, Message

Ability = Literal["network", "tools", "images", "thinking", "embed", "rerank", "forward", "manage"]
Fault = Literal[
    "absent",
    "not-chat",
    "slow-headers",
    "hang",
    "hang-mid",
    "busy",
    "status-500",
    "status-400",
    "key-refused",
    "redirect",
    "endless-headers",
    "error-mid",
    "cut-mid",
    "not-json",
    "not-utf8",
    "split-utf8",
    "long-line",
    "context-overflow",
    "endless",
]
VERBS: Mapping[Ability, type] = {"embed": Embeds, "rerank": Reranks, "forward": Forwards, "manage": ManagesModels}
RELEASE_SECONDS = 1.0
E = TypeVar("E", bound=Exception)


@dataclass(frozen=True)
class Received:
    """What the server was asked last, read from its dialect. What was not sent is empty or None."""

    temperature: float | None = None
    stop: tuple[str, ...] = ()
    images: tuple[str, ...] = ()
    """Base64, without any prefix."""
    tools: tuple[str, ...] = ()
    """Names of the tools that were offered."""
    calls: tuple[tuple[str, dict[str, Any]], ...] = ()
    """Name and arguments of the calls in the assistant's messages."""
    results: tuple[str, ...] = ()
    """Contents of the results of tools."""
    json: bool = False
    """Whether any JSON was asked for."""
    fields: frozenset[str] = frozenset()
    """Names of all fields of the body, options included."""


class Bench(Protocol):
    """A provider beside a server that misbehaves when a model's name asks for it."""

    provider: Provider
    model: str
    """A model that behaves."""
    abilities: Mapping[Ability, str]
    """What the provider can do besides chatting, each with a model that shows it: of `manage` one that the server does
    not have and can get; of `network` and `forward`, which models do not differ in, `model`."""
    unreachable: Provider
    """A provider whose server does not exist; of one without `network`, one whose files do not."""

    def faulty(self, fault: Fault) -> str:
        """The model that shows a fault.

        `slow-headers` answers after 0.3 s; `endless` never stops by itself; `long-line` says one line of more than
        16 MiB; `redirect` answers 307 with its own address; `endless-headers` is a status line and headers for ever.
        """
        ...

    def running(self) -> int:
        """Generations that the server is busy with."""
        ...

    def received(self) -> Received:
        """The last request to generate, as the server understood it; of a provider without `network`, never asked."""
        ...

    def forward(self, model: str, text: str, *, stream: bool) -> Forward:
        """A client's request in the dialect that is forwarded, with no more than it must say."""
        ...

    def due(self) -> bytes:
        """The bytes that the server wrote as its last answer, without those that only we asked for."""
        ...


def ask(model: str, text: str = "Qual é o CNPJ? Ação.", **changes: Any) -> ChatRequest:
    """A small request."""
    values: dict[str, Any] = {"timeout_seconds": 10.0, "context_tokens": 2048, "max_tokens": 200, **changes}
    messages = values.pop("messages", None) or [Message(role="user", content=text)]
    return ChatRequest(model=model, messages=messages, **values)


class ProviderBehaviour:
    """The behaviour of any provider, whether its model is far or in this process."""

    def test_what_it_can_do_is_tested(self, bench: Bench) -> None:
        """Its declared abilities, the verbs that it has and the behaviours under test are the same."""
        kinds = [kind for kind in type(self).__mro__[1:] if kind is not object]
        tested = {vars(kind)["ability"] for kind in kinds if "ability" in vars(kind)}
        assert tested == set(bench.abilities)
        tests = [name for kind in kinds for name in vars(kind) if name.startswith("test_")]
        assert len(tests) == len(set(tests)), "one behaviour hides a test of another"
        assert {name for name, verb in VERBS.items() if isinstance(bench.provider, verb)} == tested & set(VERBS)

    async def test_a_whole_answer_is_its_pieces_joined(self, bench: Bench) -> None:
        """Deltas first, one result last, tokens and time counted."""
        *pieces, last = await every(bench.provider, ask(bench.model))
        assert pieces
        assert all(isinstance(piece, ChatDelta) and piece.text for piece in pieces)
        assert isinstance(last, ChatResult)
        assert last.text == "".join(piece.text for piece in pieces if isinstance(piece, ChatDelta))
        assert last.finish == "stop"
        assert last.tool_calls == ()
        assert last.prompt_tokens > 0
        assert last.output_tokens > 0
        assert last.latency_ms >= 0

    async def test_a_schema_is_honoured(self, bench: Bench) -> None:
        """The answer is JSON of the asked form."""
        schema = {
            "type": "object",
            "properties": {"n": {"enum": [7]}},
            "required": ["n"],
            "additionalProperties": False,
        }
        result = await collect(bench.provider.stream(ask(bench.model, schema=schema)))
        assert json.loads(result.text) == {"n": 7}

    async def test_the_answer_ends_where_it_is_told_to_stop(self, bench: Bench) -> None:
        """The stop sequence is no part of the answer."""
        whole = (await collect(bench.provider.stream(ask(bench.model)))).text
        stop = whole[len(whole) // 2 :][:3]
        result = await collect(bench.provider.stream(ask(bench.model, stop=(stop, "never said"))))
        assert result.text == whole.partition(stop)[0]
        assert result.finish == "stop"

    async def test_the_limit_of_tokens_is_told(self, bench: Bench) -> None:
        """`finish` says that the answer was cut."""
        result = await collect(bench.provider.stream(ask(bench.faulty("endless"), max_tokens=20)))
        assert result.finish == "length"
        assert result.output_tokens <= 20

    async def test_models_are_listed_and_shown(self, bench: Bench) -> None:
        """What is listed can be shown, with its context and its abilities."""
        names = [info.name for info in await bench.provider.list_models()]
        assert bench.model in names
        shown = await bench.provider.show(bench.model)
        assert not shown.capabilities or "completion" in shown.capabilities
        assert shown.context_tokens > 0

    async def test_health_tells_the_truth(self, bench: Bench) -> None:
        """And never raises."""
        assert (await bench.provider.health()).reachable
        down = await bench.unreachable.health()
        assert not down.reachable
        assert down.error

    async def test_absent_model(self, bench: Bench) -> None:
        """It is not the server that is missing."""
        model = bench.faulty("absent")
        for call in (collect(bench.provider.stream(ask(model))), bench.provider.show(model)):
            error = await error_of(ModelUnavailable, call)
            assert not isinstance(error, ServerUnreachable)

    async def test_a_prompt_that_does_not_fit(self, bench: Bench) -> None:
        """Is never cut in silence."""
        await raises(ModelContextExceeded, bench.provider, ask(bench.faulty("context-overflow")))

    async def test_leaving_a_stream_lets_go_of_the_server(self, bench: Bench) -> None:
        """A reader who has had enough stops the model."""
        async with aclosing(bench.provider.stream(ask(bench.faulty("endless"), max_tokens=1_000_000))) as stream:
            await anext(stream)
        await released(bench)


async def every(provider: Provider, request: ChatRequest) -> list[ChatDelta | ChatResult]:
    """All items of a stream."""
    async with aclosing(provider.stream(request)) as stream:
        return [item async for item in stream]


async def raises(kind: type[E], provider: Provider, request: ChatRequest) -> E:
    """The error that a chat ends in, which is of this kind."""
    return await error_of(kind, collect(provider.stream(request)))


async def error_of(kind: type[E], call: Awaitable[object]) -> E:
    """The error that a call ends in, which is of this kind."""
    try:
        result = await call
    except kind as error:
        return error
    raise AssertionError(f"{result!r} came instead of {kind.__name__}")


async def until(condition: Callable[[], bool], seconds: float = 5.0) -> None:
    """Wait for it; fail when it does not come in time."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        await asyncio.sleep(0.01)


async def released(bench: Bench) -> None:
    """The server is busy with nothing, within a second."""
    await until(lambda: bench.running() == 0, RELEASE_SECONDS)
