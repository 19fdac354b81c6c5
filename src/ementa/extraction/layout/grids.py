"""Grids drawn on a page: straight lines that meet and enclose cells."""

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from ementa.extraction.layout.segments import RawWord
from ementa.extraction.types import Box

TOUCH = 2.5
"""Lines closer than this (points) meet."""
MAX_RULES = 4000
_MAX_CELLS = 20_000


class Rule(NamedTuple):
    """A straight line: horizontal at `at` (y) from `start` to `end` (x), or vertical with the axes exchanged."""

    horizontal: bool
    at: float
    start: float
    end: float


@dataclass(slots=True)
class GridCell:
    """A cell and the words whose middle lies in it."""

    row: int
    column: int
    box: Box
    row_span: int = 1
    column_span: int = 1
    words: list[int] = field(default_factory=lambda: [])


@dataclass(slots=True)
class Grid:
    """A drawn table."""

    box: Box
    rows: int
    columns: int
    cells: list[GridCell]

    @property
    def words(self) -> list[int]:
        """Every word inside."""
        return [index for cell in self.cells for index in cell.words]


def find_grids(rules: Sequence[Rule], words: Sequence[RawWord], chosen: Sequence[int]) -> list[Grid]:
    """The grids that hold words in at least two cells. Only the first `MAX_RULES` rules count."""
    grids: list[Grid] = []
    taken: set[int] = set()
    for component in _components(list(rules[:MAX_RULES])):
        grid = _grid(component)
        if grid is None:
            continue
        _fill(grid, words, [index for index in chosen if index not in taken])
        if sum(1 for cell in grid.cells if cell.words) >= 2:
            taken.update(grid.words)
            grids.append(grid)
    return grids


def count_crossings(rules: Sequence[Rule]) -> int:
    """How often a horizontal and a vertical line meet: many mean a form or a table."""
    return sum(len(meeting) for _, meeting in _meetings(rules[:MAX_RULES]))


def _meetings(rules: Sequence[Rule]) -> Iterator[tuple[int, list[int]]]:
    """Each horizontal rule with the vertical ones that meet it, by number."""
    upright = sorted((i for i, rule in enumerate(rules) if not rule.horizontal), key=lambda i: rules[i].at)
    positions = [rules[i].at for i in upright]
    for i, rule in enumerate(rules):
        if rule.horizontal:
            first = bisect_right(positions, rule.start - TOUCH)
            last = bisect_right(positions, rule.end + TOUCH)
            candidates = upright[first:last]
            yield i, [j for j in candidates if rules[j].start - TOUCH <= rule.at <= rules[j].end + TOUCH]


def _components(rules: list[Rule]) -> list[list[Rule]]:
    """Rules that meet, directly or through others; the component with most rules first."""
    parent = list(range(len(rules)))

    def root(i: int) -> int:
        while parent[i] != i:
            parent[i] = parent[parent[i]]
            i = parent[i]
        return i

    for i, meeting in _meetings(rules):
        for j in meeting:
            parent[root(j)] = root(i)
    groups: dict[int, list[Rule]] = {}
    for i, rule in enumerate(rules):
        groups.setdefault(root(i), []).append(rule)
    return sorted((group for group in groups.values() if len(group) >= 4), key=len, reverse=True)


def _positions(values: list[float]) -> list[float]:
    """Sorted, those that touch taken as one."""
    result: list[float] = []
    for value in sorted(values):
        if not result or value - result[-1] > TOUCH:
            result.append(value)
    return result


def _grid(rules: list[Rule]) -> Grid | None:
    ys = _positions([rule.at for rule in rules if rule.horizontal])
    xs = _positions([rule.at for rule in rules if not rule.horizontal])
    rows, columns = len(ys) - 1, len(xs) - 1
    if rows < 1 or columns < 1 or rows * columns < 2 or rows * columns > _MAX_CELLS:
        return None
    open_right = _open(rules, xs, ys, horizontal=False)
    open_below = _open(rules, ys, xs, horizontal=True)
    cells: list[GridCell] = []
    used = [[False] * columns for _ in range(rows)]
    for row in range(rows):
        for column in range(columns):
            if used[row][column]:
                continue
            last_column = column
            while last_column + 1 < columns and not used[row][last_column + 1] and open_right[last_column][row]:
                last_column += 1
            last_row = row
            while last_row + 1 < rows and all(open_below[last_row][c] for c in range(column, last_column + 1)):
                last_row += 1
            for r in range(row, last_row + 1):
                for c in range(column, last_column + 1):
                    used[r][c] = True
            box = (xs[column], ys[row], xs[last_column + 1], ys[last_row + 1])
            cells.append(GridCell(row, column, box, last_row - row + 1, last_column - column + 1))
    return Grid((xs[0], ys[0], xs[-1], ys[-1]), rows, columns, cells) if len(cells) > 1 else None


def _open(rules: list[Rule], positions: list[float], across: list[float], *, horizontal: bool) -> list[list[bool]]:
    """`result[i][k]`: nothing is drawn at inner position i+1 along the k-th stretch of `across`."""
    open_: list[list[bool]] = [[True] * (len(across) - 1) for _ in range(len(positions) - 2)]
    for rule in rules:
        if rule.horizontal != horizontal:
            continue
        i = bisect_right(positions, rule.at + TOUCH) - 2
        if not 0 <= i < len(open_):
            continue
        for k in range(max(0, bisect_right(across, rule.start - TOUCH) - 1), len(across) - 1):
            low, high = across[k], across[k + 1]
            if low > rule.end:
                break
            if min(high, rule.end) - max(low, rule.start) >= 0.6 * (high - low):
                open_[i][k] = False
    return open_


def _fill(grid: Grid, words: Sequence[RawWord], chosen: Sequence[int]) -> None:
    x0, y0, x1, y1 = grid.box
    ys = sorted({cell.box[1] for cell in grid.cells})
    by_row: dict[float, list[GridCell]] = {}
    for cell in grid.cells:
        for y in ys[bisect_right(ys, cell.box[1]) - 1 :]:
            if y >= cell.box[3]:
                break
            by_row.setdefault(y, []).append(cell)
    for index in chosen:
        word = words[index]
        x, y = (word[0] + word[2]) / 2, (word[1] + word[3]) / 2
        if not (x0 <= x <= x1 and y0 <= y <= y1):
            continue
        for cell in by_row.get(ys[bisect_right(ys, y) - 1], ()):
            if cell.box[0] <= x < cell.box[2] or x == x1 == cell.box[2]:
                cell.words.append(index)
                break
