"""Dates as Brazilian and English documents write them, in digits, with month names, and in words.

Numeric dates are read day first. Month first (`03/31/2026`) only when the second number cannot be a month; a date that
could be both is day first, the Brazilian reading. Two-digit years: 00–69 are 2000–2069, the rest 1970–1999.
Years from 1900 to 2100.
"""

import datetime as dt
import re

from ementa.analysis.validators.folding import fold
from ementa.analysis.validators.number_words import parse_cardinal

MONTHS = {
    "janeiro": 1, "fevereiro": 2, "marco": 3, "abril": 4, "maio": 5, "junho": 6, "julho": 7, "agosto": 8,
    "setembro": 9, "outubro": 10, "novembro": 11, "dezembro": 12,
    "january": 1, "february": 2, "march": 3, "april": 4, "may": 5, "june": 6, "july": 7, "august": 8,
    "september": 9, "october": 10, "november": 11, "december": 12,
    "jan": 1, "fev": 2, "feb": 2, "mar": 3, "abr": 4, "apr": 4, "mai": 5, "jun": 6, "jul": 7, "ago": 8, "aug": 8,
    "set": 9, "sep": 9, "sept": 9, "out": 10, "oct": 10, "nov": 11, "dez": 12, "dec": 12,
}  # fmt: skip
_NUMERIC = re.compile(r"(\d{1,2})([/.\-])(\d{1,2})\2(\d{4}|\d{2})", re.ASCII)
_ISO = re.compile(r"(\d{4})([-/.])(\d{1,2})\2(\d{1,2})", re.ASCII)
_TIME = re.compile(
    r"(?:[t ]|\s*-\s*|,\s*|\s+as\s+)\d{1,2}[:h]\d{2}(?::\d{2})?(?:\.\d{1,9})?\s*(?:z|[+-]\d{2}:?\d{2})?$"
)
_DAY_MONTH = re.compile(
    r"(\d{1,2})(?:o|st|nd|rd|th|\.o)?[\s/.\-]*(?:de |of )?([a-z]{3,9})\.?[\s/.,\-]*(?:de )?(\d{4}|\d{2})"
)
_MONTH_DAY = re.compile(r"([a-z]{3,9})\.? (\d{1,2})(?:st|nd|rd|th)?,? (\d{4})")
_WORDS = re.compile(
    r"(?:aos? )?([a-z ]{2,30}?) (?:dias )?(?:do mes )?de ([a-z]{4,9}) (?:do ano )?(?:de )?([a-z0-9. ]{4,60})"
)


def parse_date(text: str) -> dt.date | None:
    """The date that `text` is, a time of day after it aside; None when it is no date that exists."""
    folded = fold(text[:120]).strip(" ,;.")
    folded = _TIME.sub("", folded)
    return _parse_iso(folded) or _parse_numeric(folded) or _parse_month_name(folded) or _parse_words(folded)


def _make(year: int, month: int, day: int) -> dt.date | None:
    if not 1900 <= year <= 2100:
        return None
    try:
        return dt.date(year, month, day)
    except ValueError:
        return None


def _year(text: str) -> int:
    year = int(text)
    if len(text) == 4:
        return year
    return year + (2000 if year < 70 else 1900)


def _parse_iso(text: str) -> dt.date | None:
    match = _ISO.fullmatch(text)
    return _make(int(match[1]), int(match[3]), int(match[4])) if match else None


def _parse_numeric(text: str) -> dt.date | None:
    match = _NUMERIC.fullmatch(text)
    if not match:
        return None
    first, second, year = int(match[1]), int(match[3]), _year(match[4])
    if second > 12 and first <= 12:
        first, second = second, first
    return _make(year, second, first)


def _parse_month_name(text: str) -> dt.date | None:
    match = _DAY_MONTH.fullmatch(text)
    if match and match[2] in MONTHS:
        return _make(_year(match[3]), MONTHS[match[2]], int(match[1]))
    match = _MONTH_DAY.fullmatch(text)
    if match and match[1] in MONTHS:
        return _make(int(match[3]), MONTHS[match[1]], int(match[2]))
    return None


def _parse_words(text: str) -> dt.date | None:
    match = _WORDS.fullmatch(text)
    if not match or match[2] not in MONTHS:
        return None
    day = 1 if match[1] == "primeiro" else parse_cardinal(match[1])
    year_text = match[3].replace(".", "").strip()
    year = int(year_text) if year_text.isdigit() else parse_cardinal(year_text)
    return _make(year, MONTHS[match[2]], day) if day and year else None
