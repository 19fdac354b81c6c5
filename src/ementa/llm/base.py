"""What a request to a model is, what comes back, and what a provider promises."""

from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from typing import Any, Literal, Protocol, Self

import msgspec

from ementa.llm.errors import ModelOutputTruncated
from ementa.llm.settings import LlmSettings
from ementa.llm.transport import Transport

Role = Literal["system", "user", "assistant", "tool"]


class Message(msgspec.Struct, frozen=True, omit_defaults=True):
    """One message of a conversation with a model. `images` are base64."""

    role: Role
    content: str
    images: tuple[str, ...] = ()


class ChatRequest(msgspec.Struct, frozen=True):
    """A call to a model. `schema` constrains the answer to a JSON Schema; None means free text."""

    model: str
    messages: Sequence[Message]
    schema: dict[str, Any] | None = None
    max_tokens: int = 2000
    temperature: float = 0.0
    top_p: float | None = None
    top_k: int | None = None
    context_tokens: int | None = None
    """Context to ask for (`num_ctx`); None lets the gateway derive it from the prompt and the model."""
    timeout_seconds: float | None = None
    seed: int | None = 0


class ChatDelta(msgspec.Struct, frozen=True):
    """A piece of a streamed answer."""

    text: str


class ChatResult(msgspec.Struct, frozen=True):
    """A whole answer. `model` is the one that really answered (a fallback may have)."""

    text: str
    model: str
    prompt_tokens: int
    output_tokens: int
    latency_ms: int
    finish: Literal["stop", "length"]
    asked_model: str = ""
    """The model that was asked for; differs from `model` after a fallback."""

    def require_whole(self) -> Self:
        """This result, or `ModelOutputTruncated` when the limit of tokens cut it short."""
        if self.finish == "length":
            raise ModelOutputTruncated(model=self.model, tokens=self.output_tokens)
        return self


class ModelInfo(msgspec.Struct, frozen=True):
    """What is known of a model: read from its server, not assumed."""

    name: str
    provider: str
    context_tokens: int = 4096
    capabilities: tuple[str, ...] = ()
    """`completion`, `tools`, `vision`, `thinking`, `embedding`; `extraction` for the built-in reader."""
    size_bytes: int = 0
    parameter_size: str = ""
    quantization: str = ""


class ServerHealth(msgspec.Struct, frozen=True):
    """Whether a model server answers, now."""

    provider: str
    host: str
    reachable: bool
    version: str = ""
    loaded: tuple[str, ...] = ()
    """Models in its memory now."""
    error: str = ""


class Provider(Protocol):
    """One model server. A plain class in one file of `llm/providers/`, made by the factory its entry point names."""

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


ProviderFactory = Callable[[LlmSettings, Transport], Sequence[Provider]]
"""What an entry point of group `ementa.providers` names: the servers that the settings configure, none if none."""


async def collect(stream: AsyncGenerator[ChatDelta | ChatResult, None]) -> ChatResult:
    """The `ChatResult` that ends a stream, which is closed whatever happens."""
    async with aclosing(stream):
        async for item in stream:
            if isinstance(item, ChatResult):
                return item
    raise RuntimeError("a provider's stream ended without a result")
