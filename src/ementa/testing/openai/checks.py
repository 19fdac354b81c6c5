"""What servers refuse in a request, in their own words. Strict, so that a wrong request fails here and not there."""

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

from ementa.testing.ollama.generation import count_tokens
from ementa.testing.openai.catalogue import DoubleModel, Flavour

_FIELDS = frozenset(
    (
        *("model", "messages", "stream", "stream_options", "max_tokens", "max_completion_tokens", "temperature"),
        *("top_p", "stop", "presence_penalty", "frequency_penalty", "seed", "tools", "tool_choice", "response_format"),
        *("parallel_tool_calls", "reasoning_effort", "n", "logprobs", "top_logprobs", "logit_bias", "user", "store"),
        *("metadata", "service_tier", "prompt", "suffix", "echo", "best_of", "verbosity", "prompt_cache_key"),
    )
)
_SIGNS = {"image/png": b"\x89PNG", "image/jpeg": b"\xff\xd8\xff", "image/gif": b"GIF8", "image/webp": b"RIFF"}


@dataclass
class Refusal(Exception):
    """A refusal of the request."""

    message: str
    param: str | None = None
    code: str | None = None
    status: int = 400


def check(body: Mapping[str, Any], model: DoubleModel, flavour: Flavour) -> None:
    """Raises `Refusal` for what a server of that flavour would not take."""
    if model.kind != "chat":
        raise _not_chat(flavour)
    if flavour == "openai":
        _check_openai(body, model)
    if body.get("stream_options") and not body.get("stream"):
        raise Refusal("The 'stream_options' parameter is only allowed when 'stream' is enabled.", "stream_options")
    if not 0 <= (body.get("temperature") or 0) <= 2:
        raise Refusal("Invalid 'temperature': decimal above maximum value.", "temperature", "decimal_above_max_value")
    stop = body.get("stop")
    if isinstance(stop, list) and flavour == "openai" and len(cast("list[Any]", stop)) > 4:
        raise Refusal("Invalid 'stop': array too long.", "stop", "array_above_max_length")
    _check_tools(body)
    _check_format(body, flavour)
    if "prompt" not in body:
        _check_messages(body.get("messages"))


def context_error(needed: int, model: DoubleModel, flavour: Flavour) -> Refusal:
    """The words for a prompt that does not fit."""
    context = model.context_tokens
    if flavour == "openai":
        return Refusal(
            f"This model's maximum context length is {context} tokens. However, your messages resulted in {needed} "
            "tokens. Please reduce the length of the messages.",
            "messages",
            "context_length_exceeded",
        )
    if flavour == "llamacpp":
        return Refusal(
            f"request ({needed} tokens) exceeds the available context size ({context} tokens), try increasing it",
            code="exceed_context_size_error",
        )
    return Refusal(
        f"You passed {needed} input tokens and requested 10 output tokens. However, the model's context length is only "
        f"{context} tokens, resulting in a maximum input length of {context - 10} tokens. Please reduce the length of "
        "the input prompt.",
        "input_tokens",
    )


def text_of(content: Any) -> str:
    """The text of a message's content."""
    if isinstance(content, str):
        return content
    parts = cast("list[dict[str, Any]]", content or [])
    return "\n".join(str(part.get("text", "")) for part in parts if part.get("type") == "text")


def prompt_tokens(messages: list[dict[str, Any]]) -> int:
    """Tokens of a conversation, as the double counts."""
    return sum(count_tokens(text_of(message.get("content"))) + 4 for message in messages)


def _not_chat(flavour: Flavour) -> Refusal:
    if flavour == "openai":
        return Refusal(
            "This is not a chat model and thus not supported in the v1/chat/completions endpoint. Did you mean to use "
            "v1/completions?",
            "model",
            status=404,
        )
    return Refusal("The model does not support Chat Completions API", status=400)


def _check_openai(body: Mapping[str, Any], model: DoubleModel) -> None:
    for name in body:
        if name not in _FIELDS:
            raise Refusal(f"Unrecognized request argument supplied: {name}")
    if not model.reasons:
        if "reasoning_effort" in body:
            raise Refusal("Unrecognized request argument supplied: reasoning_effort")
        return
    if "max_tokens" in body:
        raise Refusal(
            "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' "
            "instead.",
            "max_tokens",
            "unsupported_parameter",
        )
    for name in ("temperature", "top_p", "presence_penalty", "frequency_penalty"):
        if body.get(name, 1) != 1:
            raise Refusal(
                f"Unsupported value: '{name}' does not support {body[name]} with this model. Only the default (1) value"
                " is supported.",
                name,
                "unsupported_value",
            )
    if "stop" in body:
        raise Refusal(
            "Unsupported parameter: 'stop' is not supported with this model.", "stop", "unsupported_parameter"
        )


def _check_tools(body: Mapping[str, Any]) -> None:
    tools = cast("list[dict[str, Any]]", body.get("tools") or [])
    names = [str(tool["function"]["name"]) for tool in tools if tool.get("type") == "function"]
    if len(names) != len(tools):
        raise Refusal("Invalid value for 'tools[0].type'. Supported values are: 'function'.", "tools[0].type")
    choice: Any = body.get("tool_choice")
    if choice is not None and not tools:
        raise Refusal("Invalid value for 'tool_choice': 'tool_choice' is only allowed when 'tools' are specified.")
    if isinstance(choice, dict) and choice["function"]["name"] not in names:
        raise Refusal("Invalid value for 'tool_choice': no function by that name was specified in 'tools'.")


def _check_format(body: Mapping[str, Any], flavour: Flavour) -> None:
    form = cast("dict[str, Any]", body.get("response_format") or {"type": "text"})
    if form["type"] not in ("text", "json_object", "json_schema"):
        raise Refusal(f"Invalid value: '{form['type']}'.", "response_format.type", "invalid_value")
    if form["type"] != "json_schema":
        return
    given = cast("dict[str, Any]", form["json_schema"])
    if not given.get("name"):
        raise Refusal("Missing required parameter: 'response_format.json_schema.name'.", "response_format")
    if flavour == "openai" and given.get("strict"):
        _check_strict(given["schema"])


def _check_strict(schema: Any) -> None:
    if not isinstance(schema, dict):
        return
    place = cast("dict[str, Any]", schema)
    if place.get("type") == "object":
        if place.get("additionalProperties") is not False:
            raise _invalid_schema("'additionalProperties' is required to be supplied and to be false.")
        if set(place.get("required", [])) != set(place.get("properties", {})):
            raise _invalid_schema("'required' is required to be supplied and to include every key in properties.")
    inner = [*place.get("properties", {}).values(), *place.get("$defs", {}).values(), *place.get("anyOf", [])]
    for one in [*inner, place.get("items")]:
        _check_strict(one)


def _invalid_schema(why: str) -> Refusal:
    return Refusal(f"Invalid schema for response_format 'answer': In context=(), {why}", "response_format")


def _check_messages(messages: Any) -> None:
    if not isinstance(messages, list) or not messages:
        raise Refusal("Invalid 'messages': empty array.", "messages", "empty_array")
    asked: set[str] = set()
    for position, message in enumerate(cast("list[dict[str, Any]]", messages)):
        if message.get("role") not in ("system", "developer", "user", "assistant", "tool"):
            raise Refusal(f"Invalid value: '{message.get('role')}'.", f"messages[{position}].role", "invalid_value")
        if message["role"] == "tool":
            if message.get("tool_call_id") not in asked:
                raise Refusal(
                    "Invalid parameter: messages with role 'tool' must be a response to a preceeding message with "
                    "'tool_calls'.",
                    f"messages[{position}].role",
                )
            asked.discard(str(message["tool_call_id"]))
        elif asked:
            raise Refusal(
                "An assistant message with 'tool_calls' must be followed by tool messages responding to each "
                "'tool_call_id'.",
                f"messages[{position}].role",
            )
        if message.get("content") is None and not message.get("tool_calls"):
            raise Refusal("Invalid value for 'content': expected a string, got null.", f"messages[{position}].content")
        calls = cast("list[dict[str, Any]]", message.get("tool_calls") or [])
        asked |= {str(call["id"]) for call in calls}
        _check_parts(message.get("content"))


def _check_parts(content: Any) -> None:
    for part in cast("list[dict[str, Any]]", content) if isinstance(content, list) else []:
        if part["type"] == "image_url":
            kind, _, data = str(part["image_url"]["url"]).removeprefix("data:").partition(";base64,")
            if kind not in _SIGNS or not base64.b64decode(data).startswith(_SIGNS[kind]):
                raise Refusal("You uploaded an unsupported image.", code="invalid_image_format")
        elif part["type"] != "text":
            raise Refusal(f"Invalid value: '{part['type']}'.", code="invalid_value")
