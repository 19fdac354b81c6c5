"""Identifiers: UUID version 7, so that ids sort by creation time and index well (RFC 9562, section 5.7)."""

import os
import threading
import time
import uuid

_POOL_BYTES = 10 * 256


class _Chance:
    """Random bytes of the system, fetched many at a time: the call costs more than everything else of an id."""

    def __init__(self) -> None:
        self._pool = b""
        self._at = 0
        os.register_at_fork(after_in_child=self._empty)  # a child must not make the ids of its parent

    def take(self) -> bytes:
        """Ten bytes that nobody else has seen."""
        with _lock:
            if self._at == len(self._pool):
                self._pool, self._at = os.urandom(_POOL_BYTES), 0
            begin = self._at
            self._at = begin + 10
            return self._pool[begin : begin + 10]

    def _empty(self) -> None:
        self._pool, self._at = b"", 0


_lock = threading.Lock()
_chance = _Chance()


def new_id() -> str:
    """A new UUIDv7 in its 36-character form."""
    chance = int.from_bytes(_chance.take(), "big")
    value = (time.time_ns() // 1_000_000 & 0xFFFF_FFFF_FFFF) << 80 | 0x7 << 76 | (chance >> 68) << 64
    value |= 0b10 << 62 | chance & 0x3FFF_FFFF_FFFF_FFFF
    text = f"{value:032x}"
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def is_id(text: str) -> bool:
    """Whether `text` is written as one of our ids (any UUID in its 36-character form)."""
    try:
        return str(uuid.UUID(text)) == text.lower()
    except ValueError:
        return False
