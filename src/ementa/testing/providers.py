"""What every provider of language models must do, as tests that anybody's adapter can run.

In a test module, subclass `ProviderBehaviour` with a name that begins with `Test` and give it a fixture `bench`:

    class TestMine(ProviderBehaviour):
        @pytest.fixture
        async def bench(self): ...  # yields a `Bench`
"""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from contextlib import aclosing, suppress
from typing import Any, Literal, Protocol, TypeVar

from ementa.llm.base import Provider, collect
from ementa.llm.errors import (
    ModelBusy,
    ModelCannotChat,
    ModelContextExceeded,
    ModelFailed,
    ModelRejected,
    ModelTimeout,
    ModelUnavailable,
    ServerUnreachable,
)
from ementa.llm.types import ChatDelta, ChatRequest, ChatResult, Message

Fault = Literal[
    "absent",
    "not-chat",
    "slow-headers",
    "hang",
    "hang-mid",
    "busy",
    "status-500",
    "status-400",
    "error-mid",
    "cut-mid",
    "not-json",
    "not-utf8",
    "split-utf8",
    "context-overflow",
    "endless",
]
RELEASE_SECONDS = 1.0
E = TypeVar("E", bound=Exception)


class Bench(Protocol):
    """A provider beside a server that misbehaves when a model's name asks for it."""

    provider: Provider
    model: str
    """A model that behaves."""
    unreachable: Provider
    """A provider whose server does not exist."""

    def faulty(self, fault: Fault) -> str:
        """The model that shows a fault. `slow-headers` answers after 0.3 s; `endless` never stops by itself."""
        ...

    def running(self) -> int:
        """Generations that the server is busy with."""
        ...


def ask(model: str, text: str = "Qual é o CNPJ? Ação.", **changes: Any) -> ChatRequest:
    """A small request."""
    values: dict[str, Any] = {"timeout_seconds": 10.0, "context_tokens": 2048, "max_tokens": 200, **changes}
    return ChatRequest(model=model, messages=[Message(role="user", content=text)], **values)


class ProviderBehaviour:
    """The behaviour of any provider."""

    async def test_a_whole_answer_is_its_pieces_joined(self, bench: Bench) -> None:
        """Deltas first, one result last, tokens and time counted."""
        items = await _all(bench.provider, ask(bench.model))
        *pieces, last = items
        assert pieces
        assert all(isinstance(piece, ChatDelta) and piece.text for piece in pieces)
        assert isinstance(last, ChatResult)
        assert last.text == "".join(piece.text for piece in pieces if isinstance(piece, ChatDelta))
        assert last.finish == "stop"
        assert last.prompt_tokens > 0
        assert last.output_tokens > 0
        assert last.latency_ms >= 0

    async def test_a_schema_is_honoured(self, bench: Bench) -> None:
        """The answer is JSON of the asked form."""
        schema = {"type": "object", "properties": {"n": {"enum": [7]}}, "required": ["n"]}
        result = await collect(bench.provider.stream(ask(bench.model, schema=schema)))
        assert json.loads(result.text) == {"n": 7}

    async def test_characters_cut_by_the_network_stay_whole(self, bench: Bench) -> None:
        """No replacement character appears where a packet ended inside a letter."""
        result = await collect(bench.provider.stream(ask(bench.faulty("split-utf8"))))
        assert "�" not in result.text
        assert not result.text.isascii()

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
        assert "completion" in shown.capabilities
        assert shown.context_tokens > 0

    async def test_health_tells_the_truth(self, bench: Bench) -> None:
        """And never raises."""
        assert (await bench.provider.health()).reachable
        down = await bench.unreachable.health()
        assert not down.reachable
        assert down.error

    async def test_nobody_there(self, bench: Bench) -> None:
        """An address where nobody listens."""
        await _raises(ServerUnreachable, bench.unreachable, ask(bench.model))

    async def test_absent_model(self, bench: Bench) -> None:
        """It is not the server that is missing."""
        model = bench.faulty("absent")
        for call in (collect(bench.provider.stream(ask(model))), bench.provider.show(model)):
            error = await _error_of(ModelUnavailable, call)
            assert not isinstance(error, ServerUnreachable)

    async def test_model_that_does_not_write(self, bench: Bench) -> None:
        """An embedding model is not asked to chat."""
        await _raises(ModelCannotChat, bench.provider, ask(bench.faulty("not-chat")))

    async def test_slow_headers_are_waited_for(self, bench: Bench) -> None:
        """Slow is not broken while there is time."""
        result = await collect(bench.provider.stream(ask(bench.faulty("slow-headers"))))
        assert result.text

    async def test_time_is_bounded_before_and_amid_the_answer(self, bench: Bench) -> None:
        """A server that says nothing, or nothing more, is left; it is let go of too."""
        for fault in ("slow-headers", "hang", "hang-mid"):
            await _raises(ModelTimeout, bench.provider, ask(bench.faulty(fault), timeout_seconds=0.15))
            await _released(bench)

    async def test_overload(self, bench: Bench) -> None:
        """429 or its like is a reason to try later."""
        error = await _raises(ModelBusy, bench.provider, ask(bench.faulty("busy")))
        assert error.retryable

    async def test_a_failing_server(self, bench: Bench) -> None:
        """Before the first byte, after it, or by a broken connection: a failure that may be tried again."""
        for fault in ("status-500", "error-mid", "cut-mid"):
            error = await _raises(ModelFailed, bench.provider, ask(bench.faulty(fault)))
            assert error.retryable

    async def test_a_refusing_server(self, bench: Bench) -> None:
        """What is refused is not sent again."""
        error = await _raises(ModelRejected, bench.provider, ask(bench.faulty("status-400")))
        assert not error.retryable

    async def test_garbage(self, bench: Bench) -> None:
        """Bytes that are no answer are a failure of the server, not a crash of ours."""
        for fault in ("not-json", "not-utf8"):
            await _raises(ModelFailed, bench.provider, ask(bench.faulty(fault)))

    async def test_a_prompt_that_does_not_fit(self, bench: Bench) -> None:
        """Is never cut in silence."""
        await _raises(ModelContextExceeded, bench.provider, ask(bench.faulty("context-overflow")))

    async def test_cancelling_lets_go_of_the_server(self, bench: Bench) -> None:
        """Within a second, whether nothing or something has come."""
        for fault in ("hang", "hang-mid"):
            task = asyncio.create_task(collect(bench.provider.stream(ask(bench.faulty(fault)))))
            await _until(lambda: bench.running() == 1)
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
            await _released(bench)

    async def test_leaving_a_stream_lets_go_of_the_server(self, bench: Bench) -> None:
        """A reader who has had enough stops the model."""
        async with aclosing(bench.provider.stream(ask(bench.faulty("endless"), max_tokens=1_000_000))) as stream:
            await anext(stream)
        await _released(bench)


async def _all(provider: Provider, request: ChatRequest) -> list[ChatDelta | ChatResult]:
    async with aclosing(provider.stream(request)) as stream:
        return [item async for item in stream]


async def _raises(kind: type[E], provider: Provider, request: ChatRequest) -> E:
    return await _error_of(kind, collect(provider.stream(request)))


async def _error_of(kind: type[E], call: Awaitable[object]) -> E:
    try:
        result = await call
    except kind as error:
        return error
    raise AssertionError(f"{result!r} came instead of {kind.__name__}")


async def _until(condition: Callable[[], bool], seconds: float = 5.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        await asyncio.sleep(0.01)


async def _released(bench: Bench) -> None:
    await _until(lambda: bench.running() == 0, RELEASE_SECONDS)
