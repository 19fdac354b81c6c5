"""Reads the cells of record tables as text, names and codes.

Figures and dates in them are read by their own readers, which give the same row and column head.
"""

from collections.abc import Iterator

from ementa.analysis.readers.base import Sheet
from ementa.analysis.readers.records import RecordCell
from ementa.analysis.readers.vocabulary import match_label
from ementa.analysis.recognition import recognise
from ementa.analysis.types import Candidate, How, Kind


class ItemReader:
    """Cells of record tables."""

    name = "items"
    kinds = frozenset({Kind.TEXT, Kind.NAME, Kind.CODE})

    def read(self, sheet: Sheet) -> Iterator[Candidate]:
        """Every cell, under the head of its column and the name of its row."""
        for cell in sheet.cells:
            for kind in self.kinds & sheet.kinds:
                match = match_label(cell.head)
                if kind is Kind.CODE and match is not None and not match.allows(kind):
                    continue
                candidate = self._candidate(sheet, cell, kind)
                if candidate is not None:
                    yield candidate

    def _candidate(self, sheet: Sheet, cell: RecordCell, kind: Kind) -> Candidate | None:
        evidence = sheet.view.evidence_of(cell.words)
        parsed = recognise(kind, evidence.text)
        if parsed is None:
            return None
        return Candidate(
            kind=kind,
            value=parsed.value,
            evidence=evidence,
            how=How.EXACT if parsed.value == evidence.text else How.NORMALISED,
            confidence=min(sheet.view.words[i].confidence for i in cell.words),
            label=cell.head,
            label_score=0.95 if cell.head else 0.0,
            reader=self.name,
            row=cell.row,
        )
