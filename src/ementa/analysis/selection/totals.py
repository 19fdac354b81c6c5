"""What the rows of tables say of amounts outside them: a total is the sum of a column, and a row's amount is no
total."""

from collections import defaultdict
from collections.abc import Sequence
from typing import NamedTuple

from ementa.analysis.selection.concepts import concepts_of
from ementa.analysis.types import Candidate, Kind

_CENT = 0.005
SUM = "sum_of_rows"


class Sums(NamedTuple):
    """The sums of the columns of record tables."""

    outside: frozenset[float]
    """Amounts that a total outside the rows would have."""
    inside: frozenset[float]
    """Amounts of last rows that are the sum of those before: a total that stands among the records."""


def summed_values(candidates: Sequence[Candidate]) -> Sums:
    """The sums of all columns of amounts with two rows or more. Unit prices are not summed."""
    columns: dict[tuple[str, str], dict[str, float]] = defaultdict(dict)
    for candidate in candidates:
        if candidate.kind is Kind.MONEY and candidate.row and candidate.label:
            table = candidate.row.rpartition("r")[0]
            columns[(table, candidate.label)].setdefault(candidate.row, float(candidate.value))
    outside: set[float] = set()
    inside: set[float] = set()
    for (_, label), rows in columns.items():
        if len(rows) < 2 or "unitario" in concepts_of(label):
            continue
        *before, last = rows.values()
        outside.add(round(sum(rows.values()), 2))
        if len(before) >= 2 and abs(sum(before) - last) < _CENT:
            inside.add(last)
    return Sums(frozenset(v for v in outside if v > 0), frozenset(v for v in inside if v > 0))


def is_row_of_many(candidate: Candidate, rows: dict[str, int]) -> bool:
    """Whether a value stands in one of several rows, so that a field outside lists can hardly mean it."""
    return bool(candidate.row) and rows.get(candidate.row.rpartition("r")[0], 0) > 1


def rows_by_table(candidates: Sequence[Candidate]) -> dict[str, int]:
    """How many rows each table has."""
    names: dict[str, set[str]] = defaultdict(set)
    for candidate in candidates:
        if candidate.row:
            names[candidate.row.rpartition("r")[0]].add(candidate.row)
    return {table: len(rows) for table, rows in names.items()}
