"""Identifiers: UUID version 7, so that ids sort by creation time and index well (RFC 9562, section 5.7)."""

import secrets
import time
import uuid


def new_id() -> str:
    """A new UUIDv7 in its 36-character form."""
    milliseconds = time.time_ns() // 1_000_000
    value = (milliseconds & 0xFFFF_FFFF_FFFF) << 80 | 0x7 << 76
    value |= secrets.randbits(12) << 64 | 0b10 << 62 | secrets.randbits(62)
    return str(uuid.UUID(int=value))


def is_id(text: str) -> bool:
    """Whether `text` is written as one of our ids (any UUID in its 36-character form)."""
    try:
        return str(uuid.UUID(text)) == text.lower()
    except ValueError:
        return False
