"""Reads federative units: the letters after a city (`São Paulo - SP`, `Santos/SP`) or under a label UF."""

import re
from collections.abc import Iterator

from ementa.analysis.readers.base import Sheet, Span
from ementa.analysis.types import Candidate, Kind
from ementa.analysis.validators.states import STATES

_ALTERNATIVES = "|".join(sorted(STATES))
_ALONE = re.compile(rf"(?<![^\s,:/(\-])({_ALTERNATIVES})(?![^\s,.;:)/\-])")


class StateReader:
    """UF by its letters."""

    name = "states"
    kinds = frozenset({Kind.STATE})

    def read(self, sheet: Sheet) -> Iterator[Candidate]:
        """Letters of a state after a city, or named by a label."""
        for match in _ALONE.finditer(sheet.text):
            start, end = match.span(1)
            before = sheet.text[max(start - 3, 0) : start].rstrip()
            after_city = before[-1:] in "-–/," and sheet.text[max(start - 6, 0) : start].strip(" -–/,")[-1:].isalpha()
            labels = sheet.labels.find(start, end, Kind.STATE)
            named = any(x.text.lower().rstrip(":. ").split()[-1:] in (["uf"], ["estado"], ["state"]) for x in labels)
            if not (named or (before and after_city)):
                continue
            span = Span(Kind.STATE, match[1], start, end, checks=("state",), sureness=0.95 if named else 0.85)
            yield from sheet.candidates(span, self.name)
