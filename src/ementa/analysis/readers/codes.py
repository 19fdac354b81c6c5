"""Reads document numbers that a number sign or their name introduces: `NF-e Nº 000.123.456`, `Série 1`, `#INV-001`."""

import re
from collections.abc import Iterator

from ementa.analysis.readers.base import Sheet, Span
from ementa.analysis.types import Candidate, Kind

_SIGNED = re.compile(
    r"(?:(?<![A-Za-zÀ-ÿ])[Nn](?:[º°ª]|[oO]\.?|r\.?|úm\.?|\.\s?[º°o])\.?|#)\s{0,2}[:.]?\s{0,2}"
    r"((?=[A-Za-z]{0,6}[\-/.]?\d)[A-Za-z0-9](?:[A-Za-z0-9./\-]{0,38}[A-Za-z0-9])?)(?![\w])"
)

_NAMED = re.compile(
    r"\b(?:s[ée]rie|coo|ccf|nsu|folha|caixa|pedido|protocolo|contrato|processo|nf-?e|nfs-?e|nfc-?e|nota\sfiscal|recibo|"
    r"fatura|invoice|order|receipt|cupom|lote|cfop|ncm|rg|rps|matr[íi]cula|instala[çc][ãa]o|ap[óo]lice|c[óo]d(?:igo)?)"
    r"(?:\s{1,2}|\s?:\s?|\.\s?)"
    r"((?=[A-Za-z]{0,6}[\-/.]?\d)[A-Za-z0-9](?:[A-Za-z0-9./\-]{0,38}[A-Za-z0-9])?)(?![\w])",
    re.IGNORECASE,
)


class CodeReader:
    """Numbers of documents by their number sign."""

    name = "codes"
    kinds = frozenset({Kind.CODE})

    def read(self, sheet: Sheet) -> Iterator[Candidate]:
        """Every code after a number sign."""
        for match in (*_SIGNED.finditer(sheet.text), *_NAMED.finditer(sheet.text)):
            if not sheet.is_claimed(*match.span(1)):
                yield from sheet.candidates(Span(Kind.CODE, match[1], *match.span(1), sureness=0.95), self.name)
