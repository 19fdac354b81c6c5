"""Reads the JSON of a request within bounds, and weighs it."""

from typing import Any, cast

import orjson

from ementa.llm.ndjson import is_deep
from ementa.serving.errors import BodyNotJson, BodyTooDeep

MAX_DEPTH = 100
"""Levels of a JSON body. Writers of JSON end at 254, readers at 1,024; no honest request comes near."""
_WEIGHED_BYTES = 100_000
_BYTES_PER_TOKEN = 4
_IMAGE_CHARS = 4_000
_IMAGE_TOKENS = 768


def read_object(data: bytes) -> dict[str, Any]:
    """The JSON object that `data` is; raises `BodyNotJson`, `BodyTooDeep`."""
    try:
        value = orjson.loads(data)
    except orjson.JSONDecodeError as error:
        if "depth limit" in str(error):
            raise BodyTooDeep(limit=MAX_DEPTH) from None
        raise BodyNotJson(cause=str(error).partition(": ")[0] if not data else str(error)) from None
    if not isinstance(value, dict):
        cause = {"pt": "é JSON, mas de outro tipo", "en": "it is JSON, but of another type"}
        raise BodyNotJson(cause=cause)
    # Signs inside texts count too, which only means that a few shallow bodies are looked at in vain.
    if data.count(b"[") + data.count(b"{") > MAX_DEPTH and is_deep(value, MAX_DEPTH):
        raise BodyTooDeep(limit=MAX_DEPTH)
    return cast("dict[str, Any]", value)


def prompt_tokens(body: dict[str, Any], size: int) -> int:
    """A cheap guess of the tokens of a request of `size` bytes, for limits; what it really took is counted later."""
    if size <= _WEIGHED_BYTES:
        return size // _BYTES_PER_TOKEN
    tokens = 0
    waiting: list[Any] = [body]
    while waiting:
        value = waiting.pop()
        if isinstance(value, str):
            image = len(value) > _IMAGE_CHARS and " " not in value[:_IMAGE_CHARS]
            tokens += _IMAGE_TOKENS if image else len(value) // _BYTES_PER_TOKEN
        elif isinstance(value, dict):
            waiting += cast("dict[str, Any]", value).values()
        elif isinstance(value, list):
            waiting += cast("list[Any]", value)
    return tokens
