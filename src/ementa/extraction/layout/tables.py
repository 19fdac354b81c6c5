"""Tables: those drawn with lines (`grids.py` finds the lines) and those made by alignment alone."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field

from ementa.extraction.layout.grids import Grid
from ementa.extraction.layout.order import Row
from ementa.extraction.layout.segments import RawWord, Segment, make_rows, make_segments
from ementa.extraction.types import Box

_MIN_ROWS = 3
_MAX_SKIPPED = 2


@dataclass(slots=True)
class PlannedCell:
    """A cell by the first numbers of its words."""

    row: int
    column: int
    words: list[int]
    box: Box | None = None
    row_span: int = 1
    column_span: int = 1


@dataclass(slots=True)
class PlannedTable:
    """A table before its words are numbered in reading order. `lines` are its words, line by line."""

    box: Box
    rows: int
    columns: int
    cells: list[PlannedCell]
    lines: list[list[int]] = field(default_factory=lambda: [])
    header_rows: int = 0
    first_row: int = -1


def plan_ruled(words: Sequence[RawWord], grid: Grid) -> PlannedTable:
    """A drawn grid. A row whose cells hold one line each reads across; otherwise each cell reads on its own."""
    cells: list[PlannedCell] = []
    lines: list[list[int]] = []
    for row in range(grid.rows):
        in_row: list[list[list[int]]] = []
        for cell in (c for c in grid.cells if c.row == row):
            cell_lines = _lines_within(words, cell.words)
            flat = [index for line in cell_lines for index in line]
            cells.append(PlannedCell(cell.row, cell.column, flat, cell.box, cell.row_span, cell.column_span))
            if cell_lines:
                in_row.append(cell_lines)
        if all(len(cell_lines) == 1 for cell_lines in in_row):
            across = [index for cell_lines in in_row for index in cell_lines[0]]
            lines += [across] if across else []
        else:
            lines += [line for cell_lines in in_row for line in cell_lines]
    table = PlannedTable(grid.box, grid.rows, grid.columns, cells, lines)
    table.header_rows = _header_rows(words, cells)
    return table


def _lines_within(words: Sequence[RawWord], indexes: list[int]) -> list[list[int]]:
    if not indexes:
        return []
    rows = make_rows(make_segments(words, indexes))
    return [[index for segment in row for index in segment.words] for row in rows]


def _header_rows(words: Sequence[RawWord], cells: Sequence[PlannedCell]) -> int:
    """1 when the first row has words in most cells and fewer digits than what follows."""
    first = [cell for cell in cells if cell.row == 0]
    if not first or sum(1 for cell in first if cell.words) < 0.6 * len(first):
        return 0
    return 1 if _digit_share(words, first) < 0.2 * _digit_share(words, [c for c in cells if c.row > 0]) + 0.02 else 0


def _digit_share(words: Sequence[RawWord], cells: Sequence[PlannedCell]) -> float:
    text = "".join(words[index][4] for cell in cells for index in cell.words)
    return sum(map(str.isdigit, text)) / len(text) if text else 0.0


def plan_aligned(rows: Sequence[Row]) -> list[PlannedTable]:
    """Tables made by alignment: three rows or more, one below the other, whose gaps leave common strips free."""
    tables: list[PlannedTable] = []
    start = 0
    while start < len(rows):
        end = _run(rows, start)
        table = _aligned(rows, start, end) if end - start >= _MIN_ROWS else None
        if table is not None:
            tables.append(table)
        start = max(end, start + 1)
    return tables


def _run(rows: Sequence[Row], start: int) -> int:
    """Where the run of rows that may form one table ends; rows of one segment may continue a cell."""
    if len(rows[start]) < 2 or rows[start][0].table >= 0:
        return start
    end, skipped, strips = start + 1, 0, _strips(rows[start])
    last = start + 1
    while end < len(rows) and skipped <= _MAX_SKIPPED:
        row = rows[end]
        if row[0].table >= 0 or row[0].y0 - rows[end - 1][0].y1 > 3.0 * row[0].height:
            break
        common = _common(strips, _strips(row))
        if len(common) < 1 or (len(row) >= 2 and len(common) < min(len(strips), 2)):
            break
        if len(row) >= 2:
            strips, skipped, last = common, 0, end + 1
        else:
            strips, skipped = common, skipped + 1
        end += 1
    return last


def _strips(row: Row) -> list[tuple[float, float]]:
    """The free strips between the segments of a row; outside them everything is free."""
    edges = [(-1e9, row[0].x0)]
    edges += [(left.x1, right.x0) for left, right in itertools.pairwise(row)]
    return [*edges, (row[-1].x1, 1e9)]


def _common(a: list[tuple[float, float]], b: list[tuple[float, float]]) -> list[tuple[float, float]]:
    """Strips free in both, at least two points wide."""
    found: list[tuple[float, float]] = []
    i = j = 0
    while i < len(a) and j < len(b):
        low, high = max(a[i][0], b[j][0]), min(a[i][1], b[j][1])
        if high - low >= 2.0:
            found.append((low, high))
        if a[i][1] < b[j][1]:
            i += 1
        else:
            j += 1
    return found


def _aligned(rows: Sequence[Row], start: int, end: int) -> PlannedTable | None:
    strips = _strips(rows[start])
    for row in rows[start + 1 : end]:
        strips = _common(strips, _strips(row))
    inner = [(a + b) / 2 for a, b in strips if a > -1e8 and b < 1e8]
    if not inner:
        return None
    chosen = rows[start:end]
    filled = sum(1 for row in chosen if len(row) >= 2)
    if filled < _MIN_ROWS or _is_prose(chosen):
        return None
    cells: list[PlannedCell] = []
    for number, row in enumerate(chosen):
        by_column: dict[int, list[Segment]] = {}
        for segment in row:
            middle = (segment.x0 + segment.x1) / 2
            by_column.setdefault(sum(1 for edge in inner if edge < middle), []).append(segment)
        cells += [
            PlannedCell(number, column, [index for segment in held for index in segment.words])
            for column, held in sorted(by_column.items())
        ]
    flat = [segment for row in chosen for segment in row]
    box = (min(s.x0 for s in flat), min(s.y0 for s in flat), max(s.x1 for s in flat), max(s.y1 for s in flat))
    lines = [[index for segment in row for index in segment.words] for row in chosen]
    return PlannedTable(box, len(chosen), len(inner) + 1, cells, lines, 0, start)


def _is_prose(rows: Sequence[Row]) -> bool:
    """Whether the segments are long enough to be columns of text rather than cells."""
    lengths = sorted(len(segment.words) for row in rows for segment in row)
    return lengths[len(lengths) // 2] > 8
