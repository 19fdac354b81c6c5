"""Finds label and value pairs by geometry, whatever the value is: after a colon, right of, below.

A DANFE-style box has a small label over its value and the next label at its right: there the value is below. A form
line has the label at the left and the value at its right.
"""

import re
from collections.abc import Iterator

import msgspec

from ementa.analysis.readers.labels import named
from ementa.analysis.readers.vocabulary import LabelMatch, match_label
from ementa.analysis.view import PageView, Segment
from ementa.extraction.types import Box

_COLON = re.compile(r"(?<!\d)\s?:(?!//)(?=\s|$|[^\d\s])|\s?:(?=\s|$)|(?<=[A-Za-zÀ-ÿ)]):(?=\d)")
_MAX_LABEL_WORDS = 6
_MAX_LABEL = 80
_MAX_SEGMENT = 600


class Pair(msgspec.Struct, frozen=True):
    """`text[start:end]` is what stands for the value."""

    label: str
    match: LabelMatch | None
    score: float
    start: int
    end: int


class Pairs:
    """The pairs of one page."""

    def __init__(self, view: PageView) -> None:
        self.view = view
        self._named: dict[int, LabelMatch | None] = {}

    def all(self) -> Iterator[Pair]:
        """Every pair; a value may come up under more than one label."""
        for segment in self.view.segments:
            inside = list(self._inside(segment))
            yield from inside
            if not inside:
                yield from self._beside(segment)
            elif inside[-1].end <= inside[-1].start:
                continue

    def label_of(self, segment: Segment) -> LabelMatch | None:
        """The known label that a whole segment is."""
        if segment.index not in self._named:
            self._named[segment.index] = named(segment.text)
        return self._named[segment.index]

    def is_label(self, segment: Segment) -> bool:
        """Whether a segment names values rather than being one."""
        return self.label_of(segment) is not None or segment.text.rstrip().endswith(":")

    # -- label and value in one segment

    def _inside(self, segment: Segment) -> Iterator[Pair]:
        """`Nome: ACME LTDA CNPJ: 12…` gives two pairs."""
        text = self.view.text[segment.start : segment.end]
        marks: list[tuple[int, int, LabelMatch | None]] = []
        for colon in _COLON.finditer(text):
            begin = max(marks[-1][1] if marks else 0, colon.start() - _MAX_LABEL)
            start, match = _label_start(text, begin, colon.start())
            if start is not None:
                marks.append((start, colon.end(), match))
        if not marks:
            yield from self._prefixed(segment, text)
            return
        for i, (start, end, match) in enumerate(marks):
            stop = marks[i + 1][0] if i + 1 < len(marks) else len(text)
            value = _trim(text, end, stop)
            label = text[start:end].strip(" :\t")
            if value:
                score = 0.97 if match else 0.9
                yield Pair(label, match, score, segment.start + value[0], segment.start + value[1])
            elif i + 1 == len(marks) and len(marks) > 1:
                yield from self._right(segment, label, match, 0.9 if match else 0.85)

    def _prefixed(self, segment: Segment, text: str) -> Iterator[Pair]:
        """`Razão Social ACME LTDA`: a known label of two words or more, then its value, without a colon."""
        words = text.split(" ")
        for count in range(min(len(words) - 1, _MAX_LABEL_WORDS), 0, -1):
            label = " ".join(words[:count])
            match = match_label(label)
            # One word may be the start of anything, unless a number follows it: "Série 1".
            if count == 1 and not any(c.isdigit() for c in words[1]):
                return
            if match and match.score == 1.0 and not match_label(text):
                value = _trim(text, len(label), len(text))
                if value:
                    yield Pair(label, match, 0.7, segment.start + value[0], segment.start + value[1])
                return

    # -- label and value in two segments

    def _beside(self, segment: Segment) -> Iterator[Pair]:
        match = self.label_of(segment)
        colon = segment.text.rstrip().endswith(":")
        if match is None and not (colon and len(segment.text) <= 60):
            return
        label = segment.text.strip(" :")
        right = self.view.right_of(segment.box)
        boxed = right is None or self.is_label(right)
        if not boxed:
            yield from self._right(segment, label, match, 0.93 if colon else 0.86)
        lower = 0.9 if boxed and not colon else 0.85 if boxed else 0.6
        yield from self._below(segment, right, label, match, lower)

    def _right(self, segment: Segment, label: str, match: LabelMatch | None, score: float) -> Iterator[Pair]:
        right = self.view.right_of(segment.box)
        if right is None or self.is_label(right):
            return
        gap = (right.box[0] - segment.box[2]) / max(segment.height, 1.0)
        end = self._cut(right)
        if end > right.start:
            yield Pair(label, match, score - min(gap * 0.004, 0.2), right.start, end)

    def _below(
        self, segment: Segment, right: Segment | None, label: str, match: LabelMatch | None, score: float
    ) -> Iterator[Pair]:
        x0, y0, x1, y1 = segment.box
        limit = right.box[0] - 2.0 if right else self.view.page.width
        box: Box = (x0, y0, max(min(limit, x1 + (x1 - x0) * 4 + 60), x1), y1)
        for under in self.view.below(box, max(segment.height * 1.8 + 3.0, 12.0)):
            if under.box[2] <= x0 or under.box[0] >= box[2]:
                continue
            if self.is_label(under):
                return
            end = self._cut(under)
            if end > under.start:
                drop = 0.0 if under.box[0] < x1 else 0.08
                yield Pair(label, match, score - drop, under.start, end)
            return

    def _cut(self, segment: Segment) -> int:
        """Where a value segment ends: before a label inside it."""
        text = self.view.text[segment.start : min(segment.end, segment.start + _MAX_SEGMENT)]
        for colon in _COLON.finditer(text):
            start, match = _label_start(text, max(colon.start() - _MAX_LABEL, 0), colon.start())
            if start is not None and (match or start == 0):
                return segment.start + len(text[:start].rstrip())
        return segment.end


def _label_start(text: str, begin: int, end: int) -> tuple[int | None, LabelMatch | None]:
    """Where the label before a colon starts: the longest known one, else all words (at the start), else the last."""
    words = list(re.finditer(r"\S+", text[begin:end]))
    for count in range(min(len(words), _MAX_LABEL_WORDS), 0, -1):
        start = begin + words[-count].start()
        match = match_label(text[start:end])
        if match and match.score > 0.95:
            return start, match
    if not words:
        return None, None
    if begin == 0 and len(words) <= _MAX_LABEL_WORDS and any(c.isalpha() for c in text[:end]):
        return begin + words[0].start(), match_label(text[begin:end])
    last = begin + words[-1].start()
    return (last, None) if text[last].isalpha() else (None, None)


def _trim(text: str, start: int, end: int) -> tuple[int, int] | None:
    part = text[start:end]
    left = len(part) - len(part.lstrip(" \t:;,-–|"))
    kept = part.strip(" \t:;,-–|")
    return (start + left, start + left + len(kept)) if kept else None
