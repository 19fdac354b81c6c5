"""JSON Schemas in the part of the language that Anthropic's structured outputs know.

Follows what its SDK does (2.11, `lib/_parse/_transform.py`): an object lists all its properties, and a keyword that the
grammar cannot enforce is told to the model in the description, where it may heed it.
"""

from collections.abc import Mapping
from typing import Any, cast

_FORMATS = frozenset(("date-time", "time", "date", "duration", "email", "hostname", "uri", "ipv4", "ipv6", "uuid"))
_TYPES = frozenset(("object", "array", "string", "integer", "number", "boolean", "null"))
_CHOICES = (("anyOf", "anyOf"), ("oneOf", "anyOf"), ("allOf", "allOf"))
_PLAIN = ("title", "enum", "const")


class Inexpressible(ValueError):
    """No such grammar says what the schema says: an object of any properties, or a value of any kind."""


def strict_schema(schema: Mapping[str, Any]) -> dict[str, Any]:
    """The schema as `output_config.format` takes it; raises `Inexpressible`."""
    strict: dict[str, Any] = {}
    rest = dict(schema)
    rest.pop("$schema", None)
    rest.pop("$id", None)
    for name in ("$defs", "definitions"):
        if name in rest:
            strict[name] = {key: _inner(value) for key, value in _mapping(rest.pop(name)).items()}
    if "$ref" in rest:
        return {**strict, "$ref": rest["$ref"]}
    kind = rest.pop("type", None)
    if isinstance(kind, list):
        return strict | _of_several_types(cast("list[str]", kind), rest)
    description = str(rest.pop("description", ""))
    strict |= {name: rest.pop(name) for name in _PLAIN if name in rest}
    strict |= _said(kind, strict, rest)
    beyond = ", ".join(f"{name}: {value}" for name, value in rest.items())
    told = "\n\n".join(part for part in (description, f"{{{beyond}}}" if beyond else "") if part)
    return {**strict, "description": told} if told else strict


def _said(kind: Any, strict: Mapping[str, Any], rest: dict[str, Any]) -> dict[str, Any]:
    """What a schema says of its values' form; takes it out of `rest`."""
    for name, written in _CHOICES:
        if isinstance(rest.get(name), list):
            return {written: [_inner(choice) for choice in rest.pop(name)]}
    if "enum" in strict or "const" in strict:
        return {}
    if kind not in _TYPES:
        kind = "object" if "properties" in rest else kind
    readers = {"object": _object, "array": _array, "string": _string}
    if kind in readers:
        return {"type": kind, **readers[kind](rest)}
    if kind in _TYPES:
        return {"type": kind}
    raise Inexpressible(f"no type in {sorted(rest)}")


def _of_several_types(kinds: list[str], rest: dict[str, Any]) -> dict[str, Any]:
    if "enum" in rest or "const" in rest:
        return strict_schema(rest)
    description = rest.pop("description", None)
    choices = {"anyOf": [strict_schema({**(rest if kind != "null" else {}), "type": kind}) for kind in kinds]}
    return choices if description is None else {**choices, "description": description}


def _object(rest: dict[str, Any]) -> dict[str, Any]:
    properties = _mapping(rest.pop("properties", {}))
    more = rest.pop("additionalProperties", False)
    if isinstance(more, dict) or (more is not False and not properties) or "patternProperties" in rest:
        raise Inexpressible("an object of any properties")
    found: dict[str, Any] = {
        "properties": {name: _inner(value) for name, value in properties.items()},
        "additionalProperties": False,
    }
    if "required" in rest:
        found["required"] = list(rest.pop("required"))
    return found


def _array(rest: dict[str, Any]) -> dict[str, Any]:
    if "prefixItems" in rest:
        raise Inexpressible("an array whose places differ")
    found: dict[str, Any] = {}
    if "items" in rest:
        found["items"] = _inner(rest.pop("items"))
    if rest.get("minItems") in (0, 1):
        found["minItems"] = rest.pop("minItems")
    return found


def _string(rest: dict[str, Any]) -> dict[str, Any]:
    return {"format": rest.pop("format")} if rest.get("format") in _FORMATS else {}


def _inner(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise Inexpressible("a value of any kind")
    return strict_schema(cast("dict[str, Any]", value))


def _mapping(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise Inexpressible("properties that are no object")
    return cast("dict[str, Any]", value)
