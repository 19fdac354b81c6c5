"""`ementa-reader`, the built-in that answers an analysis without any language model.

It is listed among the models so that it can be chosen; the analysis itself reads its name and calls no model.
"""

from collections.abc import AsyncGenerator

from ementa.llm.errors import ModelCannotChat, model_absent
from ementa.llm.servers import ServerConfig
from ementa.llm.settings import LlmSettings
from ementa.llm.transport import Transport
from ementa.llm.types import ChatDelta, ChatRequest, ChatResult, ModelInfo, ServerHealth

READER = "ementa-reader"
CAPABILITIES = ("extraction",)


class ReaderProvider:
    """Lists `ementa-reader`, and says clearly that one cannot talk to it."""

    name = "ementa"
    host = ""

    async def stream(self, request: ChatRequest) -> AsyncGenerator[ChatDelta | ChatResult, None]:
        """Always raises `ModelCannotChat`."""
        raise ModelCannotChat(model=request.model, capabilities=", ".join(CAPABILITIES))
        yield  # makes this a generator, as the protocol asks

    async def list_models(self) -> list[ModelInfo]:
        """Itself."""
        return [ModelInfo(name=READER, provider=self.name, context_tokens=0, capabilities=CAPABILITIES)]

    async def show(self, model: str) -> ModelInfo:
        """Itself; raises `ModelUnavailable` for any other."""
        if model != READER:
            raise model_absent(model, [READER])
        return (await self.list_models())[0]

    async def health(self) -> ServerHealth:
        """Always there."""
        return ServerHealth(provider=self.name, host=self.host, reachable=True)


def connect(server: ServerConfig, settings: LlmSettings, transport: Transport) -> ReaderProvider:
    """The built-in needs no configuration."""
    del server, settings, transport
    return ReaderProvider()
