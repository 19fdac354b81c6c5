"""What the service refuses in a request, in its own words. Strict, so that a wrong request fails here and not there."""

import base64
import hashlib
from collections.abc import Mapping
from typing import Any, cast

from ementa.testing.gemini.catalogue import DoubleModel

NO_SIGNATURE = "skip_thought_signature_validator"
_FIELDS = frozenset(("contents", "systemInstruction", "tools", "toolConfig", "generationConfig", "safetySettings"))
_GENERATION = frozenset(
    (
        *("temperature", "topP", "topK", "maxOutputTokens", "stopSequences", "seed", "candidateCount"),
        *("presencePenalty", "frequencyPenalty", "responseMimeType", "responseSchema", "responseJsonSchema"),
        "thinkingConfig",
    )
)
_SIGNS = {"image/png": b"\x89PNG", "image/jpeg": b"\xff\xd8\xff", "image/gif": b"GIF8", "image/webp": b"RIFF"}


class Refusal(Exception):
    """The words of a 400."""


def signature(name: str, arguments: Any) -> str:
    """The signature of the thought that led to a call."""
    return base64.b64encode(hashlib.sha256(f"{name}{arguments}".encode()).digest()).decode()


def check(body: Mapping[str, Any], model: DoubleModel) -> None:
    """Raises `Refusal` for what the service would not take."""
    generation = cast("dict[str, Any]", body.get("generationConfig", {}))
    _check_names(body, _FIELDS, "")
    _check_names(generation, _GENERATION, " at 'generation_config'")
    if generation.get("maxOutputTokens", 1) not in range(1, model.max_tokens + 1):
        raise Refusal("Unable to submit request because it has a maxOutputTokens value out of the supported range")
    for name in ("temperature", "topP", "topK"):
        if name in generation and not model.sampling:
            raise Refusal(f"Sampling parameter {name} is not supported for this model.")
    _check_thinking(generation.get("thinkingConfig"), model)
    _check_form(body, generation, model)
    contents = cast("list[dict[str, Any]]", body.get("contents") or [])
    if not contents:
        raise Refusal("* GenerateContentRequest.contents: contents is not specified")
    _check_contents(contents, model)


def _check_names(given: Mapping[str, Any], known: frozenset[str], where: str) -> None:
    for name in given:
        if name not in known:
            raise Refusal(f'Invalid JSON payload received. Unknown name "{name}"{where}: Cannot find field.')


def _check_thinking(thinking: dict[str, Any] | None, model: DoubleModel) -> None:
    if thinking is None:
        return
    _check_names(thinking, frozenset(("includeThoughts", "thinkingBudget", "thinkingLevel")), "")
    if not model.thinking:
        raise Refusal("Thinking is not enabled for this model.")
    level, budget = thinking.get("thinkingLevel"), thinking.get("thinkingBudget")
    if level is not None and level not in model.levels:
        raise Refusal(f"Thinking level {level} is not supported for this model.")
    if budget is not None and not model.levels and budget < model.least:
        raise Refusal(f"Budget {budget} is invalid. This model only works in thinking mode.")


def _check_form(body: Mapping[str, Any], generation: dict[str, Any], model: DoubleModel) -> None:
    mime = generation.get("responseMimeType", "text/plain")
    if ("responseSchema" in generation or "responseJsonSchema" in generation) and mime != "application/json":
        raise Refusal("response_schema and response_json_schema need response_mime_type application/json")
    if "responseSchema" in generation and "responseJsonSchema" in generation:
        raise Refusal("Only one of response_schema and response_json_schema may be set")
    if body.get("tools") and mime == "application/json" and not model.tools_with_json:
        raise Refusal("Function calling with a response mime type: 'application/json' is unsupported")
    calling = body.get("toolConfig", {}).get("functionCallingConfig", {})
    if calling.get("allowedFunctionNames") and calling.get("mode") != "ANY":
        raise Refusal("allowed_function_names should only be set when the function calling mode is ANY")


def _check_contents(contents: list[dict[str, Any]], model: DoubleModel) -> None:
    asked = 0
    for content in contents:
        if content.get("role", "user") not in ("user", "model"):
            raise Refusal("Please use a valid role: user, model.")
        parts = cast("list[dict[str, Any]]", content["parts"])
        if not parts:
            raise Refusal("* GenerateContentRequest.contents.parts: must not be empty")
        results = [part["functionResponse"] for part in parts if "functionResponse" in part]
        if (results or asked) and len(results) != asked:
            raise Refusal(
                "Please ensure that the number of function response parts is equal to the number of function call "
                "parts of the function call turn."
            )
        for result in results:
            if not result.get("name") or not isinstance(result.get("response"), dict):
                raise Refusal("* GenerateContentRequest.contents.parts.function_response.name: Name cannot be empty.")
        calls = [part for part in parts if "functionCall" in part]
        asked = len(calls)
        if model.signs and calls:
            _check_signature(calls[0])
        for part in parts:
            _check_image(part)


def _check_signature(part: dict[str, Any]) -> None:
    call = part["functionCall"]
    given = part.get("thoughtSignature")
    if given is None:
        raise Refusal("Function call is missing a thought_signature in functionCall parts.")
    if given != NO_SIGNATURE and _bytes(given) != _bytes(signature(call["name"], call["args"])):
        raise Refusal("Corrupted thought signature.")


def _check_image(part: dict[str, Any]) -> None:
    image = part.get("inlineData")
    if image is None:
        return
    if image["mimeType"] not in _SIGNS:
        raise Refusal(f"Unsupported MIME type: {image['mimeType']}")
    if not _bytes(image["data"]).startswith(_SIGNS[image["mimeType"]]):
        raise Refusal("Unable to process input image. Please retry or report in …")


def _bytes(written: str) -> bytes:
    """Base64 in either of its alphabets, which the service takes alike."""
    return base64.urlsafe_b64decode(written.replace("+", "-").replace("/", "_"))
