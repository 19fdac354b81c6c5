"""Reads vehicle plates."""

import re
from collections.abc import Iterator

from ementa.analysis.readers.base import Sheet, Span
from ementa.analysis.types import Candidate, Kind
from ementa.analysis.validators.plate import parse_plate

_FORM = re.compile(r"(?<![A-Za-z0-9\-])[A-Z]{3}[\- ]?\d[A-J0-9]\d{2}(?![A-Za-z0-9]|[.,/\-]\d)", re.ASCII)


class PlateReader:
    """Plates, old and Mercosul."""

    name = "plates"
    kinds = frozenset({Kind.PLATE})

    def read(self, sheet: Sheet) -> Iterator[Candidate]:
        """Every plate. `ABC 1234` without its dash is a plate only when a label says so."""
        for match in _FORM.finditer(sheet.text):
            value = parse_plate(match[0])
            if value is None or sheet.is_claimed(*match.span()):
                continue
            spaced = " " in match[0]
            span = Span(Kind.PLATE, value, *match.span(), checks=("plate_form",), sureness=0.7 if spaced else 0.95)
            labels = sheet.labels.find(*match.span(), Kind.PLATE)
            if spaced and not any("placa" in x.text.lower() or "plate" in x.text.lower() for x in labels):
                continue
            yield from sheet.candidates(span, self.name)
