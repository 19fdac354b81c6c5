"""Reads numbers that are written in full form but whose check digits do not hold: misprinted, invented, or a specimen.

They stand on the page, so hiding them would be as wrong as vouching for them: they come with no check passed and little
confidence, and any number that does hold goes before them. From a scan only what OCR is sure of: a digit misread there
would otherwise look like a misprint.
"""

import re
from collections.abc import Iterator

from ementa.analysis.readers.base import Sheet, Span
from ementa.analysis.types import Candidate, Kind
from ementa.analysis.validators.checksums import digits_of

UNCHECKED = 0.3
"""Sureness of a number whose check digits do not hold."""

_SURE_OCR = 0.9
_FORMS = (
    (Kind.ACCESS_KEY, re.compile(r"(?<![\d.,/\-])(?<!\d )\d{4}(?: ?\d{4}){10}(?![\d.,/\-])(?! \d)", re.ASCII)),
    (Kind.CNPJ, re.compile(r"(?<![\w.,/\-])\d{2}\.\d{3}\.\d{3} ?/ ?\d{4} ?- ?\d{2}(?![\w/\-])", re.ASCII)),
    (Kind.CPF, re.compile(r"(?<![\w.,/\-])\d{3}\.\d{3}\.\d{3} ?- ?\d{2}(?![\w/\-])", re.ASCII)),
)
_MASKS = {Kind.CNPJ: "{}{}.{}{}{}.{}{}{}/{}{}{}{}-{}{}", Kind.CPF: "{}{}{}.{}{}{}.{}{}{}-{}{}"}


class UncheckedReader:
    """CPF, CNPJ and access keys in full form that fail their check digits. Runs after those that pass were claimed."""

    name = "unchecked"
    kinds = frozenset(kind for kind, _ in _FORMS)

    def read(self, sheet: Sheet) -> Iterator[Candidate]:
        """Every one that no other reader claimed."""
        for kind, form in _FORMS:
            for match in form.finditer(sheet.text):
                start, end = match.span()
                if sheet.is_claimed(start, end):
                    continue
                if sheet.view.is_ocr() and sheet.view.confidence(start, end) < _SURE_OCR:
                    continue
                sheet.claim(start, end)
                digits = digits_of(match[0])
                value = _MASKS[kind].format(*digits) if kind in _MASKS else digits
                yield from sheet.candidates(Span(kind, value, start, end, sureness=UNCHECKED), self.name)
