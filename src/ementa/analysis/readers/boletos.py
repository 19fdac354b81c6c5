"""Reads the typeable lines of boletos (47 digits) and collection slips (48 digits)."""

import re
from collections.abc import Iterator

from ementa.analysis.readers.base import Sheet, Span
from ementa.analysis.readers.repair import DIGIT_LIKE, plausible, repair, to_digits
from ementa.analysis.types import Candidate, How, Kind
from ementa.analysis.validators.boleto import format_line, parse_line

_CHECKS = ("boleto_field_digits", "boleto_general_digit")
_GAP = r"[\s.\-]{0,3}"
_RUN = re.compile(rf"(?<!\d)(?:\d{_GAP}){{46,47}}\d(?!\d)", re.ASCII)
_OCR_RUN = re.compile(rf"(?<![0-9A-Za-z])(?:{DIGIT_LIKE}{_GAP}){{46,47}}{DIGIT_LIKE}(?![0-9A-Za-z])")
_SHAPE = re.compile(
    r"(?<!\d)(\d{5}[.\s]{0,2}\d{5})\s{1,3}(\d{5}[.\s]{0,2}\d{6})\s{1,3}(\d{5}[.\s]{0,2}\d{6})\s{1,3}(\d)\s{1,3}(\d{14})(?!\d)",
    re.ASCII,
)


class BoletoReader:
    """Typeable lines whose check digits hold."""

    name = "boletos"
    kinds = frozenset({Kind.BOLETO})

    def read(self, sheet: Sheet) -> Iterator[Candidate]:
        """Every typeable line, repaired where OCR bent it and the check digits leave one reading."""
        for span in self._spans(sheet):
            sheet.claim(span.start, span.end)
            yield from sheet.candidates(span, self.name)

    def _spans(self, sheet: Sheet) -> Iterator[Span]:
        last = 0
        for pattern in (_SHAPE, _RUN):
            for match in pattern.finditer(sheet.text):
                value = _line(match[0])
                if value is not None and not sheet.is_claimed(*match.span()):
                    last = match.end()
                    yield Span(Kind.BOLETO, value, *match.span(), checks=_CHECKS)
        if not sheet.view.is_ocr() or last:
            return
        for match in _OCR_RUN.finditer(sheet.text):
            read = re.sub(r"[\s.\-]", "", match[0])
            if sheet.is_claimed(*match.span()) or not plausible(read, len(read)):
                continue
            value = repair(to_digits(read), _line)
            if value is not None:
                yield Span(Kind.BOLETO, value, *match.span(), checks=_CHECKS, how=How.OCR_REPAIRED, sureness=0.85)


def _line(text: str) -> str | None:
    slip = parse_line(text)
    return format_line(slip.line) if slip else None
