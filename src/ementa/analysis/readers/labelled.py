"""Reads what no pattern describes: names, addresses, codes and free text, by the label that names them."""

import re
from collections.abc import Iterator

import msgspec

from ementa.analysis.readers.base import Sheet
from ementa.analysis.readers.pairs import Pair, Pairs
from ementa.analysis.recognition import recognise
from ementa.analysis.types import Candidate, How, Kind
from ementa.analysis.view import Segment

_KINDS = frozenset({Kind.NAME, Kind.ADDRESS, Kind.TEXT, Kind.CODE, Kind.BOOLEAN})
_CODE_HEAD = re.compile(r"[A-Za-z0-9][\w.\-º]*(?:\s?/\s?[\w.\-]+){0,3}(?:\s\d[\d\-]{0,12})?")
_NAME_END = re.compile(
    r"\s*(?:,\s(?=[a-zà-ÿ(]|pessoa|inscrit|CNPJ|CPF|com\s|RG)|\s[\-–]\s(?=CNPJ|CPF|\d)|\(|;|,?\s(?=(?:CNPJ|CPF|RG|CEP|IE)\b)|\s\d{2,3}\.\d{3}\.\d{3})"
)
_MAX_TEXT = 600
_MORE_LINES = 3


class LabelledReader:
    """Values by their labels."""

    name = "labelled"
    kinds = _KINDS

    def read(self, sheet: Sheet) -> Iterator[Candidate]:
        """Every value that a label names, as each of the asked kinds that label and value allow."""
        if not self.kinds & sheet.kinds:
            return
        pairs = Pairs(sheet.view)
        for pair in pairs.all():
            in_records = sheet.view.word_at(pair.start) in sheet.rows
            if pair.end - pair.start <= _MAX_TEXT and not in_records:
                yield from self._read_pair(sheet, pairs, pair)

    def _read_pair(self, sheet: Sheet, pairs: Pairs, pair: Pair) -> Iterator[Candidate]:
        text = sheet.text[pair.start : pair.end]
        for kind in (Kind.TEXT, Kind.NAME, Kind.CODE, Kind.BOOLEAN, Kind.ADDRESS):
            if kind not in sheet.kinds or not _allowed(pair, kind):
                continue
            end = pair.start + _extent(kind, text)
            candidate = self._candidate(sheet, kind, pair, end)
            if candidate is None:
                continue
            yield candidate
            if kind in (Kind.ADDRESS, Kind.TEXT):
                yield from self._longer(sheet, pairs, kind, pair)

    def _candidate(self, sheet: Sheet, kind: Kind, pair: Pair, end: int, sureness: float = 0.95) -> Candidate | None:
        evidence = sheet.view.evidence(pair.start, end)
        parsed = recognise(kind, evidence.text)
        if parsed is None:
            return None
        return Candidate(
            kind=kind,
            value=parsed.value,
            evidence=evidence,
            how=How.EXACT if parsed.value == evidence.text else How.NORMALISED,
            confidence=round(sureness * sheet.view.confidence(pair.start, end), 4),
            label=pair.label,
            label_score=round(pair.score, 4),
            reader=self.name,
            party=sheet.parties.of(pair.start, sheet.view.box(pair.start, end)),
        )

    def _longer(self, sheet: Sheet, pairs: Pairs, kind: Kind, pair: Pair) -> Iterator[Candidate]:
        """The value with the lines that go on below it."""
        last = sheet.view.segment_at(pair.end - 1)
        if pair.end < last.end:
            return
        ends = list(_continuation(pairs, sheet.view.segment_at(pair.start), pair.start))
        if not ends:
            return
        parts = [sheet.view.evidence(pair.start, pair.end), *(sheet.view.evidence(s.start, s.end) for s in ends)]
        text = _join([part.text for part in parts])
        first = self._candidate(sheet, kind, pair, pair.end)
        if first is not None and len(text) <= _MAX_TEXT:
            evidence = msgspec.structs.replace(
                first.evidence, boxes=tuple(box for part in parts for box in part.boxes), text=text
            )
            open_end = sheet.text[pair.start : pair.end].rstrip()[-1:] in ",-–"
            sureness = first.confidence * (1.02 if open_end else 0.7)
            how = How.EXACT if "-" not in text else How.NORMALISED
            yield msgspec.structs.replace(
                first, value=text, evidence=evidence, how=how, confidence=round(min(sureness, 1.0), 4)
            )


def _allowed(pair: Pair, kind: Kind) -> bool:
    if pair.match is None:
        return kind is not Kind.ADDRESS or "ender" in pair.label.lower() or "address" in pair.label.lower()
    if kind in (Kind.TEXT, Kind.BOOLEAN):
        return True
    if kind is Kind.CODE:
        return Kind.CODE in pair.match.kinds
    return kind in pair.match.kinds


def _extent(kind: Kind, text: str) -> int:
    """How much of the words after a label belongs to a value of the kind."""
    if kind is Kind.CODE:
        match = _CODE_HEAD.match(text)
        return match.end() if match else len(text)
    if kind is Kind.NAME:
        match = _NAME_END.search(text, 3) if len(text) > 3 else None
        return match.start() if match else len(text)
    return len(text)


def _continuation(pairs: Pairs, segment: Segment, start: int) -> Iterator[Segment]:
    """Segments below that start where the value starts and are no labels."""
    view = pairs.view
    x0 = view.box(start, segment.end)[0]
    current = segment
    for _ in range(_MORE_LINES):
        under = [s for s in view.below(current.box, current.height * 0.9) if abs(s.box[0] - x0) <= 4.0]
        if not under or pairs.is_label(under[0]) or ":" in under[0].text:
            return
        yield under[0]
        current = under[0]


def _join(parts: list[str]) -> str:
    """Lines joined by a space; a hyphen that breaks a word goes away."""
    text = parts[0]
    for part in parts[1:]:
        broken = len(text) > 1 and text[-1] == "-" and text[-2].isalpha() and part[:1].islower()
        text = text[:-1] + part if broken else f"{text} {part}"
    return text
