"""JSON from a stranger, read within bounds: size, depth and keys are counted before anything is built."""

import json
import math
import re
from typing import Any, NoReturn

from ementa.analysis.errors import ExampleInvalid, FormatInvalid, FormatTooLarge
from ementa.analysis.settings import AnalysisSettings
from ementa.kit.errors import EmentaError

_DIGITS = 30
# Possessive: a string that never ends must not be tried again from every quote in it.
_STRING = re.compile(r'"(?:[^"\\]|\\.)*+(?:"|$)', re.DOTALL)
_SIGNS = re.compile(r"[\[\]{}:]")


def read_json(text: str, name: str, settings: AnalysisSettings) -> Any:
    """The value that `text` is. `name` is the field it came in: `Format-Response` or `Example`.

    Raises `FormatTooLarge` past a bound, `FormatInvalid` or `ExampleInvalid` with line and column for what is not
    JSON, has a key twice, a number that is not finite, or text that is not Unicode.
    """
    text = text.strip().removeprefix("\ufeff")
    _check_bounds(text, name, settings)
    reader = _Reader(name)
    try:
        value = json.loads(
            text,
            object_pairs_hook=reader.unique,
            parse_constant=reader.constant,
            parse_float=reader.number,
            parse_int=reader.whole,
        )
        json.dumps(value, ensure_ascii=False).encode()
    except json.JSONDecodeError as error:
        at = {"line": error.lineno, "column": error.colno}
        raise _problem(
            name,
            f"erro de JSON na linha {error.lineno}, coluna {error.colno}.",
            f"JSON error at line {error.lineno}, column {error.colno}: {error.msg}.",
            at,
        ) from error
    except UnicodeEncodeError as error:
        raise _problem(name, "há texto que não é Unicode válido.", "it has text that is not valid Unicode.") from error
    return value


class _Reader:
    """What is refused while the JSON of one field is read."""

    def __init__(self, name: str) -> None:
        self._name = name

    def unique(self, pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for key, value in pairs:
            if key in found:
                shown = key[:80]
                raise _problem(
                    self._name,
                    f"a chave «{shown}» aparece duas vezes.",
                    f"key “{shown}” appears twice.",
                    {"key": shown},
                )
            found[key] = value
        return found

    def constant(self, word: str) -> NoReturn:
        raise _problem(self._name, f"{word} não é um valor JSON.", f"{word} is not a JSON value.")

    def number(self, digits: str) -> float:
        value = float(digits)
        if not math.isfinite(value):
            raise self._too_big()
        return value

    def whole(self, digits: str) -> int:
        if len(digits) > _DIGITS:
            raise self._too_big()
        return int(digits)

    def _too_big(self) -> EmentaError:
        return _problem(self._name, "há um número grande demais.", "a number is too large.")


def _problem(name: str, pt: str, en: str, details: Any = None) -> EmentaError:
    kind = ExampleInvalid if name == "Example" else FormatInvalid
    return kind(details=details, cause={"pt": pt, "en": en})


def _check_bounds(text: str, name: str, settings: AnalysisSettings) -> None:
    size = len(text) if text.isascii() else len(text.encode("utf-8", "replace"))
    if size > settings.max_format_bytes:
        limit = settings.max_format_bytes
        raise _too_large(name, f"{size} bytes (limite {limit})", f"{size} bytes (limit {limit})")
    deepest, keys = _measure(text)
    if deepest > settings.max_format_depth:
        limit = settings.max_format_depth
        raise _too_large(name, f"{deepest} níveis (limite {limit})", f"{deepest} levels (limit {limit})")
    if keys > settings.max_format_keys:
        limit = settings.max_format_keys
        raise _too_large(name, f"{keys} chaves (limite {limit})", f"{keys} keys (limit {limit})")


def _measure(text: str) -> tuple[int, int]:
    """Depth and colons outside strings, in one pass that builds nothing."""
    depth = deepest = keys = 0
    for sign in _SIGNS.findall(_STRING.sub("", text)):
        if sign == ":":
            keys += 1
        else:
            depth += 1 if sign in "[{" else -1
            deepest = max(deepest, depth)
    return deepest, keys


def _too_large(name: str, pt: str, en: str) -> FormatTooLarge:
    return FormatTooLarge(details={"field": name}, name=name, what={"pt": pt, "en": en})
