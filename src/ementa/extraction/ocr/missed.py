"""Ink that no word explains: lone digits of table columns, which Tesseract's layout analysis takes for specks.

A coarse copy of the page, with words and lines painted out, shows what is left; each rest as large as a letter of the
page is a place to read by itself.
"""

import re
from collections.abc import Sequence
from statistics import median
from typing import TYPE_CHECKING

from PIL import ImageDraw

from ementa.extraction.layout.grids import Rule
from ementa.extraction.layout.segments import RawWord

if TYPE_CHECKING:
    from PIL.Image import Image

Rest = tuple[int, int, int, int]

_CELL = 4
_DARK = 0.72
_RUN = re.compile(rb"\x01+")
_MOST_RUNS = 20_000
_MOST_RESTS = 40
_ENOUGH_WORDS = 8


def find_missed(image: "Image", words: Sequence[RawWord], rules: Sequence[Rule]) -> list[Rest]:
    """Places in pixels, each about as high as the words of the page and at most a few letters wide."""
    if len(words) < _ENOUGH_WORDS or min(image.size) < 8 * _CELL:
        return []
    high = median(word[3] - word[1] for word in words)
    coarse = image.reduce(_CELL)
    draw = ImageDraw.Draw(coarse)
    for x0, y0, x1, y1, _, _ in words:
        draw.rectangle((x0 // _CELL - 1, y0 // _CELL - 1, x1 // _CELL + 1, y1 // _CELL + 1), fill=255)
    for rule in rules:
        at, start, end = int(rule.at / _CELL), int(rule.start / _CELL) - 6, int(rule.end / _CELL) + 6
        box = (start, at - 2, end, at + 2) if rule.horizontal else (at - 2, start, at + 2, end)
        draw.rectangle(box, fill=255)
    places = [_enlarged(place) for place in _pieces(coarse)]
    rests = [place for place in _joined(places, high) if _is_letter(place, high)]
    return rests if len(rests) <= _MOST_RESTS else []


def _pieces(coarse: "Image") -> list[Rest]:
    """Dark pieces that hang together, in cells."""
    histogram = coarse.histogram()
    limit = int(_DARK * max(range(100, 256), key=lambda value: histogram[value]))
    dark = coarse.point([1 if value < limit else 0 for value in range(256)]).tobytes()
    width, height = coarse.size
    open_: list[list[int]] = []
    closed: list[list[int]] = []
    runs = 0
    for y in range(height):
        row = dark[y * width : (y + 1) * width]
        if 1 not in row:
            continue
        closed += [piece for piece in open_ if piece[3] < y - 1]
        open_ = [piece for piece in open_ if piece[3] >= y - 1]
        for match in _RUN.finditer(row):
            runs += 1
            _add(open_, match.start(), match.end() - 1, y)
        if runs > _MOST_RUNS:
            return []
    return [(x0, y0, x1 + 1, y1 + 1) for x0, y0, x1, y1 in (*closed, *open_)]


def _add(pieces: list[list[int]], x0: int, x1: int, y: int) -> None:
    """A run of one row, to the piece that it touches; pieces that it ties together become one."""
    touching = [piece for piece in pieces if x0 <= piece[2] + 1 and x1 >= piece[0] - 1]
    if not touching:
        pieces.append([x0, y, x1, y])
        return
    first = touching[0]
    for piece in touching[1:]:
        first[0], first[1], first[2] = min(first[0], piece[0]), min(first[1], piece[1]), max(first[2], piece[2])
        pieces.remove(piece)
    first[0], first[2], first[3] = min(first[0], x0), max(first[2], x1), y


def _enlarged(place: Rest) -> Rest:
    return place[0] * _CELL, place[1] * _CELL, place[2] * _CELL, place[3] * _CELL


def _joined(places: Sequence[Rest], high: float) -> list[Rest]:
    """Pieces beside each other in one line, as one."""
    result: list[Rest] = []
    for place in sorted((place for place in places if place[3] - place[1] >= 0.3 * high), key=lambda p: p[0]):
        for number, other in enumerate(result):
            near = place[0] - other[2] <= 0.5 * high
            if near and min(place[3], other[3]) - max(place[1], other[1]) >= 0.5 * (place[3] - place[1]):
                result[number] = (
                    min(place[0], other[0]),
                    min(place[1], other[1]),
                    max(place[2], other[2]),
                    max(place[3], other[3]),
                )
                break
        else:
            result.append(place)
    return result


def _is_letter(place: Rest, high: float) -> bool:
    across, down = place[2] - place[0], place[3] - place[1]
    return 0.55 * high <= down <= 1.7 * high and 0.15 * high <= across <= 3.0 * high
