"""Identifiers: UUID version 7, so that ids sort by creation time and index well (RFC 9562, section 5.7)."""

import os
import time
import uuid


def new_id() -> str:
    """A new UUIDv7 in its 36-character form."""
    chance = int.from_bytes(os.urandom(10), "big")
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
