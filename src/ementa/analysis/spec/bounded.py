"""From the tree to a bounded JSON Schema: what a model is constrained to, and what every answer satisfies.

Every string, number, array and object has an upper bound: constrained decoding can loop for ever inside one without.
"""

from typing import Any, cast

from ementa.analysis.kinds import json_schema
from ementa.analysis.spec.nodes import Leaf, Many, Node

MAX_TEXT = 4000


def schema_of(node: Node) -> dict[str, Any]:
    """The schema of a node and all below it. A leaf that the document may lack allows null."""
    if isinstance(node, Leaf):
        return leaf_schema(node)
    if isinstance(node, Many):
        return {
            "type": "array", "items": schema_of(node.item), "minItems": 0, "maxItems": node.max_items,
        }  # fmt: skip
    return {
        "type": "object",
        "properties": {member.name: schema_of(member.node) for member in node.members},
        "required": [member.name for member in node.members if member.node.absent != "omit"],
        "additionalProperties": False,
    }


def leaf_schema(leaf: Leaf) -> dict[str, Any]:
    """The schema of a leaf; null is allowed unless the user's own schema leaves another way to say "absent"."""
    fragment = _fragment(leaf)
    if leaf.absent == "null":
        return _or_null(fragment)
    return fragment


def value_schema(leaf: Leaf) -> dict[str, Any]:
    """The schema of a value that the document has."""
    return _fragment(leaf)


def _fragment(leaf: Leaf) -> dict[str, Any]:
    if leaf.choices:
        return {"enum": list(leaf.choices)}
    fragment = json_schema(leaf.kind, leaf.style)
    if leaf.keyless and fragment.get("type") == "string":
        fragment = {"type": "string", "maxLength": MAX_TEXT}
    fragment = {**fragment, **{key: value for key, value in leaf.bounds.items() if key != "maxLength"}}
    if "maxLength" in leaf.bounds:
        fragment["maxLength"] = min(leaf.bounds["maxLength"], fragment.get("maxLength", MAX_TEXT))
    return fragment


def _or_null(fragment: dict[str, Any]) -> dict[str, Any]:
    nullable = dict(fragment)
    if "enum" in nullable:
        nullable["enum"] = [*nullable["enum"], None]
    if "type" in nullable:
        nullable["type"] = [*type_names(nullable), "null"]
    return nullable


def type_names(schema: dict[str, Any]) -> list[str]:
    """The types that a schema allows, as a list."""
    types = schema["type"]
    return cast("list[str]", types) if isinstance(types, list) else [str(types)]
