"""Ollama's JSON. Answers are read with suspicion: any field may be absent, for zeros and empty texts are left out."""

from collections.abc import Mapping, Sequence
from typing import Any, cast

import msgspec

from ementa.llm.ndjson import UNREADABLE, LineBroken
from ementa.llm.servers import ServerConfig
from ementa.llm.turns import arguments_of, paired
from ementa.llm.types import ChatRequest, Message, ModelInfo, Tool, ToolCall, Usage

NAME = "ollama"
ASSUMED_CONTEXT = 4096
"""For a model that does not say how much it can hold: what Ollama itself takes by default."""


class CalledFunction(msgspec.Struct):
    """What the model wants called. `arguments` is the text of an object, kept as it came."""

    name: str = ""
    arguments: msgspec.Raw = msgspec.Raw(b"{}")


class Called(msgspec.Struct):
    """A call; its id is of servers since 0.12."""

    function: CalledFunction
    id: str | None = None


class Said(msgspec.Struct):
    """A piece of the assistant's message."""

    content: str | None = None
    thinking: str | None = None
    tool_calls: list[Called] | None = None


class Line(msgspec.Struct):
    """A line of an answer, of `/api/chat`, or (its end alone) of `/api/generate`."""

    message: Said | None = None
    done: bool = False
    done_reason: str | None = None
    prompt_eval_count: Any = 0
    eval_count: Any = 0
    error: Any = None


class Progress(msgspec.Struct):
    """A line of a download."""

    status: str = ""
    completed: int = 0
    total: int = 0
    digest: str = ""
    error: Any = None


class Embedded(msgspec.Struct):
    """The answer of `/api/embed`."""

    embeddings: list[list[float]]
    prompt_eval_count: Any = 0


_line = msgspec.json.Decoder(Line).decode
_progress = msgspec.json.Decoder(Progress).decode
_embedded = msgspec.json.Decoder(Embedded).decode


def read_line(data: bytes) -> Line:
    """A line of an answer; raises `LineBroken`."""
    try:
        return _line(data)
    except UNREADABLE as error:
        raise LineBroken(str(error)) from error


def read_progress(data: bytes) -> Progress:
    """A line of a download; raises `LineBroken`."""
    try:
        return _progress(data)
    except UNREADABLE as error:
        raise LineBroken(str(error)) from error


def read_embedded(data: bytes) -> Embedded:
    """An answer of vectors; raises `LineBroken`."""
    try:
        return _embedded(data)
    except UNREADABLE as error:
        raise LineBroken(str(error)) from error


def read_calls(called: Sequence[Called], before: int) -> tuple[ToolCall, ...]:
    """The calls of a line. One without an id gets its place in the answer, where `before` stand already."""
    return tuple(
        ToolCall(call.id or f"call_{number}", call.function.name, _arguments(call.function.arguments))
        for number, call in enumerate(called, before)
    )


def read_usage(line: Line) -> Usage:
    """What the `done` line says."""
    return Usage(
        prompt_tokens=whole(line.prompt_eval_count),
        output_tokens=whole(line.eval_count),
        finish=line.done_reason or "stop",
    )


def chat_body(request: ChatRequest, context: int, keep_alive: str, *, can_think: bool) -> dict[str, Any]:
    """A request as `/api/chat` takes it."""
    body: dict[str, Any] = {
        "model": request.model,
        "messages": [message_body(message) for message in paired(request.messages)],
        "stream": True,
        "options": _options(request, context),
        "keep_alive": keep_alive,
        "truncate": False,
        "shift": False,
    }
    tools = _offered(request)
    if tools:
        body["tools"] = [tool_body(tool) for tool in tools]
    if request.schema is not None:
        body["format"] = request.schema
    elif request.any_json:
        body["format"] = "json"
    if can_think and request.think is not None:
        body["think"] = request.think
    return body


def message_body(message: Message) -> dict[str, Any]:
    """A message as `/api/chat` takes it."""
    body: dict[str, Any] = {"role": message.role, "content": message.content}
    if message.images:
        body["images"] = list(message.images)
    if message.thinking:
        body["thinking"] = message.thinking
    if message.tool_calls:
        body["tool_calls"] = [
            {"id": call.id, "function": {"index": number, "name": call.name, "arguments": arguments_of(call)}}
            for number, call in enumerate(message.tool_calls)
        ]
    if message.role == "tool":
        named = {"tool_name": message.tool_name, "tool_call_id": message.tool_call_id}
        body |= {name: value for name, value in named.items() if value}
    return body


def tool_body(tool: Tool) -> dict[str, Any]:
    """A function as `/api/chat` takes it; one without parameters has none, which templates want said."""
    parameters = dict(tool.parameters) or {"type": "object", "properties": {}}
    return {
        "type": "function",
        "function": {"name": tool.name, "description": tool.description, "parameters": parameters},
    }


def listed_model(entry: Mapping[str, Any]) -> ModelInfo:
    """A model as `/api/tags` lists it. No capabilities means that the server (before 0.31) does not list them."""
    details = _object(entry.get("details"))
    return ModelInfo(
        name=str(entry.get("name") or entry.get("model") or ""),
        provider=NAME,
        context_tokens=whole(details.get("context_length")) or ASSUMED_CONTEXT,
        capabilities=_strings(entry.get("capabilities")),
        size_bytes=whole(entry.get("size")),
        parameter_size=str(details.get("parameter_size", "")),
        quantization=str(details.get("quantization_level", "")),
        digest=str(entry.get("digest") or ""),
        modified_at=str(entry.get("modified_at") or ""),
    )


def shown_model(model: str, answer: Mapping[str, Any]) -> ModelInfo:
    """A model as `/api/show` describes it."""
    details = _object(answer.get("details"))
    facts = _object(answer.get("model_info"))
    architecture = facts.get("general.architecture")
    return ModelInfo(
        name=model,
        provider=NAME,
        context_tokens=whole(facts.get(f"{architecture}.context_length")) or ASSUMED_CONTEXT,
        capabilities=_strings(answer.get("capabilities")),
        parameter_size=str(details.get("parameter_size", "")),
        quantization=str(details.get("quantization_level", "")),
        modified_at=str(answer.get("modified_at") or ""),
    )


def objects(value: Any) -> list[dict[str, Any]]:
    """The objects of a list; whatever else was there is left out."""
    return (
        [cast("dict[str, Any]", item) for item in cast("list[Any]", value) if isinstance(item, dict)]
        if isinstance(value, list)
        else []
    )


def whole(value: Any) -> int:
    """A count; 0 for what is none."""
    return max(0, int(value)) if isinstance(value, int | float) and value == value and abs(value) < 1e18 else 0


def headers_of(server: ServerConfig) -> dict[str, str]:
    """Ollama itself knows no keys; a proxy before it may."""
    return {"Authorization": f"Bearer {server.secret}"} if server.secret else {}


def _options(request: ChatRequest, context: int) -> dict[str, Any]:
    options: dict[str, Any] = {"num_ctx": context, "num_predict": request.max_tokens}
    optional = {
        "temperature": request.temperature,
        "top_p": request.top_p,
        "top_k": request.top_k,
        "seed": request.seed,
        "presence_penalty": request.presence_penalty,
        "frequency_penalty": request.frequency_penalty,
        "stop": list(request.stop) or None,
    }
    return options | {name: value for name, value in optional.items() if value is not None}


def _offered(request: ChatRequest) -> Sequence[Tool]:
    """The tools that may be called. Ollama has no `tool_choice`: what may not be called is not offered."""
    if request.tool_choice in ("auto", "required"):
        return request.tools
    return [tool for tool in request.tools if tool.name == request.tool_choice]


def _arguments(raw: msgspec.Raw) -> str:
    """The text of the object; some servers that speak Ollama's dialect write it as a string, as OpenAI's do."""
    text = bytes(raw)
    if text.startswith(b'"'):
        return str(msgspec.json.decode(text))
    return text.decode()


def _object(value: Any) -> dict[str, Any]:
    return cast("dict[str, Any]", value) if isinstance(value, dict) else {}


def _strings(value: Any) -> tuple[str, ...]:
    return tuple(str(item) for item in cast("list[Any]", value)) if isinstance(value, list) else ()
