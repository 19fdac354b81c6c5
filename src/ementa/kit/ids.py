"""Identifiers: UUID version 7, so that ids sort by creation time and index well (RFC 9562, section 5.7)."""

import os
import threading
import time
import uuid

_CHARS = 20
"""Of chance in an id, as hexadecimal digits; a bit or two are not used."""
_IDS = 256


class _Chance:
    """Random digits of the system, fetched many at a time: the call costs more than everything else of an id."""

    def __init__(self) -> None:
        self._pool = ""
        self._at = 0
        os.register_at_fork(after_in_child=self._empty)  # a child must not make the ids of its parent

    def take(self) -> str:
        """Digits that nobody else has seen."""
        with _lock:
            if self._at == len(self._pool):
                self._pool, self._at = os.urandom(_CHARS // 2 * _IDS).hex(), 0
            begin = self._at
            self._at = begin + _CHARS
            return self._pool[begin : begin + _CHARS]

    def _empty(self) -> None:
        self._pool, self._at = "", 0


_VARIANTS = {digit: "89ab"[int(digit, 16) % 4] for digit in "0123456789abcdef"}
_lock = threading.Lock()
_chance = _Chance()


def new_id() -> str:
    """A new UUIDv7 in its 36-character form."""
    chance = _chance.take()
    moment = f"{time.time_ns() // 1_000_000:012x}"
    return f"{moment[:8]}-{moment[8:]}-7{chance[:3]}-{_VARIANTS[chance[3]]}{chance[4:7]}-{chance[7:19]}"


def is_id(text: str) -> bool:
    """Whether `text` is written as one of our ids (any UUID in its 36-character form)."""
    try:
        return str(uuid.UUID(text)) == text.lower()
    except ValueError:
        return False
