"""Reads names that no label names.

Companies by their legal form, the name at the head of the first page, parties in prose, and the set phrases of
receipts and delivery slips ("Recebi(emos) de …").
"""

import re
from collections.abc import Iterator

import msgspec

from ementa.analysis.readers.base import Sheet
from ementa.analysis.readers.labels import named
from ementa.analysis.recognition import recognise
from ementa.analysis.types import Candidate, How, Kind
from ementa.analysis.validators.folding import fold

_FORM = r"(?:LTDA|Ltda|EIRELI|Eireli|EPP|S\.?/?A\.?|ME|MEI|SLU|Inc\.?|LLC|Corp\.?|GmbH|Ltd\.?|Co\.|Cia\.?)"
_LEGAL_FORM = re.compile(rf"\b{_FORM}(?:\.?\s?[\s\-–]\s?(?:ME|EPP|EIRELI|Eireli))?(?=[\s,.;)–-]|$)")
_LEAD = re.compile(r"^.*\b(?:rece\s?bemos|recebi(?:\s?\(emos\))?)\s+d[eao]s?\s+", re.IGNORECASE)
_JOINING = frozenset({"de", "da", "do", "das", "dos", "e", "&", "em", "para", "the", "of", "and"})
_DELIVERED = re.compile(r"\brecebemos\s+de\s+(.{3,120}?)\s+os\s+(?:produtos|servi)", re.IGNORECASE | re.DOTALL)
_PAID = re.compile(
    r"\brece\s?b(?:i|emos|i\s?\(emos\)|i/emos)\s+d[eao]\(?[ao]?\)?s?\s+(?:sr\.?\(?a?\)?\s+|senhora?\s+)?(.{3,120}?)"
    r"(?=,|;|\s+(?:a\s+(?:quantia|import[âa]ncia)|o\s+valor|CPF|CNPJ|inscrit))",
    re.IGNORECASE | re.DOTALL,
)
_PROPER = r"[A-ZÀ-Ý][\w.&'’\-]{0,30}(?:\s{1,2}(?:(?:d[aeo]s?|e|&)\s{1,2})?[A-ZÀ-Ý0-9][\w.&'’/\-]{0,30}){0,9}"
_IN_PROSE = (
    re.compile(
        rf"(?P<label>de\sum\slado|d[eo]\soutro(?:\slado)?|entre)\s?[,:]?\s(?:a\sempresa\s)?(?P<name>{_PROPER})(?=\s?[,;(])"
    ),
    re.compile(
        rf"(?P<label>representad[oa](?:\(a\))?(?:\s(?:neste|por|pel[oa]|seu|sua|s[óo]ci[oa]|ato|diretor|representante|legal)){{1,6}}"
        rf"(?:,?\s(?:o|a)?\s?(?:Sra?\.|senhora?)(?:\(a\))?)?),?\s(?P<name>{_PROPER})(?=\s?[,;.(])",
    ),
    re.compile(
        rf"(?P<label>)(?P<name>{_PROPER}),\s(?=inscrit|pessoa\sjur|brasileir|portador|com\ssede|C\.?P\.?F|C\.?N\.?P\.?J|"
        r"estabelecid|residente|empresa|sociedade|casad|solteir|maior)"
    ),
)
_TITLES = re.compile(
    r"^(?:nota|recibo|fatura|boleto|contrato|cupom|danfe|documento|invoice|receipt|prefeitura|pagina|page|danf|extrato|"
    r"comprovante|proposta|orcamento|pedido|ficha|via|original|copia|termo|instrumento|relatorio|declaracao|republica|ministerio|"
    r"estado|secretaria|governo|banco|local|recebemos|identificacao|chave|consulta|serie|data|valor|total|n\.?\s)"
)
_TOP_LINES = 6
_SHORT = 3


class LetterheadReader:
    """Names by their place or their form."""

    name = "letterheads"
    kinds = frozenset({Kind.NAME})

    def read(self, sheet: Sheet) -> Iterator[Candidate]:
        """Companies by legal form, the letterhead of page 1, and names in set phrases."""
        if Kind.NAME not in sheet.kinds:
            return
        heads = list(self._top(sheet)) if sheet.view.page.number == 1 else []
        yield from (_of_letterhead(company, heads) for company in self._companies(sheet))
        yield from heads
        for match in _DELIVERED.finditer(sheet.text):
            # The slip repeats the name, often in capitals: the letterhead's own goes before it.
            yield from self._candidate(sheet, *match.span(1), label="", score=0.0, sureness=0.7, party="emitente")
        for match in _PAID.finditer(sheet.text):
            yield from self._candidate(sheet, *match.span(1), label="", score=0.0, sureness=0.9, party="pagador")
        for pattern in _IN_PROSE:
            for match in pattern.finditer(sheet.text):
                label = " ".join(match["label"].split())
                yield from self._candidate(
                    sheet, *match.span("name"), label=label, score=0.8 if label else 0.0, sureness=0.9
                )

    def _companies(self, sheet: Sheet) -> Iterator[Candidate]:
        for match in _LEGAL_FORM.finditer(sheet.text):
            segment = sheet.view.segment_at(match.start())
            earliest = max(segment.start, match.start() - 100)
            cut = max(sheet.text.rfind(c, earliest, match.start()) for c in ":,;(")
            start = _name_start(sheet.text, max(earliest, cut + 1), match.start())
            name = sheet.text[start : match.end()]
            if len(name.split()) >= 2 and name[:1].isupper() and len(name) <= 100:
                labels = sheet.labels.find(start, match.end(), Kind.NAME)
                best = labels[0] if labels else None
                yield from self._candidate(
                    sheet, start, match.end(), label=best.text if best else "", score=best.score if best else 0.0,
                    sureness=0.85,
                )  # fmt: skip

    def _top(self, sheet: Sheet) -> Iterator[Candidate]:
        """The first words of the page that are a name: usually who issued the document."""
        for segment in sheet.view.segments[:_TOP_LINES]:
            folded = fold(segment.text)
            if _TITLES.match(folded) or named(segment.text) or ":" in segment.text or any(c.isdigit() for c in folded):
                continue
            if not _is_proper(segment.text):
                continue
            yield from self._candidate(
                sheet, segment.start, segment.end, label="", score=0.0, sureness=0.6, party="emitente"
            )
            return

    def _candidate(
        self, sheet: Sheet, start: int, end: int, *, label: str, score: float, sureness: float, party: str | None = None
    ) -> Iterator[Candidate]:
        evidence = sheet.view.evidence(start, end)
        parsed = recognise(Kind.NAME, evidence.text)
        if parsed is None:
            return
        yield Candidate(
            kind=Kind.NAME,
            value=parsed.value,
            evidence=evidence,
            how=How.EXACT if parsed.value == evidence.text else How.NORMALISED,
            confidence=round(sureness * sheet.view.confidence(start, end), 4),
            label=label,
            label_score=round(score, 4),
            reader=self.name,
            party=sheet.parties.of(start, sheet.view.box(start, end)) if party is None else party,
        )


def _name_start(text: str, start: int, end: int) -> int:
    """Where a company's name begins in `text[start:end]`, the words before its legal form: after the set phrase or the
    prose that leads to it. A name has capital letters and joining words only."""
    lead = _LEAD.match(text[start:end])
    begin = start + lead.end() if lead else start
    words = list(re.finditer(r"\S+", text[begin:end]))
    first = len(words)
    for at in range(len(words) - 1, -1, -1):
        word = words[at][0]
        if word[:1].isupper() or word[:1].isdigit():
            first = at
        elif word not in _JOINING:
            break
    return begin + words[first].start() if first < len(words) else end


def _is_proper(text: str) -> bool:
    """Whether most words begin with a capital, as those of a name do and those of a sentence do not."""
    words = [word for word in text.split() if word.lower() not in _JOINING]
    return sum(word[:1].isupper() for word in words) * 2 > len(words)


def _of_letterhead(company: Candidate, heads: list[Candidate]) -> Candidate:
    """A company whose name begins with the letterhead's (which is often short) is the one of the letterhead."""
    name = fold(str(company.value))
    if any(len(head := fold(str(top.value))) > _SHORT and name.startswith(f"{head} ") for top in heads):
        return msgspec.structs.replace(company, label="", label_score=0.0, party="emitente")
    return company
