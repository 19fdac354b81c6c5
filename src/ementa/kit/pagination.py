"""Cursor pages: opaque cursors over a sort key, never offsets (rows come and go while one reads)."""

import base64
import binascii

from ementa.kit.errors import Invalid


class CursorInvalid(Invalid):
    """The cursor is not one that we gave."""

    code = "CURSOR_INVALID"
    pt = "O cursor da página é inválido. Use o valor de `next` da resposta anterior."
    en = "The page cursor is invalid. Use the `next` value of the previous answer."


def encode_cursor(*parts: str) -> str:
    """An opaque cursor that carries `parts`."""
    return base64.urlsafe_b64encode("\x1f".join(parts).encode()).decode().rstrip("=")


def decode_cursor(cursor: str, count: int) -> tuple[str, ...]:
    """The `count` parts of `cursor`; raises `CursorInvalid` for anything we did not encode."""
    try:
        raw = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True).decode()
    except (binascii.Error, UnicodeDecodeError, ValueError) as error:
        raise CursorInvalid from error
    parts = tuple(raw.split("\x1f"))
    if len(parts) != count:
        raise CursorInvalid
    return parts
