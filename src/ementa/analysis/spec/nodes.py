"""The asked form as a tree of nodes, each leaf with its kind and style; what stages store and pass on."""

from typing import Any, Literal

import msgspec

from ementa.analysis.kinds import Style
from ementa.analysis.types import Kind

Absent = Literal["null", "omit", "empty"]


class Leaf(msgspec.Struct, frozen=True, tag="leaf"):
    """A single value."""

    kind: Kind
    style: Style = Style()
    hint: str = ""
    """What the user says of it: a description, or words where the value belongs."""
    choices: tuple[str | int | float | bool, ...] = ()
    """The only values allowed, when the user lists them."""
    absent: Absent = "null"
    """What the answer has when the document does not have the value."""
    bounds: dict[str, Any] = {}
    """Bounds from the user's own schema: minLength, maxLength, minimum, maximum, type."""
    required: bool = False
    """The user's own schema demands a value and forbids null: a null here breaks it, and the warnings say so."""
    keyless: bool = False
    """No key and no hint says what it is: the prompt must."""


class Group(msgspec.Struct, frozen=True, tag="object"):
    """An object: its members in the order in which they were asked."""

    members: tuple["Member", ...]
    hint: str = ""
    absent: Absent = "null"


class Many(msgspec.Struct, frozen=True, tag="array"):
    """A list: items of one form."""

    item: "Node"
    max_items: int
    min_items: int = 0
    hint: str = ""
    absent: Absent = "null"


Node = Leaf | Group | Many


class Member(msgspec.Struct, frozen=True):
    """A key of an object and what it holds."""

    name: str
    node: Node


class Spec(msgspec.Struct, frozen=True):
    """A checked Format-Response: the tree to fill and the bounded JSON Schema that every answer satisfies."""

    root: Node
    schema: dict[str, Any]


def encode_spec(spec: Spec) -> bytes:
    """The stored form (msgpack)."""
    return msgspec.msgpack.encode(spec)


def decode_spec(data: bytes) -> Spec:
    """The spec that `encode_spec` stored."""
    return msgspec.msgpack.decode(data, type=Spec)
