"""Reads tick boxes: `Sim [X] Não [ ]`, `(x) Sim ( ) Não`, `☒ Sim ☐ Não`, `[x] Optante pelo Simples`."""

import re
from collections.abc import Iterator
from itertools import pairwise

from ementa.analysis.readers.base import Sheet
from ementa.analysis.readers.vocabulary import tidy
from ementa.analysis.types import Candidate, How, Kind
from ementa.analysis.validators.folding import fold

_MARK = re.compile(
    r"[\[(]\s?(?P<in>[xX✓✔✗]?)\s?[\])]|(?P<on>[☒☑✓✔])|(?P<off>[☐□])|\b(?P<word>sim|n[ãa]o|yes|no)\b", re.IGNORECASE
)
_YES = frozenset({"sim", "yes"})


class BooleanReader:
    """Yes and no by ticked boxes."""

    name = "booleans"
    kinds = frozenset({Kind.BOOLEAN})

    def read(self, sheet: Sheet) -> Iterator[Candidate]:
        """The answer of every pair of boxes, and every box with its own words."""
        if Kind.BOOLEAN not in sheet.kinds:
            return
        start = 0
        for line in sheet.text.split("\n"):
            marks = list(_MARK.finditer(line)) if len(line) < 1000 else []
            if any(m["word"] is None for m in marks):
                yield from self._line(sheet, line, start, marks)
            start += len(line) + 1

    def _line(self, sheet: Sheet, line: str, start: int, marks: list[re.Match[str]]) -> Iterator[Candidate]:
        label = line[: marks[0].start()].strip(" :\t-–?")
        words = [m for m in marks if m["word"]]
        if not words:
            yield from self._own_words(sheet, line, start, marks)
            return
        boxes_first = marks[0]["word"] is None
        for left, right in pairwise(marks):
            box, word = (left, right) if boxes_first else (right, left)
            if box["word"] is None and word["word"] and _ticked(box):
                value = fold(word["word"]) in _YES
                yield self._candidate(sheet, value, start + left.start(), start + right.end(), label)

    def _own_words(self, sheet: Sheet, line: str, start: int, marks: list[re.Match[str]]) -> Iterator[Candidate]:
        for i, mark in enumerate(marks):
            end = marks[i + 1].start() if i + 1 < len(marks) else len(line)
            label = line[mark.end() : end].strip(" :\t-–")
            if 2 <= len(label) <= 80:
                yield self._candidate(sheet, _ticked(mark), start + mark.start(), start + mark.end(), label)

    def _candidate(self, sheet: Sheet, value: bool, start: int, end: int, label: str) -> Candidate:
        evidence = sheet.view.evidence(start, end)
        return Candidate(
            kind=Kind.BOOLEAN,
            value=value,
            evidence=evidence,
            how=How.NORMALISED,
            checks=("tick",),
            confidence=sheet.view.confidence(start, end),
            label=label[-80:],
            label_score=0.9 if tidy(label) else 0.0,
            reader=self.name,
            party=sheet.parties.of(start, sheet.view.box(start, end)),
        )


def _ticked(mark: re.Match[str]) -> bool:
    return bool(mark["on"] or mark["in"])
