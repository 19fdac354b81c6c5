"""What a reader is, and what it is given: one page with its labels and parties.

A reader looks at a `Sheet` and yields candidates: value in canonical form, evidence, how it was read, checks passed.
Readers of strong forms (check digits) run first and *claim* their characters, so that readers of weak forms (numbers)
do not read a telephone out of an access key.
"""

from collections.abc import Iterator
from typing import Any, Protocol

import msgspec

from ementa.analysis.readers.labels import Labels
from ementa.analysis.readers.parties import Parties
from ementa.analysis.readers.receipt_items import RecordCell
from ementa.analysis.readers.records import record_cells
from ementa.analysis.straight import union
from ementa.analysis.types import Candidate, How, Kind
from ementa.analysis.view import DocumentView, PageView
from ementa.extraction.types import Box


class Span(msgspec.Struct, frozen=True):
    """A value read at `text[start:end]` of a page."""

    kind: Kind
    value: Any
    start: int
    end: int
    checks: tuple[str, ...] = ()
    how: How | None = None
    """None: exact when the page shows the value in its canonical form, else normalised."""
    sureness: float = 1.0
    """What the form alone says; the words' own confidence is multiplied in."""


class Sheet:
    """A page as readers see it."""

    def __init__(self, document: DocumentView, view: PageView, kinds: frozenset[Kind]) -> None:
        self.document = document
        self.kinds = kinds
        self.view = view
        self.text = view.text
        self.cells = record_cells(view)
        self.rows = {word: cell.row for cell in self.cells for word in cell.words}
        """Row names (`p1t2r3`) by word index, for words inside tables of records."""
        self.labels = Labels(view, {word: cell.head for cell in self.cells for word in cell.words})
        self.parties = Parties(view, _table_tops(view, self.cells))
        self._claimed = bytearray(len(view.text) + 1)

    def claim(self, start: int, end: int) -> None:
        """Keep these characters from readers of weaker forms."""
        self._claimed[start:end] = b"\x01" * (end - start)

    def is_claimed(self, start: int, end: int) -> bool:
        """Whether a stronger reader took any of these characters."""
        return 1 in self._claimed[start:end]

    def candidates(self, span: Span, reader: str) -> Iterator[Candidate]:
        """The span with its proof: once for each label that may name it, at least once; nothing for a kind that
        nobody asked for."""
        if span.kind not in self.kinds:
            return
        evidence = self.view.evidence(span.start, span.end)
        how = span.how or (How.EXACT if evidence.text == str(span.value) else How.NORMALISED)
        row = self.rows.get(self.view.word_at(span.start), "")
        labels = self.labels.find(span.start, span.end, span.kind)
        candidate = Candidate(
            kind=span.kind,
            value=span.value,
            evidence=evidence,
            how=how,
            checks=span.checks,
            confidence=round(span.sureness * self.view.confidence(span.start, span.end), 4),
            reader=reader,
            row=row,
            party="" if row else self.parties.of(span.start, self.view.box(span.start, span.end)),
        )
        if not labels:
            yield candidate
        for label in labels:
            yield msgspec.structs.replace(candidate, label=label.text, label_score=round(label.score, 4))


def _table_tops(view: PageView, cells: list[RecordCell]) -> list[Box]:
    """Where each table of records begins."""
    tops: dict[str, Box] = {}
    for cell in cells:
        box = union([view.flat[i] for i in cell.words])
        table = cell.row.rpartition("r")[0]
        x0, y0, x1, y1 = tops.get(table, box)
        tops[table] = (min(x0, box[0]), y0, max(x1, box[2]), y1)
    return list(tops.values())


class Reader(Protocol):
    """Reads values of some kinds out of a page."""

    name: str
    kinds: frozenset[Kind]

    def read(self, sheet: Sheet) -> Iterator[Candidate]:
        """Every value of `kinds` that the page shows. Pure; its time grows linearly with the page."""
        ...
