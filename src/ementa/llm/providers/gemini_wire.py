"""Requests in Google's words, and its models in ours.

How a model is told to think changed with its third generation: a budget of tokens (`thinkingBudget`) before, a level
(`thinkingLevel`) since. Which levels, and whether sampling may be set (not since 3.6), only a refusal tells; what is
refused is left out from then on (`refused_parts`).
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any, cast

import msgspec

from ementa.llm.images import media_type
from ementa.llm.thoughts import Thoughts
from ementa.llm.turns import arguments_of, paired
from ementa.llm.types import ChatRequest, Message, ModelInfo, Tool

NAME = "gemini"
PREFIX = "models/"
ASSUMED_CONTEXT = 32_768
NO_SIGNATURE = "skip_thought_signature_validator"
"""What Google says to send with a call whose signature is not known; without one it refuses the conversation."""
_GENERATION = re.compile(r"gemini-(\d+)")
_SAMPLING = {
    "temperature": "temperature",
    "topP": "top_p",
    "topK": "top_k",
    "presencePenalty": "presence_penalty",
    "frequencyPenalty": "frequency_penalty",
    "seed": "seed",
}
_BUDGETS = {"low": 1024, "medium": 8192, "high": 24_576}
_LEAST_BUDGET = 128


class Traits(msgspec.Struct, frozen=True):
    """A model and what it takes."""

    info: ModelInfo
    max_output: int = 0


def traits_of(entry: Mapping[str, Any]) -> Traits:
    """A model as `models` describes it. Only Gemini itself calls tools and sees; Gemma is served here too."""
    name = str(entry.get("name") or "").removeprefix(PREFIX)
    methods = cast("list[Any]", entry.get("supportedGenerationMethods") or [])
    able: list[str] = []
    if "generateContent" in methods:
        able += ["completion", "tools", "vision"] if name.startswith("gemini") else ["completion"]
        if entry.get("thinking") is True:
            able.append("thinking")
    if "embedContent" in methods or "batchEmbedContents" in methods:
        able.append("embedding")
    context, most = entry.get("inputTokenLimit"), entry.get("outputTokenLimit")
    info = ModelInfo(
        name=name,
        provider=NAME,
        context_tokens=context if isinstance(context, int) and context > 0 else ASSUMED_CONTEXT,
        capabilities=tuple(able),
    )
    return Traits(info, max_output=most if isinstance(most, int) and most > 0 else 0)


def build(
    request: ChatRequest, traits: Traits, thoughts: Thoughts, without: frozenset[str] = frozenset()
) -> dict[str, Any]:
    """The body of a `streamGenerateContent`. `without` names parts that the model refused before."""
    messages = paired(request.messages)
    generation: dict[str, Any] = {"maxOutputTokens": min(request.max_tokens, traits.max_output or request.max_tokens)}
    for name, ours in _SAMPLING.items():
        value = getattr(request, ours)
        if value is not None and name not in without:
            generation[name] = value
    if request.stop:
        generation["stopSequences"] = list(request.stop)
    thinking = _thinking(request, traits, without)
    if thinking:
        generation["thinkingConfig"] = thinking
    body: dict[str, Any] = {
        "contents": _contents(messages, thoughts, strict=_generation(request.model) >= 3),
        "generationConfig": generation,
    }
    system = [message.content for message in messages if message.role == "system" and message.content.strip()]
    if request.schema is not None or request.any_json:
        if "format" in without:
            system.append(_told(request.schema))
        else:
            generation["responseMimeType"] = "application/json"
            if request.schema is not None:
                generation["responseJsonSchema"] = schema_of(request.schema)
    if system:
        body["systemInstruction"] = {"parts": [{"text": "\n\n".join(system)}]}
    if request.tools:
        body["tools"] = [{"functionDeclarations": [_declaration(tool) for tool in request.tools]}]
        body["toolConfig"] = {"functionCallingConfig": _choice(request.tool_choice)}
    return body


def refused_parts(body: Mapping[str, Any], words: str) -> frozenset[str]:
    """The parts of a body that a refusal's words are about, and without which it may be sent again."""
    generation = cast("dict[str, Any]", body.get("generationConfig", {}))
    lowered = words.lower().replace("_", "")
    named = {name for name in _SAMPLING if name in generation and name.lower() in lowered}
    if "sampling" in lowered:
        named |= {name for name in ("temperature", "topP", "topK") if name in generation}
    thinking = generation.get("thinkingConfig")
    if thinking and any(word in lowered for word in ("thinking", "thought", "budget")):
        least = thinking.get("thinkingLevel") == "MINIMAL" or thinking.get("thinkingBudget") == 0
        named.add("least" if least else "thinking")
    if "responseMimeType" in generation and any(word in lowered for word in ("mime", "schema")):
        named.add("format")
    return frozenset(named)


def schema_of(schema: Any) -> Any:
    """The schema without `const`, which is not among the words that are heeded."""
    if isinstance(schema, list):
        return [schema_of(inner) for inner in cast("list[Any]", schema)]
    if not isinstance(schema, dict):
        return schema
    found = {name: schema_of(inner) for name, inner in cast("dict[str, Any]", schema).items()}
    constant = found.get("const")
    if isinstance(constant, str | int | float) and not isinstance(constant, bool):
        found["enum"] = [found.pop("const")]
    return found


def _contents(messages: Sequence[Message], thoughts: Thoughts, *, strict: bool) -> list[dict[str, Any]]:
    """Alternating turns of user and model; results of tools are the user's, all of a round in one turn."""
    turns: list[dict[str, Any]] = []
    for message in messages:
        if message.role == "system":
            continue
        role = "model" if message.role == "assistant" else "user"
        parts = _parts(message, thoughts, strict=strict)
        if turns and turns[-1]["role"] == role:
            turns[-1]["parts"] += parts
        elif parts:
            turns.append({"role": role, "parts": parts})
    return turns


def _parts(message: Message, thoughts: Thoughts, *, strict: bool) -> list[dict[str, Any]]:
    images = [{"inlineData": {"mimeType": media_type(image), "data": image}} for image in message.images]
    if message.role == "tool":
        answer: dict[str, Any] = {"name": message.tool_name, "response": {"output": message.content}}
        if message.tool_call_id:
            answer["id"] = message.tool_call_id
        return [{"functionResponse": answer}, *images]
    text = [{"text": message.content}] if message.content else []
    calls: list[dict[str, Any]] = []
    for number, call in enumerate(message.tool_calls):
        part: dict[str, Any] = {"functionCall": {"id": call.id, "name": call.name, "args": arguments_of(call)}}
        signature = thoughts.of(call.id) or (NO_SIGNATURE if strict and number == 0 else None)
        if signature:
            part["thoughtSignature"] = signature
        calls.append(part)
    return [*images, *text, *calls]


def _declaration(tool: Tool) -> dict[str, Any]:
    declared: dict[str, Any] = {"name": tool.name}
    if tool.description:
        declared["description"] = tool.description
    if tool.parameters:
        declared["parametersJsonSchema"] = schema_of(dict(tool.parameters))
    return declared


def _choice(choice: str) -> dict[str, Any]:
    modes = {"auto": "AUTO", "none": "NONE", "required": "ANY"}
    return {"mode": modes[choice]} if choice in modes else {"mode": "ANY", "allowedFunctionNames": [choice]}


def _thinking(request: ChatRequest, traits: Traits, without: frozenset[str]) -> dict[str, Any]:
    """How hard the model thinks, in the way that its generation is told so. Some cannot be kept from it."""
    if request.think is None or "thinking" in without or "thinking" not in traits.info.capabilities:
        return {}
    by_level = _generation(request.model) >= 3
    if request.think is False:
        if "least" in without:
            return {"thinkingLevel": "LOW"} if by_level else {"thinkingBudget": _LEAST_BUDGET}
        return {"thinkingLevel": "MINIMAL"} if by_level else {"thinkingBudget": 0}
    if request.think is True:
        return {"includeThoughts": True}
    if by_level:
        return {"includeThoughts": True, "thinkingLevel": request.think.upper()}
    return {"includeThoughts": True, "thinkingBudget": _BUDGETS[request.think]}


def _generation(model: str) -> int:
    found = _GENERATION.match(model)
    return int(found[1]) if found else 0


def _told(schema: Any) -> str:
    if schema is None:
        return "Answer with one JSON object and nothing else: no words around it, no code fence."
    written = msgspec.json.encode(schema).decode()
    return f"Answer with JSON that this JSON Schema accepts and nothing else, no code fence: {written}"
