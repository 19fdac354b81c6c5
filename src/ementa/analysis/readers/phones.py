"""Reads Brazilian telephone numbers."""

import re
from collections.abc import Iterator

from ementa.analysis.readers.base import Sheet, Span
from ementa.analysis.types import Candidate, Kind
from ementa.analysis.validators.phone import parse_phone

_FORM = re.compile(
    r"(?<![\d.,/\-])(?:"
    r"(?:\+\s?55\s?)?\(\s?0?\d{2}\s?\)\s?(?:9\s?)?\d{4}[\s.\-–]{0,3}\d{4}"  # (11) 91234-5678
    r"|\+\s?55[\s.\-]?\d{2}[\s.\-]?9?\d{4}[\s.\-–]?\d{4}"  # +55 11 91234-5678
    r"|0?\d{2}[\s\-./]{1,3}9?\d{4}[\s.\-–]{1,3}\d{4}"  # 11 91234-5678
    r"|0[3589]00[\s.\-]{0,2}\d{3}[\s.\-]{0,2}\d{4}"  # 0800 123 4567
    r"|\d{10,11}"
    r")(?![\d]|[.,/\-]\d)",
    re.ASCII,
)


class PhoneReader:
    """Telephone numbers with an existing area code."""

    name = "phones"
    kinds = frozenset({Kind.PHONE})

    def read(self, sheet: Sheet) -> Iterator[Candidate]:
        """Every telephone number; bare digits only beside a label that says telephone."""
        for match in _FORM.finditer(sheet.text):
            value = parse_phone(match[0].replace("–", "-").replace("\n", " "))
            if value is None or sheet.is_claimed(*match.span()):
                continue
            bare = match[0].isdigit() and not match[0].startswith("0")
            sureness = 0.6 if bare else 1.0
            span = Span(Kind.PHONE, value, *match.span(), checks=("area_code",), sureness=sureness)
            found = list(sheet.candidates(span, self.name))
            if not bare:
                sheet.claim(*match.span())
            elif not any(c.label_score >= 0.8 for c in found):
                continue
            yield from found
