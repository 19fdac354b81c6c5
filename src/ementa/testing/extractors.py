"""The behaviour that every extractor shows, for its own tests and for authors of plugins.

Usage: `check_reading(extractor.extract(path, context), context)` after any reading, and `check_extractor` for a file:
it reads twice, asks for the same answer, and lets nothing but `EmentaError` come out.
"""

from collections.abc import Sequence
from pathlib import Path

import msgspec

from ementa.extraction.base import Context, Extractor, Reading
from ementa.extraction.types import Box, Page
from ementa.kit.errors import EmentaError

_SLACK = 0.5
"""Points by which a box may stand out of its page: rounding of formats that have geometry."""


def check_extractor(extractor: Extractor, path: Path, context: Context) -> Reading | EmentaError:
    """Read a file twice: the same reading or the same error, whole and valid. Returns it."""
    first, second = _outcome(extractor, path, context), _outcome(extractor, path, context)
    if isinstance(first, EmentaError) or isinstance(second, EmentaError):
        assert isinstance(first, EmentaError), "the second reading failed, the first did not"
        assert isinstance(second, EmentaError), "the first reading failed, the second did not"
        assert first.code == second.code, "two readings failed differently"
        assert first.text("pt"), "an error without a sentence"
        assert first.text("en"), "an error without a sentence"
        return first
    check_reading(first, context)
    assert msgspec.msgpack.encode(first) == msgspec.msgpack.encode(second), "two readings differ"
    return first


def check_reading(reading: Reading, context: Context) -> None:
    """Every promise of `extraction/types.py` about a reading."""
    limits = context.limits
    assert reading.pages, "a document has at least one page"
    assert len(reading.pages) <= limits.max_pages, "more pages than the limit"
    assert sum(len(page.words) for page in reading.pages) <= limits.max_words, "more words than the limit"
    cells = sum(len(table.cells) for page in reading.pages for table in page.tables)
    assert cells <= limits.max_cells, "more cells than the limit"
    numbers = [page.number for page in reading.pages]
    assert numbers == list(range(1, len(numbers) + 1)), "pages are numbered from 1"
    assert set(reading.ocr_pages) <= set(numbers), "a page to be OCRed does not exist"
    for page in reading.pages:
        _check_page(page)
    again = msgspec.msgpack.decode(msgspec.msgpack.encode(reading), type=Reading)
    assert again == reading, "the reading does not survive being stored"


def _outcome(extractor: Extractor, path: Path, context: Context) -> Reading | EmentaError:
    try:
        return extractor.extract(path, context)
    except EmentaError as error:
        return error


def _check_page(page: Page) -> None:
    assert page.width > 0, "a page has a width"
    assert page.height > 0, "a page has a height"
    for word in page.words:
        assert word.text.strip(), "an empty word"
        assert len(word.text.split()) == 1, f"white space inside the word {word.text!r}"
        assert 0 <= word.confidence <= 1, "confidence is between 0 and 1"
        _check_box(word.box, page)
    _check_chain([(line.first, line.last) for line in page.lines], len(page.words), "lines")
    _check_chain([(block.first, block.last) for block in page.blocks], len(page.lines), "blocks")
    for part in (*page.lines, *page.blocks):
        _check_box(part.box, page)
    for table in page.tables:
        _check_box(table.box, page)
        for cell in table.cells:
            _check_box(cell.box, page)
            assert 0 <= cell.row < table.rows, "a cell's row is in the table"
            assert 0 <= cell.column < table.columns, "a cell's column is in the table"
            assert cell.row + cell.row_span <= table.rows, "a cell's rows are in the table"
            assert cell.column + cell.column_span <= table.columns, "a cell's columns are in the table"
            assert all(0 <= index < len(page.words) for index in cell.words), "a cell's words are on the page"
        assert 0 <= table.header_rows <= table.rows, "header rows are rows of the table"


def _check_chain(ranges: Sequence[tuple[int, int]], total: int, name: str) -> None:
    """Ranges are not empty, in order, do not overlap, and leave nothing out."""
    at = 0
    for first, last in ranges:
        assert first == at, f"{name} leave a gap or overlap at {first}"
        assert last > first, f"an empty range among {name}"
        at = last
    if ranges:
        assert at == total, f"{name} do not reach the end"


def _check_box(box: Box, page: Page) -> None:
    x0, y0, x1, y1 = box
    assert -_SLACK <= x0 <= x1 <= page.width + _SLACK, f"box {box} leaves the page's width {page.width}"
    assert -_SLACK <= y0 <= y1 <= page.height + _SLACK, f"box {box} leaves the page's height {page.height}"
