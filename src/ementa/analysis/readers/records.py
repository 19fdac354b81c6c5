"""Finds tables whose rows are records (items, instalments, movements): heads above, one record a row.

Tables that extraction saw are taken as they are; where it saw none, a row of known column heads starts one, and the
rows below it are cut into columns by the heads' positions. A row without numbers that fills one column goes on with
the record above it (descriptions of two lines).
"""

import re
from bisect import bisect_right
from collections.abc import Iterator

from ementa.analysis.readers.headless_items import headless_cells
from ementa.analysis.readers.parties import HEADINGS
from ementa.analysis.readers.receipt_items import RecordCell, receipt_cells
from ementa.analysis.readers.vocabulary import match_label, tidy
from ementa.analysis.view import PageView, Segment
from ementa.extraction.types import Cell, Table

_DESCRIPTION = re.compile(r"descri|discrimina|produto|servi|item|historico|product|detail|mercadoria|material")
_FIGURE = re.compile(r"qtd|qtde|quant|qty|valor|vl|vlr|preco|price|total|unit|amount|subtotal|v\. |rate|aliq")
_CLOSING = re.compile(
    r"^(?:sub-?\s?total|total|soma|valor (?:total|a pagar|liquido|bruto|pago|da nota|d[eo]s)|desconto|frete|troco|"
    r"acrescimo|forma de pagamento|qtde?\.? total|observac|informac|grand total|amount due|balance|tax|discount|"
    r"shipping|base de calculo|calculo)"
)
_MAX_RECORDS = 2000


def record_cells(view: PageView) -> list[RecordCell]:
    """The cells of all record tables of the page."""
    cells: list[RecordCell] = []
    covered: set[int] = set()
    for number, table in enumerate(view.page.tables):
        found = list(_from_table(view, table, number))
        cells += found
        if found:
            covered.update(word for cell in table.cells for word in cell.words)
    cells += _from_heads(view, covered)
    taken = {word for cell in cells for word in cell.words}
    cells += [cell for cell in receipt_cells(view) if taken.isdisjoint(cell.words)]
    return cells or list(headless_cells(view, _visual_rows(view.segments)))


def _from_table(view: PageView, table: Table, number: int) -> Iterator[RecordCell]:
    header_rows = table.header_rows or (1 if _looks_like_heads([c.text for c in table.cells if c.row == 0]) else 0)
    heads: dict[int, list[str]] = {}
    for cell in table.cells:
        if cell.row < header_rows:
            for column in range(cell.column, cell.column + max(cell.column_span, 1)):
                heads.setdefault(column, []).append(cell.text)
    names = {column: " ".join(" ".join(texts).split()) for column, texts in heads.items()}
    if not header_rows or not _looks_like_heads([*names.values()], table.header_rows > 0):
        return
    yield from _body(view, table, range(header_rows, table.rows), names, f"p{view.page.number}t{number}r")


def _body(view: PageView, table: Table, rows: range, names: dict[int, str], prefix: str) -> Iterator[RecordCell]:
    """The records below the heads. After a total, how it was paid and what else is summed up are no records; only rows
    as full as those before are."""
    by_row: dict[int, list[tuple[str, tuple[int, ...]]]] = {}
    first: dict[int, tuple[int, str]] = {}
    for cell in table.cells:
        for row, words in _rows_of(view, table, cell):
            by_row.setdefault(row, []).append((names.get(cell.column, ""), words))
        if cell.words:
            first[cell.row] = min(first.get(cell.row, (cell.column, cell.text)), (cell.column, cell.text))
    fullest, closed = 0, False
    for row in rows:
        cells = by_row.get(row, [])
        if row in first and _CLOSING.match(tidy(first[row][1])):
            closed = True
        elif not closed or len(cells) >= fullest:
            fullest = max(fullest, len(cells))
            yield from _split_lines(view, cells, f"{prefix}{row}")


def _rows_of(view: PageView, table: Table, cell: Cell) -> Iterator[tuple[int, tuple[int, ...]]]:
    """The rows that a cell stands on: of one that spans rows, each line belongs to the row it is level with."""
    if cell.row_span <= 1 or len(cell.words) < 2:
        if cell.words:
            yield cell.row, cell.words
        return
    levels = [
        (other.row, _middle(view, other.words[0]))
        for other in table.cells
        if other.words and other.row_span <= 1 and cell.row <= other.row < cell.row + cell.row_span
    ]
    rows: dict[int, list[int]] = {}
    for line in _lines(view, cell.words):
        at = _middle(view, line[0])
        row = min(levels, key=lambda level: abs(level[1] - at))[0] if levels else cell.row
        rows.setdefault(row, []).extend(line)
    yield from ((row, tuple(words)) for row, words in rows.items())


def _middle(view: PageView, word: int) -> float:
    return (view.flat[word][1] + view.flat[word][3]) / 2


def _split_lines(view: PageView, cells: list[tuple[str, tuple[int, ...]]], name: str) -> Iterator[RecordCell]:
    """The records of one drawn row. Fiscal forms draw one row and write a record on each line inside it: where two or
    more columns of figures have the same several lines, each of these lines starts a record."""
    lines = [_lines(view, words) for _, words in cells]
    counts = [
        len(own) for own in lines if len(own) > 1 and all(any(c.isdigit() for c in _text(view, line)) for line in own)
    ]
    count = max(counts, key=counts.count, default=0)
    if counts.count(count) < 2:
        yield from (RecordCell(words, head, name) for head, words in cells)
        return
    anchor = next(own for own in reversed(lines) if len(own) == count)
    tops = [view.flat[line[0]][1] - 0.4 * _height(view, line) for line in anchor]
    for (head, _), own in zip(cells, lines, strict=True):
        parts: dict[int, list[int]] = {}
        for line in own:
            at = max(bisect_right(tops, view.flat[line[0]][1]) - 1, 0)
            parts.setdefault(at, []).extend(line)
        for at, words in parts.items():
            yield RecordCell(tuple(words), head, f"{name}.{at + 1}")


def _lines(view: PageView, words: tuple[int, ...]) -> list[list[int]]:
    lines: dict[int, list[int]] = {}
    for word in words:
        lines.setdefault(view.line_of[word], []).append(word)
    return list(lines.values())


def _text(view: PageView, words: list[int]) -> str:
    return " ".join(view.words[i].text for i in words)


def _height(view: PageView, words: list[int]) -> float:
    return view.flat[words[0]][3] - view.flat[words[0]][1]


def _looks_like_heads(texts: list[str], declared: bool = False) -> bool:
    filled = [text for text in texts if text]
    known = sum(match_label(text) is not None for text in filled)
    return known >= 2 or (declared and len(filled) >= 2 and not any(c.isdigit() for text in filled for c in text))


def _from_heads(view: PageView, covered: set[int]) -> Iterator[RecordCell]:
    rows = _visual_rows([s for s in view.segments if s.first not in covered])
    number = len(view.page.tables)
    at = 0
    while at < len(rows):
        if _is_head_row(rows[at]):
            taken, cells = _read_records(view, rows, at, number)
            if cells:
                yield from cells
                number += 1
                at += taken
                continue
        at += 1


def _visual_rows(segments: list[Segment]) -> list[list[Segment]]:
    """Segments grouped by the row they share, rows from the top, segments from the left."""
    rows: list[list[Segment]] = []
    for segment in sorted(segments, key=lambda s: s.box[1] + s.box[3]):
        middle = (segment.box[1] + segment.box[3]) / 2
        if rows and middle < rows[-1][0].box[3] and segment.height < 3 * rows[-1][0].height:
            rows[-1].append(segment)
        else:
            rows.append([segment])
    return [sorted(row, key=lambda s: s.box[0]) for row in rows]


def _is_head_row(row: list[Segment]) -> bool:
    if not 2 <= len(row) <= 25:
        return False
    names = [tidy(s.text) for s in row]
    if any(s.text.rstrip().endswith(":") for s in row):
        return False
    # "Valor total dos produtos" is a figure of the products, not their description.
    described = any(_DESCRIPTION.search(name) and not _FIGURE.search(name) for name in names)
    figures = sum(_FIGURE.search(name) is not None for name in names)
    known = sum(match_label(s.text) is not None for s in row)
    return described and figures >= 1 and known >= 2 and known * 2 >= len(row)


def _read_records(view: PageView, rows: list[list[Segment]], at: int, number: int) -> tuple[int, list[RecordCell]]:
    heads = rows[at]
    cells: list[RecordCell] = []
    last = heads[0]
    taken = 1
    record = 0
    for row in rows[at + 1 : at + 1 + _MAX_RECORDS]:
        if row[0].box[1] - last.box[3] > max(3.0 * last.height, 24.0) or _closes(row):
            break
        columns = _into_columns(view, heads, row)
        numbers = any(c.isdigit() for words in columns.values() for i in words for c in view.words[i].text)
        if len(columns) == 1 and cells and not (numbers and len(heads) == 2):
            cells = _continued(cells, heads, columns, f"p{view.page.number}t{number}r{record}")
        elif len(columns) >= 2:
            record += 1
            name = f"p{view.page.number}t{number}r{record}"
            cells += [RecordCell(tuple(words), heads[c].text.strip(" :"), name) for c, words in columns.items()]
        last, taken = row[0], taken + 1
    return taken, cells


def _closes(row: list[Segment]) -> bool:
    first = tidy(row[0].text)
    labels = sum(match_label(s.text) is not None for s in row)
    return bool(_CLOSING.match(first)) or first in HEADINGS or (labels >= 2 and labels * 2 >= len(row))


def _into_columns(view: PageView, heads: list[Segment], row: list[Segment]) -> dict[int, list[int]]:
    columns: dict[int, list[int]] = {}
    for segment in row:
        over = [i for i, head in enumerate(heads) if head.box[0] < segment.box[2] and head.box[2] > segment.box[0]]
        if len(over) > 1:
            for word in range(segment.first, segment.last):
                columns.setdefault(_nearest(heads, view.flat[word]), []).append(word)
        else:
            column = over[0] if over else _nearest(heads, segment.box)
            columns.setdefault(column, []).extend(range(segment.first, segment.last))
    return dict(sorted(columns.items()))


def _nearest(heads: list[Segment], box: tuple[float, float, float, float]) -> int:
    def distance(head: Segment) -> float:
        return (
            max(head.box[0] - box[2], box[0] - head.box[2], 0.0)
            + abs((head.box[0] + head.box[2]) / 2 - (box[0] + box[2]) / 2) / 1e4
        )

    return min(range(len(heads)), key=lambda i: distance(heads[i]))


def _continued(
    cells: list[RecordCell], heads: list[Segment], columns: dict[int, list[int]], row: str
) -> list[RecordCell]:
    """The cells with the words of a following line added to the same column of the same record."""
    ((column, words),) = columns.items()
    head = heads[column].text.strip(" :")
    return [
        RecordCell(cell.words + tuple(words), cell.head, cell.row) if cell.row == row and cell.head == head else cell
        for cell in cells
    ]
