"""Bytes to text when nobody says in which encoding: marks first, then UTF-8, then Windows-1252."""

import codecs
import re

_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_NOT_CHARSETS = {"punycode", "idna", "unicode-escape", "raw-unicode-escape", "undefined", "utf-7"}
"""Codecs of Python that no document is written in; some take quadratic time."""
_MULTIBYTE = re.compile(rb"[\xc2-\xf4][\x80-\xbf]")
_SAMPLE = 4096


def decode_text(data: bytes, declared: str | None = None) -> str:
    """The text of a file. `declared` is what a header or the document itself says; a byte-order mark outranks it.

    Nothing is lost: bytes that fit no reading come out as U+FFFD.
    """
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            return data[len(mark) :].decode(encoding, "replace")
    if declared and (text := _try(data, declared)) is not None:
        return text
    wide = _wide_encoding(data)
    if wide:
        return data.decode(wide, "replace")
    text = _try(data, "utf-8")
    if text is not None:
        return text
    if _mostly_utf8(data):
        return data.decode("utf-8", "replace")
    return _try(data, "cp1252") or data.decode("latin-1")


def _try(data: bytes, encoding: str) -> str | None:
    try:
        if codecs.lookup(encoding.strip()).name in _NOT_CHARSETS:
            return None
        return data.decode(encoding.strip())
    except (LookupError, UnicodeError, ValueError):
        return None


def _wide_encoding(data: bytes) -> str:
    """UTF-16 without a mark shows as zero bytes at every other place."""
    sample = data[:_SAMPLE]
    if len(sample) < 4:
        return ""
    even, odd = sample[0::2].count(0), sample[1::2].count(0)
    half = len(sample) // 2
    if odd > 0.7 * half and even < 0.1 * half:
        return "utf-16-le"
    return "utf-16-be" if even > 0.7 * half and odd < 0.1 * half else ""


def _mostly_utf8(data: bytes) -> bool:
    """A UTF-8 file with a few damaged bytes."""
    good = len(_MULTIBYTE.findall(data))
    bad = data.decode("utf-8", "replace").count("\ufffd")
    return good > 10 * bad
