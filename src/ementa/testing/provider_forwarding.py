"""What every provider does that passes requests of its dialect through."""

import asyncio
import copy
from contextlib import suppress
from typing import ClassVar

from ementa.kit.errors import EmentaError
from ementa.llm.base import Forward, Forwards
from ementa.llm.errors import (
    ModelBusy,
    ModelContextExceeded,
    ModelFailed,
    ModelKeyRefused,
    ModelRejected,
    ModelTimeout,
    ModelUnavailable,
    ServerUnreachable,
)
from ementa.llm.types import Usage
from ementa.testing.providers import Ability, Bench, Fault, error_of, released, until

TEXT = "Qual é o CNPJ? Ação."


class ForwardingBehaviour:
    """The behaviour of a provider that forwards."""

    ability: ClassVar[Ability] = "forward"

    async def test_bytes_come_through_as_they_are(self, bench: Bench) -> None:
        """Streamed or whole; the tokens are known when they have passed, the client's request is left alone."""
        for stream in (True, False):
            call = bench.forward(bench.model, TEXT, stream=stream)
            before = copy.deepcopy(call.body)
            async with _forwards(bench).forward(call) as answer:
                data = b"".join([chunk async for chunk in answer.chunks])
                usage = answer.usage()
            await _are_due(bench, data)
            assert answer.content_type
            assert usage.prompt_tokens > 0
            assert usage.output_tokens > 0
            assert usage.finish == "stop"
            assert call.body == before

    async def test_forwarded_characters_stay_whole(self, bench: Bench) -> None:
        """Nobody looks inside."""
        data, usage = await _passed(bench, bench.forward(bench.faulty("split-utf8"), TEXT, stream=True))
        await _are_due(bench, data)
        assert not data.isascii()
        assert usage.output_tokens > 0

    async def test_errors_before_the_first_byte(self, bench: Bench) -> None:
        """Are exceptions on entering, so that another server can be tried."""
        kinds: dict[Fault, type[EmentaError]] = {
            "absent": ModelUnavailable,
            "busy": ModelBusy,
            "status-500": ModelFailed,
            "status-400": ModelRejected,
            "key-refused": ModelKeyRefused,
            "redirect": ModelRejected,
            "endless-headers": ModelFailed,
            "context-overflow": ModelContextExceeded,
        }
        for fault, kind in kinds.items():
            for stream in (True, False):
                error = await error_of(kind, _entered(bench, bench.forward(bench.faulty(fault), TEXT, stream=stream)))
                assert not isinstance(error, ServerUnreachable)
        await released(bench)

    async def test_nobody_to_forward_to(self, bench: Bench) -> None:
        """An address where nobody listens."""
        assert isinstance(bench.unreachable, Forwards)
        with suppress(ServerUnreachable):
            async with bench.unreachable.forward(bench.forward(bench.model, TEXT, stream=True)):
                raise AssertionError("somebody answered")

    async def test_time_is_bounded(self, bench: Bench) -> None:
        """Before the answer and, of a stream, in every silence."""
        for fault in ("hang", "hang-mid"):
            for stream in (True, False):
                given = bench.forward(bench.faulty(fault), TEXT, stream=stream)
                call = Forward(given.path, given.body, given.model, stream, timeout_seconds=0.15)
                await error_of(ModelTimeout, _passed(bench, call))
                await released(bench)

    async def test_an_answer_that_breaks_off(self, bench: Bench) -> None:
        """Is told after the bytes that did come: the client must not take it for whole."""
        for fault in ("error-mid", "cut-mid"):
            call = bench.forward(bench.faulty(fault), TEXT, stream=True)
            async with _forwards(bench).forward(call) as answer:
                chunks: list[bytes] = []
                with suppress(ModelFailed):
                    async for chunk in answer.chunks:
                        chunks.append(chunk)
                    raise AssertionError("it ended as if nothing had happened")
            assert chunks
            assert answer.usage().finish == ""
            await released(bench)

    async def test_leaving_lets_go_of_the_server(self, bench: Bench) -> None:
        """A client who has had enough stops the model."""
        async with _forwards(bench).forward(bench.forward(bench.faulty("endless"), TEXT, stream=True)) as answer:
            async for _ in answer.chunks:
                break
        await released(bench)

    async def test_cancelling_a_forward_lets_go_of_the_server(self, bench: Bench) -> None:
        """Whether nothing or something has come."""
        for fault in ("hang", "hang-mid"):
            call = bench.forward(bench.faulty(fault), TEXT, stream=True)
            task = asyncio.create_task(_passed(bench, call))
            await until(lambda: bench.running() == 1)
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
            await released(bench)


def _forwards(bench: Bench) -> Forwards:
    assert isinstance(bench.provider, Forwards)
    return bench.provider


async def _entered(bench: Bench, call: Forward) -> bool:
    async with _forwards(bench).forward(call):
        return True


async def _passed(bench: Bench, call: Forward) -> tuple[bytes, Usage]:
    async with _forwards(bench).forward(call) as answer:
        return b"".join([chunk async for chunk in answer.chunks]), answer.usage()


async def _are_due(bench: Bench, data: bytes) -> None:
    """The double notes a piece when it has left, which its reader may see first."""
    await until(lambda: bench.due() == data)
