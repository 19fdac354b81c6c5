"""Geometry of synthetic tables and lines: widths of columns, heights of rows, boxes of words. Pure functions."""

import re
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass

from ementa.extraction.types import Box, Cell, Line, Word

MAX_CELL = 48
"""Characters after which the text of a cell is wrapped."""
MAX_TABLE = 1000
"""Characters of the widest table; a wider one is squeezed into that width."""
GAP = 2

_NUMBER = re.compile(r"^[\s(+\-]*(?:R\$|US\$|[$€£])?[\s\d.,:/()%+\-–]*\d[\s\d.,:/()%+\-–]*$")


@dataclass(slots=True)
class TextCell:
    """A cell with the words of its lines."""

    row: int
    column: int
    lines: list[list[str]]
    row_span: int = 1
    column_span: int = 1


@dataclass(slots=True)
class Drawn:
    """What some rows of a table add to a page."""

    words: list[Word]
    lines: list[Line]
    cells: list[Cell]


def wrap(words: Sequence[str], width: int) -> list[list[str]]:
    """Words put into lines of at most `width` characters; a longer word has a line of its own."""
    lines: list[list[str]] = []
    used = width + 1
    for word in words:
        if used + len(word) > width:
            lines.append([])
            used = 0
        lines[-1].append(word)
        used += len(word) + 1
    return lines


def columns(words: Sequence[str]) -> list[tuple[int, str]]:
    """Each word with the column where it starts, one space between them."""
    placed: list[tuple[int, str]] = []
    column = 0
    for word in words:
        placed.append((column, word))
        column += len(word) + 1
    return placed


def place(
    words: Sequence[tuple[int, str]], left: float, right: float, top: float, bottom: float, char: float
) -> list[Word]:
    """The (column, word)s of one line, from `left` on, none beyond `right`."""
    placed: list[Word] = []
    for column, word in words:
        x0 = min(left + column * char, right - char)
        x1 = min(left + (column + len(word)) * char, right)
        placed.append(Word(word, (x0, top, max(x1, x0 + char / 2), bottom)))
    return placed


def enclose(boxes: Sequence[Box]) -> Box:
    """The smallest box around all."""
    return (
        min(box[0] for box in boxes),
        min(box[1] for box in boxes),
        max(box[2] for box in boxes),
        max(box[3] for box in boxes),
    )


def around(words: Sequence[Word]) -> Box:
    """The smallest box around the words."""
    return enclose([word.box for word in words])


def guess_header_rows(cells: Sequence[TextCell]) -> int:
    """1 when the first row reads like names of columns (no numbers, no gaps) above rows of data, else 0."""
    first = min(cell.row for cell in cells)
    head = [cell for cell in cells if cell.row == first]
    columns = {cell.column for cell in cells}
    covered = sum(cell.column_span for cell in head)
    if covered < len(columns) or len(cells) == len(head):
        return 0
    texts = [" ".join(word for line in cell.lines for word in line) for cell in head]
    return 0 if any(_NUMBER.match(text) or len(text) > MAX_CELL for text in texts) else 1


def arrange(cells: Sequence[TextCell]) -> "Layout":
    """Lay out a table. Rows and columns without any text are dropped, so a sparse sheet costs what it holds."""
    rows = sorted({cell.row for cell in cells})
    columns = sorted({cell.column for cell in cells})
    kept: dict[tuple[int, int], TextCell] = {}
    for cell in sorted(cells, key=lambda cell: (cell.row, cell.column)):
        row = bisect_left(rows, cell.row)
        column = bisect_left(columns, cell.column)
        if (row, column) in kept:
            kept[row, column].lines.extend(cell.lines)
            continue
        row_span = bisect_left(rows, cell.row + max(cell.row_span, 1)) - row
        column_span = bisect_left(columns, cell.column + max(cell.column_span, 1)) - column
        kept[row, column] = TextCell(row, column, list(cell.lines), row_span, column_span)
    return Layout(list(kept.values()), len(rows), len(columns))


class Layout:
    """A table's grid in characters and lines: where each column starts and how high each row is."""

    def __init__(self, cells: Sequence[TextCell], rows: int, columns: int) -> None:
        self._cells = cells
        self.rows = rows
        self.columns = columns
        widths = _column_widths(cells, self.columns)
        total = sum(widths)
        self._squeeze = min(1.0, MAX_TABLE / total)
        self.width = min(float(total), float(MAX_TABLE))
        self._starts = [0.0]
        for width in widths:
            self._starts.append(self._starts[-1] + width * self._squeeze)
        self._wrapped = [[row for line in cell.lines for row in wrap(line, self._inner(cell))] for cell in cells]
        heights = _row_heights(cells, [len(lines) for lines in self._wrapped], self.rows)
        self._tops = [0]
        for height in heights:
            self._tops.append(self._tops[-1] + height)
        self._at: dict[int, list[int]] = {}
        for index, cell in enumerate(cells):
            self._at.setdefault(cell.row, []).append(index)

    def _inner(self, cell: TextCell) -> int:
        """Characters that a line of this cell may have."""
        last = cell.column + cell.column_span
        return max(round((self._starts[last] - self._starts[cell.column]) / self._squeeze) - GAP, 1)

    def height(self, first: int, last: int) -> int:
        """Lines that rows `first:last` take."""
        return self._tops[last] - self._tops[first]

    def fit(self, first: int, lines: int) -> int:
        """The row after the last that fits in `lines` when drawing starts with row `first`; at least one does."""
        last = first + 1
        while last < self.rows and self.height(first, last + 1) <= lines:
            last += 1
        return last

    def draw(self, first: int, last: int, origin: tuple[float, float], char: float, leading: float, word: int) -> Drawn:
        """Rows `first:last` with their corner at `origin`; `word` is the page's index of their first word."""
        drawn = Drawn([], [], [])
        for row in range(first, last):
            indexes = self._at.get(row, [])
            whole = all(len(self._cells[index].lines) == 1 for index in indexes)
            start = word + len(drawn.words)
            for index in indexes:
                box = self._box(self._cells[index], first, last, origin, char, leading)
                drawn.cells.append(self._draw_cell(index, (first, last), box, (char, leading), word, drawn, whole))
            if whole and indexes:
                mine = drawn.words[start - word :]
                drawn.lines.append(Line(start, start + len(mine), around(mine)))
        return drawn

    def _box(
        self, cell: TextCell, first: int, last: int, origin: tuple[float, float], char: float, leading: float
    ) -> Box:
        right = cell.column + cell.column_span
        bottom = min(cell.row + cell.row_span, last)
        x, y = origin
        return (
            x + self._starts[cell.column] * char,
            y + (self._tops[cell.row] - self._tops[first]) * leading,
            x + self._starts[right] * char,
            y + (self._tops[bottom] - self._tops[first]) * leading,
        )

    def _draw_cell(
        self,
        index: int,
        rows: tuple[int, int],
        box: Box,
        size: tuple[float, float],
        word: int,
        drawn: Drawn,
        whole: bool,
    ) -> Cell:
        """Add the words of a cell, and a line for each of its lines unless the row as a `whole` is one."""
        cell = self._cells[index]
        char, leading = size
        begin = word + len(drawn.words)
        for at, words in enumerate(self._wrapped[index]):
            top = min(box[1] + at * leading, box[3] - leading)
            placed = place(
                columns(words), box[0], max(box[2] - char, box[0] + char * self._squeeze), top + 1, top + leading - 1,
                char * self._squeeze,
            )  # fmt: skip
            if not whole:
                start = word + len(drawn.words)
                drawn.lines.append(Line(start, start + len(placed), around(placed)))
            drawn.words.extend(placed)
        text = "\n".join(" ".join(line) for line in cell.lines)
        first, last = rows
        span = min(cell.row_span, last - cell.row)
        indexes = tuple(range(begin, word + len(drawn.words)))
        return Cell(cell.row - first, cell.column, text, box, indexes, span, cell.column_span)


def _column_widths(cells: Sequence[TextCell], columns: int) -> list[int]:
    """Characters of each column, with the gap after it: the longest line up to `MAX_CELL`."""
    widths = [GAP + 1] * columns
    for cell in cells:
        if cell.column_span == 1:
            longest = max(sum(len(word) + 1 for word in line) - 1 for line in cell.lines)
            widths[cell.column] = max(widths[cell.column], min(longest, MAX_CELL) + GAP)
    return widths


def _row_heights(cells: Sequence[TextCell], needed: Sequence[int], rows: int) -> list[int]:
    """Lines of each row; a cell over several rows makes the last of them higher when it must."""
    heights = [1] * rows
    for cell, lines in zip(cells, needed, strict=True):
        if cell.row_span == 1:
            heights[cell.row] = max(heights[cell.row], lines)
    for cell, lines in zip(cells, needed, strict=True):
        if cell.row_span > 1:
            last = min(cell.row + cell.row_span, rows)
            missing = lines - sum(heights[cell.row : last])
            heights[last - 1] += max(missing, 0)
    return heights
