"""What parent and child say to each other: msgpack messages, each after its length in four bytes, big-endian."""

import re
import struct
from typing import Any, Literal

import msgspec

MAX_MESSAGE = 1 << 30
"""A longer message is refused, whoever sends it."""

TARGET = re.compile(r"ementa(\.[a-z_][a-z0-9_]*)+:[a-z][a-z0-9_]*")
"""What may be called: a public function of a module of ours, `ementa.package.module:function`."""

_length = struct.Struct(">I")
LENGTH_BYTES = _length.size


class Start(msgspec.Struct, frozen=True):
    """The first message to a child: the limits it puts on itself before anything else."""

    memory_bytes: int
    cpu_seconds: int


class Hello(msgspec.Struct, frozen=True):
    """The first message from a child: which of the kernel's protections are in force."""

    network: Literal["namespace", "seccomp", "open"]
    seccomp: bool
    address_space_limit: int


class Request(msgspec.Struct, frozen=True):
    """Call `target` with `args`."""

    target: str
    args: list[Any]


class Reply(msgspec.Struct, frozen=True):
    """The result, or the record of an `EmentaError`; with the child's resident memory, so that growth is seen."""

    result: Any = None
    error: dict[str, Any] | None = None
    rss_bytes: int = 0
    notes: tuple[str, ...] = ()
    """What its code logged, with traces: for the parent's log, never for whoever sent the file."""


def pack(message: msgspec.Struct) -> bytes:
    """The bytes to send."""
    body = msgspec.msgpack.encode(message)
    if len(body) > MAX_MESSAGE:
        raise ValueError(f"message of {len(body)} bytes")
    return _length.pack(len(body)) + body


def body_length(prefix: bytes) -> int:
    """How many bytes follow the prefix; raises `ValueError` past `MAX_MESSAGE`."""
    (length,) = _length.unpack(prefix)
    if length > MAX_MESSAGE:
        raise ValueError(f"message of {length} bytes")
    return length
