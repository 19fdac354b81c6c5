"""Finds items in rows without column heads, where arithmetic says what the figures are: quantity x price = total."""

from collections.abc import Iterator, Sequence

from ementa.analysis.readers.receipt_items import RecordCell
from ementa.analysis.validators.numbers import parse_number
from ementa.analysis.view import PageView, Segment

_HEADS = ("Quantidade", "Valor unitário", "Valor total")
_CENT = 0.011
_LEAST_ROWS = 2


def headless_cells(view: PageView, rows: Sequence[Sequence[Segment]]) -> Iterator[RecordCell]:
    """The cells of rows of a description and three figures of which the first two give the third by multiplication.
    One such row may be chance; two in a table are not."""
    found = [cells for row in rows if (cells := _item(row))]
    if len(found) < _LEAST_ROWS:
        return
    for number, cells in enumerate(found, 1):
        name = f"p{view.page.number}t+r{number}"
        for head, segment in cells:
            yield RecordCell(tuple(range(segment.first, segment.last)), head, name)


def _item(row: Sequence[Segment]) -> list[tuple[str, Segment]]:
    if not 4 <= len(row) <= 6:
        return []
    description = next((s for s in row[:2] if sum(c.isalpha() for c in s.text) >= 3), None)
    figures = [parse_number(s.text.removeprefix("R$").strip(), money=True) for s in row[-3:]]
    if description is None or description in row[-3:] or any(figure is None or figure <= 0 for figure in figures):
        return []
    quantity, price, total = (float(figure or 0) for figure in figures)
    if abs(quantity * price - total) > _CENT:
        return []
    return [("Descrição", description), *zip(_HEADS, row[-3:], strict=True)]
