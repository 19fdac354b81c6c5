"""The one form in which every document comes out of extraction.

Units: points (1/72 inch); origin at the top left of the page; boxes are (x0, y0, x1, y1). Formats without geometry
(e-mail, HTML, spreadsheets, text) get a synthetic layout: monospaced lines on A4-like pages, `source="native"`, so that
everything above can treat all documents alike; `Page.has_geometry` says which it is.
"""

from typing import Literal

import msgspec

Box = tuple[float, float, float, float]
Source = Literal["text_layer", "ocr", "native", "empty"]
BlockKind = Literal["heading", "paragraph", "list_item", "table", "header", "footer"]


class Word(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A run of characters without white space. `confidence` is 1.0 except for OCR."""

    text: str
    box: Box
    confidence: float = 1.0


class Line(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """Words read together from left to right: `words[first:last]` of the page."""

    first: int
    last: int
    box: Box


class Block(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """Lines read together: `lines[first:last]` of the page. `level` is the heading's, 1 to 6, else 0."""

    kind: BlockKind
    first: int
    last: int
    box: Box
    level: int = 0


class Cell(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One cell of a table. `words` are indexes into the page's words."""

    row: int
    column: int
    text: str
    box: Box
    words: tuple[int, ...] = ()
    row_span: int = 1
    column_span: int = 1


class Table(msgspec.Struct, frozen=True, array_like=True):
    """A grid. `header_rows` of its first rows name the columns (0 when unknown)."""

    box: Box
    rows: int
    columns: int
    cells: tuple[Cell, ...]
    header_rows: int = 0


class Barcode(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A barcode or QR code read on the page. `format` in zxing's names: `QRCode`, `ITF`, `Code128`, …"""

    format: str
    text: str
    box: Box


class Page(msgspec.Struct, frozen=True):
    """One page. Words are in reading order; lines and blocks index into them."""

    number: int
    """From 1."""
    width: float
    height: float
    source: Source
    words: tuple[Word, ...] = ()
    lines: tuple[Line, ...] = ()
    blocks: tuple[Block, ...] = ()
    tables: tuple[Table, ...] = ()
    barcodes: tuple[Barcode, ...] = ()
    has_geometry: bool = True
    rotation: int = 0
    """Degrees clockwise (0, 90, 180, 270) by which the file's page was turned to be read upright. Boxes, width and
    height are those of the upright page."""
    confidence: float = 1.0
    """Mean word confidence; 1.0 for text that the file carries."""
    title: str = ""
    """Sheet, slide or part name, where the format has one."""

    def line_text(self, line: Line) -> str:
        """The words of a line joined by single spaces."""
        return " ".join(word.text for word in self.words[line.first : line.last])

    @property
    def text(self) -> str:
        """The page's text: a line per line, a blank line between blocks."""
        if not self.blocks:
            return "\n".join(self.line_text(line) for line in self.lines)
        return "\n\n".join(
            "\n".join(self.line_text(line) for line in self.lines[block.first : block.last]) for block in self.blocks
        )


class Extraction(msgspec.Struct, frozen=True):
    """A document as read. Immutable; stored as msgpack by content hash and `engine`."""

    media_type: str
    pages: tuple[Page, ...]
    engine: str
    """Version of the code and engines that read it; part of the cache key."""
    language: str = ""
    """ISO 639-1 of most of the text, empty when it cannot be told."""
    metadata: dict[str, str] = {}
    """What the file says of itself: title, author, created, subject, from, to…"""
    warnings: tuple[str, ...] = ()
    """Stable codes of what was not perfect: `ATTACHMENTS_SKIPPED`, `OCR_LOW_CONFIDENCE`, …"""
    data: str = ""
    """For XML and JSON documents, the source itself (bounded), so that readers can use its structure."""

    @property
    def text(self) -> str:
        """The whole text, pages separated by a form feed."""
        return "\f".join(page.text for page in self.pages)


def to_bytes(extraction: Extraction) -> bytes:
    """The stored form (msgpack)."""
    return msgspec.msgpack.encode(extraction)


def from_bytes(data: bytes) -> Extraction:
    """The stored form, validated: it may come from a child process that read a hostile file."""
    return msgspec.msgpack.decode(data, type=Extraction)
