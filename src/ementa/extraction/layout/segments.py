"""Words that stand beside each other in one line, up to the first wide gap: the unit of reading order and of tables."""

from collections.abc import Sequence

from ementa.extraction.types import Box

RawWord = tuple[float, float, float, float, str, float]
"""x0, y0, x1, y1, text, confidence. A plain tuple: a page may have a hundred thousand."""

GAP = 1.25
"""A gap wider than this many heights of the line separates columns. Spaces of justified text stay below."""
_BACK = 0.6
_OVERLAP = 0.45


class Segment:
    """A run of words of one line, or a whole table standing in the text (`table`, its number)."""

    __slots__ = ("height", "table", "words", "x0", "x1", "y0", "y1")

    def __init__(self, box: Box, words: list[int], table: int = -1) -> None:
        self.x0, self.y0, self.x1, self.y1 = box
        self.words = words
        self.table = table
        self.height = self.y1 - self.y0

    @property
    def box(self) -> Box:
        """Its bounds."""
        return self.x0, self.y0, self.x1, self.y1


def same_line(ay0: float, ay1: float, by0: float, by1: float) -> bool:
    """Whether two vertical extents belong to one line: they share about half of the smaller."""
    shared = (ay1 if ay1 < by1 else by1) - (ay0 if ay0 > by0 else by0)
    a, b = ay1 - ay0, by1 - by0
    return shared >= _OVERLAP * (a if a < b else b)


def is_vertical(word: RawWord) -> bool:
    """Whether a word is written up or down the page."""
    return word[3] - word[1] > 2.2 * (word[2] - word[0]) and len(word[4]) > 2


def make_segments(words: Sequence[RawWord], chosen: Sequence[int]) -> list[Segment]:
    """The chosen words as segments, following the order they come in (a file's own order is mostly right)."""
    segments: list[Segment] = []
    current: list[int] = []
    sx0 = sy0 = sx1 = sy1 = 0.0
    for index in chosen:
        x0, y0, x1, y1, _, _ = words[index]
        if current:
            height = sy1 - sy0
            if (
                x0 - sx1 <= GAP * height
                and sx1 - x0 <= _BACK * height
                and x1 >= sx1
                and same_line(sy0, sy1, y0, y1)
                and y1 - y0 <= 2.5 * height
            ):
                current.append(index)
                sx1 = x1
                if y0 < sy0:
                    sy0 = y0
                if y1 > sy1:
                    sy1 = y1
                continue
            segments.append(Segment((sx0, sy0, sx1, sy1), current))
        current = [index]
        sx0, sy0, sx1, sy1 = x0, y0, x1, y1
    if current:
        segments.append(Segment((sx0, sy0, sx1, sy1), current))
    return segments


def make_rows(segments: list[Segment]) -> list[list[Segment]]:
    """Segments side by side, from top to bottom; within a row from left to right, touching ones joined."""
    rows: list[list[Segment]] = []
    top = bottom = 0.0
    for segment in sorted(segments, key=_middle):
        if rows and segment.table < 0 and rows[-1][0].table < 0 and same_line(top, bottom, segment.y0, segment.y1):
            rows[-1].append(segment)
            if segment.height > bottom - top:
                top, bottom = segment.y0, segment.y1
            continue
        rows.append([segment])
        top, bottom = segment.y0, segment.y1
    return [row if len(row) == 1 else _joined(row) for row in rows]


def _middle(segment: Segment) -> float:
    return segment.y0 + segment.y1


def _joined(row: list[Segment]) -> list[Segment]:
    row.sort(key=lambda segment: segment.x0)
    result = [row[0]]
    for segment in row[1:]:
        last = result[-1]
        height = last.height if last.height > segment.height else segment.height
        if segment.x0 - last.x1 <= GAP * height:
            box = (last.x0, min(last.y0, segment.y0), max(last.x1, segment.x1), max(last.y1, segment.y1))
            result[-1] = Segment(box, last.words + segment.words)
        else:
            result.append(segment)
    return result
