"""The tokens of RTF in linear time, and its tables of fonts, character sets and words."""

import re
from collections.abc import Iterator
from typing import NamedTuple

_TOKEN = re.compile(
    rb"\\([a-zA-Z]{1,32})(-?\d{1,10})?[ ]?|\\'([0-9a-fA-F]{2})|\\([^a-zA-Z])|([{}])|[\r\n]+|([^\\{}\r\n]+)", re.DOTALL
)

CHARSETS = {
    0: "cp1252", 77: "mac-roman", 128: "cp932", 129: "cp949", 130: "johab", 134: "gbk", 136: "big5", 161: "cp1253",
    162: "cp1254", 163: "cp1258", 177: "cp1255", 178: "cp1256", 186: "cp1257", 204: "cp1251", 222: "cp874",
    238: "cp1250", 254: "cp437", 255: "cp850",
}  # fmt: skip
"""Character set of a font (`\\fcharset`) to Python's codec."""

CHARACTERS = {
    "tab": "\t", "line": "\n", "emdash": "—", "endash": "–", "bullet": "•", "lquote": "‘", "rquote": "’",
    "ldblquote": "“", "rdblquote": "”", "emspace": "\u2003", "enspace": "\u2002", "qmspace": "\u2005",
    "nestcell": " ", "nestrow": "\n",
}  # fmt: skip
SYMBOLS = {"~": "\u00a0", "_": "-", "{": "{", "}": "}", "\\": "\\", "\n": "\n", "\r": "\n"}

IGNORED = frozenset((
    "colortbl", "pict", "objdata", "fldinst", "xe", "tc", "txe", "rxe", "nonshppict", "shprslt", "sp", "themedata",
    "datastore", "blipuid", "listtable", "listoverridetable", "revtbl", "rsidtbl", "generator", "filetbl", "fontemb",
    "bkmkstart", "bkmkend", "private", "nonesttables", "do", "ftnsep", "ftnsepc", "aftnsep", "aftnsepc", "template",
    "formfield", "panose", "falt", "pnseclvl", "xmlnstbl", "latentstyles", "userprops", "mmathPr", "upr",
))  # fmt: skip
"""Destinations whose text is not shown."""


class Token(NamedTuple):
    """`word` with its number, or one byte of `text`, or a `symbol`, or a `brace`."""

    word: str = ""
    number: int | None = None
    text: bytes = b""
    symbol: str = ""
    brace: str = ""
    escaped: bool = False


def tokens(data: bytes) -> Iterator[Token]:
    """The tokens of a file; binary data (`\\bin`) is stepped over."""
    at, end = 0, len(data)
    while at < end:
        match = _TOKEN.match(data, at)
        if match is None:  # a lone backslash at the end
            return
        at = match.end()
        word, number, hexadecimal, symbol, brace, text = match.groups()
        if word:
            value = int(number) if number else None
            if word == b"bin" and value:
                at += max(value, 0)
            yield Token(word=word.decode("ascii"), number=value)
        elif hexadecimal:
            yield Token(text=bytes((int(hexadecimal, 16),)), escaped=True)
        elif symbol:
            yield Token(symbol=symbol.decode("latin-1"))
        elif brace:
            yield Token(brace=brace.decode("ascii"))
        elif text:
            yield Token(text=text)


def codec(page: int) -> str:
    """Python's codec for a code page of RTF; Windows-1252 for unknown ones."""
    name = {65001: "utf-8", 10000: "mac-roman", 936: "gbk", 950: "big5", 1361: "johab", 708: "iso8859-6"}.get(page)
    name = name or f"cp{page}"
    try:
        "a".encode(name)
    except LookupError:
        return "cp1252"
    return name
