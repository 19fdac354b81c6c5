"""Excel workbooks, binary and XML: every sheet a page, hidden ones too, dates as ISO 8601."""

import contextlib
import datetime as dt
import io
import re
import struct
from collections.abc import Generator, Iterable
from decimal import Decimal
from pathlib import Path

import olefile
from python_calamine import CalamineError, CalamineSheet, CalamineWorkbook, PasswordError

from ementa.extraction.archives import Ole, Zip, open_ole, open_zip
from ementa.extraction.base import Context, Reading
from ementa.extraction.errors import FileCorrupt, FileEncrypted, FormatUnsupported, TooManyWords
from ementa.extraction.extractors.ooxml.package import core_properties
from ementa.extraction.extractors.ooxml.sheets import check_area, read_comments
from ementa.extraction.locks import is_locked_package, unlock
from ementa.extraction.native import Flow, Grid, GridCell, PageBuilder, Paragraph
from ementa.extraction.scoring import score
from ementa.extraction.types import Page

_TYPES = {
    "application/vnd.ms-excel",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.template",
    "application/vnd.ms-excel.sheet.macroenabled.12",
    "application/vnd.ms-excel.template.macroenabled.12",
    "application/vnd.ms-excel.sheet.binary.macroenabled.12",
}
_EXTENSIONS = (".xls", ".xlsx", ".xlsm", ".xlsb", ".xltx", ".xltm", ".xlt")
_ROWS_PER_PAGE = 1000
_DEFAULT_NAME = re.compile(
    r"^(?:sheet|plan|planilha|folha|tabelle|feuil|foglio|hoja|munka|list)\s?\d{0,3}$", re.IGNORECASE
)
_FILE_PASS = 0x2F


class Spreadsheet:
    """Reads .xlsx, .xlsm, .xlsb and .xls (Excel 5 to 2003)."""

    name = "spreadsheet"
    version = "1"

    def score(self, media_type: str, filename: str) -> int:
        """100 for Excel's media types."""
        return score(media_type, filename, _TYPES, _EXTENSIONS)

    def extract(self, path: Path, context: Context) -> Reading:
        """Read every sheet. Raises `FileEncrypted`, `FormatUnsupported` for Excel before 5, `TooManyWords`."""
        data = path.read_bytes()
        metadata: dict[str, str] = {}
        comments: dict[str, list[str]] = {}
        if data.startswith(olefile.MAGIC):
            with open_ole(data, context.limits) as ole:
                if is_locked_package(ole):
                    data = unlock(data, ole)
                else:
                    metadata = ole.metadata()
                    data = _check_biff(data, ole)
        if data[:2] == b"PK":
            with open_zip(data, context.limits) as archive:
                check_area(archive, context.limits)
                metadata = core_properties(archive)
                comments = _comments(archive)
        elif not data.startswith(olefile.MAGIC):
            raise FormatUnsupported(found="Excel 2 – 4", instead=".xlsx")
        return Reading(_read(data, comments, context), metadata)


def _comments(archive: Zip) -> dict[str, list[str]]:
    return read_comments(archive) if "xl/workbook.xml" in archive else {}


def _check_biff(data: bytes, ole: Ole) -> bytes:
    """The workbook, unlocked if its lock is the public one. Raises `FileCorrupt` when it holds no workbook."""
    name = next((name for name in ("Workbook", "Book") if name in ole), None)
    if name is None:
        raise FileCorrupt(cause="no workbook inside")
    stream = ole.read(name)
    at = 0
    for _ in range(64):  # the lock stands among the first records of the globals, [MS-XLS] 2.1.7.20.3
        if at + 4 > len(stream):
            break
        kind, size = struct.unpack_from("<HH", stream, at)
        if kind == _FILE_PASS:
            return unlock(data, ole)
        at += 4 + size
    return data


def _read(data: bytes, comments: dict[str, list[str]], context: Context) -> tuple[Page, ...]:
    builder = PageBuilder(context.limits, _ROWS_PER_PAGE)
    left = context.limits.max_cells
    with _open(data) as workbook:
        for sheet in workbook.sheets_metadata:
            try:
                cells = _sheet(workbook.get_sheet_by_name(sheet.name), left)
                builder.page_break(sheet.name)
                left -= _add_cells(builder, sheet.name, cells)
            except CalamineError as error:
                if "not found" in str(error).lower() or "chart" in str(sheet.typ).lower():
                    continue
                raise FileCorrupt(cause=f"{sheet.name[:60]}: {error}") from error
            builder.add(*(Paragraph(text) for text in comments.get(sheet.name, [])))
    return builder.pages()


@contextlib.contextmanager
def _open(data: bytes) -> Generator[CalamineWorkbook]:
    """A workbook whose library's errors, panics included, come out as ours."""
    try:
        with CalamineWorkbook.from_filelike(io.BytesIO(data)) as workbook:
            yield workbook
    except BaseException as error:
        raise _translated(error) from error


def _add_cells(builder: PageBuilder, name: str, cells: Iterable[GridCell]) -> int:
    """Lay out a sheet block by block, so that a large one is never held twice; returns how many cells it had."""
    count = 0
    for block in _blocks(cells):
        if not count and not _DEFAULT_NAME.match(name.strip()):
            builder.heading(name)
        count += len(block)
        builder.add(*_flow(block))
    return count


def _translated(error: BaseException) -> BaseException:
    if isinstance(error, PasswordError):
        return FileEncrypted()
    if isinstance(error, CalamineError) or type(error).__name__ == "PanicException":
        return FileCorrupt(cause=str(error)[:200])
    return error


def _sheet(sheet: CalamineSheet, limit: int) -> Generator[GridCell]:
    """The cells that hold something, merged ones with their spans."""
    spans: dict[tuple[int, int], tuple[int, int]] = {}
    for (top, left), (bottom, right) in sheet.merged_cell_ranges or []:
        spans[top, left] = (bottom - top + 1, right - left + 1)
    left = (sheet.start or (0, 0))[1]
    count = 0
    for row, values in enumerate(sheet.iter_rows()):  # rows count from the sheet's first, columns from its first filled
        for column, value in enumerate(values, left):
            text = shown(value)
            if text:
                count += 1
                row_span, column_span = spans.get((row, column), (1, 1))
                yield GridCell(row, column, [Paragraph(text)], row_span, column_span)
        if count > limit:
            raise TooManyWords(limit=limit)


def shown(value: object) -> str:
    """A cell's value as text: dates and times in ISO 8601, numbers without the noise of binary fractions."""
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, float):
        return _number(value)
    if isinstance(value, dt.datetime):
        midnight = value.time() == dt.time()
        return value.date().isoformat() if midnight else value.isoformat(sep=" ", timespec="seconds")
    if isinstance(value, (dt.date, dt.time)):
        return value.isoformat()
    return str(value).strip()


def _number(value: float) -> str:
    """15 significant digits, as Excel keeps them."""
    text = format(value, ".15g")
    if "e" not in text:
        return text
    return format(Decimal(text), "f") if abs(value) < 1e60 and abs(value) > 1e-15 else text


def _flow(block: list[GridCell]) -> list[Flow]:
    """A block's table; a title line above it is a line of text, not a row."""
    flow: list[Flow] = []
    rows: dict[int, list[GridCell]] = {}
    for cell in block:
        rows.setdefault(cell.row, []).append(cell)
    order = sorted(rows)
    while len(order) > 1 and len(rows[order[0]]) == 1 and len(rows[order[1]]) != 1:
        flow.extend(rows[order.pop(0)][0].content)
    return [*flow, Grid([cell for row in order for cell in rows[row]])]


def _blocks(cells: Iterable[GridCell]) -> Generator[list[GridCell]]:
    """What empty rows divide is apart; so is what comes after a page of rows."""
    block: list[GridCell] = []
    bottom = -2
    for cell in cells:
        full = bool(block) and cell.row >= block[0].row + _ROWS_PER_PAGE and cell.row > bottom
        if block and (cell.row > bottom + 1 or full):
            yield block
            block = []
        block.append(cell)
        bottom = max(bottom, cell.row + cell.row_span - 1)
    if block:
        yield block
