"""Reads money, numbers, whole numbers and percentages, in digits and (money) in words."""

import re
from collections.abc import Iterator

from ementa.analysis.readers.base import Sheet, Span
from ementa.analysis.readers.repair import to_digits
from ementa.analysis.readers.vocabulary import tidy
from ementa.analysis.types import Candidate, How, Kind
from ementa.analysis.validators.folding import fold
from ementa.analysis.validators.number_words import CURRENCY_WORDS, NUMERALS, parse_amount_words
from ementa.analysis.validators.numbers import GROUPED_EN, GROUPED_PT, PLAIN, parse_number

_TOKEN = re.compile(
    r"(?<![\w.,/\-])(?P<open>\()?(?P<minus>[\-−–]\s?)?(?P<currency>(?:R\s?\$|RS|US\s?\$|U\$|\$|€|£|BRL|USD|EUR)\s{0,2})?"
    rf"(?P<minus2>[\-−–]\s?)?(?P<number>{GROUPED_PT}|{GROUPED_EN}|{PLAIN})(?P<close>\)|-(?!\w))?(?P<percent>\s?%)?"
    r"(?![\w]|[.,/:]\d|-\d|[.,]\s?%)",
    re.ASCII,
)
_TWO_PLACES = re.compile(r".*[.,]\d{2}", re.ASCII)
_OCR_MONEY = re.compile(
    r"(?<![\w.,/\-])(?=[^\s,.]{0,3}\d)[\dOoIlSB]{1,3}(?:\.[\dOoIlSB]{3}){0,3},\s?[\dOoIlSB]{2}(?![\w]|[.,]\d)"
)
_WORD = re.compile(r"[A-Za-zÀ-ÿ]+|[^\sA-Za-zÀ-ÿ]")
_JOINING = frozenset({"e", "de", ","})
_RATE_LABEL = re.compile(r"aliq|percent|%|taxa|\brate\b|juros|multa")
_COUNT_LABEL = re.compile(r"qtd|quant|qty|\bqt\b|parcelas|numero|peso|volume|item|idade|kwh|aliq|percent")
_COUNTED = frozenset({Kind.NUMBER, Kind.INTEGER})


class AmountReader:
    """Amounts of money and other numbers that no stronger reader took."""

    name = "amounts"
    kinds = frozenset({Kind.MONEY, Kind.NUMBER, Kind.INTEGER, Kind.PERCENT})

    def read(self, sheet: Sheet) -> Iterator[Candidate]:
        """Every number of the page, as each of the asked kinds that its form and label allow."""
        if not self.kinds & sheet.kinds:
            return
        for match in _TOKEN.finditer(sheet.text):
            if not sheet.is_claimed(*match.span("number")):
                yield from self._read_token(sheet, match)
        for span in _in_words(sheet.text):
            yield from sheet.candidates(span, self.name)
        if sheet.view.is_ocr():
            yield from self._misread(sheet)

    def _read_token(self, sheet: Sheet, match: re.Match[str]) -> Iterator[Candidate]:
        number = match["number"]
        value = parse_number(number, money=bool(match["currency"]))
        if value is None:
            return
        closes = match["close"] or ""
        negative = bool(match["minus"] or match["minus2"] or closes == "-" or (match["open"] and closes == ")"))
        value = -value if negative else value
        start, end = _extent(match, negative=negative)
        if match["percent"]:
            yield from self._percent(sheet, float(value), start, match.end("percent"))
            return
        if match["currency"] or _TWO_PLACES.fullmatch(number):
            sureness = 1.0 if match["currency"] else 0.95
            yield from sheet.candidates(Span(Kind.MONEY, float(value), start, end, sureness=sureness), self.name)
        elif Kind.MONEY in sheet.kinds:
            bare = Span(Kind.MONEY, float(value), start, end, sureness=0.5)
            named = (c for c in sheet.candidates(bare, self.name) if c.label_score >= 0.8)
            yield from (c for c in named if not _COUNT_LABEL.search(tidy(c.label)))
        if not match["currency"]:
            yield from self._plain(sheet, value, start, end)

    def _plain(self, sheet: Sheet, value: float, start: int, end: int) -> Iterator[Candidate]:
        if abs(value) < 1e12:
            yield from sheet.candidates(Span(Kind.NUMBER, value, start, end, sureness=0.9), self.name)
        if value == int(value) and abs(value) < 1e9:
            whole = 0.9 if sheet.text[start:end].isdigit() else 0.7
            yield from sheet.candidates(Span(Kind.INTEGER, int(value), start, end, sureness=whole), self.name)
        if Kind.PERCENT in sheet.kinds and 0 <= value <= 100:
            span = Span(Kind.PERCENT, float(value), start, end, sureness=0.75)
            yield from (c for c in sheet.candidates(span, self.name) if _RATE_LABEL.search(tidy(c.label) or c.label))

    def _percent(self, sheet: Sheet, value: float, start: int, end: int) -> Iterator[Candidate]:
        yield from sheet.candidates(Span(Kind.PERCENT, value, start, end), self.name)
        for kind in _COUNTED & sheet.kinds:
            if kind is Kind.NUMBER or value == int(value):
                shown = int(value) if kind is Kind.INTEGER else value
                yield from sheet.candidates(Span(kind, shown, start, end, sureness=0.5), self.name)

    def _misread(self, sheet: Sheet) -> Iterator[Candidate]:
        """Two-place amounts in which OCR read letters for digits or a space after the comma."""
        for match in _OCR_MONEY.finditer(sheet.text):
            read = "".join(match[0].split())
            if read == match[0] and not any(c.isalpha() for c in read):
                continue
            value = parse_number(to_digits(read), money=True)
            if value is not None and not sheet.is_claimed(*match.span()):
                span = Span(Kind.MONEY, float(value), *match.span(), how=How.OCR_REPAIRED, sureness=0.7)
                yield from sheet.candidates(span, self.name)


def _extent(match: re.Match[str], *, negative: bool) -> tuple[int, int]:
    """The characters shown as proof: the number and its sign. The currency is often the label's, or a column away."""
    start, end = match.span("number")
    if negative:
        signs = [match.start(g) for g in ("open", "minus", "minus2") if match[g]]
        start, end = min([start, *signs]), match.end("close") if match["close"] else end
    return start, end


def _in_words(text: str) -> Iterator[Span]:
    """Amounts written out: the longest runs of numerals that hold the word reais or centavos."""
    run: list[re.Match[str]] = []
    for match in _WORD.finditer(text):
        word = fold(match[0])
        if word in NUMERALS or word in CURRENCY_WORDS or (run and word in _JOINING):
            run.append(match)
            continue
        yield from _amount_of(run, text)
        run = []
    yield from _amount_of(run, text)


def _amount_of(run: list[re.Match[str]], text: str) -> Iterator[Span]:
    while run and fold(run[-1][0]) in _JOINING:
        run = run[:-1]
    if not run or fold(run[-1][0]) not in CURRENCY_WORDS:
        return
    start, end = run[0].start(), run[-1].end()
    value = parse_amount_words(text[start:end])
    if value is not None:
        yield Span(Kind.MONEY, value, start, end, how=How.NORMALISED, sureness=0.9)
