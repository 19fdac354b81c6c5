"""`POST /v1/responses`, always in neutral form: few servers speak it, and none of ours keeps conversations."""

from dataclasses import dataclass
from typing import Any

from ementa.llm.types import ChatResult
from ementa.serving.deps import Visit
from ementa.serving.openai.relaying import relay
from ementa.serving.openai.responses_answer import ResponseObject
from ementa.serving.openai.responses_events import ResponseEvents
from ementa.serving.openai.responses_request import ResponseBody, read_response, to_chat
from ementa.serving.writing import encoded


@dataclass(frozen=True, slots=True)
class ResponseDialect:
    """Responses to one request."""

    asked: ResponseBody
    body: dict[str, Any]

    def whole(self, result: ChatResult) -> bytes:
        """A `response`."""
        return encoded(ResponseObject(self.asked, self.body, result.model).whole(result))

    def chunks(self, model: str) -> ResponseEvents:
        """Events."""
        return ResponseEvents(ResponseObject(self.asked, self.body, model))


async def responses(visit: Visit) -> None:
    """Answer an input, whole or by events."""
    asked = read_response(visit.body)
    chat = to_chat(asked, visit.gateway.settings.max_tokens)
    await visit.admit(asked.model)
    ask = visit.asks(asked.model, lambda: chat, stream=asked.stream is True)
    await relay(visit, ask, ResponseDialect(asked, visit.body))
