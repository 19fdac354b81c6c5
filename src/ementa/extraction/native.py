"""Builds synthetic pages for formats that have no geometry of their own: Office, e-mail, HTML, spreadsheets, text.

An extractor turns its file into a flow (`Paragraph`, `Grid`, `PageBreak`) and a `PageBuilder` lays it out in a
monospaced grid on A4-like pages, so that everything above can treat all documents alike: a label stands left of or
above its value here too. Pages grow wider for wide tables and taller where the file itself says where pages end.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Literal

from ementa.extraction import native_grid
from ementa.extraction.base import Limits
from ementa.extraction.errors import TooManyPages, TooManyWords
from ementa.extraction.types import Block, BlockKind, Box, Line, Page, Table, Word

CHAR = 5.0
"""Points from one character to the next."""
LEADING = 12.0
"""Points from one line to the next."""
MARGIN = 36.0
WIDTH = 595.0
HEIGHT = 842.0
COLUMNS = int((WIDTH - 2 * MARGIN) / CHAR)
LINES_PER_PAGE = int((HEIGHT - 2 * MARGIN) / LEADING)
MAX_COLUMNS = 200
"""Characters of the widest page of running text."""
MAX_WORD = 150
"""Longer runs without white space (base64, minified code) are cut into words of this many characters."""

_WORD = re.compile(r"\S+")
_UNWANTED = re.compile(r"[\x00-\x08\x0e-\x1b\x7f\u00ad\u200b\u2060\ufeff\ufffe\uffff\ud800-\udfff]+")


@dataclass(slots=True)
class Paragraph:
    """Text; `\\n` starts a new line within it. `level` is a heading's (1 to 6) or a list item's depth (from 0)."""

    text: str
    kind: BlockKind = "paragraph"
    level: int = 0
    fixed: bool = False
    """Spaces count, as in plain text: words stay in the column where they stand."""


@dataclass(slots=True)
class GridCell:
    """A table's cell; rows and columns from 0."""

    row: int
    column: int
    content: "list[Flow]" = field(default_factory=lambda: [])
    row_span: int = 1
    column_span: int = 1


@dataclass(slots=True)
class Grid:
    """A table. `header_rows` None means that the file does not say: it is guessed."""

    cells: list[GridCell]
    header_rows: int | None = None


@dataclass(slots=True)
class PageBreak:
    """A new page. `title` None keeps the one before."""

    title: str | None = None
    kind: Literal["hard", "soft"] = "hard"
    """A soft break is ignored on a page that has nothing yet."""


Flow = Paragraph | Grid | PageBreak


def clean(text: str) -> str:
    """The text without control characters, soft hyphens, zero-width marks and halves of surrogate pairs."""
    return _UNWANTED.sub("", text)


def split_words(text: str) -> list[str]:
    """The words of a line, none longer than `MAX_WORD`."""
    words = clean(text).split()
    if all(len(word) <= MAX_WORD for word in words):
        return words
    return [word[at : at + MAX_WORD] for word in words for at in range(0, len(word), MAX_WORD)]


def plain_text(flow: Iterable[Flow]) -> str:
    """The text of a flow, a line per paragraph; a table's row is a line."""
    lines: list[str] = []
    for part in flow:
        if isinstance(part, Paragraph):
            lines.append(part.text)
        elif isinstance(part, Grid):
            rows: dict[int, list[str]] = {}
            for cell in part.cells:
                rows.setdefault(cell.row, []).append(" ".join(plain_text(cell.content).split()))
            lines.extend(" ".join(cells) for _, cells in sorted(rows.items()))
    return "\n".join(line for line in lines if line.strip())


class PageBuilder:
    """Lays out a flow on synthetic pages, within `limits`."""

    def __init__(self, limits: Limits, lines_per_page: int = LINES_PER_PAGE) -> None:
        self._limits = limits
        self._capacity = lines_per_page
        self._done: list[Page] = []
        self._total_words = 0
        self._total_cells = 0
        self._started = False
        self._open("")

    def add(self, *flow: Flow) -> None:
        """Append to the document."""
        for part in flow:
            if isinstance(part, Paragraph):
                self._paragraph(part)
            elif isinstance(part, Grid):
                self._grid(part)
            else:
                self._break(part)

    def heading(self, text: str, level: int = 1) -> None:
        """Append a heading of level 1 to 6."""
        self.add(Paragraph(text, "heading", min(max(level, 1), 6)))

    def paragraph(self, text: str) -> None:
        """Append a paragraph."""
        self.add(Paragraph(text))

    def page_break(self, title: str | None = None) -> None:
        """Start a page; with nothing added yet, only its title is set."""
        self.add(PageBreak(title))

    def pages(self) -> tuple[Page, ...]:
        """The pages so far; a document without content has one empty page."""
        self._close()
        pages = tuple(self._done)
        self._open(self._title)
        return pages

    # A page --------------------------------------------------------------------------------------------------------
    def _open(self, title: str) -> None:
        self._title = title
        self._row = 0
        self._width = WIDTH
        self._words: list[Word] = []
        self._lines: list[Line] = []
        self._blocks: list[Block] = []
        self._tables: list[Table] = []

    def _close(self) -> None:
        if len(self._done) >= self._limits.max_pages:
            raise TooManyPages(pages=len(self._done) + 1, limit=self._limits.max_pages)
        height = max(HEIGHT, 2 * MARGIN + self._row * LEADING)
        self._done.append(
            Page(
                number=len(self._done) + 1,
                width=self._width,
                height=height,
                source="native" if self._words else "empty",
                words=tuple(self._words),
                lines=tuple(self._lines),
                blocks=tuple(self._blocks),
                tables=tuple(self._tables),
                has_geometry=False,
                title=clean(self._title).strip(),
            )
        )

    def _break(self, part: PageBreak) -> None:
        title = self._title if part.title is None else part.title
        if not self._started or (part.kind == "soft" and not self._words):
            self._title = title
            self._started = self._started or part.kind == "hard"
            return
        self._close()
        self._open(title)

    def _turn(self) -> None:
        """Go on with the same content on the next page."""
        self._close()
        self._open(self._title)

    # Content -------------------------------------------------------------------------------------------------------
    def _paragraph(self, part: Paragraph) -> None:
        indent = min(part.level, 10) * 2 if part.kind == "list_item" else 0
        lines = _fixed_lines(part.text) if part.fixed else _lines(part.text, COLUMNS - indent)
        if not lines:
            return
        self._started = True
        self._leave_gap(3 if part.kind == "heading" else 1)
        first = len(self._lines)
        for line in lines:
            if self._row >= self._capacity:
                self._block(part, first)
                self._turn()
                first = 0
            self._line(line, indent)
        self._block(part, first)

    def _leave_gap(self, needed: int) -> None:
        """A blank line before the block, unless it starts the page; a heading is not left alone at the bottom."""
        if self._row == 0:
            return
        self._row += 1
        if self._row + needed > self._capacity:
            self._turn()

    def _line(self, words: Sequence[tuple[int, str]], indent: int) -> None:
        """One line of (column, word)."""
        self._count_words(len(words))
        first = len(self._words)
        top, bottom = self._band(self._row, 1)
        end = max(column + len(word) for column, word in words) + indent
        self._width = max(self._width, 2 * MARGIN + min(end, MAX_COLUMNS) * CHAR)
        self._words.extend(native_grid.place(words, MARGIN + indent * CHAR, self._width - MARGIN, top, bottom, CHAR))
        self._lines.append(Line(first, len(self._words), native_grid.around(self._words[first:])))
        self._row += 1

    def _block(self, part: Paragraph, first: int) -> None:
        if first == len(self._lines):
            return
        box = native_grid.enclose([line.box for line in self._lines[first:]])
        level = part.level if part.kind == "heading" else 0
        self._blocks.append(Block(part.kind, first, len(self._lines), box, level))

    @staticmethod
    def _band(row: int, height: int) -> tuple[float, float]:
        return MARGIN + row * LEADING + 1, MARGIN + (row + height) * LEADING - 1

    def _count_words(self, number: int) -> None:
        self._total_words += number
        if self._total_words > self._limits.max_words:
            raise TooManyWords(limit=self._limits.max_words)

    # Tables --------------------------------------------------------------------------------------------------------
    def _grid(self, grid: Grid) -> None:
        cells = [cell for cell in grid.cells if cell.content]
        if _is_layout(cells):
            for cell in sorted(cells, key=lambda cell: (cell.row, cell.column)):
                self.add(*cell.content)
            return
        texts = [
            native_grid.TextCell(cell.row, cell.column, _cell_lines(cell.content), cell.row_span, cell.column_span)
            for cell in cells
        ]
        texts = [cell for cell in texts if cell.lines]
        if not texts:
            return
        self._total_cells += len(texts)
        if self._total_cells > self._limits.max_cells:
            raise TooManyWords(limit=self._limits.max_cells)
        self._count_words(sum(len(line) for cell in texts for line in cell.lines))
        self._started = True
        header_rows = grid.header_rows if grid.header_rows is not None else native_grid.guess_header_rows(texts)
        layout = native_grid.arrange(texts)
        self._leave_gap(min(layout.height(0, layout.rows), self._capacity))
        self._width = max(self._width, 2 * MARGIN + layout.width * CHAR)
        first = 0
        while first < layout.rows:
            last = layout.fit(first, max(self._capacity - self._row, 1))
            self._table(layout, first, last, max(header_rows - first, 0))
            if last < layout.rows:
                self._turn()
                self._width = max(WIDTH, 2 * MARGIN + layout.width * CHAR)
            first = last

    def _table(self, layout: native_grid.Layout, first: int, last: int, header_rows: int) -> None:
        """Rows `first:last` of a table, as one table and one block of this page."""
        origin = (MARGIN, MARGIN + self._row * LEADING)
        drawn = layout.draw(first, last, origin, CHAR, LEADING, len(self._words))
        start = len(self._lines)
        self._words.extend(drawn.words)
        self._lines.extend(drawn.lines)
        box: Box = native_grid.enclose([cell.box for cell in drawn.cells])
        self._tables.append(
            Table(box, last - first, layout.columns, tuple(drawn.cells), min(header_rows, last - first))
        )
        self._blocks.append(Block("table", start, len(self._lines), box))
        self._row += layout.height(first, last)


def _lines(text: str, width: int) -> list[list[tuple[int, str]]]:
    """The text's lines, each wrapped to `width`, as (column, word)."""
    return [
        native_grid.columns(row) for line in text.splitlines() for row in native_grid.wrap(split_words(line), width)
    ]


def _fixed_lines(text: str) -> list[list[tuple[int, str]]]:
    """The text's lines with every word in its own column; lines wider than the widest page are wrapped."""
    lines: list[list[tuple[int, str]]] = []
    for line in text.splitlines():
        spread = clean(line).expandtabs(8)
        if len(spread) > MAX_COLUMNS:
            lines.extend(_lines(line, COLUMNS))
        elif spread.strip():
            lines.append([(found.start(), found[0]) for found in _WORD.finditer(spread)])
    return lines


def _is_layout(cells: Sequence[GridCell]) -> bool:
    """Whether a table only arranges text on the page (one column, tables inside, a page of text in a cell)."""
    if len({cell.column for cell in cells}) <= 1:
        return True
    return any(len(cell.content) > 30 or any(isinstance(part, Grid) for part in cell.content) for cell in cells)


def _cell_lines(content: Iterable[Flow]) -> list[list[str]]:
    lines = (split_words(line) for line in plain_text(content).splitlines())
    return [line for line in lines if line]
