"""What the readers alone answer, without any model: the best eligible option of every field, quotes for open
questions."""

import re

from ementa.analysis.selection.answers import quote_answer
from ementa.analysis.selection.types import Field, Option, Passage, Pick, Prepared
from ementa.analysis.types import How, Kind
from ementa.analysis.validators.folding import fold

_SUM = re.compile(r"\b(?:some|soma|somar|somando|somatorio|sum|add up|adicione)\b")


def pick_of(option: Option) -> Pick:
    """The pick that an option makes. Its confidence is the reading's, lowered when the choice itself was unsure."""
    candidate = option.candidate
    confidence = candidate.confidence * (0.5 + 0.5 * min(option.score * 1.25, 1.0))
    return Pick(
        candidate.kind, candidate.value, candidate.how, (candidate.evidence,), candidate.checks, round(confidence, 4)
    )


def best_option(field: Field) -> Option | None:
    """The option that the readers answer with."""
    return field.options[0] if field.options and field.options[0].eligible else None


def read_picks(prepared: Prepared) -> dict[str, Pick]:
    """A pick for every field for which the readers have one; open questions aside."""
    return {field.pointer: pick_of(option) for field in prepared.fields if (option := best_option(field))}


def quote_answers(prepared: Prepared, question: str) -> tuple[dict[str, Pick], tuple[Passage, ...]]:
    """Extractive answers to the open questions of the form, and the passages that they cite."""
    picks: dict[str, Pick] = {}
    cited: list[Passage] = []
    for field in prepared.fields:
        if field.leaf.kind is Kind.ANSWER and not field.leaf.choices:
            pick, passages = quote_answer(f"{field.name} {field.leaf.hint} {question}", prepared.passages)
            if pick is not None:
                picks[field.pointer] = shifted(pick, len(cited))
                cited.extend(passages)
    return picks, tuple(cited)


def shifted(pick: Pick, by: int) -> Pick:
    """The pick with its citations counted from further on."""
    cites = tuple(tuple(number + by for number in numbers) for numbers in pick.cites)
    return Pick(
        pick.kind,
        pick.value,
        pick.how,
        pick.evidence,
        pick.checks,
        pick.confidence,
        pick.located,
        cites,
        pick.sentences,
    )


def sums_asked(prepared: Prepared, question: str, picks: dict[str, Pick]) -> dict[str, Pick]:
    """Totals that the document does not state but that the prompt asks to be summed over the answer's rows."""
    if not _SUM.search(fold(question)):
        return {}
    found: dict[str, Pick] = {}
    for field in prepared.fields:
        if field.leaf.kind is not Kind.MONEY or field.by_row or field.pointer in picks:
            continue
        rows = _amounts(prepared, picks)
        if len(rows) >= 2:
            total = round(sum(float(pick.value) for pick in rows), 2)
            evidence = tuple(e for pick in rows for e in pick.evidence)
            sure = min(pick.confidence for pick in rows)
            found[field.pointer] = Pick(Kind.MONEY, total, How.COMPUTED, evidence, ("sum_of_rows",), sure)
    return found


def _amounts(prepared: Prepared, picks: dict[str, Pick]) -> list[Pick]:
    """The money of the rows: the last money column, which is the one that adds up."""
    columns: dict[str, list[Pick]] = {}
    for field in prepared.fields:
        if field.by_row and field.leaf.kind is Kind.MONEY and field.pointer in picks:
            columns.setdefault(field.name, []).append(picks[field.pointer])
    return list(columns.values())[-1] if columns else []
