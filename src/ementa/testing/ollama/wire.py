"""JSON byte for byte as Ollama's Go writes it: without blanks, `<`, `>` and `&` escaped, UTF-8."""

import json
import re
from datetime import UTC, datetime
from typing import Any

from aiohttp import web

_ESCAPED = re.compile("[<>&\u2028\u2029]")
_DURATION = re.compile(r"[+-]?(?:\d+(?:\.\d*)?(?:ns|us|µs|ms|h|m|s))+|[+-]?0")
_PART = re.compile(r"(\d+(?:\.\d*)?)(ns|us|µs|ms|h|m|s)")
_UNITS = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}
DEFAULT_KEEP_ALIVE = 300.0


class Refusal(Exception):
    """An answer with a status other than 200 and `{"error": …}`."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


def encode(value: Any) -> bytes:
    """`json.Marshal`."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return _ESCAPED.sub(lambda found: f"\\u{ord(found[0]):04x}", text).encode("utf-8", "replace")


def answer(value: Any, status: int = 200) -> web.Response:
    """`c.JSON`."""
    return web.Response(body=encode(value), status=status, content_type="application/json", charset="utf-8")


def timestamp(moment: datetime | None = None) -> str:
    """RFC 3339, in UTC."""
    return (moment or datetime.now(UTC)).isoformat().replace("+00:00", "Z")


def read_duration(value: Any) -> float:
    """Seconds of a `keep_alive`, infinite when negative; a number is seconds, a string as Go's `ParseDuration`."""
    if value is None:
        return DEFAULT_KEEP_ALIVE
    if isinstance(value, int | float) and not isinstance(value, bool):
        return float(value) if value >= 0 else float("inf")
    if not isinstance(value, str):
        raise Refusal(400, f"Unsupported type: '{type(value).__name__}'")
    if not _DURATION.fullmatch(value):
        problem = "missing unit in duration" if value.lstrip("+-").replace(".", "").isdigit() else "invalid duration"
        raise Refusal(400, f'time: {problem} "{value}"')
    if value.startswith("-") and value != "-0":
        return float("inf")
    return sum(float(number) * _UNITS[unit] for number, unit in _PART.findall(value))
