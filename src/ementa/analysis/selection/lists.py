"""One record or many: what a list of the asked form stands for in this document.

1. A list is *many* when its key is plural (`itens`), or the prompt says "todos", "cada", "liste" or uses the plural
   of its keys ("os CNPJs"). Otherwise it is one record: `[{"CNPJ": ""}]` with "Qual o CNPJ do emitente?" gives one.
2. Many, and two or more of its keys are columns of one table: one record per row, over page breaks too. A single key is
   enough when the rows of only one table have it.
3. Many, and no such table: one record per distinct value of the key that tells things apart (the first CNPJ, CPF,
   e-mail… of the form, else its first key); the other keys take the values that stand nearest.
4. Many, and nothing was found: an empty list. One, and nothing was found: one record of nulls.
"""

from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import NamedTuple

from ementa.analysis.selection.concepts import IMPLIED, SELF_EVIDENT, concepts_of
from ementa.analysis.selection.ranking import Target, name_score
from ementa.analysis.selection.types import Option
from ementa.analysis.spec.nodes import Leaf, Many, Node
from ementa.analysis.types import Candidate, Kind

_COLUMN = 0.42


class Column(NamedTuple):
    """A leaf of a record: its pointer within it, the keys on the way and what it wants."""

    pointer: str
    keys: tuple[str, ...]
    leaf: Leaf
    target: Target


class Row(NamedTuple):
    """The candidates of one table row, by the column's pointer."""

    name: str
    cells: dict[str, Candidate]


def leaves_of(
    node: Node, pointer: str, keys: tuple[str, ...], escape: Callable[[str], str]
) -> list[tuple[str, tuple[str, ...], Leaf]]:
    """The leaves of a record outside lists inside it: (pointer, keys, leaf)."""
    if isinstance(node, Leaf):
        return [(pointer, keys, node)]
    if isinstance(node, Many):
        return []
    return [
        found
        for member in node.members
        for found in leaves_of(member.node, f"{pointer}/{escape(member.name)}", (*keys, member.name), escape)
    ]


def table_rows(columns: Sequence[Column], candidates: Sequence[Candidate]) -> list[Row]:
    """The rows that the columns name, of the table that has most of them and of tables alike; empty when there is
    none."""
    tables: dict[str, list[Candidate]] = defaultdict(list)
    for candidate in candidates:
        if candidate.row and candidate.label:
            tables[candidate.row.rpartition("r")[0]].append(candidate)
    matched = {name: _match(columns, found) for name, found in tables.items()}
    if not matched:
        return []
    best = max(matched.values(), key=lambda match: (len(match), sum(score for _, score in match.values())))
    if len(best) < min(2, len(columns)) or len(best) * 2 < len(columns):
        return []
    rows: list[Row] = []
    for name, match in matched.items():
        if len(match) == len(best) and {p: label for p, (label, _) in match.items()} == {
            p: label for p, (label, _) in best.items()
        }:
            rows.extend(_rows(tables[name], columns, {p: label for p, (label, _) in match.items()}))
    return rows


def _match(columns: Sequence[Column], candidates: Sequence[Candidate]) -> dict[str, tuple[str, float]]:
    """The column head of each leaf: the best pairs first, each head once for a kind."""
    pairs: list[tuple[float, str, str, str]] = []
    labels: dict[tuple[str, str], Candidate] = {}
    for candidate in candidates:
        labels.setdefault((candidate.kind, candidate.label), candidate)
    for column in columns:
        for (kind, label), candidate in labels.items():
            if kind == column.leaf.kind:
                score = name_score(column.target, candidate)
                if score >= _COLUMN:
                    pairs.append((score, column.pointer, label, kind))
    found: dict[str, tuple[str, float]] = {}
    taken: set[str] = set()
    for score, pointer, label, _ in sorted(pairs, key=lambda pair: -pair[0]):
        if pointer not in found and label not in taken:
            found[pointer] = (label, score)
            taken.add(label)
    return found | _left_over(columns, labels, found)


def _left_over(
    columns: Sequence[Column], labels: dict[tuple[str, str], Candidate], found: dict[str, tuple[str, float]]
) -> dict[str, tuple[str, float]]:
    """The one amount that is still asked for is the one column of amounts whose head says no more than that: beside a
    total, "Preço" is the unit's."""
    taken = {label for label, _ in found.values()}
    asked = [column.pointer for column in columns if column.leaf.kind is Kind.MONEY and column.pointer not in found]
    free = [label for kind, label in labels if kind == Kind.MONEY and label not in taken]
    plain = [label for label in free if concepts_of(label) <= IMPLIED[Kind.MONEY]]
    return {asked[0]: (plain[0], _COLUMN)} if found and len(asked) == len(plain) == 1 else {}


def _rows(candidates: Sequence[Candidate], columns: Sequence[Column], heads: dict[str, str]) -> list[Row]:
    rows: dict[str, dict[str, Candidate]] = {}
    for candidate in candidates:
        for column in columns:
            if candidate.kind is column.leaf.kind and heads.get(column.pointer) == candidate.label:
                cells = rows.setdefault(candidate.row, {})
                kept = cells.get(column.pointer)
                if kept is None or candidate.confidence > kept.confidence:
                    cells[column.pointer] = candidate
    least = max(1, (len(heads) + 1) // 2)
    return [Row(name, cells) for name, cells in rows.items() if len(cells) >= least]


def anchor_of(columns: Sequence[Column], options: Sequence[Sequence[Option]]) -> int | None:
    """Which column tells records apart: the first of a self-evident kind that the document has, else the first it
    has."""
    found = [i for i, ranked in enumerate(options) if any(option.eligible for option in ranked)]
    strong = [i for i in found if columns[i].leaf.kind in SELF_EVIDENT]
    return (strong or found or [None])[0]


def nearest(anchors: Sequence[Candidate], candidate: Candidate) -> int:
    """The anchor that a value stands nearest to; one of the same party or table row is nearer."""
    return min(range(len(anchors)), key=lambda i: _distance(anchors[i], candidate))


def _distance(anchor: Candidate, candidate: Candidate) -> float:
    a, b = anchor.evidence, candidate.evidence
    if not a.boxes or not b.boxes:
        return 1e9
    gap = abs(a.page - b.page) * 2000 + abs(a.boxes[0][1] - b.boxes[0][1]) + 0.1 * abs(a.boxes[0][0] - b.boxes[0][0])
    if anchor.row and anchor.row == candidate.row:
        return gap - 3000
    if anchor.party and anchor.party == candidate.party:
        return gap - 1000
    return gap
