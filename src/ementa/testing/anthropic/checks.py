"""What the service refuses in a request, in its own words. Strict, so that a wrong request fails here and not there."""

import base64
from collections.abc import Mapping
from typing import Any, cast

from ementa.testing.anthropic.catalogue import DoubleModel

NEW_VERSION = "2026-10-21"
SAMPLING = ("temperature", "top_p", "top_k")
_FIELDS = frozenset(
    (
        *("model", "max_tokens", "messages", "system", "stream", "stop_sequences", "tools", "tool_choice", "thinking"),
        *("output_config", "metadata", "service_tier", "cache_control", "container", "speed", "inference_geo"),
        *SAMPLING,
    )
)
_KEYWORDS = frozenset(
    (
        *("type", "properties", "required", "additionalProperties", "items", "enum", "const", "anyOf", "allOf", "$ref"),
        *("$defs", "definitions", "description", "title", "format", "minItems", "default"),
    )
)
_SIGNATURE = "signed:"


class Refusal(Exception):
    """The words of a 400."""


def sign(thinking: str) -> str:
    """The signature of a thought."""
    return _SIGNATURE + base64.b64encode(thinking.encode()).decode()


def check(body: Mapping[str, Any], model: DoubleModel, version: str) -> None:
    """Raises `Refusal` for what the service would not take."""
    for name in body:
        if name not in _FIELDS:
            raise Refusal(f"{name}: Extra inputs are not permitted")
    for name in ("max_tokens", "messages"):
        if name not in body:
            raise Refusal(f"{name}: Field required")
    if not isinstance(body["max_tokens"], int) or body["max_tokens"] < 1:
        raise Refusal("max_tokens: Input should be greater than or equal to 1")
    if body["max_tokens"] > model.max_tokens:
        raise Refusal(f"max_tokens: {body['max_tokens']} > {model.max_tokens}, which is the maximum allowed number")
    _check_sampling(body, model, version)
    _check_thinking(body, model)
    _check_form(body, model)
    _check_messages(cast("list[dict[str, Any]]", body["messages"]), body, model)


def _check_sampling(body: Mapping[str, Any], model: DoubleModel, version: str) -> None:
    for name in SAMPLING:
        if name in body and (version == NEW_VERSION or not model.sampling):
            raise Refusal(f"`{name}` is deprecated for this model.")
    if "temperature" in body and "top_p" in body:
        raise Refusal("`temperature` and `top_p` cannot both be specified for this model. Please use only one.")
    if not 0 <= body.get("temperature", 0) <= 1:
        raise Refusal("temperature: range: 0..1")


def _check_thinking(body: Mapping[str, Any], model: DoubleModel) -> None:
    thinking = body.get("thinking")
    if thinking is None:
        return
    kind = thinking["type"]
    if kind not in model.thinking:
        raise Refusal(f'"thinking.type.{kind}" is not supported for this model.')
    if kind == "disabled":
        return
    if "temperature" in body and body["temperature"] != 1:
        raise Refusal("`temperature` may only be set to 1 when thinking is enabled.")
    if body.get("tool_choice", {}).get("type") in ("any", "tool"):
        raise Refusal("Thinking may not be enabled when tool_choice forces tool use.")
    if kind == "enabled":
        if thinking["budget_tokens"] < 1024:
            raise Refusal("thinking.enabled.budget_tokens: Input should be greater than or equal to 1024")
        if thinking["budget_tokens"] >= body["max_tokens"]:
            raise Refusal("`max_tokens` must be greater than `thinking.budget_tokens`.")


def _check_form(body: Mapping[str, Any], model: DoubleModel) -> None:
    config = body.get("output_config", {})
    if "effort" in config and config["effort"] not in model.efforts:
        raise Refusal("This model does not support the effort parameter.")
    if config.get("format"):
        if not model.structured:
            raise Refusal("output_config.format: structured outputs are not supported by this model")
        _check_schema(config["format"]["schema"])
    for tool in body.get("tools", []):
        if tool["input_schema"].get("type") != "object":
            raise Refusal("tools.0.custom.input_schema.type: Field required")
    choice = body.get("tool_choice")
    if choice is not None and not body.get("tools"):
        raise Refusal("tool_choice may only be specified while providing tools.")


def _check_schema(schema: Any) -> None:
    for name in schema:
        if name not in _KEYWORDS:
            kind = schema.get("type", "")
            raise Refusal(f"output_config.format.schema: For '{kind}' type, property '{name}' is not supported")
    if schema.get("type") == "object" and schema.get("additionalProperties") is not False:
        raise Refusal(
            "output_config.format.schema: For 'object' type, 'additionalProperties' must be explicitly set to false"
        )
    if schema.get("minItems", 0) not in (0, 1):
        raise Refusal(
            "output_config.format.schema: For 'array' type, 'minItems' values other than 0 or 1 are not supported"
        )
    inner = [*schema.get("properties", {}).values(), *schema.get("$defs", {}).values()]
    inner += [*schema.get("anyOf", []), *schema.get("allOf", []), *([schema["items"]] if "items" in schema else [])]
    for one in inner:
        _check_schema(one)


def _check_messages(messages: list[dict[str, Any]], body: Mapping[str, Any], model: DoubleModel) -> None:
    if not messages:
        raise Refusal("messages: at least one message is required")
    asked: set[str] = set()
    for message in messages:
        if message["role"] not in ("user", "assistant", "system"):
            raise Refusal(f"messages.0.role: Input should be 'user' or 'assistant', got {message['role']}")
        content = message["content"]
        blocks = (
            [{"type": "text", "text": content}] if isinstance(content, str) else cast("list[dict[str, Any]]", content)
        )
        answered = {block["tool_use_id"] for block in blocks if block["type"] == "tool_result"}
        if answered != asked:
            raise Refusal(
                "messages: `tool_use` ids were found without `tool_result` blocks immediately after"
                if asked
                else "messages: unexpected `tool_use_id` found in `tool_result` blocks"
            )
        for block in blocks:
            _check_block(block, model)
        asked = {block["id"] for block in blocks if block["type"] == "tool_use"}
        _check_thoughts(blocks, body, is_last=message is messages[-2] if len(messages) > 1 else False)


def _check_block(block: dict[str, Any], model: DoubleModel) -> None:
    kind = block["type"]
    if kind == "text" and not block["text"].strip():
        raise Refusal("messages: text content blocks must contain non-whitespace text")
    if kind == "tool_use" and (not isinstance(block["input"], dict) or not _is_id(block["id"])):
        raise Refusal("messages: tool_use.input: Input should be a valid dictionary, id: String should match pattern")
    if kind == "tool_result":
        for inner in cast("list[dict[str, Any]]", block.get("content", [])):
            _check_block(inner, model)
    if kind == "image":
        _check_image(block["source"], model)
    if kind == "thinking" and block["signature"] != sign(block["thinking"]):
        raise Refusal("messages: Invalid `signature` in `thinking` block")


def _check_image(source: dict[str, Any], model: DoubleModel) -> None:
    if not model.vision:
        raise Refusal("This model does not support image input.")
    signs = {"image/png": b"\x89PNG", "image/jpeg": b"\xff\xd8\xff", "image/gif": b"GIF8", "image/webp": b"RIFF"}
    if source["media_type"] not in signs:
        raise Refusal("messages: source.base64.media_type: Input should be 'image/jpeg', 'image/png', …")
    if not base64.b64decode(source["data"]).startswith(signs[source["media_type"]]):
        raise Refusal(f"messages: Image does not match the provided media type {source['media_type']}")


def _check_thoughts(blocks: list[dict[str, Any]], body: Mapping[str, Any], *, is_last: bool) -> None:
    """With a budget of thinking, the calls that were just answered must come with the thoughts that led to them."""
    called = any(block["type"] == "tool_use" for block in blocks)
    if is_last and called and body.get("thinking", {}).get("type") == "enabled" and blocks[0]["type"] != "thinking":
        raise Refusal("messages: Expected `thinking` or `redacted_thinking`, but found `tool_use`.")


def _is_id(text: str) -> bool:
    return bool(text) and all(letter.isalnum() or letter in "_-" for letter in text)
