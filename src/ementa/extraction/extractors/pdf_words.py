"""The words of a PDF page with their boxes, straight from PDFium's text page.

PDFium's C functions are called directly: one call for all the text, two for each word's box. Asking for every
character's box, or going through wrapper objects, costs twice as much.
"""

import re
from collections.abc import Callable
from ctypes import byref, c_double, c_ushort
from typing import Any, NamedTuple

import pypdfium2.raw as pdfium

from ementa.extraction.layout.segments import RawWord, same_line
from ementa.extraction.types import Box

Boxer = Callable[[int, int], Box | None]

_WORD = re.compile(
    r"[^\s\x00-\x1f\x7f\u200b\u200e\u200f\u2060\ufeff\ufffe\uffff]+(?:[\x02\u00ad\ufffe][^\s\x00-\x1f]*)*"
)
_BREAK = re.compile(r"[\x02\u00ad\ufffe]")
_LIGATURES = str.maketrans({"ﬀ": "ff", "ﬁ": "fi", "ﬂ": "fl", "ﬃ": "ffi", "ﬄ": "ffl", "ﬅ": "st", "ﬆ": "st"})
_GARBAGE = re.compile(r"[\0\ufffd\ue000-\uf8ff]")
_SAMPLES = 24
_INVISIBLE = 3  # text rendering mode of PDF 32000-1, table 106


class Frame(NamedTuple):
    """Turns PDF user space (origin bottom left, y up) into the upright page (origin top left, y down)."""

    turn: int
    """Degrees clockwise: the page's own /Rotate, or what its text asks for."""
    left: float
    bottom: float
    right: float
    top: float

    @property
    def size(self) -> tuple[float, float]:
        """Width and height of the upright page."""
        width, height = self.right - self.left, self.top - self.bottom
        return (width, height) if self.turn % 180 == 0 else (height, width)

    def place(self, x0: float, y0: float, x1: float, y1: float) -> tuple[float, float, float, float]:
        """A box of user space (x0 < x1, y0 < y1) on the upright page."""
        if self.turn == 0:
            return x0 - self.left, self.top - y1, x1 - self.left, self.top - y0
        if self.turn == 90:
            return y0 - self.bottom, x0 - self.left, y1 - self.bottom, x1 - self.left
        if self.turn == 180:
            return self.right - x1, y0 - self.bottom, self.right - x0, y1 - self.bottom
        return self.top - y1, self.right - x1, self.top - y0, self.right - x0


class PageText(NamedTuple):
    """What the text layer of a page holds."""

    words: list[RawWord]
    characters: int
    garbage: int
    """Characters that no font of the file explains: no text, whatever they look like."""
    invisible: float
    """Share of the sampled words that are drawn invisibly (the mark of a scanner's own OCR)."""
    frame: Frame


def read_words(text_page: Any, frame: Frame) -> PageText:
    """The words in the file's order, on the page turned so that most of the text stands upright."""
    count: int = pdfium.FPDFText_CountChars(text_page)
    if count <= 0:
        return PageText([], 0, 0, 0.0, frame)
    text, index = _text(text_page, count)
    spans = [match.span() for match in _WORD.finditer(text)]
    turn, invisible = _sample(text_page, [index(span[0]) for span in spans])
    if turn >= 0:
        frame = frame._replace(turn=turn)
    boxes = _boxer(text_page, frame)
    words: list[RawWord] = []
    for start, end in spans:
        if _BREAK.search(text, start, end):
            words += _broken(text, start, end, index, boxes)
            continue
        first = index(start)
        box = boxes(first, index(end - 1) + 1 - first)
        if box is not None:
            words.append((*box, text[start:end].translate(_LIGATURES), 1.0))
        elif end - start > 1:
            words += _parted(text, start, end, index, boxes)
    return PageText(words, count, len(_GARBAGE.findall(text)), invisible, frame)


def _text(text_page: Any, count: int) -> tuple[str, Callable[[int], int]]:
    """All the text, and from a position in it to the number of the character."""
    buffer = (c_ushort * (count + 1))()
    written: int = pdfium.FPDFText_GetText(text_page, 0, count, buffer)
    text = bytes(buffer)[: 2 * max(0, written - 1)].decode("utf-16-le", "replace")
    if len(text) == count:
        return text, _same
    # characters without a code point, or outside the basic plane: ask one by one
    get = pdfium.FPDFText_GetUnicode
    codes = [get(text_page, i) for i in range(count)]
    return "".join(chr(c) if 0 < c < 0x110000 and not 0xD800 <= c < 0xE000 else "\0" for c in codes), _same


def _same(position: int) -> int:
    return position


def _sample(text_page: Any, starts: list[int]) -> tuple[int, float]:
    """Degrees clockwise from user space that make most words upright (-1: no telling), and the share of invisible
    words, from a sample."""
    chosen = starts[:: max(1, len(starts) // _SAMPLES)][:_SAMPLES]
    if not chosen:
        return -1, 0.0
    votes = [0, 0, 0, 0]
    hidden = 0
    for start in chosen:
        angle = pdfium.FPDFText_GetCharAngle(text_page, start)  # radians, clockwise, in user space
        votes[round(angle * 2 / 3.141592653589793) % 4] += 1
        item = pdfium.FPDFText_GetTextObject(text_page, start)
        if item and pdfium.FPDFTextObj_GetTextRenderMode(item) == _INVISIBLE:
            hidden += 1
    best = max(range(4), key=lambda quarter: votes[quarter])
    turn = -90 * best % 360 if votes[best] >= 0.7 * len(chosen) else -1
    return turn, hidden / len(chosen)


def _boxer(text_page: Any, frame: Frame) -> Boxer:
    left, top, right, bottom = c_double(), c_double(), c_double(), c_double()
    to_left, to_top, to_right, to_bottom = byref(left), byref(top), byref(right), byref(bottom)
    count_rects, get_rect, loose = pdfium.FPDFText_CountRects, pdfium.FPDFText_GetRect, pdfium.FPDFText_GetCharBox
    place = frame.place

    def box(first: int, length: int) -> Box | None:
        """The box around some characters; None when they have no extent (never drawn) or do not stand together."""
        parts = count_rects(text_page, first, length)
        if parts <= 0:
            loose(text_page, first, to_left, to_right, to_bottom, to_top)
            if right.value <= left.value or top.value <= bottom.value:
                return None
            return place(left.value, bottom.value, right.value, top.value)
        get_rect(text_page, 0, to_left, to_top, to_right, to_bottom)
        if parts == 1:
            return place(left.value, bottom.value, right.value, top.value)
        x0, y0, x1, y1 = left.value, bottom.value, right.value, top.value
        for part in range(1, parts):
            get_rect(text_page, part, to_left, to_top, to_right, to_bottom)
            reach = max(y1 - y0, x1 - x0, top.value - bottom.value) / 2
            if left.value > x1 + reach or right.value < x0 - reach or bottom.value > y1 + 1 or top.value < y0 - 1:
                return None
            x0, y0, x1, y1 = min(x0, left.value), min(y0, bottom.value), max(x1, right.value), max(y1, top.value)
        return place(x0, y0, x1, y1)

    return box


def _parted(text: str, start: int, end: int, index: Callable[[int], int], boxes: Boxer) -> list[RawWord]:
    """A run that PDFium joined over places that do not touch, sign by sign into the words that it really is."""
    words: list[RawWord] = []
    for position in range(start, end):
        box = boxes(index(position), 1)
        if box is None:
            continue
        sign = text[position].translate(_LIGATURES)
        if words:
            x0, y0, x1, y1, before, _ = words[-1]
            reach = 0.6 * max(y1 - y0, box[3] - box[1])
            if same_line(y0, y1, box[1], box[3]) and -reach <= box[0] - x1 <= reach:
                words[-1] = (x0, min(y0, box[1]), max(x1, box[2]), max(y1, box[3]), before + sign, 1.0)
                continue
        words.append((*box, sign, 1.0))
    return words


def _broken(
    text: str,
    start: int,
    end: int,
    index: Callable[[int], int],
    boxes: Boxer,
) -> list[RawWord]:
    """A word divided at the end of a line. PDFium leaves a mark where the hyphen was.

    Two halves of one word become one, at the place of the first; digits keep their hyphen and stay apart, since a
    number with a hyphen (`0001-95`) would lose it.
    """
    pieces: list[tuple[int, int]] = []
    for match in re.finditer(r"[^\x02\u00ad\ufffe]+", text[start:end]):
        pieces.append((start + match.start(), start + match.end()))
    words: list[RawWord] = []
    for number, (a, b) in enumerate(pieces):
        box = boxes(index(a), index(b - 1) + 1 - index(a))
        if box is None:
            continue
        piece = text[a:b].translate(_LIGATURES)
        if number == 0 or not words:
            words.append((*box, piece, 1.0))
            continue
        last = words[-1]
        if last[1] < (box[1] + box[3]) / 2 < last[3]:  # the same line: the mark was only a hint to the typesetter
            words[-1] = (last[0], min(last[1], box[1]), box[2], max(last[3], box[3]), last[4] + piece, 1.0)
        elif last[4][-1:].isalpha() and piece[:1].islower():
            words[-1] = (*last[:4], last[4] + piece, 1.0)
        else:
            words[-1] = (*last[:4], last[4] + "-", 1.0)
            words.append((*box, piece, 1.0))
    return words
