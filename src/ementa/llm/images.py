"""What kind of image a message carries: servers want to be told, clients seldom say."""

import base64
import binascii

ASSUMED = "image/png"
_SIGNS = (
    (b"\x89PNG", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF8", "image/gif"),
)


def media_type(image: str) -> str:
    """The media type of an image in base64, by its first bytes. PNG for what is none of the four that models read: the
    server then says what it thinks of it."""
    try:
        begin = base64.b64decode(image[:24], validate=True)
    except (binascii.Error, ValueError):
        return ASSUMED
    if begin.startswith(b"RIFF") and begin[8:12] == b"WEBP":
        return "image/webp"
    return next((kind for sign, kind in _SIGNS if begin.startswith(sign)), ASSUMED)
