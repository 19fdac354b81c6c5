"""Requests in Anthropic's words, and its models in ours.

Which parameters a model takes differs much: sampling (`temperature` and its like) is refused by models since Opus 4.7,
thinking is switched in three ways, structured outputs exist since 4.5. `/v1/models` tells the last two; the first is
learnt from a refusal (`refused_parts`).
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any, cast

import msgspec

from ementa.llm.images import media_type
from ementa.llm.providers.anthropic_schema import Inexpressible, strict_schema
from ementa.llm.thoughts import Thoughts
from ementa.llm.turns import arguments_of, paired
from ementa.llm.types import ChatRequest, Message, ModelInfo, Tool

NAME = "anthropic"
ASSUMED_CONTEXT = 200_000
ANSWER = "answer"
"""The tool by which a model that knows no structured outputs is made to answer in a form."""
ONLY_JSON = "Answer with one JSON object and nothing else: no words around it, no code fence."
_SAMPLING = ("temperature", "top_p", "top_k")
_BUDGETS = {"low": 1024, "medium": 4096, "high": 16_384}
_LEAST_BUDGET = 1024
_NOT_IN_IDS = re.compile(r"[^a-zA-Z0-9_-]")


class Traits(msgspec.Struct, frozen=True):
    """A model and what it takes. `thinking` and `efforts` are None when the server does not say."""

    info: ModelInfo
    max_output: int = 0
    structured: bool = True
    thinking: frozenset[str] | None = None
    efforts: frozenset[str] | None = None


class Built(msgspec.Struct, frozen=True):
    """A request, and how to read its answer."""

    body: dict[str, Any]
    answers_by_tool: bool = False
    """The answer comes as the arguments of the tool `answer`."""
    wrapped: bool = False
    """In their only member `value`, since arguments must be an object."""


def traits_of(entry: Mapping[str, Any]) -> Traits:
    """A model as `/v1/models` describes it. Servers that only speak like Anthropic leave `capabilities` out."""
    said = _object(entry.get("capabilities"))
    thinks = _object(said.get("thinking"))
    able = ["completion", "tools"]
    if not said or _supported(said.get("image_input")):
        able.append("vision")
    if _supported(thinks):
        able.append("thinking")
    context = entry.get("max_input_tokens")
    info = ModelInfo(
        name=str(entry.get("id") or ""),
        provider=NAME,
        context_tokens=context if isinstance(context, int) and context > 0 else ASSUMED_CONTEXT,
        capabilities=tuple(able),
        modified_at=str(entry.get("created_at") or ""),
    )
    most = entry.get("max_tokens")
    return Traits(
        info,
        max_output=most if isinstance(most, int) and most > 0 else 0,
        structured=not said or _supported(said.get("structured_outputs")),
        thinking=(_names(thinks.get("types")) if _supported(thinks) else frozenset()) if said else None,
        efforts=_names(said.get("effort")) if said else None,
    )


def build(request: ChatRequest, traits: Traits, thoughts: Thoughts, without: frozenset[str] = frozenset()) -> Built:
    """The body of a streamed `/v1/messages`. `without` names parts that the model refused before."""
    messages = paired(request.messages)
    body: dict[str, Any] = {
        "model": request.model,
        "max_tokens": min(request.max_tokens, traits.max_output or request.max_tokens),
        "messages": _turns(messages, thoughts),
        "stream": True,
    }
    system = [message.content for message in messages if message.role == "system" and message.content.strip()]
    if request.any_json and request.schema is None:
        system.append(ONLY_JSON)
    if system:
        body["system"] = "\n\n".join(system)
    if request.stop:
        body["stop_sequences"] = [stop for stop in request.stop if stop.strip()]
    if request.tools:
        body["tools"] = [_tool(tool) for tool in request.tools]
        body["tool_choice"] = _choice(request.tool_choice)
    built = _constrained(body, request, traits, without)
    _think(built, request, traits, without, thoughts_lost=_lacks_thoughts(messages, thoughts))
    if built.body.get("thinking", {}).get("type") not in ("adaptive", "enabled"):  # which wants its own temperature
        values = {"temperature": request.temperature, "top_p": request.top_p, "top_k": request.top_k}
        if values["temperature"] is not None:
            values["temperature"] = min(values["temperature"], 1.0)
        built.body.update({k: v for k, v in values.items() if v is not None and k not in without})
    return built


def refused_parts(body: Mapping[str, Any], words: str) -> frozenset[str]:
    """The parts of a body that a refusal's words are about, and without which it may be sent again."""
    named = {name for name in (*_SAMPLING, "thinking", "effort") if name in words}
    if "temperature" in named and "top_p" in named and "both" in words:
        named = {"top_p"}
    if any(word in words for word in ("output_config", "output_format", "schema", "tructured output")):
        named |= {"format"} - ({"effort"} & named)
    config = _object(body.get("output_config"))
    present = {name for name in (*_SAMPLING, "thinking") if name in body} | {
        n for n in ("effort", "format") if n in config
    }
    return frozenset(named & present)


def _turns(messages: Sequence[Message], thoughts: Thoughts) -> list[dict[str, Any]]:
    """Alternating turns of user and assistant; results of tools are the user's, all of a round in one turn."""
    turns: list[dict[str, Any]] = []
    for message in messages:
        if message.role == "system":
            continue
        role = "assistant" if message.role == "assistant" else "user"
        blocks = _blocks(message, thoughts)
        if turns and turns[-1]["role"] == role:
            turns[-1]["content"] += blocks
        elif blocks:
            turns.append({"role": role, "content": blocks})
    return turns


def _blocks(message: Message, thoughts: Thoughts) -> list[dict[str, Any]]:
    images = [
        {"type": "image", "source": {"type": "base64", "media_type": media_type(image), "data": image}}
        for image in message.images
    ]
    # A text without a visible letter is refused.
    text = [{"type": "text", "text": message.content}] if message.content.strip() else []
    if message.role == "tool":
        return [{"type": "tool_result", "tool_use_id": _id(message.tool_call_id), "content": images + text}]
    calls = [
        {"type": "tool_use", "id": _id(call.id), "name": call.name, "input": arguments_of(call)}
        for call in message.tool_calls
    ]
    thought = thoughts.of(message.tool_calls[0].id) if message.tool_calls else None
    return [*(thought or []), *images, *text, *calls]


def _id(call_id: str) -> str:
    return _NOT_IN_IDS.sub("_", call_id) or "call"


def _tool(tool: Tool) -> dict[str, Any]:
    schema: dict[str, Any] = {"type": "object", "properties": {}, **tool.parameters}
    described = {"description": tool.description} if tool.description else {}
    return {"name": tool.name, **described, "input_schema": schema}


def _choice(choice: str) -> dict[str, Any]:
    kinds = {"auto": "auto", "none": "none", "required": "any"}
    return {"type": kinds[choice]} if choice in kinds else {"type": "tool", "name": choice}


def _constrained(body: dict[str, Any], request: ChatRequest, traits: Traits, without: frozenset[str]) -> Built:
    """The body with the form of the answer: by structured outputs, or by a tool that must be called."""
    schema: Mapping[str, Any] | None = request.schema
    if schema is None:
        return Built(body)
    if traits.structured and "format" not in without:
        try:
            body["output_config"] = {"format": {"type": "json_schema", "schema": strict_schema(schema)}}
        except Inexpressible:
            pass
        else:
            return Built(body)
    wrapped = schema.get("type") != "object" and "properties" not in schema
    if wrapped:
        outer = {name: schema[name] for name in ("$defs", "definitions") if name in schema}
        within: dict[str, Any] = {"value": schema}
        schema = {"type": "object", "properties": within, "required": ["value"], **outer}
    tool = {"name": ANSWER, "description": "Gives the answer in the form asked for.", "input_schema": schema}
    body["tools"] = [*body.get("tools", []), tool]
    body["tool_choice"] = {"type": "any"} if request.tools else {"type": "tool", "name": ANSWER}
    return Built(body, answers_by_tool=True, wrapped=wrapped)


def _think(built: Built, request: ChatRequest, traits: Traits, without: frozenset[str], *, thoughts_lost: bool) -> None:
    """Whether the model thinks, and how hard, in the way that this model is told so."""
    known = traits.thinking
    if request.think is None or "thinking" in without or (known is not None and not known):
        return
    body = built.body
    forced = body.get("tool_choice", {}).get("type") in ("any", "tool")  # no thinking where a call is forced
    if request.think is False or forced or (thoughts_lost and known is not None and "adaptive" not in known):
        if known is not None and "disabled" in known:
            body["thinking"] = {"type": "disabled"}
        elif known:  # one that always thinks
            _effort(body, "low", traits, without)
        return
    level = request.think if isinstance(request.think, str) else "medium"
    if known is None or "adaptive" in known:
        body["thinking"] = {"type": "adaptive", "display": "summarized"}
        if isinstance(request.think, str):
            _effort(body, level, traits, without)
        return
    budget = _BUDGETS[level]
    if traits.max_output:
        budget = min(budget, max(traits.max_output - body["max_tokens"], _LEAST_BUDGET))
    body["thinking"] = {"type": "enabled", "budget_tokens": budget}
    wanted = body["max_tokens"] + budget
    body["max_tokens"] = min(wanted, traits.max_output) if traits.max_output else wanted


def _effort(body: dict[str, Any], level: str, traits: Traits, without: frozenset[str]) -> None:
    if "effort" not in without and level in (traits.efforts or ()):
        body["output_config"] = {**body.get("output_config", {}), "effort": level}


def _lacks_thoughts(messages: Sequence[Message], thoughts: Thoughts) -> bool:
    """Whether the last round of calls came of thoughts that are not known here: older models want them or none."""
    last = next((message for message in reversed(messages) if message.role == "assistant"), None)
    return last is not None and bool(last.tool_calls) and thoughts.of(last.tool_calls[0].id) is None


def _names(value: Any) -> frozenset[str]:
    """The names of what is supported among the members of an object."""
    return frozenset(name for name, inner in _object(value).items() if _supported(inner))


def _supported(value: Any) -> bool:
    return _object(value).get("supported") is True


def _object(value: Any) -> dict[str, Any]:
    return cast("dict[str, Any]", value) if isinstance(value, dict) else {}
