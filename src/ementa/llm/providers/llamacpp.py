"""GGUF files served inside this process by llama.cpp (extra `engine`), for a house without a model server.

Only files that `EMENTA_GGUF` or an administrator names are loaded, because the risk is real: a file or a bug that makes
llama.cpp crash takes the whole process with it, and everything that it was doing. Jobs survive that, as they survive
`kill -9`; answers on their way break off. Whoever cannot bear it runs llama.cpp's own server and configures it as
`openai`. A model is loaded at its first use and leaves memory when the gateway closes.

Requests go through the loopback port that the engine opens anyway (see `llamacpp_engine`), by the provider of
OpenAI-compatible servers: closing the connection stops the model, which calling its functions in a thread could not.
"""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing, asynccontextmanager
from pathlib import Path

from ementa.llm.base import Forward, Forwarded
from ementa.llm.errors import ModelCannotChat, ModelCannotEmbed, ModelFailed, model_absent
from ementa.llm.http import Deadline
from ementa.llm.providers.llamacpp_engine import Engine, engine_version, load
from ementa.llm.providers.llamacpp_file import GgufFacts, Kind, NotGguf, read_facts
from ementa.llm.providers.openai import OpenAIProvider
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
    RerankRequest,
    RerankResult,
    ServerHealth,
)

NAME = "llamacpp"
SMALLEST_CONTEXT = 4096
"""Where the file does not say what the model was trained for."""


class LocalModel:
    """One GGUF file, whatever it is for."""

    name = NAME
    host = ""
    kind: Kind
    capabilities: tuple[str, ...]

    def __init__(self, server: ServerConfig, settings: LlmSettings) -> None:
        """`server.url` is the file's path, `server.name` the model's name. Options: `kind` (what the model is for,
        where the file says it wrongly), `context_tokens`, `concurrency` (requests at once), `gpu_layers`, `mmproj`
        (eyes)."""
        self._path = Path(server.url)
        self._server = server
        self._settings = settings
        self._connect_seconds = settings.connect_timeout_seconds
        self._transport: Transport | None = None
        self.engine: Engine | None = None
        """Where the model is, while it is in memory."""
        self._inner: OpenAIProvider | None = None
        self._loading: asyncio.Task[OpenAIProvider] | None = None

    async def list_models(self) -> list[ModelInfo]:
        """The one model; none when its file is not there or no GGUF."""
        try:
            return [self._info(await asyncio.to_thread(read_facts, self._path))]
        except (OSError, NotGguf):
            return []

    async def show(self, model: str) -> ModelInfo:
        """What the file says of the model, which need not be loaded for it; raises `ModelUnavailable`."""
        listed = await self.list_models()
        if not listed or model != self._server.name:
            raise model_absent(model, [info.name for info in listed])
        return listed[0]

    async def health(self) -> ServerHealth:
        """Whether the file can be read and the engine is installed."""
        installed = engine_version()
        error = "" if installed else "xllamacpp is not installed"
        try:
            await asyncio.to_thread(read_facts, self._path)
        except (OSError, NotGguf) as problem:
            error = f"{self._path.name}: {problem}"
        loaded = (self._server.name,) if self._inner is not None else ()
        return ServerHealth(NAME, self.host, not error, installed, loaded, error)

    async def close(self) -> None:
        """Unload the model; answers on their way break off, and the next use loads it again."""
        if self._loading is not None:
            await asyncio.wait([self._loading])
        engine, self.engine, self._inner, self._loading = self.engine, None, None, None
        transport, self._transport = self._transport, None
        if transport is not None:
            await transport.close()
        if engine is not None:
            await engine.close()

    async def ready(self, model: str, seconds: float) -> OpenAIProvider:
        """The loaded model. Whoever gives up waiting does not stop the loading: the next one finds it done."""
        if model != self._server.name:
            raise model_absent(model, [self._server.name])
        if self._inner is not None:
            return self._inner
        if self._loading is None or self._loading.done():
            self._loading = asyncio.create_task(self._load(), name=f"load {self._server.name}")
            self._loading.add_done_callback(_seen)
        return await Deadline(seconds, model).wait(asyncio.shield(self._loading))

    def seconds(self, asked: float | None) -> float:
        """How long a request may take."""
        return asked or self._settings.timeout_seconds

    async def _load(self) -> OpenAIProvider:
        name = self._server.name
        try:
            facts = await asyncio.to_thread(read_facts, self._path)
        except (OSError, NotGguf) as error:
            raise ModelFailed(model=name, cause=f"{self._path.name}: {error}") from error
        options = self._server.options
        context = self._context(facts)
        self.engine = await load(
            self._path,
            name,
            self.kind,
            facts,
            context_tokens=context,
            slots=int(options.get("concurrency") or self._settings.model_concurrency or 1),
            threads=self._settings.gguf_threads,
            options=options,
        )
        inner = ServerConfig("openai", name, self.engine.url, self.engine.key)
        self._transport = Transport(self._connect_seconds)  # its own, so that closing it stops what the engine does
        self._inner = OpenAIProvider(inner, self._settings, self._transport, name=NAME)
        return self._inner

    def _context(self, facts: GgufFacts) -> int:
        """The context of one request: as much as the model was trained for and memory is given."""
        limit = int(self._server.options.get("context_tokens") or self._settings.max_context_tokens)
        return min(facts.context_tokens or SMALLEST_CONTEXT, limit)

    def _info(self, facts: GgufFacts) -> ModelInfo:
        vision = ("vision",) if self._server.options.get("mmproj") and self.kind == "chat" else ()
        return ModelInfo(
            name=self._server.name,
            provider=NAME,
            context_tokens=self._context(facts),
            capabilities=(*self.capabilities, *vision),
            size_bytes=facts.size_bytes,
            parameter_size=facts.parameter_size,
            quantization=facts.quantization,
            digest=facts.digest,
        )

    async def stream(self, request: ChatRequest) -> AsyncGenerator[ChatDelta | ChatResult, None]:
        """The answer piece by piece, then its `ChatResult`; raises the errors of `llm/errors.py`."""
        if request.model == self._server.name and self.kind != "chat":
            raise ModelCannotChat(model=request.model, capabilities=", ".join(self.capabilities))
        inner = await self.ready(request.model, self.seconds(request.timeout_seconds))
        async with aclosing(inner.stream(request)) as pieces:
            async for piece in pieces:
                yield piece


class LocalChat(LocalModel):
    """A model that writes."""

    kind = "chat"
    capabilities = ("completion", "tools")
    dialect = "openai"

    @asynccontextmanager
    async def forward(self, call: Forward) -> AsyncGenerator[Forwarded, None]:
        """Pass a request on as it is."""
        if call.path == "/embeddings":
            raise ModelCannotEmbed(model=call.model, capabilities=", ".join(self.capabilities))
        inner = await self.ready(call.model, self.seconds(call.timeout_seconds))
        async with inner.forward(call) as answer:
            yield answer


class LocalEmbedder(LocalModel):
    """A model that makes vectors."""

    kind = "embedding"
    capabilities = ("embedding",)

    async def embed(self, request: EmbedRequest) -> EmbedResult:
        """One vector a text; raises the errors of `llm/errors.py`."""
        inner = await self.ready(request.model, self.seconds(request.timeout_seconds))
        return await inner.embed(request)


class LocalReranker(LocalModel):
    """A model that scores."""

    kind = "rerank"
    capabilities = ("rerank",)

    async def rerank(self, request: RerankRequest) -> RerankResult:
        """One score a document; raises the errors of `llm/errors.py`."""
        inner = await self.ready(request.model, self.seconds(request.timeout_seconds))
        return await inner.rerank(request)


def _seen(loading: asyncio.Task[OpenAIProvider]) -> None:
    """A failure to load that nobody waited for is no news: the next use meets it again."""
    if not loading.cancelled():
        loading.exception()


_KINDS: dict[Kind, type[LocalModel]] = {"chat": LocalChat, "embedding": LocalEmbedder, "rerank": LocalReranker}


def connect(server: ServerConfig, settings: LlmSettings, transport: Transport) -> LocalModel:  # noqa: ARG001
    """The provider of one GGUF file. What it can do depends on what the file says that its model is for; a file that
    is not there yet is taken for a model that writes."""
    kind: Kind | None = server.options.get("kind")
    if kind is None:
        try:
            kind = read_facts(Path(server.url)).kind
        except (OSError, NotGguf):
            kind = "chat"
    return _KINDS[kind](server, settings)
