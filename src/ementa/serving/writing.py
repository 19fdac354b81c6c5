"""Writes JSON whatever is in it: what models say may hold what fast writers refuse."""

import json
from typing import Any, cast

import orjson


def quoted(text: str) -> bytes:
    """A JSON text; half a surrogate pair, which JSON cannot hold, becomes a question mark."""
    try:
        return orjson.dumps(text)
    except TypeError:
        return orjson.dumps(text.encode("utf-8", "replace").decode())


def encoded(body: Any, option: int | None = None) -> bytes:
    """The same of any JSON value; numbers too long for a machine's own, such as identifiers, are kept. `option` is
    orjson's to end with a line."""
    try:
        return orjson.dumps(body, option=option)
    except TypeError:
        end = b"\n" if option else b""
        return json.dumps(_without_halves(body), ensure_ascii=False, separators=(",", ":")).encode() + end


def _without_halves(value: Any) -> Any:
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()
    if isinstance(value, dict):
        return {name: _without_halves(inner) for name, inner in cast("dict[str, Any]", value).items()}
    if isinstance(value, list | tuple):
        return [_without_halves(inner) for inner in cast("list[Any]", value)]
    return value
