"""Lines grouped into paragraphs, headings, list items and tables."""

import re
from collections.abc import Sequence

from ementa.extraction.types import Block, BlockKind, Box, Line, Word

_BULLET = re.compile(r"[•●▪◦‣⁃·–—*-]|\(?(\d{1,3}|[a-zA-Z]|[ivxIVX]{1,5})[.)]")
_NUMBERED_HEADING = re.compile(r"\d{1,2}(\.\d{1,2})*\.?")
_GAP = 0.9
_GROWTH = 1.3
_HEADING_WORDS = 14


def make_blocks(
    words: Sequence[Word], lines: Sequence[Line], places: Sequence[tuple[int, int]], body_height: float
) -> list[Block]:
    """Blocks over `lines`, which are in reading order; `places` names each line's region and table (-1: none)."""
    blocks: list[Block] = []
    start = 0
    for number in range(1, len(lines) + 1):
        if number == len(lines) or _breaks(words, lines, places, number, body_height):
            blocks.append(_block(words, lines, start, number, places[start][1] >= 0, body_height))
            start = number
    return blocks


def _breaks(
    words: Sequence[Word], lines: Sequence[Line], places: Sequence[tuple[int, int]], number: int, body: float
) -> bool:
    """Whether a new block starts with this line."""
    if places[number] != places[number - 1]:
        return True
    if places[number][1] >= 0:
        return False
    above, line = lines[number - 1].box, lines[number].box
    height_above, height = above[3] - above[1], line[3] - line[1]
    if line[1] - above[3] > _GAP * max(min(height, height_above), 0.8 * body):
        return True
    if height > _GROWTH * height_above or height_above > _GROWTH * height:
        return abs(height - height_above) > 0.5 * body
    return _BULLET.fullmatch(words[lines[number].first].text) is not None


def _block(words: Sequence[Word], lines: Sequence[Line], start: int, end: int, table: bool, body: float) -> Block:
    box: Box = (
        min(line.box[0] for line in lines[start:end]),
        min(line.box[1] for line in lines[start:end]),
        max(line.box[2] for line in lines[start:end]),
        max(line.box[3] for line in lines[start:end]),
    )
    kind, level = ("table", 0) if table else _kind(words, lines[start:end], body)
    return Block(kind, start, end, box, level)


def _kind(words: Sequence[Word], lines: Sequence[Line], body: float) -> tuple[BlockKind, int]:
    first, count = lines[0].first, lines[-1].last - lines[0].first
    if len(lines) <= 3 and count <= _HEADING_WORDS:
        height = max(line.box[3] - line.box[1] for line in lines)
        if height >= 1.7 * body:
            return "heading", 1
        if height >= 1.35 * body:
            return "heading", 2
        text = " ".join(word.text for word in words[first : first + count])
        capital = text.isupper() and len(text) > 3
        numbered = _NUMBERED_HEADING.fullmatch(words[first].text) is not None and count > 1
        if len(lines) == 1 and capital and (numbered or not any(c.isdigit() or c == ":" for c in text)):
            return "heading", 3
    if _BULLET.fullmatch(words[first].text) is not None and count > 1:
        return "list_item", 0
    return "paragraph", 0
