"""Reads PIS, CNH, RENAVAM and título de eleitor: bare digits of like lengths, told apart by label and check digits."""

import re
from collections.abc import Callable, Iterator

from ementa.analysis.readers.base import Sheet, Span
from ementa.analysis.types import Candidate, Kind
from ementa.analysis.validators.cnh import parse_cnh
from ementa.analysis.validators.folding import fold
from ementa.analysis.validators.pis import parse_pis
from ementa.analysis.validators.renavam import parse_renavam
from ementa.analysis.validators.voter_id import parse_voter_id

_Form = tuple[Kind, re.Pattern[str], Callable[[str], str | None], re.Pattern[str], str]
_EDGE, _END = r"(?<![\d.,/\-])", r"(?![\d]|[.,/\-]\d)"
_FORMS: tuple[_Form, ...] = (
    (Kind.PIS, re.compile(rf"{_EDGE}\d{{3}}\.?\d{{5}}\.?\d{{2}}[\-.]?\d{_END}", re.ASCII), parse_pis,
     re.compile(r"\b(?:pis|pasep|nit|nis)\b"), "pis_digit"),
    (Kind.CNH, re.compile(rf"{_EDGE}\d{{11}}{_END}", re.ASCII), parse_cnh,
     re.compile(r"\b(?:cnh|habilitacao|registro|driver)"), "cnh_digits"),
    (Kind.RENAVAM, re.compile(rf"{_EDGE}\d{{9,11}}{_END}|{_EDGE}\d{{8,10}}-\d{_END}", re.ASCII), parse_renavam,
     re.compile(r"\brenavam\b"), "renavam_digit"),
    (Kind.VOTER_ID, re.compile(rf"{_EDGE}\d{{4}} ?\d{{4}} ?\d{{4}}{_END}", re.ASCII), parse_voter_id,
     re.compile(r"\b(?:titulo|eleitor|eleitoral|voter)\b"), "voter_id_digits"),
)  # fmt: skip


class RegistrationReader:
    """Registration numbers of persons and vehicles. One in eleven random numbers passes a modulo 11, so a label must
    name it, except PIS in its own mask."""

    name = "registrations"
    kinds = frozenset({Kind.PIS, Kind.CNH, Kind.RENAVAM, Kind.VOTER_ID})

    def read(self, sheet: Sheet) -> Iterator[Candidate]:
        """Every number that a label names and whose check digits hold."""
        for kind, pattern, parse, names, check in _FORMS:
            if kind not in sheet.kinds:
                continue
            for match in pattern.finditer(sheet.text):
                value = parse(match[0])
                if value is None:
                    continue
                labels = sheet.labels.find(*match.span(), kind)
                named = any(names.search(fold(label.text)) for label in labels)
                masked = kind is Kind.PIS and "." in match[0]
                if not (named or masked) or (sheet.is_claimed(*match.span()) and not named):
                    continue
                span = Span(kind, value, *match.span(), checks=(check,), sureness=1.0 if named else 0.8)
                yield from sheet.candidates(span, self.name)
