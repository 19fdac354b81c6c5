"""Which words of a page name a value: before it on its line, left of it, above it, or at the head of its column.

Scores say how surely a label belongs: 0.97 a known label directly before, 0.9 known above or in the column's head, 0.5
and less for words that are merely near.
"""

import re
from collections.abc import Iterator
from functools import cached_property

import msgspec

from ementa.analysis.readers.vocabulary import LabelMatch, match_label, tidy
from ementa.analysis.types import Kind
from ementa.analysis.view import PageView, Segment
from ementa.extraction.types import Box

_AFTER_VALUE = re.compile(r"(?:\S*\d\S*|[;|•])(?=\s)")
_CLAUSE = re.compile(r"(?<!\bnº)(?<!\bno)[.,;](?=\s)")
_TRAIL = re.compile(r"[\s(\[]*(?:R\s?\$|US\s?\$|\$|€|#|n[º°o]\.?)?[\s(\[:]*$", re.IGNORECASE)
_MAX_WORDS = 6
_MAX_PREFIX = 120
_MAX_CHAIN = 200
_PROSE_WORDS = 10
_TITLE_WORDS = 12
_NO_TITLE = re.compile(r"[\d:;]|,\s")
_NUMBER_SIGN = re.compile(r"(?:n\s?[º°ª]|n[or]?\.|núm\.?|#)\s{0,2}:?\s{0,2}$", re.IGNORECASE)


class Label(msgspec.Struct, frozen=True):
    """The words that name a value, and how surely."""

    text: str
    score: float


class _Near(msgspec.Struct, frozen=True):
    """What stands around a value, whatever its kind."""

    box: Box
    left: Segment | None
    above: tuple[Segment, ...]
    head: Segment | None


class Labels:
    """Labels of one page."""

    def __init__(self, view: PageView, column_heads: dict[int, str]) -> None:
        self.view = view
        self._column_heads = column_heads
        self._heads: dict[int, Segment | None] = {}
        self._last: tuple[tuple[int, int], _Near] | None = None

    def find(self, start: int, end: int, kind: Kind) -> list[Label]:
        """The labels of `text[start:end]` read as `kind`, best first, at most two, of different words."""
        found = sorted(self._all(start, end, kind), key=lambda label: -label.score)
        distinct = {label.text: label for label in reversed(found)}
        return sorted(distinct.values(), key=lambda label: -label.score)[:2]

    def _all(self, start: int, end: int, kind: Kind) -> Iterator[Label]:
        head = self._column_heads.get(self.view.word_at(start))
        if head:
            yield Label(head, 0.95)
            return
        segment = self.view.segment_at(start)
        prefix = self.view.text[max(segment.start, start - _MAX_PREFIX) : start]
        if kind is Kind.CODE and _NUMBER_SIGN.search(prefix):
            yield from self._title(segment, prefix)
        inline = self._inline(prefix, kind)
        if inline:
            yield inline
        in_prose = start > segment.start and segment.last - segment.first > _PROSE_WORDS
        if in_prose or (inline and inline.score > 0.9):
            return
        near = self._near(start, end, segment)
        if not prefix.strip(" (R$:-"):
            yield from self._left(segment, near.left, kind)
            yield from self._before_line(segment, kind)
        for over in near.above:
            drop = 0.0 if over.box[2] > near.box[0] else 0.08
            yield from _rate(over, kind, known=0.9 - drop, colon=0.7 - drop, words=0.45 - drop)
        yield from self._column_head(start, near.head, kind)

    def _near(self, start: int, end: int, segment: Segment) -> _Near:
        """What stands around a value. Kept for the last one: it is asked again for every kind of it."""
        if self._last is None or self._last[0] != (start, end):
            box = self.view.box(start, end)
            row = self.view.above(box, (box[3] - box[1]) * 1.8 + 3.0)
            # What starts left of the value and ends before it counts only where nothing stands right over it.
            above = [over for over in row if over.box[2] > box[0]][:2] or row[:1]
            near = _Near(box, self.view.left_of(segment.box), tuple(above), self._head_over(segment, box))
            self._last = (start, end), near
        return self._last[1]

    def _inline(self, prefix: str, kind: Kind) -> Label | None:
        """The label at the end of the words before a value in its segment."""
        tail = prefix
        for pattern in (_AFTER_VALUE, _CLAUSE):
            cuts = [m.end() for m in pattern.finditer(tail)]
            tail = tail[cuts[-1] :] if cuts and tail[cuts[-1] :].strip() else tail
        named = _TRAIL.sub("", tail)
        words = named.split()
        if not words:
            return None
        for count in range(min(len(words), _MAX_WORDS), 0, -1):
            match = match_label(" ".join(words[-count:]))
            if match and match.score > 0.9:
                known = 0.97 if count == len(words) else 0.93
                return Label(" ".join(words[-count:]), known if match.allows(kind) else 0.4)
        text = " ".join(words[-_MAX_WORDS:])
        if not any(c.isalpha() for c in text):
            return None
        return Label(text.strip(" :"), 0.85 if tail.rstrip().endswith(":") else 0.55)

    def _title(self, segment: Segment, prefix: str) -> Iterator[Label]:
        """The document's title before or right above a number sign: "CONTRATO DE PRESTAÇÃO DE SERVIÇOS Nº 12/2026"."""
        before = _NUMBER_SIGN.sub("", prefix).strip(" :-–")
        over = [before] if before else [s.text for s in self.view.above(segment.box, segment.height * 2.0 + 3.0)[:1]]
        for text in over:
            if 2 <= len(text.split()) <= _TITLE_WORDS and text[:1].isupper() and not _NO_TITLE.search(text):
                yield Label(text, 0.85)

    def _left(self, segment: Segment, left: Segment | None, kind: Kind) -> Iterator[Label]:
        if left is None:
            return
        gap = (segment.box[0] - left.box[2]) / max(segment.height, 1.0)
        far = min(gap * 0.004, 0.15)
        yield from _rate(left, kind, known=0.93 - far, colon=0.88 - far, words=0.5 - far)

    def _before_line(self, segment: Segment, kind: Kind) -> Iterator[Label]:
        """A label that ends the line before: "CNPJ:" and the number on the next line."""
        if segment.index and self.view.segments[segment.index - 1].text.endswith(":"):
            yield from _rate(self.view.segments[segment.index - 1], kind, known=0.84, colon=0.8, words=0.0)

    def _column_head(self, start: int, head: Segment | None, kind: Kind) -> Iterator[Label]:
        place = self.view.cell(self.view.word_at(start))
        if place:
            table, where = place
            text = self._table_heads.get((where.table, where.column), "")
            if text and where.row >= table.header_rows:
                match = match_label(text)
                yield Label(text, 0.9 if match and match.allows(kind) else 0.75)
            return
        if head is not None:
            yield from _rate(head, kind, known=0.8, colon=0.0, words=0.0)

    @cached_property
    def _table_heads(self) -> dict[tuple[int, int], str]:
        """The head of every column of every table that has heads."""
        heads: dict[tuple[int, int], str] = {}
        for number, table in enumerate(self.view.page.tables):
            for cell in table.cells:
                if cell.row < table.header_rows and cell.text:
                    before = heads.get((number, cell.column), "")
                    heads[number, cell.column] = " ".join(f"{before} {cell.text}".split())
        return heads

    def _head_over(self, segment: Segment, box: Box) -> Segment | None:
        """The known label at the top of the column of values in which a segment stands."""
        chain: list[int] = []
        current, at = segment, box
        head: Segment | None = None
        while len(chain) < _MAX_CHAIN:
            if current.index in self._heads:
                head = self._heads[current.index]
                break
            chain.append(current.index)
            over = [s for s in self.view.above(at, current.height * 3.0 + 6.0) if s.box[2] > at[0]]
            if not over:
                break
            if match_label(over[0].text):
                head = over[0]
                break
            current, at = over[0], over[0].box
        for index in chain:
            self._heads[index] = head
        return head


def _rate(segment: Segment, kind: Kind, *, known: float, colon: float, words: float) -> Iterator[Label]:
    match = named(segment.text)
    if match:
        if match.allows(kind):
            yield Label(segment.text.strip(" :"), known * match.score)
        return
    text = segment.text.strip()
    if text.endswith(":") and len(text) <= 60 and colon:
        yield Label(text.strip(" :"), colon)
    elif words > 0 and is_wordy(text):
        yield Label(text, words)


def named(text: str) -> LabelMatch | None:
    """The known label that a whole segment is."""
    return match_label(text) or (match_label(text[:-1]) if text.endswith(":") else None)


def is_wordy(text: str) -> bool:
    """Whether a text could be an unknown label: short, words only."""
    return len(text) <= 40 and len(text.split()) <= 5 and not any(c.isdigit() for c in text) and len(tidy(text)) >= 2
