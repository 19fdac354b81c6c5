"""One way to call any model: finds who has it, waits in a fair line, bounds the time, and falls back when that helps.

A request goes to the server that has the model and the least to do. What runs at once on one model of one server is
bounded, because Ollama's own queue is not. When the model is unavailable, overloaded, too slow or broken, other
servers and models are tried, but never after the first piece of a streamed answer has left. The result names the model
that answered and the one that was asked. How it goes about it is in `routing/`.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, aclosing
from typing import Any, TypeVar

import msgspec

from ementa.llm.answers import AnswerStore
from ementa.llm.ask import Answer, Ask
from ementa.llm.base import Provider, collect
from ementa.llm.calls import Observer
from ementa.llm.config import Alias, GatewayConfig
from ementa.llm.config_errors import AliasCircular
from ementa.llm.errors import ModelUnavailable
from ementa.llm.routing.account import Call
from ementa.llm.routing.attempt import Tries
from ementa.llm.routing.building import Builder, around, tell_health
from ementa.llm.routing.directory import Directory
from ementa.llm.routing.health import HealthWatch
from ementa.llm.routing.management import Management
from ementa.llm.routing.memory import Memory
from ementa.llm.routing.names import Names
from ementa.llm.routing.opening import Opening
from ementa.llm.routing.permits import is_permitted
from ementa.llm.routing.router import Router
from ementa.llm.routing.rules import Facts, Price
from ementa.llm.routing.server import Server
from ementa.llm.routing.work import TextWork
from ementa.llm.servers import ServerConfig
from ementa.llm.settings import LlmSettings
from ementa.llm.transport import Transport
from ementa.llm.types import (
    ChatDelta,
    ChatRequest,
    ChatResult,
    EmbedRequest,
    EmbedResult,
    ModelInfo,
    PullProgress,
    RerankRequest,
    RerankResult,
    Usage,
    sane,
)

R = TypeVar("R", EmbedResult, RerankResult)


class Gateway:
    """The gateway of one process. Makes no connection until it is started or asked something; `close` it at the end."""

    def __init__(
        self,
        settings: LlmSettings,
        plugins: frozenset[str] = frozenset(),
        providers: Sequence[Provider] | None = None,
        observers: Sequence[Observer] = (),
        *,
        answers: AnswerStore | None = None,
        price: Price | None = None,
    ) -> None:
        """`providers` replaces those that entry points and settings name (tests pass their own). `observers` are told
        of every call when it has ended. `answers` remembers answers, and is closed by whoever made it. `price` tells
        what a million tokens out of a model cost, for rules."""
        self.settings = settings
        self._transport = Transport(settings.connect_timeout_seconds)
        self._builder = Builder(settings, plugins, self._transport)
        self._fixed = self._builder.from_settings() if providers is None else around(providers, settings)
        self._directory = Directory(self._fixed)
        self._memory = Memory(answers, settings)
        self._router = Router(settings, self._directory, observers=observers, memory=self._memory, price=price)
        self._management = Management(self._router)
        self._watch = HealthWatch(self._directory, settings.health_seconds)
        self._started = False
        self._leaving: dict[asyncio.Task[None], Server] = {}

    async def start(self) -> None:
        """Begin to watch the servers, so that no request has to ask them what they have. Waits for none."""
        self._started = True
        self._watch.watch(self._directory.servers)

    async def chat(self, request: ChatRequest) -> ChatResult:
        """The whole answer; raises the errors of `llm/errors.py`, those of the model asked when no other helped."""
        async with Opening(self._router, _asked(request, stream=False), bounded=False) as answer:
            return await collect(_pieces(answer))

    async def stream(self, request: ChatRequest) -> AsyncGenerator[ChatDelta | ChatResult, None]:
        """The answer piece by piece, then its `ChatResult` as the last item. Closing it stops the model."""
        # Not bounded from here: a generator may be left in another task. The provider bounds the whole.
        opening = Opening(self._router, _asked(request, stream=True), bounded=False)
        async with opening as answer, aclosing(_pieces(answer)) as pieces:
            async for item in pieces:
                yield item

    def open(self, ask: Ask) -> AbstractAsyncContextManager[Answer]:
        """The answer to what came through a door, from its first piece on; raises the errors of `llm/errors.py`.

        A whole answer (`ask.stream` false) is complete when the context is entered; in neutral form its only piece is
        the `ChatResult`. Leaving the context stops the model; it is left in the task that entered it.
        """
        return Opening(self._router, ask, bounded=True)

    async def embed(self, request: EmbedRequest) -> EmbedResult:
        """One vector a text; raises the errors of `llm/errors.py`."""
        facts = Facts(request.model, request.caller, texts=request.texts)
        call = Call(request.model, request.caller, self._router.observers, streamed=False)
        work: TextWork[EmbedRequest, EmbedResult] = TextWork(request, _embedder, "embedding", call)
        return await self._texts(facts, call, work, "embedding", request.timeout_seconds)

    async def rerank(self, request: RerankRequest) -> RerankResult:
        """One score a document; raises the errors of `llm/errors.py`."""
        facts = Facts(request.model, request.caller, texts=[request.query, *request.documents])
        call = Call(request.model, request.caller, self._router.observers, streamed=False)
        work: TextWork[RerankRequest, RerankResult] = TextWork(request, _reranker, "rerank", call)
        return await self._texts(facts, call, work, "rerank", request.timeout_seconds)

    async def models(self) -> list[ModelInfo]:
        """Every model that the servers have and the built-in `ementa-reader`, by name. Silent servers are left out."""
        return await self._directory.list_models()

    def other_names(self, tenant: str) -> dict[str, str]:
        """The names that are no model's own and what each stands for at first: aliases, and those that a rule for the
        tenant spells out for a model that a server is known to have."""
        return self._router.other_names(tenant)

    def described_aliases(self) -> list[Alias]:
        """Other names for models, with what administrators say of them."""
        return self._router.names.described()

    def resolve(self, name: str) -> str:
        """The model that a name stands for, as far as is known without asking; a name that nobody knows, itself.

        Raises `AliasCircular`.
        """
        return self._router.names.models_of(name, self._directory)[0]

    def permits(self, name: str, may: Sequence[str]) -> bool:
        """Whether one of the models that a name stands for may be called by somebody with these patterns of models;
        none means all. Which of them answers is decided by what is asked."""
        try:
            return not may or self._router.permits(name, may)
        except AliasCircular:
            return is_permitted(name, may)  # what is wrong is said when it is called

    async def show(self, name: str) -> ModelInfo:
        """What a model can do, by any name that it goes by; raises `ModelUnavailable` with what is available."""
        failure: ModelUnavailable | None = None
        for model in self._router.first_models(name):
            try:
                homes = self._directory.find_now(model) or await self._directory.find(model)
            except ModelUnavailable as error:
                failure = failure or error
            else:
                return homes[0].info
        raise failure or ModelUnavailable(model=name)

    async def health(self) -> dict[str, Any]:
        """`{"status": "ok" | "degraded" | "down", "servers": […]}`: whether each configured server answers now, its
        breaker, and how much runs and waits there.

        Down means that none answers; what is inside this process is no server and does not count.
        """
        states = await self._directory.check_all()
        alive = sum(health.reachable for _, health in states)
        status = "ok" if alive == len(states) else "degraded" if alive else "down"
        return {"status": status, "servers": [tell_health(server) for server, _ in states]}

    def servers(self) -> list[ServerConfig]:
        """The servers in use, those of administrators first."""
        return [server.config for server in self._directory.servers]

    def states(self) -> list[Server]:
        """What is known of each server now: for metrics, which ask nobody."""
        return list(self._directory.servers)

    async def apply(self, config: GatewayConfig) -> None:
        """Use these servers, aliases and rules from now on, beside those of the settings. What did not change keeps
        its lines and its breaker; what runs on a server that is gone ends as it would have."""
        before = self._directory.servers
        after = self._builder.merge(config.servers, self._fixed, before)
        self._directory.servers = after
        self._router.names = Names(self.settings, config.aliases)
        self._router.rules = config.rules
        if self._started:
            self._watch.watch(after)
        for server in before:
            if server not in after and server not in self._fixed:
                self._let_go(server)

    def pull(self, model: str, server: str = "") -> AsyncGenerator[PullProgress, None]:
        """Download a model to the server named, or to the only one that can; the last item has status `success`.

        Raises `ModelUnavailable` when nobody offers it, `ModelServerUnknown`, `ModelsNotManaged`, `ServerNotNamed`.
        """
        return self._management.pull(model, server)

    async def delete(self, model: str, server: str = "") -> None:
        """Remove a model from the server named, or from the only one that has it; raises as `pull` does."""
        await self._management.delete(model, server)

    async def warm(self, model: str, server: str = "") -> None:
        """Load a model into the memory of the server named, or of all that have it; raises as `pull` does."""
        await self._management.warm(model, server)

    async def unload(self, model: str, server: str = "") -> None:
        """Let a model leave the memory of the server named, or of all that have it; raises as `pull` does."""
        await self._management.unload(model, server)

    async def loaded(self) -> dict[str, tuple[str, ...]]:
        """The models in memory now, by the name of the server; those that do not answer are left out."""
        return await self._management.loaded()

    async def close(self) -> None:
        """Let go of every connection. Safe to call twice."""
        self._started = False
        await self._watch.stop()
        await self._memory.close()
        for task in self._leaving:
            task.cancel()
        for server in {*self._fixed, *self._directory.servers, *self._leaving.values()}:
            await server.close()
        await self._transport.close()

    async def _texts(self, facts: Facts, call: Call, work: TextWork[Any, R], need: str, asked: float | None) -> R:
        router = self._router
        try:
            models = router.plan(facts, self._can(need))
            tries = Tries(
                self._directory, call, work, needs=frozenset((need,)), seconds=router.seconds(asked), fresh=False
            )
            lease, result = await tries.first(models)
        except BaseException as error:
            call.fail(error)
            raise
        lease.release()
        tokens = sane(result.prompt_tokens)
        call.end("ok", Usage(prompt_tokens=tokens))
        server = lease.server
        return msgspec.structs.replace(
            result,
            asked_model=facts.asked,
            provider=server.provider.name,
            server=server.name,
            prompt_tokens=tokens,
            queue_ms=call.queue_ms,
        )

    def _can(self, need: str) -> Callable[[str], bool]:
        """Whether a name stands for a model that is known to do what is needed."""

        def can(name: str) -> bool:
            models = self._router.names.models_of(name, self._directory)
            return any(need in home.info.capabilities for home in self._directory.find_now(models[0]))

        return can

    def _let_go(self, server: Server) -> None:
        """A server that was taken out is closed once nothing runs on it."""

        task = asyncio.create_task(server.retire(), name=f"end of {server.name}")
        self._leaving[task] = server
        task.add_done_callback(self._leaving.pop)


def _asked(request: ChatRequest, *, stream: bool) -> Ask:
    return Ask(
        model=request.model,
        chat=lambda: request,
        stream=stream,
        caller=request.caller,
        timeout_seconds=request.timeout_seconds,
        use_cache=request.use_cache,
    )


def _pieces(answer: Answer) -> AsyncGenerator[ChatDelta | ChatResult, None]:
    if answer.pieces is None:
        raise RuntimeError("an answer in neutral form has no pieces")
    return answer.pieces


def _embedder(server: Server) -> Any:
    return server.embeds.embed if server.embeds is not None else None


def _reranker(server: Server) -> Any:
    return server.reranks.rerank if server.reranks is not None else None
