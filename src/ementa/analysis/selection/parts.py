"""A document in parts that fit a model's context: the relevant passages first, each part in reading order."""

from collections.abc import Iterator
from typing import NamedTuple

from ementa.analysis.selection.types import Passage, Prepared
from ementa.analysis.validators.folding import fold
from ementa.llm.tokens import estimate_tokens

_PER_PASSAGE = 12
"""Tokens of a passage's number, page and line end."""


class Part(NamedTuple):
    """Passages shown in one call, with the numbers (from 1) by which the whole document knows them."""

    passages: tuple[tuple[int, Passage], ...]

    def shows(self, text: str) -> bool:
        """Whether a text stands in this part, give or take case, accents and signs."""
        wanted = _compact(text)
        return bool(wanted) and any(wanted in _compact(passage.text) for _, passage in self.passages)


def parts_of(prepared: Prepared, room: int) -> tuple[list[Part], int]:
    """The parts that cover the whole text, each within `room` tokens, most relevant first; how many at the end hold
    nothing relevant. No part when not even one passage fits."""
    if not prepared.passages or room <= 0:
        return [], 0
    relevant = frozenset(prepared.ranking[: prepared.relevant])
    parts = [Part(tuple((i + 1, prepared.passages[i]) for i in sorted(group))) for group in _groups(prepared, room)]
    idle = 0
    for part in reversed(parts):
        if any(number - 1 in relevant for number, _ in part.passages):
            break
        idle += 1
    return parts, 0 if idle == len(parts) else idle


def _groups(prepared: Prepared, room: int) -> Iterator[list[int]]:
    group: list[int] = []
    used = 0
    for index in prepared.ranking:
        cost = estimate_tokens(prepared.passages[index].text) + _PER_PASSAGE
        if group and used + cost > room:
            yield group
            group, used = [], 0
        if cost <= room:
            group.append(index)
            used += cost
    if group:
        yield group


def _compact(text: str) -> str:
    return "".join(c for c in fold(text) if c.isalnum())
