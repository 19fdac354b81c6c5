"""Our requests as `/chat/completions` takes them."""

import re
from collections.abc import Mapping
from typing import Any, cast

from ementa.llm.errors import ModelRejected
from ementa.llm.images import media_type
from ementa.llm.providers.openai_profiles import Profile
from ementa.llm.turns import paired
from ementa.llm.types import ChatRequest, Message, Tool

# A server may refuse these by name and is then asked without them: the answer is the same, or as near as it can be.
DISPENSABLE = (
    "max_tokens",
    "max_completion_tokens",
    "temperature",
    "top_p",
    "top_k",
    "seed",
    "stop",
    "presence_penalty",
    "frequency_penalty",
    "stream_options",
    "reasoning_effort",
    "chat_template_kwargs",
    "encoding_format",
)
_REFUSES = re.compile(
    r"unsupported|not support|unknown|unrecogni[sz]ed|extra|forbidden|not permitted|unexpected|not allowed"
)


class Refusals:
    """The fields that a server has refused, model by model."""

    def __init__(self) -> None:
        self._fields: dict[str, frozenset[str]] = {}

    def by(self, model: str) -> frozenset[str]:
        """What is not sent to a model any more."""
        return self._fields.get(model, frozenset())

    def learn(self, error: ModelRejected, sent: Mapping[str, Any], model: str) -> bool:
        """Whether a refusal is about a field that was sent and can be left out; it is, from now on."""
        name = _refused_field(error, sent)
        if name is None:
            return False
        self._fields[model] = self.by(model) | {name}
        return True


def chat_body(request: ChatRequest, profile: Profile, refused: frozenset[str]) -> dict[str, Any]:
    """The body of a streamed chat, without the fields in `refused`."""
    known = profile.find(request.model)
    left_out = refused | known.refuses if known else refused
    body: dict[str, Any] = {
        "model": request.model,
        "messages": [message_body(message) for message in paired(request.messages)],
        "stream": True,
    }
    optional: dict[str, Any] = {
        "stream_options": {"include_usage": True},
        _limit(profile, refused): request.max_tokens,
        "temperature": request.temperature,
        "top_p": request.top_p,
        "stop": list(request.stop) or None,
        "presence_penalty": request.presence_penalty,
        "frequency_penalty": request.frequency_penalty,
        **{name: value for name, value in _special(request, profile).items() if name in profile.takes},
    }
    if profile.switches_thinking and request.think is not None:
        optional["chat_template_kwargs"] = _template_arguments(request)
    body |= {name: value for name, value in optional.items() if value is not None and name not in left_out}
    return body | _tools(request) | _format(request, profile)


def message_body(message: Message) -> dict[str, Any]:
    """A message as the server takes it. What the model thought is not sent back: servers disagree on whether they
    allow it."""
    body: dict[str, Any] = {"role": message.role, "content": message.content}
    if message.images:
        body["content"] = [
            *([{"type": "text", "text": message.content}] if message.content else []),
            *({"type": "image_url", "image_url": {"url": data_url(image)}} for image in message.images),
        ]
    if message.role == "tool":
        body["tool_call_id"] = message.tool_call_id
    if message.tool_calls:
        body["content"] = message.content or None
        body["tool_calls"] = [
            {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.arguments}}
            for call in message.tool_calls
        ]
    return body


def data_url(image: str) -> str:
    """An image in base64 as an address that holds it."""
    return f"data:{media_type(image)};base64,{image}"


def _refused_field(error: ModelRejected, sent: Mapping[str, Any]) -> str | None:
    details = cast("dict[str, Any]", error.details or {})
    cause = str(error.params.get("cause", ""))
    named = str(details.get("param") or "").partition(".")[0]
    candidates = [name for name in DISPENSABLE if name in sent]
    if named in candidates:
        return named
    if _REFUSES.search(cause.lower()):
        return next((name for name in candidates if re.search(rf"\b{name}\b", cause)), None)
    return None


def _limit(profile: Profile, refused: frozenset[str]) -> str:
    other = {"max_tokens": "max_completion_tokens", "max_completion_tokens": "max_tokens"}
    return other[profile.limit] if profile.limit in refused else profile.limit


def _special(request: ChatRequest, profile: Profile) -> dict[str, Any]:
    effort = request.think if isinstance(request.think, str) else None
    known = profile.find(request.model)
    if effort is None and request.think is False and known and "thinking" in known.capabilities:
        effort = "low"  # the least that every such model of OpenAI takes
    return {"seed": request.seed, "top_k": request.top_k, "reasoning_effort": effort}


def _template_arguments(request: ChatRequest) -> dict[str, Any]:
    """Qwen's and GLM's templates know the first name, DeepSeek's and Granite's the second; others ignore both."""
    thinks = bool(request.think)
    return {"enable_thinking": thinks, "thinking": thinks}


def _tools(request: ChatRequest) -> dict[str, Any]:
    if not request.tools:
        return {}
    choice: dict[str, Any] = {}
    if request.tool_choice in ("none", "required"):
        choice["tool_choice"] = request.tool_choice
    elif request.tool_choice != "auto":
        choice["tool_choice"] = {"type": "function", "function": {"name": request.tool_choice}}
    return {"tools": [_tool(tool) for tool in request.tools], **choice}


def _tool(tool: Tool) -> dict[str, Any]:
    function: dict[str, Any] = {"name": tool.name, "parameters": dict(tool.parameters)}
    if tool.description:
        function["description"] = tool.description
    return {"type": "function", "function": function}


def _format(request: ChatRequest, profile: Profile) -> dict[str, Any]:
    if request.schema is not None:
        strict = not profile.closed_schemas or _is_closed(request.schema)
        schema = {"name": "answer", "schema": request.schema, "strict": strict}
        return {"response_format": {"type": "json_schema", "json_schema": schema}}
    return {"response_format": {"type": "json_object"}} if request.any_json else {}


def _is_closed(schema: Any) -> bool:
    """Whether every object in a schema is closed and requires all its properties, as OpenAI's strict mode wants it."""
    if isinstance(schema, list):
        return all(_is_closed(item) for item in cast("list[Any]", schema))
    if not isinstance(schema, dict):
        return True
    place = cast("dict[str, Any]", schema)
    properties = place.get("properties")
    if isinstance(properties, dict) or place.get("type") == "object":
        names = set(cast("dict[str, Any]", properties or {}))
        if place.get("additionalProperties") is not False or set(place.get("required") or ()) != names:
            return False
    return all(_is_closed(value) for value in place.values())
