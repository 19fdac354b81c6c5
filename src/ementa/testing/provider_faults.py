"""What every provider does when the network or the server at its other end misbehaves."""

import asyncio
from contextlib import suppress
from typing import ClassVar

from ementa.llm.base import collect
from ementa.llm.errors import (
    ModelBusy,
    ModelCannotChat,
    ModelFailed,
    ModelKeyRefused,
    ModelRejected,
    ModelTimeout,
    ServerUnreachable,
)
from ementa.testing.providers import Ability, Bench, ask, raises, released, until


class NetworkBehaviour:
    """The behaviour of a provider whose server is reached over HTTP."""

    ability: ClassVar[Ability] = "network"

    async def test_only_what_is_asked_is_sent(self, bench: Bench) -> None:
        """What the request leaves to the server does not reach it as a choice of ours."""
        await collect(bench.provider.stream(ask(bench.model, temperature=None, seed=None)))
        received = bench.received()
        assert received.temperature is None
        assert not {"top_p", "top_k", "seed", "presence_penalty", "frequency_penalty", "tools"} & received.fields
        assert (received.stop, received.json) == ((), False)
        await collect(bench.provider.stream(ask(bench.model, temperature=0.3, stop=("fim",))))
        assert (bench.received().temperature, bench.received().stop) == (0.3, ("fim",))

    async def test_any_json_is_asked_for(self, bench: Bench) -> None:
        """Without a schema, where the answer has only to be JSON."""
        await collect(bench.provider.stream(ask(bench.model, any_json=True)))
        assert bench.received().json

    async def test_characters_cut_by_the_network_stay_whole(self, bench: Bench) -> None:
        """No replacement character appears where a packet ended inside a letter."""
        result = await collect(bench.provider.stream(ask(bench.faulty("split-utf8"))))
        assert "�" not in result.text
        assert not result.text.isascii()

    async def test_nobody_there(self, bench: Bench) -> None:
        """An address where nobody listens."""
        await raises(ServerUnreachable, bench.unreachable, ask(bench.model))

    async def test_model_that_does_not_write(self, bench: Bench) -> None:
        """An embedding model is not asked to chat."""
        await raises(ModelCannotChat, bench.provider, ask(bench.faulty("not-chat")))

    async def test_slow_headers_are_waited_for(self, bench: Bench) -> None:
        """Slow is not broken while there is time."""
        result = await collect(bench.provider.stream(ask(bench.faulty("slow-headers"))))
        assert result.text

    async def test_time_is_bounded_before_and_amid_the_answer(self, bench: Bench) -> None:
        """A server that says nothing, or nothing more, is left; it is let go of too."""
        for fault in ("slow-headers", "hang", "hang-mid"):
            await raises(ModelTimeout, bench.provider, ask(bench.faulty(fault), timeout_seconds=0.15))
            await released(bench)

    async def test_overload(self, bench: Bench) -> None:
        """429 or its like is a reason to try later."""
        error = await raises(ModelBusy, bench.provider, ask(bench.faulty("busy")))
        assert error.retryable

    async def test_a_failing_server(self, bench: Bench) -> None:
        """Before the first byte, after it, or by a broken connection: a failure that may be tried again."""
        for fault in ("status-500", "error-mid", "cut-mid"):
            error = await raises(ModelFailed, bench.provider, ask(bench.faulty(fault)))
            assert error.retryable

    async def test_a_refusing_server(self, bench: Bench) -> None:
        """What is refused is not sent again."""
        error = await raises(ModelRejected, bench.provider, ask(bench.faulty("status-400")))
        assert not error.retryable

    async def test_a_refused_key(self, bench: Bench) -> None:
        """Our key, not the client's: it is the server's failure to whoever asked."""
        error = await raises(ModelKeyRefused, bench.provider, ask(bench.faulty("key-refused")))
        assert not error.retryable

    async def test_a_redirection_is_not_followed(self, bench: Bench) -> None:
        """A prompt goes to nobody but the server that was configured."""
        await raises(ModelRejected, bench.provider, ask(bench.faulty("redirect")))
        await released(bench)

    async def test_garbage(self, bench: Bench) -> None:
        """Bytes that are no answer are a failure of the server, not a crash of ours."""
        for fault in ("not-json", "not-utf8"):
            await raises(ModelFailed, bench.provider, ask(bench.faulty(fault)))

    async def test_an_answer_without_end(self, bench: Bench) -> None:
        """One line, or headers, for ever: our memory is bounded, and the server let go of."""
        for fault in ("long-line", "endless-headers"):
            await raises(ModelFailed, bench.provider, ask(bench.faulty(fault), timeout_seconds=60.0))
            await released(bench)

    async def test_cancelling_lets_go_of_the_server(self, bench: Bench) -> None:
        """Within a second, whether nothing or something has come."""
        for fault in ("hang", "hang-mid"):
            task = asyncio.create_task(collect(bench.provider.stream(ask(bench.faulty(fault)))))
            await until(lambda: bench.running() == 1)
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
            await released(bench)
