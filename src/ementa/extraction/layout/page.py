"""One page laid out: words in reading order, with the lines, blocks and tables that they form."""

from collections.abc import Sequence
from statistics import median
from typing import NamedTuple

from ementa.extraction.layout.blocks import make_blocks
from ementa.extraction.layout.grids import Grid, Rule, find_grids
from ementa.extraction.layout.order import order
from ementa.extraction.layout.segments import RawWord, Segment, is_vertical, make_segments, same_line
from ementa.extraction.layout.tables import PlannedTable, plan_aligned, plan_ruled
from ementa.extraction.types import Block, Box, Cell, Line, Table, Word


class Layout(NamedTuple):
    """What `lay_out` gives; the fields of a `Page`."""

    words: tuple[Word, ...]
    lines: tuple[Line, ...]
    blocks: tuple[Block, ...]
    tables: tuple[Table, ...]


class PlannedLine(NamedTuple):
    """A line before numbering: its words by their first numbers, and the region or table it stands in."""

    words: list[int]
    region: int
    table: int = -1


def lay_out(words: Sequence[RawWord], rules: Sequence[Rule] = ()) -> Layout:
    """Order the words of a page and find its structure. `rules` are the lines drawn on it.

    Time grows with n log n in words.
    """
    if not words:
        return Layout((), (), (), ())
    upright, vertical = _apart(words)
    grids = find_grids(rules, words, upright) if rules else []
    inside = {index for grid in grids for index in grid.words}
    free = [index for index in upright if index not in inside] if inside else upright
    segments = make_segments(words, free)
    segments += [Segment(grid.box, [], number) for number, grid in enumerate(grids)]
    plan, tables = _plan(words, segments, grids)
    plan += [PlannedLine(run, -1 - number) for number, run in enumerate(_vertical_runs(words, vertical))]
    if any("\u0590" <= word[4][0] <= "\u08ff" for word in words):
        plan = [planned._replace(words=_right_to_left(words, planned.words)) for planned in plan]
    return _numbered(words, plan, tables)


def _apart(words: Sequence[RawWord]) -> tuple[list[int], list[int]]:
    upright: list[int] = []
    vertical: list[int] = []
    for index, word in enumerate(words):
        (vertical if is_vertical(word) else upright).append(index)
    return upright, vertical


def _vertical_runs(words: Sequence[RawWord], vertical: list[int]) -> list[list[int]]:
    """Words written up or down the page, those that follow each other in one column of dots together."""
    runs: list[list[int]] = []
    for index in vertical:
        if runs:
            x0, y0, x1, y1 = words[runs[-1][-1]][:4]
            word = words[index]
            gap = max(word[1] - y1, y0 - word[3])
            if same_line(x0, x1, word[0], word[2]) and gap < 2 * (x1 - x0):
                runs[-1].append(index)
                continue
        runs.append([index])
    return runs


def _right_to_left(words: Sequence[RawWord], line: list[int]) -> list[int]:
    """A line of Hebrew or Arabic in the order it is read; other lines as they are."""
    ours = sum("\u0590" <= words[index][4][0] <= "\u08ff" for index in line)
    return line if 2 * ours <= len(line) else sorted(line, key=lambda index: -words[index][2])


def _plan(
    words: Sequence[RawWord], segments: list[Segment], grids: list[Grid]
) -> tuple[list[PlannedLine], list[PlannedTable]]:
    plan: list[PlannedLine] = []
    tables: list[PlannedTable] = []
    for region, rows in enumerate(order(segments)):
        aligned = {table.first_row: table for table in plan_aligned(rows)}
        current: PlannedTable | None = None
        for number, row in enumerate(rows):
            if row[0].table >= 0:
                table = plan_ruled(words, grids[row[0].table])
                plan += [PlannedLine(line, region, len(tables)) for line in table.lines]
                tables.append(table)
                continue
            if number in aligned:
                current = aligned[number]
                tables.append(current)
            if current is not None and number >= current.first_row + len(current.lines):
                current = None
            line = [index for segment in row for index in segment.words]
            plan.append(PlannedLine(line, region, len(tables) - 1 if current is not None else -1))
    return plan, tables


def _numbered(words: Sequence[RawWord], plan: list[PlannedLine], tables: list[PlannedTable]) -> Layout:
    """Number the words in reading order and point lines, blocks and cells at them."""
    placed: list[Word] = []
    lines: list[Line] = []
    new_number = [0] * len(words)
    for planned in plan:
        first = len(placed)
        for index in planned.words:
            x0, y0, x1, y1, text, confidence = words[index]
            new_number[index] = len(placed)
            placed.append(Word(text, (x0, y0, x1, y1), confidence))
        lines.append(Line(first, len(placed), _bounds(words, planned.words)))
    heights = [line.box[3] - line.box[1] for line in lines]
    blocks = make_blocks(placed, lines, [(p.region, p.table) for p in plan], median(heights))
    return Layout(
        tuple(placed),
        tuple(lines),
        tuple(blocks),
        tuple(_table(words, table, new_number) for table in tables),
    )


def _table(words: Sequence[RawWord], planned: PlannedTable, new_number: list[int]) -> Table:
    cells = tuple(
        Cell(
            row=cell.row,
            column=cell.column,
            text=" ".join(words[index][4] for index in cell.words),
            box=cell.box if cell.box is not None else _bounds(words, cell.words),
            words=tuple(new_number[index] for index in cell.words),
            row_span=cell.row_span,
            column_span=cell.column_span,
        )
        for cell in planned.cells
    )
    return Table(planned.box, planned.rows, planned.columns, cells, planned.header_rows)


def _bounds(words: Sequence[RawWord], indexes: Sequence[int]) -> Box:
    if len(indexes) == 1:
        return words[indexes[0]][:4]
    chosen = [words[index] for index in indexes]
    return (
        min(word[0] for word in chosen),
        min(word[1] for word in chosen),
        max(word[2] for word in chosen),
        max(word[3] for word in chosen),
    )
