"""Reads CPF and CNPJ (numeric and alphanumeric), masked, spaced, bare, broken over lines, or misread by OCR."""

import re
from collections.abc import Iterator

from ementa.analysis.readers.base import Sheet, Span
from ementa.analysis.readers.repair import DIGIT_LIKE, letters_in, plausible, repair, to_digits
from ementa.analysis.types import Candidate, How, Kind
from ementa.analysis.validators.checksums import digits_of
from ementa.analysis.validators.cnpj import format_cnpj, is_cnpj, parse_cnpj
from ementa.analysis.validators.cpf import format_cpf, is_cpf

# Between groups: the mask's sign, what OCR makes of it, spaces and line ends around it.
_S = r"[\s.,·•:;'/\\|\-–—_]{0,3}"
_CNPJ = re.compile(
    rf"(?<!\d)(?<!\d[.,/\-])\d{{2}}{_S}\d{{3}}{_S}\d{{3}}{_S}\d{{4}}{_S}\d{{2}}(?![\d])(?![.,/\-]\d)", re.ASCII
)
_CNPJ_LETTERS = re.compile(
    r"(?<![0-9A-Za-z])[0-9A-Z]{2} ?\.? ?[0-9A-Z]{3} ?\.? ?[0-9A-Z]{3} ?/ ?[0-9A-Z]{4} ?\- ?\d{2}(?![0-9A-Za-z])"
)
_CPF = re.compile(rf"(?<!\d)(?<!\d[.,/\-])\d{{3}}{_S}\d{{3}}{_S}\d{{3}}{_S}\d{{2}}(?!\d)(?![.,/\-]\d)", re.ASCII)
_D = DIGIT_LIKE
_M = r"[\s.,·•:;'\-–—_]{1,2}"
_OCR_CNPJ = re.compile(
    rf"(?<![0-9A-Za-z]){_D}{{2}}{_M}{_D}{{3}}{_M}{_D}{{3}}[\s/\\|I1l]{{1,2}}{_D}{{4}}[\s\-–—_.~]{{1,2}}{_D}{{2}}(?![0-9A-Za-z])"
)
_OCR_CPF = re.compile(rf"(?<![0-9A-Za-z]){_D}{{3}}{_M}{_D}{{3}}{_M}{_D}{{3}}[\s\-–—_.~]{{1,2}}{_D}{{2}}(?![0-9A-Za-z])")
_DOUBTFUL = 0.9
_PAIRS = "O0", "I1", "S5", "B8", "Z2", "G6"
_TWINS = {a: b for pair in _PAIRS for a, b in (pair, pair[::-1])}


class TaxpayerReader:
    """CPF and CNPJ."""

    name = "taxpayers"
    kinds = frozenset({Kind.CPF, Kind.CNPJ})

    def read(self, sheet: Sheet) -> Iterator[Candidate]:
        """Every CPF and CNPJ whose check digits hold."""
        for span in self._spans(sheet):
            sheet.claim(span.start, span.end)
            yield from sheet.candidates(span, self.name)

    def _spans(self, sheet: Sheet) -> Iterator[Span]:
        taken: set[int] = set()
        for kind, pattern, accept in ((Kind.CNPJ, _CNPJ, _cnpj), (Kind.CPF, _CPF, _cpf)):
            for match in pattern.finditer(sheet.text):
                value = accept(digits_of(match[0]))
                if value is not None and not sheet.is_claimed(*match.span()):
                    taken.update(range(*match.span()))
                    yield Span(
                        kind, value, *match.span(), checks=(f"{kind}_digits",), sureness=_sureness(match[0], kind)
                    )
        for match in _CNPJ_LETTERS.finditer(sheet.text):
            value = parse_cnpj(match[0])
            if value is not None and match.start() not in taken and not sheet.is_claimed(*match.span()):
                taken.update(range(*match.span()))
                yield Span(Kind.CNPJ, value, *match.span(), checks=("cnpj_digits",))
        if sheet.view.is_ocr():
            yield from _repaired(sheet, taken)


def _cnpj(digits: str) -> str | None:
    return format_cnpj(digits) if is_cnpj(digits) else None


def _cpf(digits: str) -> str | None:
    return format_cpf(digits) if is_cpf(digits) else None


def _sureness(text: str, kind: Kind) -> float:
    """Masked numbers are meant to be read so; bare eleven digits may be a telephone that passes by chance."""
    signs = {c for c in text if not c.isdigit() and not c.isspace()}
    if signs:
        return 1.0
    if kind is Kind.CNPJ:
        return 0.9
    return 0.7 if not any(c.isspace() for c in text) else 0.4


def _repaired(sheet: Sheet, taken: set[int]) -> Iterator[Span]:
    for match in _CNPJ_LETTERS.finditer(sheet.text):
        if match.start() in taken or sheet.is_claimed(*match.span()) or match[0].replace(".", "").isdigit():
            continue
        value = _twin(match[0])
        if value is not None:
            taken.update(range(*match.span()))
            checks = ("cnpj_digits",)
            yield Span(Kind.CNPJ, value, *match.span(), checks=checks, how=How.OCR_REPAIRED, sureness=0.8)
    for kind, pattern, accept, size in ((Kind.CNPJ, _OCR_CNPJ, _cnpj, 14), (Kind.CPF, _OCR_CPF, _cpf, 11)):
        for match in pattern.finditer(sheet.text):
            if match.start() in taken or sheet.is_claimed(*match.span()):
                continue
            read = _characters(match[0], size)
            if read is None or not plausible(read, size):
                continue
            digits = to_digits(read)
            letters = letters_in(read)
            sure = accept(digits) if letters else None
            value = sure
            if value is None and sheet.view.confidence(*match.span()) < _DOUBTFUL:
                value = repair(digits, accept)
            if value is not None:
                taken.update(range(*match.span()))
                checks = (f"{kind}_digits",)
                yield Span(
                    kind, value, *match.span(), checks=checks, how=How.OCR_REPAIRED, sureness=0.85 if sure else 0.6
                )


def _twin(text: str) -> str | None:
    """The only alphanumeric CNPJ that differs from the text by one letter taken for the digit it looks like, or by one
    digit taken for a letter."""
    swapped = (f"{text[:i]}{_TWINS[sign]}{text[i + 1 :]}" for i, sign in enumerate(text[:-2]) if sign in _TWINS)
    found = {value for value in map(parse_cnpj, swapped) if value is not None}
    return found.pop() if len(found) == 1 else None


def _characters(text: str, size: int) -> str | None:
    """The characters that stand for digits; the slash may have been read as I, l or 1 and is dropped then."""
    kept = [c for c in text if c.isdigit() or letters_in(c)]
    if len(kept) == size:
        return "".join(kept)
    return None
