"""Builders of extractions for tests: pages from texts put at positions, without a file or an OCR engine.

`make_page([(50, 100, "CNPJ:"), (120, 100, "12.345.678/0001-95")])` gives a page whose words have the boxes of a font of
`size` points with `0.5 × size` wide characters. Texts that share a y stand on one line, ordered by x.
"""

from collections.abc import Sequence

from ementa.extraction.types import Barcode, Block, Box, Cell, Extraction, Line, Page, Source, Table, Word

_CHAR = 0.5
"""Width of a character over the font size."""

Placed = tuple[float, float, str] | tuple[float, float, str, float]
"""x, baseline y (top of the box), text, and the font size when it is not the page's."""


def make_words(x: float, y: float, text: str, *, size: float = 10.0, confidence: float = 1.0) -> list[Word]:
    """The words of a text that starts at (x, y)."""
    words: list[Word] = []
    at = x
    for part in text.split(" "):
        width = len(part) * size * _CHAR
        if part:
            words.append(Word(part, (at, y, at + width, y + size), confidence))
        at += width + size * _CHAR
    return words


def make_page(
    placed: Sequence[Placed],
    *,
    number: int = 1,
    size: float = 10.0,
    width: float = 595.0,
    height: float = 842.0,
    source: Source = "text_layer",
    confidence: float = 1.0,
    barcodes: Sequence[Barcode] = (),
    tables: Sequence[Table] = (),
) -> Page:
    """A page with these texts; one line for all texts of the same y, one block for the page."""
    rows: dict[float, list[Word]] = {}
    for item in sorted(placed, key=lambda p: (p[1], p[0])):
        own = item[3] if len(item) == 4 else size
        rows.setdefault(item[1], []).extend(make_words(item[0], item[1], item[2], size=own, confidence=confidence))
    words: list[Word] = []
    lines: list[Line] = []
    for row in rows.values():
        first = len(words)
        words.extend(row)
        if len(words) > first:
            lines.append(Line(first, len(words), _union([word.box for word in row])))
    blocks = (Block("paragraph", 0, len(lines), _union([line.box for line in lines])),) if lines else ()
    return Page(
        number=number,
        width=width,
        height=height,
        source=source,
        words=tuple(words),
        lines=tuple(lines),
        blocks=blocks,
        tables=tuple(tables),
        barcodes=tuple(barcodes),
        confidence=confidence,
    )


def make_text_page(text: str, *, number: int = 1, source: Source = "text_layer", confidence: float = 1.0) -> Page:
    """A page of plain lines from the top left; two or more spaces inside a line are a wide gap."""
    placed: list[Placed] = []
    for i, line in enumerate(text.split("\n")):
        x = 50.0
        for part in line.split("  "):
            if part.strip():
                placed.append((x, 50.0 + 14.0 * i, part.strip()))
            x += (len(part) + 4) * 10.0 * _CHAR
    return make_page(placed, number=number, source=source, confidence=confidence)


def make_extraction(*pages: Page, media_type: str = "application/pdf", data: str = "") -> Extraction:
    """A document of these pages."""
    return Extraction(media_type=media_type, pages=pages, engine="test", language="pt", data=data)


def make_table(page: Page, grid: Sequence[Sequence[Box]], *, header_rows: int = 1) -> Table:
    """A table whose cells hold the words of `page` with their middle inside each box."""
    cells: list[Cell] = []
    for row, boxes in enumerate(grid):
        for column, box in enumerate(boxes):
            inside = tuple(i for i, word in enumerate(page.words) if _holds(box, word.box))
            cells.append(Cell(row, column, " ".join(page.words[i].text for i in inside), box, inside))
    box = _union([cell.box for cell in cells])
    return Table(box, len(grid), max(len(boxes) for boxes in grid), tuple(cells), header_rows)


def _holds(outer: Box, inner: Box) -> bool:
    x, y = (inner[0] + inner[2]) / 2, (inner[1] + inner[3]) / 2
    return outer[0] <= x <= outer[2] and outer[1] <= y <= outer[3]


def _union(boxes: Sequence[Box]) -> Box:
    return (
        min(box[0] for box in boxes),
        min(box[1] for box in boxes),
        max(box[2] for box in boxes),
        max(box[3] for box in boxes),
    )
