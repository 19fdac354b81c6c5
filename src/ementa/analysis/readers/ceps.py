"""Reads postal codes."""

import re
from collections.abc import Iterator

from ementa.analysis.readers.base import Sheet, Span
from ementa.analysis.types import Candidate, Kind
from ementa.analysis.validators.cep import parse_cep

_MASKED = re.compile(r"(?<![\d.,/\-])\d{2}\.?\d{3}\s?[\-–]\s?\d{3}(?![\d]|[.,/\-]\d)", re.ASCII)
_LABELLED = re.compile(r"\bCEP[\s:.\-]{1,4}(\d{2}\.?\d{3}[\s\-–]?\d{3})(?!\d)", re.ASCII | re.IGNORECASE)
_BARE = re.compile(r"(?<![\w.,/\-])\d{8}(?![\w]|[.,/\-]\d)", re.ASCII)


class CepReader:
    """Postal codes that exist in some state's range."""

    name = "ceps"
    kinds = frozenset({Kind.CEP})

    def read(self, sheet: Sheet) -> Iterator[Candidate]:
        """Every postal code with its dash; bare digits only when a label says CEP."""
        for pattern, group, bare in ((_LABELLED, 1, False), (_MASKED, 0, False), (_BARE, 0, True)):
            for match in pattern.finditer(sheet.text):
                start, end = match.span(group)
                value = parse_cep(match[group].replace("–", "-"))
                if value is None or sheet.is_claimed(start, end):
                    continue
                span = Span(Kind.CEP, value, start, end, checks=("cep_range",), sureness=0.9 if bare else 1.0)
                if bare and not any("cep" in label.text.lower() for label in sheet.labels.find(start, end, Kind.CEP)):
                    continue
                sheet.claim(start, end)
                yield from sheet.candidates(span, self.name)
