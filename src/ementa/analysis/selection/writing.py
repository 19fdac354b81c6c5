"""Fields and lists without candidates: the model writes values within the bounded schema. Assembly must find them on
the pages or marks them as unproven."""

from collections.abc import Sequence
from typing import Any, cast

from ementa.analysis.kinds import recognise
from ementa.analysis.selection import prompts
from ementa.analysis.selection.talk import Talk, object_schema
from ementa.analysis.selection.types import Field, OpenList, Pick
from ementa.analysis.spec.bounded import leaf_schema, schema_of
from ementa.analysis.spec.from_example import pointer as escape
from ementa.analysis.spec.nodes import Group, Leaf, Node
from ementa.analysis.types import How, Kind

_TOKENS, _LIST_TOKENS = 800, 1500
_MAX_ITEMS = 50


async def write(talk: Talk, fields: Sequence[Field]) -> None:
    """Let the model write these fields, part by part of the document until each is found in the part shown."""
    task = prompts.write_task(talk.prompt, fields, english=talk.english)
    schema = object_schema({f"f{n}": leaf_schema(field.leaf) for n, field in enumerate(fields, 1)})
    parts, _ = talk.parts(task, _TOKENS)
    waiting = dict(enumerate(fields, 1))
    for done, part in enumerate(parts):
        if talk.caller.exhausted:
            talk.note_unread(parts[done:])
            break
        value = await talk.ask(talk.messages(part, task), schema, _TOKENS)
        for number, field in list(waiting.items()):
            pick = written(field.leaf, value.get(f"f{number}"))
            if pick is None:
                continue
            if field.pointer not in talk.picks:
                talk.picks[field.pointer] = pick
            if part.shows(str(value[f"f{number}"])):
                talk.picks[field.pointer] = pick
                del waiting[number]
        if not waiting:
            break


async def write_list(talk: Talk, wanted: OpenList) -> None:
    """Let the model write the items of a list, part by part."""
    task = prompts.list_task(talk.prompt, wanted.name, list(_keys(wanted.node.item)), english=talk.english)
    most = min(wanted.node.max_items, _MAX_ITEMS)
    schema = object_schema({"items": {"type": "array", "items": schema_of(wanted.node.item), "maxItems": most}})
    parts, _ = talk.parts(task, _LIST_TOKENS)
    found: list[Any] = []
    for done, part in enumerate(parts):
        if talk.caller.exhausted or len(found) >= wanted.node.max_items:
            talk.note_unread(parts[done:])
            break
        value = await talk.ask(talk.messages(part, task), schema, _LIST_TOKENS)
        found.extend(item for item in cast("list[Any]", value.get("items") or []) if item and item not in found)
    found = found[: wanted.node.max_items]
    talk.counts[wanted.pointer] = len(found)
    for number, item in enumerate(found):
        _place(talk, wanted.node.item, item, f"{wanted.pointer}/{number}")


def _place(talk: Talk, node: Node, value: Any, pointer: str) -> None:
    if isinstance(node, Leaf):
        pick = written(node, value)
        if pick is not None:
            talk.picks[pointer] = pick
    elif isinstance(node, Group) and isinstance(value, dict):
        items = cast("dict[str, Any]", value)
        for member in node.members:
            _place(talk, member.node, items.get(member.name), f"{pointer}/{escape(member.name)}")
    elif isinstance(value, list) and not isinstance(node, Group):
        inner = cast("list[Any]", value)[: node.max_items]
        talk.counts[pointer] = len(inner)
        for number, item in enumerate(inner):
            _place(talk, node.item, item, f"{pointer}/{number}")


def written(leaf: Leaf, value: Any) -> Pick | None:
    """What a model wrote for a leaf, in the canonical form of its kind; None for nothing, or for what is no such
    value."""
    if value is None or value == "" or isinstance(value, dict | list):
        return None
    if leaf.choices:
        return Pick(leaf.kind, value, How.UNPROVEN, located=False)
    if isinstance(value, str):
        parsed = recognise(leaf.kind, value)
        return Pick(leaf.kind, parsed.value, How.UNPROVEN, located=False) if parsed else None
    if isinstance(value, bool) != (leaf.kind is Kind.BOOLEAN):
        return None
    return Pick(leaf.kind, value, How.UNPROVEN, located=False)


def _keys(node: Node) -> list[str]:
    if isinstance(node, Group):
        return [member.name for member in node.members]
    return [node.kind.value] if isinstance(node, Leaf) else _keys(node.item)
