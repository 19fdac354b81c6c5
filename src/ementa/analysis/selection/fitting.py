"""Whether a value may stand at a leaf: its type, length, bounds and the user's own choices."""

import math
import re
from typing import Any

from ementa.analysis.spec.bounded import type_names, value_schema
from ementa.analysis.spec.nodes import Leaf

_TYPES: dict[str, tuple[type, ...]] = {
    "string": (str,), "number": (int, float), "integer": (int,), "boolean": (bool,), "null": (),
}  # fmt: skip


def fits(leaf: Leaf, value: Any) -> bool:
    """Whether `value`, as it would be written, satisfies the leaf's bounded schema.

    The keywords are those that `spec.bounded` writes, so this is the whole of JSON Schema that a leaf needs, without
    the cost of a general validator for each of thousands of candidates.
    """
    schema = value_schema(leaf)
    if "enum" in schema and not any(type(value) is type(each) and value == each for each in schema["enum"]):
        return False
    if "type" in schema and not any(_is(value, name) for name in type_names(schema)):
        return False
    if isinstance(value, str):
        return _text_fits(schema, value)
    if isinstance(value, int | float) and not isinstance(value, bool):
        low, high = schema.get("minimum", -math.inf), schema.get("maximum", math.inf)
        return math.isfinite(value) and low <= value <= high
    return True


def _text_fits(schema: dict[str, Any], value: str) -> bool:
    if not schema.get("minLength", 0) <= len(value) <= schema.get("maxLength", math.inf):
        return False
    return "pattern" not in schema or re.search(schema["pattern"], value) is not None


def _is(value: Any, name: str) -> bool:
    if name == "integer" and isinstance(value, float):
        return value.is_integer()
    if isinstance(value, bool):
        return name == "boolean"
    return isinstance(value, _TYPES[name])
