"""Reads names at the place of a signature: under a ruled line, or over the party's role at the end of a text."""

import re
from collections.abc import Iterator

from ementa.analysis.readers.base import Sheet
from ementa.analysis.readers.labels import named
from ementa.analysis.readers.parties import HEADINGS
from ementa.analysis.readers.vocabulary import tidy
from ementa.analysis.recognition import recognise
from ementa.analysis.types import Candidate, How, Kind
from ementa.analysis.view import Segment

_RULE = re.compile(r"^[_\-.\s]{5,}$")
_NAME = re.compile(r"[A-ZÀ-Ý][\w.&'’\-]*(?:\s(?:d[aeo]s?|e|&|[A-ZÀ-Ý][\w.&'’/\-]*)){1,9}\.?")


class SignatureReader:
    """Who signs."""

    name = "signatures"
    kinds = frozenset({Kind.NAME})

    def read(self, sheet: Sheet) -> Iterator[Candidate]:
        """Every name at a signature's place; the role written under it says whose it is."""
        if Kind.NAME not in sheet.kinds:
            return
        for segment in sheet.view.segments:
            if _NAME.fullmatch(segment.text) and not named(segment.text) and segment.first not in sheet.rows:
                yield from self._read_segment(sheet, segment)

    def _read_segment(self, sheet: Sheet, segment: Segment) -> Iterator[Candidate]:
        view = sheet.view
        under = next(iter(view.below(segment.box, segment.height * 1.5)), None)
        role = HEADINGS.get(tidy(under.text), "") if under else ""
        ruled = any(_RULE.match(over.text) for over in view.above(segment.box, segment.height * 2.5)[:1])
        # A heading has its party's data under it; the role under a signature has nothing.
        ends = under is not None and role != "" and not view.below(under.box, under.height * 2.5)
        parsed = recognise(Kind.NAME, segment.text) if ruled or ends else None
        if parsed is None:
            return
        evidence = view.evidence(segment.start, segment.end)
        yield Candidate(
            kind=Kind.NAME,
            value=parsed.value,
            evidence=evidence,
            how=How.EXACT if parsed.value == evidence.text else How.NORMALISED,
            confidence=round(0.85 * view.confidence(segment.start, segment.end), 4),
            label=under.text if role and under else "",
            label_score=0.85 if role else 0.0,
            reader=self.name,
            party=role or sheet.parties.of(segment.start, segment.box),
        )
