"""Reads dates: in digits, with month names, in words, in Portuguese and English."""

import re
from collections.abc import Iterator

from ementa.analysis.readers.base import Sheet, Span
from ementa.analysis.readers.repair import DIGIT_LIKE, letters_in, to_digits
from ementa.analysis.types import Candidate, How, Kind
from ementa.analysis.validators.dates import parse_date

_NUMERIC = re.compile(
    r"(?<![\d/])(?<!\d[.,\-])\d{1,2}\s?([/.\-])\s?\d{1,2}\s?\1\s?(?:\d{4}|\d{2})(?![\d/]|[.\-]\d|,\d)", re.ASCII
)
_ISO = re.compile(r"(?<![\d/.\-])\d{4}([\-/.])\d{1,2}\1\d{1,2}(?![\d/]|[.\-]\d)", re.ASCII)
_MONTH = (
    r"(?:jan(?:eiro|uary)?|fev(?:ereiro)?|feb(?:ruary)?|mar(?:[çc]o|ch)?|abr(?:il)?|apr(?:il)?|mai(?:o)?|may|"
    r"jun(?:ho|e)?|jul(?:ho|y)?|ago(?:sto)?|aug(?:ust)?|set(?:embro)?|sep(?:t|tember)?|out(?:ubro)?|oct(?:ober)?|"
    r"nov(?:embro|ember)?|dez(?:embro)?|dec(?:ember)?)"
)
_DAY_MONTH = re.compile(
    rf"(?<![\d/.,])\d{{1,2}}\s?(?:[ºo°ª]|st|nd|rd|th)?[\s/.\-]{{0,3}}(?:de\s|of\s)?{_MONTH}\.?[\s/.,\-]{{0,3}}(?:de\s)?\d{{4}}(?![\d])"
    rf"|(?<![\d/.,])\d{{1,2}}[/.\-]{_MONTH}[/.\-]\d{{2}}(?!\d)",
    re.IGNORECASE,
)
_MONTH_DAY = re.compile(rf"(?<!\w){_MONTH}\.?\s\d{{1,2}}(?:st|nd|rd|th)?,?\s\d{{4}}(?!\d)", re.IGNORECASE)
_WORD_MONTH = re.compile(
    r"\b(?:janeiro|fevereiro|mar[çc]o|abril|maio|junho|julho|agosto|setembro|outubro|novembro|dezembro)\b",
    re.IGNORECASE,
)
_WORD_DAY = re.compile(
    r"((?:primeiro|um|dois|tr[êe]s|quatro|cinco|seis|sete|oito|nove|dez|onze|doze|treze|quatorze|catorze|quinze|"
    r"dezesseis|dezessete|dezoito|dezenove|(?:vinte|trinta)(?:\se\s\w{2,6})?)(?:\sdias)?(?:\sdo\sm[êe]s)?\sde\s)$",
    re.IGNORECASE,
)
_WORD_YEAR = re.compile(
    r"\s(?:do\sano\s)?(?:de\s)?(\d{4}\b|(?:dois\smil|mil\se?\s?novecentos)(?:\se\s[a-zêé]{2,10}){0,3})", re.IGNORECASE
)
_OCR = re.compile(rf"(?<![0-9A-Za-z/]){DIGIT_LIKE}{{2}}([/.\-]){DIGIT_LIKE}{{2}}\1{DIGIT_LIKE}{{4}}(?![0-9A-Za-z/])")


class DateReader:
    """Dates that exist in the calendar."""

    name = "dates"
    kinds = frozenset({Kind.DATE})

    def read(self, sheet: Sheet) -> Iterator[Candidate]:
        """Every date on the page."""
        if Kind.DATE not in sheet.kinds:
            return
        for span in self._spans(sheet):
            if not sheet.is_claimed(span.start, span.end):
                sheet.claim(span.start, span.end)
                yield from sheet.candidates(span, self.name)

    def _spans(self, sheet: Sheet) -> Iterator[Span]:
        for pattern in (_ISO, _NUMERIC, _DAY_MONTH, _MONTH_DAY):
            for match in pattern.finditer(sheet.text):
                text = match[0]
                if pattern is _NUMERIC:
                    text = "".join(text.split())
                    # 1.2.20 is a version or a section as often as a date.
                    if match[1] == "." and not re.fullmatch(r"\d{1,2}\.\d{1,2}\.\d{4}|\d{2}\.\d{2}\.\d{2}", text):
                        continue
                date = parse_date(" ".join(text.split()))
                if date:
                    short = not re.search(r"\d{4}", text)
                    yield _span(date.isoformat(), *match.span(), sureness=0.85 if short else 1.0)
        yield from _in_words(sheet.text)
        if sheet.view.is_ocr():
            yield from _misread(sheet.text)


def _span(value: str, start: int, end: int, *, sureness: float = 1.0, how: How | None = None) -> Span:
    return Span(Kind.DATE, value, start, end, checks=("calendar",), how=how, sureness=sureness)


def _in_words(text: str) -> Iterator[Span]:
    for month in _WORD_MONTH.finditer(text):
        day = _WORD_DAY.search(text[max(month.start() - 50, 0) : month.start()])
        year = _WORD_YEAR.match(text, month.end())
        if not day or not year:
            continue
        start = month.start() - len(day[1])
        date = parse_date(" ".join(text[start : year.end()].split()))
        if date:
            yield _span(date.isoformat(), start, year.end())


def _misread(text: str) -> Iterator[Span]:
    for match in _OCR.finditer(text):
        if 0 < letters_in(match[0]) <= 3:
            date = parse_date(to_digits(match[0]))
            if date:
                yield _span(date.isoformat(), *match.span(), sureness=0.7, how=How.OCR_REPAIRED)
