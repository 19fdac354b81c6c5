"""What a provider promises: one model server, spoken to in its own language.

A provider is a plain class in one file of `llm/providers/`, made by the factory that its entry point names. It must
list, show, tell its health and chat; embedding, reranking, forwarding and managing models are verbs of their own,
which a class simply has or lacks.
"""

from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, aclosing
from typing import Any, Protocol, runtime_checkable

import msgspec

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
    ServerHealth,
    Usage,
)


class Provider(Protocol):
    """One model server."""

    name: str
    """The kind of server: `ollama`."""
    host: str
    """Where it is, fit to be shown; empty when it is inside this process."""

    def stream(self, request: ChatRequest) -> AsyncGenerator[ChatDelta | ChatResult, None]:
        """The answer piece by piece, then its `ChatResult` as the last item.

        Raises the errors of `llm/errors.py`. Closing or cancelling it closes the request to the server within a moment.
        """
        ...

    async def list_models(self) -> list[ModelInfo]:
        """The models that the server has."""
        ...

    async def show(self, model: str) -> ModelInfo:
        """One model's capabilities; raises `ModelUnavailable`."""
        ...

    async def health(self) -> ServerHealth:
        """Whether the server answers; never raises for a server that does not."""
        ...


@runtime_checkable
class Embeds(Protocol):
    """A provider whose server turns texts into vectors."""

    async def embed(self, request: EmbedRequest) -> EmbedResult:
        """One vector a text; raises the errors of `llm/errors.py`."""
        ...


@runtime_checkable
class Reranks(Protocol):
    """A provider whose server scores documents against a query."""

    async def rerank(self, request: RerankRequest) -> RerankResult:
        """One score a document; raises the errors of `llm/errors.py`."""
        ...


class Forward(msgspec.Struct, frozen=True):
    """A request in the server's own dialect, to be passed on as it is. `body["model"]` is the server's name for it."""

    path: str
    """As the dialect has it: `/chat/completions`, `/api/chat`."""
    body: dict[str, Any]
    model: str
    stream: bool
    timeout_seconds: float | None = None
    """Of a whole answer, or, of a stream, the longest silence."""


class Forwarded(Protocol):
    """An answer with status 200 on its way through. Errors came as exceptions before."""

    content_type: str

    @property
    def chunks(self) -> AsyncIterator[bytes]:
        """The bytes as the server sent them. Raises the errors of `llm/errors.py` when it breaks off."""
        ...

    def usage(self) -> Usage:
        """What the bytes that went by say of tokens; complete once `chunks` has ended, zeros when nothing was said."""
        ...


@runtime_checkable
class Forwards(Protocol):
    """A provider that can pass requests of its dialect through without reading them twice."""

    dialect: str
    """`openai` or `ollama`."""

    def forward(self, call: Forward) -> AbstractAsyncContextManager[Forwarded]:
        """Send it and hand the answer on. What the gateway needs (usage at the end of a stream, a bounded context) is
        added to the request, and kept from a client who did not ask for it. Leaving the context closes the request."""
        ...


@runtime_checkable
class ManagesModels(Protocol):
    """A provider whose server downloads, removes, loads and unloads models."""

    def pull(self, model: str) -> AsyncGenerator[PullProgress, None]:
        """Download a model; the last item has status `success`. Raises `ModelUnavailable` when nobody offers it."""
        ...

    async def delete(self, model: str) -> None:
        """Remove a model from the server's disk; raises `ModelUnavailable`."""
        ...

    async def warm(self, model: str) -> None:
        """Load a model into memory."""
        ...

    async def unload(self, model: str) -> None:
        """Let a model leave memory."""
        ...


@runtime_checkable
class Closes(Protocol):
    """A provider that holds more than connections of the shared transport: a model in this process."""

    async def close(self) -> None:
        """Let go of it; safe to call twice. The next use takes hold of it again."""
        ...


ProviderFactory = Callable[[ServerConfig, LlmSettings, Transport], Provider]
"""What an entry point of group `ementa.providers` names; the entry point's name is the kind of server."""


async def collect(stream: AsyncGenerator[ChatDelta | ChatResult, None]) -> ChatResult:
    """The `ChatResult` that ends a stream, which is closed whatever happens."""
    async with aclosing(stream):
        async for item in stream:
            if isinstance(item, ChatResult):
                return item
    raise RuntimeError("a provider's stream ended without a result")
