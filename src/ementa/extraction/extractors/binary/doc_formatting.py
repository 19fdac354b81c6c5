"""Formatting in Word's binary files: which paragraphs are headings or rows, which characters are not shown.

[MS-DOC] 2.8.25 (PlcBte), 2.9.33 (FKP), 2.6 (Sprm).
"""

import struct
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass

_PAGE = 512
_IN_TABLE, _ROW_END, _LIST_LEVEL, _LIST, _OUTLINE, _BREAK_BEFORE = 0x2416, 0x2417, 0x260A, 0x460B, 0x2640, 0x2407
_DELETED, _HIDDEN = 0x0800, 0x083C
_SIZES = (1, 1, 2, 4, 2, 2, 0, 3)
_TABLE_DEFINITION, _TABS = 0xD608, 0xC615


@dataclass(slots=True)
class ParagraphFormat:
    """What a paragraph says of itself."""

    style: int = 0
    in_table: bool = False
    ends_row: bool = False
    listed: bool = False
    level: int = 0
    outline: int = 9
    breaks_before: bool = False


class Runs:
    """Stretches of file positions, each with a value; asked by position."""

    def __init__(self, runs: list[tuple[int, int, object]]) -> None:
        runs.sort(key=lambda run: run[0])
        self._runs = runs
        self._starts = [run[0] for run in runs]

    def at(self, position: int) -> object | None:
        """The value of the stretch that holds the position, or None."""
        index = bisect_right(self._starts, position) - 1
        if index < 0:
            return None
        start, end, value = self._runs[index]
        return value if start <= position < end else None


def read_paragraphs(stream: bytes, table: bytes) -> Runs:
    """The format of every paragraph; `table` is the PlcBtePapx."""
    runs: list[tuple[int, int, object]] = []
    for page in _pages(stream, table):
        count = page[_PAGE - 1]
        for index in range(count):
            slot = 4 * (count + 1) + 13 * index
            if slot >= _PAGE - 1:
                break
            start, end = struct.unpack_from("<II", page, 4 * index)
            runs.append((start, end, _paragraph(page, page[slot] * 2)))
    return Runs(runs)


def read_unseen(stream: bytes, table: bytes) -> Runs:
    """The stretches of characters that are hidden or deleted with a tracked change; `table` is the PlcBteChpx."""
    runs: list[tuple[int, int, object]] = []
    for page in _pages(stream, table):
        count = page[_PAGE - 1]
        for index in range(count):
            slot = 4 * (count + 1) + index
            if slot >= _PAGE - 1:
                break
            start, end = struct.unpack_from("<II", page, 4 * index)
            at = page[slot] * 2
            size = page[at] if 0 < at < _PAGE else 0
            changes = dict(_changes(page[at + 1 : at + 1 + size]))
            if changes.get(_DELETED, 0) == 1 or changes.get(_HIDDEN, 0) == 1:
                runs.append((start, end, True))
    return Runs(runs)


def _pages(stream: bytes, table: bytes) -> Iterator[bytes]:
    count = max((len(table) - 4) // 8, 0)
    for index in range(count):
        number = struct.unpack_from("<I", table, 4 * (count + 1) + 4 * index)[0]
        page = stream[number * _PAGE : (number + 1) * _PAGE]
        if len(page) == _PAGE and 4 * (page[-1] + 1) < _PAGE:
            yield page


def _paragraph(page: bytes, at: int) -> ParagraphFormat:
    found = ParagraphFormat()
    if not 0 < at < _PAGE - 3:
        return found
    size = page[at] * 2 - 1
    at += 1
    if size < 0:
        size = page[at] * 2
        at += 1
    found.style = struct.unpack_from("<H", page, at)[0] if at + 2 <= _PAGE else 0
    for change, value in _changes(page[at + 2 : at + size]):
        if change == _IN_TABLE:
            found.in_table = bool(value)
        elif change == _ROW_END:
            found.ends_row = bool(value)
        elif change == _LIST:
            found.listed = value != 0
        elif change == _LIST_LEVEL:
            found.level = min(value, 8)
        elif change == _OUTLINE:
            found.outline = value
        elif change == _BREAK_BEFORE:
            found.breaks_before = bool(value)
    return found


def _changes(data: bytes) -> Iterator[tuple[int, int]]:
    """Each change (Sprm) of a list, with its operand as a number where it is one."""
    at = 0
    while at + 3 <= len(data):
        change = struct.unpack_from("<H", data, at)[0]
        at += 2
        size = _SIZES[change >> 13]
        if not size:
            wide = change == _TABLE_DEFINITION
            size = int.from_bytes(data[at : at + 2], "little") + 1 if wide else data[at] + 1
            if change == _TABS and data[at] == 255:
                return
        else:
            yield change, int.from_bytes(data[at : at + size], "little")
        at += size
