"""Reads e-mail addresses."""

import re
from collections.abc import Iterator

from ementa.analysis.readers.base import Sheet, Span
from ementa.analysis.types import Candidate, How, Kind
from ementa.analysis.validators.email import parse_email

_LOCAL = re.compile(r"[A-Za-z0-9._%+\-]{1,64}$")
_DOMAIN = re.compile(r"@[A-Za-z0-9.\-]{3,190}")
_ENDING = (
    r"[A-Za-z0-9][A-Za-z0-9\-]{1,60}(?:\.[A-Za-z0-9\-]{2,30}){0,2}"
    r"\.(?:com|net|org|br|io|edu|gov|info|biz)(?:\.[a-z]{2})?"
)
_MISREAD = re.compile(
    rf"(?<![\w.@\-])(?P<local>[A-Za-z][A-Za-z0-9._\-]{{1,63}})"
    rf"(?:\s{{1,2}}(?:[O0Q6aG&€®©]|\(a\)|@)\s{{0,2}}|\s?[©®]\s?|@\s{{1,2}})(?P<domain>{_ENDING})(?![\w@])"
)
_LOST = re.compile(
    rf"\be-?mail\s?:?\s{{1,2}}(?P<local>[a-z][a-z0-9._\-]{{1,63}})\s{{1,2}}(?P<domain>{_ENDING})(?![\w@])",
    re.IGNORECASE,
)


class EmailReader:
    """E-mail addresses, found from their @ sign so that long runs of letters cost nothing."""

    name = "emails"
    kinds = frozenset({Kind.EMAIL})

    def read(self, sheet: Sheet) -> Iterator[Candidate]:
        """Every address on the page."""
        text = sheet.text
        for match in _DOMAIN.finditer(text):
            local = _LOCAL.search(text[max(match.start() - 64, 0) : match.start()])
            if not local:
                continue
            start = match.start() - len(local[0])
            value = parse_email(text[start : match.end()])
            if value is None:
                continue
            start = text.index(value, start)
            span = Span(Kind.EMAIL, value, start, start + len(value), checks=("email_form",))
            sheet.claim(span.start, span.end)
            yield from sheet.candidates(span, self.name)
        if sheet.view.is_ocr():
            yield from self._misread(sheet)

    def _misread(self, sheet: Sheet) -> Iterator[Candidate]:
        """Addresses whose @ OCR took for another sign, parted from its words, or, after a label, lost."""
        for pattern in (_MISREAD, _LOST):
            for match in pattern.finditer(sheet.text):
                start, end = match.start("local"), match.end("domain")
                value = parse_email(f"{match['local']}@{match['domain']}")
                if value is not None and not sheet.is_claimed(start, end):
                    sheet.claim(start, end)
                    span = Span(
                        Kind.EMAIL, value, start, end, checks=("email_form",), how=How.OCR_REPAIRED, sureness=0.8
                    )
                    yield from sheet.candidates(span, self.name)
