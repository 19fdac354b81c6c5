"""One way to call any model: finds who has it, waits in line, bounds the time, and falls back when that helps.

A request goes to the server that has the model and the least to do. What runs at once on one model of one server is
bounded, because Ollama's own queue is not; the line is first come, first served. When the model is unavailable,
overloaded, too slow or broken, `fallback_models` are tried in order, but never after the first piece of a streamed
answer has left. The result names the model that answered and the one that was asked.
"""

import asyncio
import logging
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing, asynccontextmanager
from typing import Any

import msgspec

from ementa.kit.errors import EmentaError
from ementa.kit.registry import Registry
from ementa.llm.ask import Answer, Ask
from ementa.llm.base import Provider, ProviderFactory, collect
from ementa.llm.calls import Observer
from ementa.llm.context import fit_context
from ementa.llm.directory import Directory, Server
from ementa.llm.errors import ModelBusy, ModelCannotChat, ModelFailed, ModelTimeout, ModelUnavailable, ServerUnreachable
from ementa.llm.reader import READER
from ementa.llm.servers import from_settings
from ementa.llm.settings import LlmSettings
from ementa.llm.transport import Transport
from ementa.llm.types import ChatDelta, ChatRequest, ChatResult, ModelInfo

log = logging.getLogger(__name__)

_WORTH_ANOTHER_MODEL = (ModelUnavailable, ModelBusy, ModelFailed, ModelTimeout)
GROUP = "ementa.providers"
ATTEMPTS = 2
"""Servers tried for one model, when the first cannot be reached."""


class Gateway:
    """The gateway of one process. Makes no connection until it is asked something; `close` it at the end."""

    def __init__(
        self,
        settings: LlmSettings,
        plugins: frozenset[str] = frozenset(),
        providers: Sequence[Provider] | None = None,
        observers: Sequence[Observer] = (),
    ) -> None:
        """`providers` replaces those that entry points and settings name (tests pass their own). `observers` are told
        of every call when it has ended."""
        self.settings = settings
        self._observers = observers
        self._transport = Transport(settings.connect_timeout_seconds)
        self._directory = Directory(
            providers if providers is not None else _load_providers(settings, plugins, self._transport)
        )

    async def chat(self, request: ChatRequest) -> ChatResult:
        """The whole answer; raises the errors of `llm/errors.py`, those of the model asked when no other helped."""
        return await collect(self._answer(request, pieces_leave=False))

    async def stream(self, request: ChatRequest) -> AsyncGenerator[ChatDelta | ChatResult, None]:
        """The answer piece by piece, then its `ChatResult` as the last item. Closing it stops the model."""
        async with aclosing(self._answer(request, pieces_leave=True)) as stream:
            async for item in stream:
                yield item

    @asynccontextmanager
    async def open(self, ask: Ask) -> AsyncGenerator[Answer]:
        """The answer to what came through a door, from its first piece on; raises the errors of `llm/errors.py`.

        Leaving the context stops the model.
        """
        request = msgspec.structs.replace(ask.chat(), model=ask.model, caller=ask.caller)
        async with aclosing(self.stream(request)) as pieces:
            yield Answer(model=ask.model, provider="", server="", pieces=pieces)

    async def models(self) -> list[ModelInfo]:
        """Every model that the servers have and the built-in `ementa-reader`, by name. Silent servers are left out."""
        return await self._directory.list_models()

    async def show(self, name: str) -> ModelInfo:
        """What a model can do; raises `ModelUnavailable` with what is available instead."""
        return (await self._directory.find(name))[0].info

    async def health(self) -> dict[str, Any]:
        """`{"status": "ok" | "degraded" | "down", "servers": […]}`: whether each configured server answers now.

        Down means that none answers; the built-in reader is no server and does not count.
        """
        servers = await self._directory.check()
        alive = sum(server.reachable for server in servers)
        status = "ok" if alive == len(servers) else "degraded" if alive else "down"
        return {"status": status, "servers": [msgspec.to_builtins(server) for server in servers]}

    async def close(self) -> None:
        """Let go of every connection."""
        await self._transport.close()

    def _chain(self, asked: str) -> list[str]:
        """The model asked for, then the fallbacks that can chat."""
        names = dict.fromkeys((asked, *self.settings.fallback_models))
        return [name for name in names if name != READER or name == asked]

    async def _answer(
        self, request: ChatRequest, *, pieces_leave: bool
    ) -> AsyncGenerator[ChatDelta | ChatResult, None]:
        """From the model asked or a fallback. Once a piece has left, an answer can no longer be replaced."""
        errors: list[EmentaError] = []
        for model in self._chain(request.model):
            begun = False
            attempt = msgspec.structs.replace(request, model=model)
            try:
                async with aclosing(self._stream_from_any(attempt)) as stream:
                    async for item in stream:
                        begun = pieces_leave
                        yield self._signed(item, request.model) if isinstance(item, ChatResult) else item
                return
            except _WORTH_ANOTHER_MODEL as error:
                if begun:
                    raise
                log.warning("model failed", extra={"model": model, "code": error.code, "cause": str(error)})
                errors.append(error)
        raise errors[0]

    async def _stream_from_any(self, request: ChatRequest) -> AsyncGenerator[ChatDelta | ChatResult, None]:
        """From the least busy server that has the model; once more from another when that one cannot be reached."""
        homes = (await self._directory.find(request.model))[:ATTEMPTS]
        for position, home in enumerate(homes, 1):
            begun = False
            try:
                async with aclosing(self._stream_from(home.server, home.info, request)) as stream:
                    async for item in stream:
                        begun = True
                        yield item
                return
            except ServerUnreachable:
                home.server.mark_down()
                if begun or position == len(homes):
                    raise
            except ModelUnavailable as error:
                # It was removed from that server since we last looked.
                if position == len(homes):
                    raise await self._directory.explain(request.model) from error

    async def _stream_from(
        self, server: Server, info: ModelInfo, request: ChatRequest
    ) -> AsyncGenerator[ChatDelta | ChatResult, None]:
        if info.capabilities and "completion" not in info.capabilities:
            raise ModelCannotChat(model=request.model, capabilities=", ".join(info.capabilities))
        fitted = fit_context(
            request, info.context_tokens, self.settings.max_context_tokens, server.loaded_context(request.model)
        )
        seconds = request.timeout_seconds or self.settings.timeout_seconds
        fitted = msgspec.structs.replace(fitted, timeout_seconds=seconds)
        line = server.line(request.model, self.settings.model_concurrency or 1)
        with server.counted(request.model):
            try:
                async with asyncio.timeout(seconds):
                    await line.acquire()
            except TimeoutError as error:
                raise ModelBusy(details={"waited_seconds": seconds}, model=request.model) from error
            try:
                async with aclosing(server.provider.stream(fitted)) as stream:
                    async for item in stream:
                        if isinstance(item, ChatResult):
                            server.remember_context(request.model, fitted.context_tokens or 0)
                        yield item
            finally:
                line.release()

    def _signed(self, result: ChatResult, asked: str) -> ChatResult:
        log.info(
            "model answered",
            extra={
                "model": result.model,
                "asked_model": asked,
                "prompt_tokens": result.prompt_tokens,
                "output_tokens": result.output_tokens,
                "latency_ms": result.latency_ms,
                "finish": result.finish,
            },
        )
        return msgspec.structs.replace(result, asked_model=asked)


def _load_providers(settings: LlmSettings, plugins: frozenset[str], transport: Transport) -> list[Provider]:
    registry = Registry(GROUP, plugins)
    factories: dict[str, ProviderFactory] = {}
    providers: list[Provider] = []
    for server in from_settings(settings):
        factory = factories.setdefault(server.kind, registry.load(server.kind))
        providers.append(factory(server, settings, transport))
    return providers
