"""Ollama's JSON, read with suspicion: any field may be absent (zeros are left out) or of another type."""

from collections.abc import Mapping
from typing import Any, cast

from ementa.llm.types import ChatRequest, ChatResult, Message, ModelInfo

NAME = "ollama"
ASSUMED_CONTEXT = 4096
"""For a model that does not say how much it can hold: what Ollama itself takes by default."""


def message_body(message: Message) -> dict[str, Any]:
    """A message as `/api/chat` takes it."""
    body: dict[str, Any] = {"role": message.role, "content": message.content}
    if message.images:
        body["images"] = list(message.images)
    return body


def text_of(line: Mapping[str, Any]) -> str:
    """The piece of answer that a line carries; thoughts are no part of it."""
    content = _object(line.get("message")).get("content")
    return content if isinstance(content, str) else ""


def chat_result(request: ChatRequest, text: str, line: Mapping[str, Any], seconds: float) -> ChatResult:
    """The result that the `done` line completes."""
    return ChatResult(
        text=text,
        model=request.model,
        prompt_tokens=_whole(line.get("prompt_eval_count")),
        output_tokens=_whole(line.get("eval_count")),
        latency_ms=round(seconds * 1000),
        finish="length" if line.get("done_reason") == "length" else "stop",
        asked_model=request.model,
    )


def listed_model(entry: Mapping[str, Any]) -> ModelInfo:
    """A model as `/api/tags` lists it. No capabilities means that the server (before 0.31) does not list them."""
    details = _object(entry.get("details"))
    return ModelInfo(
        name=str(entry.get("name") or entry.get("model") or ""),
        provider=NAME,
        context_tokens=_whole(details.get("context_length")) or ASSUMED_CONTEXT,
        capabilities=_strings(entry.get("capabilities")),
        size_bytes=_whole(entry.get("size")),
        parameter_size=str(details.get("parameter_size", "")),
        quantization=str(details.get("quantization_level", "")),
    )


def shown_model(model: str, answer: Mapping[str, Any]) -> ModelInfo:
    """A model as `/api/show` describes it."""
    details = _object(answer.get("details"))
    facts = _object(answer.get("model_info"))
    architecture = facts.get("general.architecture")
    return ModelInfo(
        name=model,
        provider=NAME,
        context_tokens=_whole(facts.get(f"{architecture}.context_length")) or ASSUMED_CONTEXT,
        capabilities=_strings(answer.get("capabilities")),
        parameter_size=str(details.get("parameter_size", "")),
        quantization=str(details.get("quantization_level", "")),
    )


def objects(value: Any) -> list[dict[str, Any]]:
    """The objects of a list; whatever else was there is left out."""
    return (
        [cast("dict[str, Any]", item) for item in cast("list[Any]", value) if isinstance(item, dict)]
        if isinstance(value, list)
        else []
    )


def _object(value: Any) -> dict[str, Any]:
    return cast("dict[str, Any]", value) if isinstance(value, dict) else {}


def _strings(value: Any) -> tuple[str, ...]:
    return tuple(str(item) for item in cast("list[Any]", value)) if isinstance(value, list) else ()


def _whole(value: Any) -> int:
    return max(0, int(value)) if isinstance(value, int | float) and value == value and abs(value) < 1e18 else 0
