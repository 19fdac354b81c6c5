"""Values of one object belong together: a name without a label is the one that stands by the object's CNPJ or CPF."""

import re
from collections import defaultdict
from collections.abc import Sequence

import msgspec

from ementa.analysis.selection.types import Field, Option
from ementa.analysis.types import Candidate, Kind
from ementa.analysis.validators.folding import fold

_TAXPAYER = frozenset({Kind.CNPJ, Kind.CPF, Kind.CPF_OR_CNPJ})
_LINES = 3.0
_COMPANY = re.compile(r"\b(?:ltda|s\.?/?a\.?|me|epp|eireli|mei|inc|llc|cia|companhia|associacao|cooperativa)\b\.?")


def cohere(fields: Sequence[Field]) -> list[Field]:
    """The fields with the names of each object ranked anew by what stands by its taxpayer number."""
    objects: dict[str, list[int]] = defaultdict(list)
    for index, field in enumerate(fields):
        objects[field.pointer.rpartition("/")[0]].append(index)
    result = list(fields)
    for members in objects.values():
        anchor = next((best for i in members if fields[i].leaf.kind in _TAXPAYER and (best := _best(fields[i]))), None)
        for index in members:
            field = fields[index]
            if anchor is not None and field.leaf.kind is Kind.NAME and not field.by_row:
                options = [_beside(option, anchor) for option in field.options]
                options.sort(key=lambda option: (-option.eligible, -option.score))
                result[index] = msgspec.structs.replace(field, options=tuple(options))
    return result


def _best(field: Field) -> Candidate | None:
    return field.options[0].candidate if field.options and field.options[0].eligible else None


def _beside(option: Option, anchor: Candidate) -> Option:
    """A name without a label gains by standing just before the number, and loses when it is of another sort of
    person."""
    candidate = option.candidate
    if candidate.label and option.eligible:
        return option
    score = option.score
    is_company = len(str(anchor.value)) == 18
    if bool(_COMPANY.search(fold(str(candidate.value)))) != is_company:
        score -= 0.1
    lines = _lines_between(candidate, anchor)
    if lines is None or lines > _LINES:
        return msgspec.structs.replace(option, score=max(score, 0.0))
    score += 0.15 * (1 - lines / (_LINES + 1))
    eligible = option.eligible or (not candidate.label and candidate.party == anchor.party)
    return msgspec.structs.replace(option, score=round(min(score, 1.0), 4), eligible=eligible)


def _lines_between(name: Candidate, anchor: Candidate) -> float | None:
    """Lines from a name down to a number that follows it; None when it does not follow."""
    a, b = name.evidence, anchor.evidence
    if a.page != b.page or not a.boxes or not b.boxes:
        return None
    height = max(b.boxes[0][3] - b.boxes[0][1], 1.0)
    drop = (b.boxes[0][1] - a.boxes[-1][1]) / height
    if drop < -0.5 or (abs(drop) <= 0.5 and a.boxes[-1][0] > b.boxes[0][0]):
        return None
    return max(drop, 0.0)
