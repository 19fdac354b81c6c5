"""Reads access keys of NF-e, NFC-e, CT-e, MDF-e: 44 characters in a run or in groups, over line ends too."""

import re
from collections.abc import Iterator

from ementa.analysis.readers.base import Sheet, Span
from ementa.analysis.readers.repair import DIGIT_LIKE, letters_in, plausible, repair, to_digits
from ementa.analysis.types import Candidate, How, Kind
from ementa.analysis.validators.access_key import AccessKey, parse_access_key

_CHECKS = ("access_key_digit", "access_key_parts")
_OCR_RUN = re.compile(rf"(?<![0-9A-Za-z]){DIGIT_LIKE}(?:[\s.\-]{{0,2}}{DIGIT_LIKE}){{43}}(?![0-9A-Za-z])")
_START = re.compile(r"(?<![0-9A-Z])(?=(?:NFe|CTe|MDFe)?[1-5]\d(?:[\s.\-/]{0,3}\d){4})")
_SIGNS = " \t\n.-/"


class AccessKeyReader:
    """Access keys whose digit and parts hold."""

    name = "access_keys"
    kinds = frozenset({Kind.ACCESS_KEY})

    def read(self, sheet: Sheet) -> Iterator[Candidate]:
        """Every access key, and what OCR bent of one when its check digits leave one reading."""
        last = 0
        for match in _START.finditer(sheet.text):
            if match.start() < last:
                continue
            span = _exact(sheet.text, match.start())
            if span is not None:
                last = span.end
                sheet.claim(span.start, span.end)
                yield from sheet.candidates(span, self.name)
        if sheet.view.is_ocr():
            yield from self._repaired(sheet)

    def _repaired(self, sheet: Sheet) -> Iterator[Candidate]:
        for match in _OCR_RUN.finditer(sheet.text):
            read = "".join(c for c in match[0] if c not in _SIGNS)
            if sheet.is_claimed(*match.span()) or not plausible(read, 44):
                continue
            key = repair(to_digits(read), parse_access_key)
            if key is not None:
                sure = 0.95 if letters_in(read) else 0.85
                span = Span(
                    Kind.ACCESS_KEY, key.key, *match.span(), checks=_CHECKS, how=How.OCR_REPAIRED, sureness=sure
                )
                sheet.claim(span.start, span.end)
                yield from sheet.candidates(span, self.name)


def _exact(text: str, start: int) -> Span | None:
    """The key that starts here, if 44 characters with few signs between them make one."""
    at = start
    for prefix in ("NFe", "CTe", "MDFe"):
        if text.startswith(prefix, at):
            at += len(prefix)
    kept: list[str] = []
    gap = 0
    begin = at
    while at < len(text) and len(kept) < 44:
        c = text[at]
        if c in _SIGNS:
            gap += 1
            if gap > 3:
                return None
        elif "0" <= c <= "9" or "A" <= c <= "Z":
            kept.append(c)
            gap = 0
        else:
            return None
        at += 1
    if len(kept) < 44 or (at < len(text) and text[at].isalnum()):
        return None
    key: AccessKey | None = parse_access_key("".join(kept))
    return None if key is None else Span(Kind.ACCESS_KEY, key.key, begin, at, checks=_CHECKS)
