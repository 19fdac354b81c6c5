"""One call from its question to the end of its answer: planned, remembered or tried, handed on, accounted for."""

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from types import TracebackType

import msgspec

from ementa.kit.errors import EmentaError
from ementa.kit.limits import Limit
from ementa.llm.ask import Answer, Ask
from ementa.llm.base import Forwarded
from ementa.llm.errors import ModelTimeout
from ementa.llm.routing.account import NO_USAGE, Call, status_of
from ementa.llm.routing.attempt import Lease, Tries, judge
from ementa.llm.routing.memory import MOST_BYTES, Remembered, key_of, key_of_body, made_of
from ementa.llm.routing.needs import COMPLETION, needs_of, needs_of_body
from ementa.llm.routing.router import Router
from ementa.llm.routing.rules import Facts
from ementa.llm.routing.work import AskWork, Bytes, Pieces, WholeBytes, each_in_time
from ementa.llm.tokens import estimate_prompt
from ementa.llm.types import ChatDelta, ChatRequest, ChatResult, Usage, sane


class Relayed:
    """Bytes on their way through, as a door sees them."""

    __slots__ = ("_forwarded", "chunks", "content_type")

    def __init__(self, forwarded: Forwarded, chunks: AsyncIterator[bytes]) -> None:
        self.content_type = forwarded.content_type
        self.chunks = chunks
        self._forwarded = forwarded

    def usage(self) -> Usage:
        """What the bytes that went by say of tokens."""
        return self._forwarded.usage()


class Opening:
    """An asynchronous context: the answer, from its first piece on. Leaving it stops the model and closes the account.

    Is entered and left in one task.
    """

    def __init__(self, router: Router, ask: Ask, *, bounded: bool) -> None:
        """`bounded`: whatever happens inside the context is given up after the longest time that a request may take,
        a reader that does not read too."""
        self._router = router
        self._ask = ask
        self._call = Call(ask.model, ask.caller, router.observers, streamed=ask.stream)
        self._limit = Limit(router.settings.max_timeout_seconds) if bounded else None
        self._seconds = router.seconds(ask.timeout_seconds)
        self._made: ChatRequest | None = None
        self._lease: Lease | None = None
        self._running: AsyncGenerator[object, None] | None = None
        self._upstream: Bytes | None = None
        self._key = ""
        self._key_model = ""
        self._complete = False
        self._failure: EmentaError | None = None
        self._used = NO_USAGE

    async def __aenter__(self) -> Answer:
        try:
            if self._limit is not None:
                self._limit.__enter__()
            return await self._open()
        except BaseException as error:
            late = self._leave_limit(type(error), error, error.__traceback__)
            self._call.fail(late or error)
            if late is not None:
                raise late from error
            raise

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        late: ModelTimeout | None = None
        try:
            await self._close()
        finally:
            if self._lease is not None:
                self._lease.release()
            late = self._leave_limit(kind, error, trace)
            self._end(late or error)
        if late is not None:
            raise late from error

    def _request(self) -> ChatRequest:
        """The neutral form, made once."""
        if self._made is None:
            ask = self._ask
            self._made = msgspec.structs.replace(ask.chat(), model=ask.model, caller=ask.caller)
        return self._made

    async def _open(self) -> Answer:
        ask, router = self._ask, self._router
        models = router.plan(Facts(ask.model, ask.caller, self._request))
        remembered = await self._recall(models[0])
        if remembered is not None:
            return self._replay(remembered)
        needs = needs_of_body(ask.body) if ask.dialect else needs_of(self._request())
        work = AskWork(ask, self._request, self._call, router.settings)
        tries = Tries(
            router.directory, self._call, work, needs=needs | {COMPLETION}, seconds=self._seconds, fresh=ask.stream
        )
        self._lease, got = await tries.first(models)
        return self._hand_on(self._lease, got)

    def _hand_on(self, lease: Lease, got: ChatResult | Pieces | Bytes | WholeBytes) -> Answer:
        answer = self._answer(lease.model, lease.server.provider.name, lease.server.name)
        if isinstance(got, ChatResult):
            lease.release()
            answer.pieces = self._running = _only(self._finish(lease, got))
        elif isinstance(got, Pieces):
            answer.pieces = self._running = self._each(lease, got)
        elif isinstance(got, WholeBytes):
            lease.release()
            self._finish_bytes(lease, got, got.data)
            answer.native = got
        else:
            self._upstream = got
            self._running = chunks = self._relay(lease, got)
            answer.native = Relayed(got.forwarded, chunks)
        return answer

    def _answer(self, model: str, provider: str, server: str) -> Answer:
        call = self._call
        return Answer(
            model=model,
            provider=provider,
            server=server,
            cached=call.cached,
            attempts=max(call.attempts, 1),
            queue_ms=call.queue_ms,
            upstream_ms=call.upstream_ms,
        )

    async def _each(self, lease: Lease, got: Pieces) -> AsyncGenerator[ChatDelta | ChatResult, None]:
        try:
            async with aclosing(each_in_time(got, self._seconds, lease.model)) as pieces:
                async for item in pieces:
                    if isinstance(item, ChatResult):
                        lease.release()
                        yield self._finish(lease, item)
                        return
                    self._call.pieces += 1
                    yield item
            raise RuntimeError("a provider's stream ended without a result")
        except EmentaError as error:
            self._failure = error
            judge(lease.server, error)
            raise

    async def _relay(self, lease: Lease, got: Bytes) -> AsyncGenerator[bytes, None]:
        call = self._call
        kept: list[bytes] | None = [got.first] if self._key else None
        size = len(got.first)
        try:
            call.pieces = 1
            yield got.first
            async for chunk in got.rest:
                call.pieces += 1
                if kept is not None:
                    size += len(chunk)
                    kept.append(chunk)
                    if size > MOST_BYTES:
                        kept = None
                yield chunk
        except EmentaError as error:
            self._failure = error
            judge(lease.server, error)
            raise
        lease.release()
        self._finish_bytes(lease, got.forwarded, kept)

    def _finish(self, lease: Lease, result: ChatResult) -> ChatResult:
        """The answer is complete."""
        self._complete = True
        lease.server.breaker.succeed()
        server = lease.server
        signed = msgspec.structs.replace(
            result,
            asked_model=self._ask.model,
            provider=server.provider.name,
            server=server.name,
            prompt_tokens=sane(result.prompt_tokens),
            output_tokens=sane(result.output_tokens),
        )
        self._used = Usage(signed.prompt_tokens, signed.output_tokens, finish=result.finish)
        if lease.model == self._key_model:
            self._router.memory.keep_result(self._key, self._ask.caller.tenant, signed)
        return signed

    def _finish_bytes(self, lease: Lease, answer: Forwarded, data: list[bytes] | None) -> None:
        self._complete = True
        lease.server.breaker.succeed()
        self._used = answer.usage()
        if data is not None and self._key and lease.model == self._key_model:
            who = (lease.model, lease.server.provider.name, lease.server.name)
            kept = made_of(answer.content_type, b"".join(data), self._used, who)
            self._router.memory.keep_bytes(self._key, self._ask.caller.tenant, kept)

    async def _recall(self, model: str) -> Remembered | None:
        """An answer given before. Sets the key under which a new one will be remembered."""
        ask, memory = self._ask, self._router.memory
        wanted = (
            memory.wants_body(ask.use_cache, ask.body) if ask.dialect else memory.wants(ask.use_cache, self._request())
        )
        if not wanted:
            return None
        try:
            directory = self._router.directory
            home = (directory.find_now(model) or await directory.find(model))[0]
        except EmentaError:
            return None  # what is wrong will be said when it is tried
        if ask.dialect and home.server.dialect == ask.dialect:
            self._key = key_of_body(ask.caller, home.info, ask.dialect, ask.path, ask.body, ask.stream)
        else:
            self._key = key_of(ask.caller, home.info, self._request())
        self._key_model = model
        return await memory.recall(self._key)

    def _replay(self, remembered: Remembered) -> Answer:
        call = self._call
        call.cached = self._complete = True
        call.model, call.provider, call.server = remembered.model, remembered.provider, remembered.server
        self._used = remembered.usage
        answer = self._answer(remembered.model, remembered.provider, remembered.server)
        if remembered.result is None:
            answer.native = WholeBytes(remembered.content_type, [remembered.data], remembered.usage)
        else:
            result = msgspec.structs.replace(remembered.result, asked_model=self._ask.model, cached=True)
            answer.pieces = self._running = _again(result) if self._ask.stream else _only(result)
        return answer

    async def _close(self) -> None:
        """Stop what still runs."""
        try:
            if self._running is not None:
                await self._running.aclose()
        finally:
            if self._upstream is not None:
                await self._upstream.context.__aexit__(None, None, None)

    def _leave_limit(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> ModelTimeout | None:
        """What is raised instead when the longest time is over."""
        limit, self._limit = self._limit, None
        if limit is None:
            return None
        try:
            limit.__exit__(kind, error, trace)
        except TimeoutError:
            model = self._call.model or self._ask.model
            return ModelTimeout(model=model, seconds=round(self._router.settings.max_timeout_seconds, 1))
        return None

    def _end(self, error: BaseException | None) -> None:
        failure = self._failure or (None if self._complete else error)
        if failure is None and self._complete:
            self._call.end("ok", self._used)
            return
        # Left by the door before the end, without an error of ours: its client has gone.
        status = status_of(failure if failure is not None else GeneratorExit())
        self._call.end(status, self._so_far)

    def _so_far(self) -> Usage:
        """About what an answer took that broke off: a server that was stopped does not say."""
        pieces = self._call.pieces
        said = self._upstream.forwarded.usage() if self._upstream is not None else NO_USAGE
        if said.output_tokens or not pieces:
            return said
        return Usage(prompt_tokens=estimate_prompt(self._request().messages), output_tokens=pieces)


async def _only(result: ChatResult) -> AsyncGenerator[ChatDelta | ChatResult, None]:
    yield result


async def _again(result: ChatResult) -> AsyncGenerator[ChatDelta | ChatResult, None]:
    """A remembered answer as a stream."""
    if result.thinking:
        yield ChatDelta(thinking=result.thinking)
    if result.text or result.tool_calls:
        yield ChatDelta(text=result.text, tool_calls=result.tool_calls)
    yield result
