"""`POST /v1/chat/completions`."""

from dataclasses import dataclass
from typing import Any, cast

from ementa.llm.types import ChatResult
from ementa.serving.deps import Visit, flag_of, text_of
from ementa.serving.errors import ParameterInvalid
from ementa.serving.openai.chat_answer import ChatChunks, completion
from ementa.serving.openai.chat_request import read_chat
from ementa.serving.openai.relaying import relay

_OBJECT = {"pt": "deve ser um objeto", "en": "it must be an object"}


@dataclass(frozen=True, slots=True)
class ChatDialect:
    """Chat completions."""

    include_usage: bool = False
    parallel: bool = True

    def whole(self, result: ChatResult) -> bytes:
        """A `chat.completion`."""
        return completion(result, parallel=self.parallel)

    def chunks(self, model: str) -> ChatChunks:
        """`chat.completion.chunk`s."""
        return ChatChunks(model, include_usage=self.include_usage, parallel=self.parallel)


async def chat_completions(visit: Visit) -> None:
    """Answer a conversation, whole or in pieces."""
    body = visit.body
    model = text_of(body, "model")
    stream = flag_of(body, "stream", default=False)
    dialect = ChatDialect(
        include_usage=stream and wants_usage(body),
        parallel=flag_of(body, "parallel_tool_calls", default=True),
    )
    await visit.admit(model)
    limit = visit.gateway.settings.max_tokens
    ask = visit.asks(model, lambda: read_chat(body, limit), stream=stream, dialect="openai", path="/chat/completions")
    await relay(visit, ask, dialect)


def wants_usage(body: dict[str, Any]) -> bool:
    """Whether the client asks for the tokens at the end of a stream; raises `ParameterInvalid`."""
    options = body.get("stream_options")
    if options is None:
        return False
    if not isinstance(options, dict):
        raise ParameterInvalid(name="stream_options", cause=_OBJECT)
    return flag_of(cast("dict[str, Any]", options), "include_usage", default=False)
