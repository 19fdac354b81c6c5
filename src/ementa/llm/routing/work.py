"""What is done at the server that was chosen: answer whole or in pieces, in neutral form or as bytes passed through."""

from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterable
from contextlib import AbstractAsyncContextManager, aclosing
from dataclasses import dataclass
from typing import Any, Generic, Self, TypeVar

import msgspec

from ementa.kit.limits import Limit
from ementa.llm.ask import Ask
from ementa.llm.base import Forward, Forwarded
from ementa.llm.context import fit_context
from ementa.llm.errors import ModelFailed, ModelLacksCapability, ModelRejected, ModelTimeout
from ementa.llm.routing.account import Call
from ementa.llm.routing.attempt import Lease
from ementa.llm.routing.needs import has_addresses
from ementa.llm.routing.server import Server
from ementa.llm.settings import LlmSettings
from ementa.llm.types import ChatDelta, ChatRequest, ChatResult, EmbedRequest, ModelInfo, RerankRequest, Usage

_NO_ADDRESSES = {"pt": "endereços de imagens não são buscados", "en": "addresses of images are not fetched"}
R = TypeVar("R", bound=EmbedRequest | RerankRequest)
A = TypeVar("A")


@dataclass(slots=True)
class Pieces:
    """An answer in neutral pieces of which the first is here."""

    first: ChatDelta | ChatResult
    rest: AsyncGenerator[ChatDelta | ChatResult, None]


@dataclass(slots=True)
class Bytes:
    """An answer passed through of which the first bytes are here; leaving `context` ends it."""

    first: bytes
    rest: AsyncIterator[bytes]
    forwarded: Forwarded
    context: AbstractAsyncContextManager[Forwarded]


@dataclass(slots=True)
class WholeBytes:
    """An answer passed through that is here. It is a `Forwarded` for whoever reads `chunks` once."""

    content_type: str
    data: list[bytes]
    used: Usage

    @property
    def chunks(self) -> AsyncIterator[bytes]:
        """All of it."""
        return _Ready(self.data)

    def usage(self) -> Usage:
        """The tokens it took."""
        return self.used


class _Ready:
    """Chunks that are here. A class, for starting a generator costs more than handing out the one chunk of most."""

    __slots__ = ("_chunks",)

    def __init__(self, chunks: Iterable[bytes]) -> None:
        self._chunks = iter(chunks)

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        for chunk in self._chunks:
            return chunk
        raise StopAsyncIteration


class ChatWork:
    """A conversation in neutral form."""

    def __init__(self, request: Callable[[], ChatRequest], call: Call, settings: LlmSettings, *, stream: bool) -> None:
        self._request = request
        self._call = call
        self._settings = settings
        self._stream = stream

    def prepare(self, server: Server, info: ModelInfo) -> ChatRequest:
        """The request with the context that it will have here."""
        return fit(server, self._request(), info, self._settings)

    async def run(self, lease: Lease, prepared: ChatRequest, seconds: float) -> ChatResult | Pieces:
        """The whole answer, or its first piece."""
        if not self._stream:
            request = msgspec.structs.replace(prepared, timeout_seconds=seconds)
            result = await self._whole(lease.server.provider.stream(request))
            lease.server.remember_context(lease.model, prepared.context_tokens or 0)
            return result
        # A stream is bounded by its silences, by whoever reads it; the provider is told of the longest in all.
        request = msgspec.structs.replace(prepared, timeout_seconds=self._settings.max_timeout_seconds)
        stream = lease.server.provider.stream(request)
        try:
            first = await anext(stream)
        except StopAsyncIteration:
            raise _nothing(lease.model) from None
        except BaseException:
            await stream.aclose()
            raise
        self._call.arrive()
        lease.server.remember_context(lease.model, prepared.context_tokens or 0)
        return Pieces(first, stream)

    async def _whole(self, stream: AsyncGenerator[ChatDelta | ChatResult, None]) -> ChatResult:
        async with aclosing(stream):
            async for item in stream:
                self._call.arrive()
                if isinstance(item, ChatResult):
                    return item
        raise RuntimeError("a provider's stream ended without a result")


class AskWork:
    """What came through a door: passed on as it is to a server that speaks its dialect, else in neutral form."""

    def __init__(self, ask: Ask, request: Callable[[], ChatRequest], call: Call, settings: LlmSettings) -> None:
        """`request` is the neutral form of `ask`, made once however often it is asked for."""
        self._ask = ask
        self._request = request
        self._call = call
        self._settings = settings
        self._chat = ChatWork(request, call, settings, stream=ask.stream)

    def prepare(self, server: Server, info: ModelInfo) -> Forward | ChatRequest:
        """The request as this server takes it."""
        ask = self._ask
        if not ask.dialect or server.dialect != ask.dialect:
            if ask.untranslatable is not None:
                raise ask.untranslatable
            return self._chat.prepare(server, info)
        if not server.may_fetch and has_addresses(ask.body):
            self._request()  # says which address it is that is not fetched
            raise ModelRejected(model=info.name, cause=_NO_ADDRESSES)
        body = {**ask.body, "model": info.name}
        if ask.dialect == "ollama":
            body["options"] = self._options(server, info)
        return Forward(path=ask.path, body=body, model=info.name, stream=ask.stream)

    async def run(
        self, lease: Lease, prepared: Forward | ChatRequest, seconds: float
    ) -> ChatResult | Pieces | Bytes | WholeBytes:
        """The whole answer, or its first piece."""
        if isinstance(prepared, ChatRequest):
            return await self._chat.run(lease, prepared, seconds)
        server = lease.server
        assert server.forwards is not None  # noqa: S101 - it has a dialect
        context = server.forwards.forward(msgspec.structs.replace(prepared, timeout_seconds=seconds))
        answer = await (self._live(context, lease) if prepared.stream else self._whole(context))
        if self._ask.dialect == "ollama":
            server.remember_context(lease.model, prepared.body["options"].get("num_ctx") or 0)
        return answer

    async def _whole(self, context: AbstractAsyncContextManager[Forwarded]) -> WholeBytes:
        async with context as forwarded:
            data: list[bytes] = []
            async for chunk in forwarded.chunks:
                self._call.arrive()
                data.append(chunk)
            return WholeBytes(forwarded.content_type, data, forwarded.usage())

    async def _live(self, context: AbstractAsyncContextManager[Forwarded], lease: Lease) -> Bytes:
        forwarded = await context.__aenter__()
        rest = forwarded.chunks
        try:
            first = await anext(rest)
        except StopAsyncIteration:
            await context.__aexit__(None, None, None)
            raise _nothing(lease.model) from None
        except BaseException as error:
            await context.__aexit__(type(error), error, error.__traceback__)
            raise
        self._call.arrive()
        return Bytes(first, rest, forwarded, context)

    def _options(self, server: Server, info: ModelInfo) -> dict[str, Any]:
        """Ollama's options with a context that holds prompt and answer: left to itself it would take a small one and
        drop the oldest messages without a word."""
        fitted = fit(server, self._request(), info, self._settings)
        given = self._ask.body.get("options")
        return {**(given or {}), "num_ctx": fitted.context_tokens, "num_predict": fitted.max_tokens}


class TextWork(Generic[R, A]):
    """Texts to be turned into vectors, or to be ranked."""

    def __init__(self, request: R, verb: Callable[[Server], Any], capability: str, call: Call) -> None:
        """`verb` finds what the server's provider does it with."""
        self._request = request
        self._verb = verb
        self._capability = capability
        self._call = call

    def prepare(self, server: Server, info: ModelInfo) -> R:
        """The request for this model; raises `ModelLacksCapability` when the server cannot at all."""
        if self._verb(server) is None:
            others = [name for name in info.capabilities if name != self._capability]
            raise ModelLacksCapability.of(info.name, self._capability, others)
        return msgspec.structs.replace(self._request, model=info.name)

    async def run(self, lease: Lease, prepared: R, seconds: float) -> A:
        """The whole answer."""
        answer = await self._verb(lease.server)(msgspec.structs.replace(prepared, timeout_seconds=seconds))
        self._call.arrive()
        return answer


def fit(server: Server, request: ChatRequest, info: ModelInfo, settings: LlmSettings) -> ChatRequest:
    """The request for this model. The context of a model in a server of ours is chosen and never overrun; a vendor's
    server counts for itself, and says when it is too much."""
    named = msgspec.structs.replace(request, model=info.name)
    if server.is_remote:
        return named
    return fit_context(named, info.context_tokens, settings.max_context_tokens, server.loaded_context(info.name))


async def each_in_time(pieces: Pieces, seconds: float, model: str) -> AsyncGenerator[ChatDelta | ChatResult, None]:
    """The pieces, none after a longer silence than `seconds`; raises `ModelTimeout`. It wraps the waits and not the
    loop: between two pieces the reader does other things."""
    yield pieces.first
    async with aclosing(pieces.rest):
        while True:
            try:
                with Limit(seconds):
                    item = await anext(pieces.rest)
            except StopAsyncIteration:
                return
            except TimeoutError as error:
                raise ModelTimeout(model=model, seconds=round(seconds, 1)) from error
            yield item


def _nothing(model: str) -> ModelFailed:
    return ModelFailed(model=model, cause="the answer ended before it began")
