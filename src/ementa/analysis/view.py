"""A document seen for reading values: text with every character tied to its word, runs of words, who stands near whom.

The text of a page has one space between words of a run, a tab where a wide gap (or another table cell) parts them, and
a line feed at line ends. A *segment* is a run of words without such a break: the unit of labels and values.
All look-ups cost little more than constant time, so that reading stays linear in the words of the document.
"""

import statistics
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from functools import cached_property
from itertools import pairwise

import msgspec

from ementa.analysis.straight import lines_of, on_row, overlap, straightened, union
from ementa.analysis.types import Evidence
from ementa.extraction.types import Box, Extraction, Line, Page, Table

_BAND = 8.0
_SCAN = 64


class Segment(msgspec.Struct, frozen=True, eq=False):
    """`words[first:last]` of the page, standing on one line without a wide gap; `text[start:end]` of its text."""

    index: int
    line: int
    first: int
    last: int
    start: int
    end: int
    box: Box
    text: str

    @property
    def height(self) -> float:
        """Of its box, in points."""
        return self.box[3] - self.box[1]


class CellPlace(msgspec.Struct, frozen=True):
    """Where a word stands in the tables of its page."""

    table: int
    row: int
    column: int


class PageView:
    """One page for reading."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.words = page.words
        self.lines = (
            page.lines if sum(line.last - line.first for line in page.lines) == len(page.words) else lines_of(page)
        )
        self.flat = straightened(page, self.lines)
        """Boxes by word as if the page lay straight: for telling what stands beside what. Proof uses the true ones."""
        self.starts: list[int] = []
        self.ends: list[int] = []
        self.line_of: list[int] = [0] * len(page.words)
        self.segment_of: list[int] = [0] * len(page.words)
        self.segments: list[Segment] = []
        self.text = self._build()

    @cached_property
    def place_of(self) -> dict[int, CellPlace]:
        """Table cells by word index."""
        places: dict[int, CellPlace] = {}
        for number, table in enumerate(self.page.tables):
            for cell in table.cells:
                place = CellPlace(number, cell.row, cell.column)
                for word in cell.words:
                    places.setdefault(word, place)
        return places

    def _build(self) -> str:
        parts: list[str] = []
        at, first = 0, 0
        for number, line in enumerate(self.lines):
            breaks = self._breaks(line)
            for i in range(line.first, line.last):
                word = self.words[i].text
                self.starts.append(at)
                self.ends.append(at + len(word))
                self.line_of[i] = number
                self.segment_of[i] = len(self.segments)
                parts.append(word)
                last_of_line = i == line.last - 1
                parts.append("\n" if last_of_line else "\t" if i in breaks else " ")
                at += len(word) + 1
                if last_of_line or i in breaks:
                    self._add_segment(number, first, i + 1)
                    first = i + 1
        return "".join(parts)

    def _add_segment(self, line: int, first: int, last: int) -> None:
        words = self.words[first:last]
        self.segments.append(
            Segment(
                index=len(self.segments),
                line=line,
                first=first,
                last=last,
                start=self.starts[first],
                end=self.ends[last - 1],
                box=union(self.flat[first:last]),
                text=" ".join(word.text for word in words),
            )
        )

    def _breaks(self, line: Line) -> set[int]:
        """Indexes of words after which the line has a wide gap or goes on in another table cell."""
        found: set[int] = set()
        if line.last - line.first < 2:
            return found
        boxes = self.flat[line.first : line.last]
        height = statistics.median(box[3] - box[1] for box in boxes)
        letters = sum(len(word.text) for word in self.words[line.first : line.last])
        character = sum(box[2] - box[0] for box in boxes) / max(letters, 1)
        # A space of a monospaced face is a character wide, of justified prose under a height; columns of synthetic
        # pages are two characters apart.
        limit = max(height * 1.1, character * 1.8, 1.0)
        for i, (left, right) in enumerate(pairwise(boxes), line.first):
            gap = right[0] - left[2]
            if gap > limit or gap < -4 * limit or self.place_of.get(i) != self.place_of.get(i + 1):
                found.add(i)
        return found

    # -- from characters to words and proof

    def word_at(self, position: int) -> int:
        """Index of the word that holds the character, or of the one before it when it is a separator."""
        return max(bisect_right(self.starts, position) - 1, 0)

    def segment_at(self, position: int) -> Segment:
        """The segment that holds the character."""
        return self.segments[self.segment_of[self.word_at(position)]]

    def words_of(self, start: int, end: int) -> range:
        """Indexes of the words that `text[start:end]` touches."""
        return range(self.word_at(start), self.word_at(max(end - 1, start)) + 1)

    def boxes(self, start: int, end: int) -> tuple[Box, ...]:
        """The boxes of `text[start:end]`, merged per line; a word touched in part gives that part of its width."""
        boxes: list[Box] = []
        line = -1
        for i in self.words_of(start, end):
            box = self._part(i, self.words[i].box, start, end)
            if self.line_of[i] == line:
                boxes[-1] = union((boxes[-1], box))
            else:
                boxes.append(box)
                line = self.line_of[i]
        return tuple(boxes)

    def _part(self, word: int, box: Box, start: int, end: int) -> Box:
        x0, y0, x1, y1 = box
        length = max(self.ends[word] - self.starts[word], 1)
        left = max(start - self.starts[word], 0) / length
        right = max(self.ends[word] - end, 0) / length
        width = x1 - x0
        return (x0 + width * left, y0, x1 - width * right, y1)

    def box(self, start: int, end: int) -> Box:
        """Where the first line of `text[start:end]` stands on the straightened page."""
        words = self.words_of(start, end)
        line = self.line_of[words[0]]
        return union([self._part(i, self.flat[i], start, end) for i in words if self.line_of[i] == line])

    def evidence(self, start: int, end: int) -> Evidence:
        """The proof for `text[start:end]`."""
        return Evidence(self.page.number, self.boxes(start, end), " ".join(self.text[start:end].split()))

    def evidence_of(self, words: Sequence[int]) -> Evidence:
        """The proof for words that need not follow one another (a table cell)."""
        boxes: list[Box] = []
        line = -1
        for i in words:
            if self.line_of[i] == line:
                boxes[-1] = union((boxes[-1], self.words[i].box))
            else:
                boxes.append(self.words[i].box)
                line = self.line_of[i]
        return Evidence(self.page.number, tuple(boxes), " ".join(self.words[i].text for i in words))

    def confidence(self, start: int, end: int) -> float:
        """The lowest confidence of the words touched: a value is as sure as its worst word."""
        return min((self.words[i].confidence for i in self.words_of(start, end)), default=1.0)

    # -- neighbours

    @cached_property
    def _bands(self) -> dict[int, list[Segment]]:
        bands: dict[int, list[Segment]] = {}
        for segment in sorted(self.segments, key=lambda s: s.box[0]):
            low, high = int(segment.box[1] // _BAND), int(segment.box[3] // _BAND)
            for band in range(low, min(high, low + 50) + 1):
                bands.setdefault(band, []).append(segment)
        return bands

    @cached_property
    def _band_edges(self) -> dict[int, list[float]]:
        return {band: [s.box[0] for s in segments] for band, segments in self._bands.items()}

    def _same_row(self, box: Box) -> tuple[list[Segment], list[float]]:
        band = int((box[1] + box[3]) / 2 // _BAND)
        return self._bands.get(band, []), self._band_edges.get(band, [])

    def right_of(self, box: Box) -> Segment | None:
        """The nearest segment on the same row that starts after the box ends."""
        segments, edges = self._same_row(box)
        at = bisect_left(edges, box[2] - 1.0)
        return next((s for s in segments[at : at + _SCAN] if s.box[0] > box[0] and on_row(box, s.box)), None)

    def left_of(self, box: Box) -> Segment | None:
        """The nearest segment on the same row that ends before the box starts."""
        segments, edges = self._same_row(box)
        at = bisect_left(edges, box[0])
        near = (s for s in reversed(segments[max(at - _SCAN, 0) : at]) if s.box[2] <= box[0] + 1.0)
        return next((s for s in near if on_row(box, s.box)), None)

    def above(self, box: Box, distance: float) -> list[Segment]:
        """Segments of the nearest row within `distance` above the box that may stand over it, best first."""
        return self._vertical(box, distance, upwards=True)

    def below(self, box: Box, distance: float) -> list[Segment]:
        """Segments of the nearest row within `distance` below the box that may stand under it, best first."""
        return self._vertical(box, distance, upwards=False)

    def _vertical(self, box: Box, distance: float, *, upwards: bool) -> list[Segment]:
        tolerance = min((box[3] - box[1]) * 0.35, 4.0)
        edge = box[1] if upwards else box[3]
        first, last = int(edge // _BAND), int((edge + (-distance if upwards else distance)) // _BAND)
        step = -1 if upwards else 1
        found: dict[int, tuple[float, Segment]] = {}
        for band in range(first, last + step, step):
            for segment in self._overlapping(band, box):
                gap = edge - segment.box[3] if upwards else segment.box[1] - edge
                middle = (segment.box[1] + segment.box[3]) / 2
                beyond = middle < edge if upwards else middle > edge
                if -tolerance <= gap <= distance and beyond:
                    found[segment.index] = (gap, segment)
            if found and abs(band - first) >= 1:
                break
        if not found:
            return []
        nearest = min(gap for gap, _ in found.values())
        row = [s for gap, s in found.values() if gap <= nearest + tolerance]
        return sorted(row, key=lambda s: (-overlap(box, s.box), abs(s.box[0] - box[0])))

    def _overlapping(self, band: int, box: Box) -> Iterator[Segment]:
        """Segments of a band that the box overlaps, and the one that starts last before it (a label's box goes on to
        the right as far as its next neighbour)."""
        edges = self._band_edges.get(band)
        if not edges:
            return
        segments = self._bands[band]
        at = bisect_left(edges, box[2])
        before = 0
        for segment in reversed(segments[max(at - _SCAN, 0) : at]):
            if segment.box[2] > box[0]:
                yield segment
            else:
                before += 1
                yield segment
                if before == 2:
                    return

    # -- tables

    def cell(self, word: int) -> tuple[Table, CellPlace] | None:
        """The table and place of a word, None outside tables."""
        place = self.place_of.get(word)
        return (self.page.tables[place.table], place) if place else None

    def is_ocr(self) -> bool:
        """Whether the words were read from an image, so that letters may stand for digits."""
        return self.page.source == "ocr"


class DocumentView:
    """All pages of a document for reading."""

    def __init__(self, extraction: Extraction) -> None:
        self.extraction = extraction
        self.pages = [PageView(page) for page in extraction.pages]
