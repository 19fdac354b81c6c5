"""Reads PIX: the "copia e cola" code in the text, over line ends too, and random keys."""

import re
from collections.abc import Iterator
from itertools import product

from ementa.analysis.readers.base import Sheet, Span
from ementa.analysis.types import Candidate, How, Kind
from ementa.analysis.validators.brcode import parse_brcode
from ementa.analysis.validators.pix_key import RANDOM_PATTERN

_RANDOM = re.compile(rf"(?<![0-9a-fA-F\-]){RANDOM_PATTERN}(?![0-9a-fA-F\-])")
_CODE_START = "000201"
_CODE_END = re.compile(r"6304[0-9A-Fa-f]{4}(?![0-9A-Za-z])")
_MAX_CODE = 700
_MAX_BREAKS = 6


class PixReader:
    """BR Codes whose CRC holds, and random keys."""

    name = "pix"
    kinds = frozenset({Kind.PIX})

    def read(self, sheet: Sheet) -> Iterator[Candidate]:
        """Every code and every random key of the page."""
        for span in self._spans(sheet):
            sheet.claim(span.start, span.end)
            yield from sheet.candidates(span, self.name)

    def _spans(self, sheet: Sheet) -> Iterator[Span]:
        at = sheet.text.find(_CODE_START)
        while at >= 0:
            end = _CODE_END.search(sheet.text, at, at + _MAX_CODE)
            code = _joined(sheet.text[at : end.end()]) if end else None
            if end and code:
                yield Span(Kind.PIX, code, at, end.end(), checks=("pix_crc",))
            at = sheet.text.find(_CODE_START, at + 1)
        for match in _RANDOM.finditer(sheet.text):
            if not sheet.is_claimed(*match.span()):
                how = How.EXACT if match[0].islower() else None
                yield Span(Kind.PIX, match[0].lower(), *match.span(), checks=("pix_form",), how=how, sureness=0.9)


def _joined(text: str) -> str | None:
    """The code without the line ends of print. A line may have ended at one of the code's own spaces: the CRC says."""
    parts = re.split(r"[\n\t]", text)
    if len(parts) > _MAX_BREAKS + 1:
        parts = ["".join(parts)]
    for seams in product(("", " "), repeat=len(parts) - 1):
        joined = parts[0] + "".join(seam + part for seam, part in zip(seams, parts[1:], strict=True))
        code = parse_brcode(joined)
        if code:
            return code.text
    return None
