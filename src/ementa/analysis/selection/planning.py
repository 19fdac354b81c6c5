"""From the asked form and the candidates to concrete fields: every leaf of the answer at its place, with ranked
options."""

from collections.abc import Sequence

import msgspec

from ementa.analysis.kinds import render_style
from ementa.analysis.selection.ask import Ask, is_plural
from ementa.analysis.selection.choices import choice_candidates
from ementa.analysis.selection.cohesion import cohere
from ementa.analysis.selection.concepts import OF_PARTIES, SIDES
from ementa.analysis.selection.fitting import fits
from ementa.analysis.selection.lists import Column, anchor_of, leaves_of, nearest, table_rows
from ementa.analysis.selection.locating import Finder
from ementa.analysis.selection.ranking import Context, Target, make_target, rank
from ementa.analysis.selection.types import Field, OpenList, Option
from ementa.analysis.spec.from_example import pointer as escape
from ementa.analysis.spec.nodes import Group, Leaf, Many, Node
from ementa.analysis.types import Candidate, Kind


def kinds_of(node: Node) -> frozenset[Kind]:
    """The kinds that readers must look for."""
    if isinstance(node, Leaf):
        return frozenset() if node.choices or node.kind is Kind.ANSWER else frozenset({node.kind})
    if isinstance(node, Many):
        return kinds_of(node.item)
    return frozenset[Kind]().union(*(kinds_of(member.node) for member in node.members))


class Plan:
    """Fills the form. After `fill`, `fields`, `counts` and `open_lists` hold the plan."""

    def __init__(self, ask: Ask, candidates: Sequence[Candidate], finder: Finder) -> None:
        self.fields: list[Field] = []
        self.counts: dict[str, int] = {}
        self.open_lists: list[OpenList] = []
        self._ask = ask
        self._finder = finder
        self._targets: list[Target] = []
        ordered = sorted(candidates, key=_place)
        self._all = ordered
        self._context = Context(ask, ordered)

    def fill(self, root: Node) -> None:
        """Make the plan of the whole form."""
        self._node(root, "", (), self._all)
        self._separate()
        self.fields = cohere(self.fields)

    def _node(self, node: Node, pointer: str, keys: tuple[str, ...], scope: Sequence[Candidate]) -> None:
        if isinstance(node, Group):
            for member in node.members:
                self._node(member.node, f"{pointer}/{escape(member.name)}", (*keys, member.name), scope)
        elif isinstance(node, Many):
            self._many(node, pointer, keys, scope)
        else:
            target = make_target(node, keys, self._ask)
            self._add(pointer, keys, node, target, self._options(target, scope))

    def _options(self, target: Target, scope: Sequence[Candidate]) -> tuple[Option, ...]:
        if target.leaf.choices:
            return choice_candidates(target.leaf, self._finder)
        return rank(target, [c for c in scope if c.kind is target.leaf.kind], self._context)

    def _add(
        self,
        pointer: str,
        keys: tuple[str, ...],
        leaf: Leaf,
        target: Target,
        options: tuple[Option, ...],
        *,
        by_row: bool = False,
    ) -> None:
        self.fields.append(Field(pointer, " › ".join(keys) or "resposta", leaf, options, by_row))
        self._targets.append(target)

    # -- lists

    def _many(self, node: Many, pointer: str, keys: tuple[str, ...], scope: Sequence[Candidate]) -> None:
        columns = [
            Column(at, path, leaf, make_target(leaf, path, self._ask))
            for at, path, leaf in leaves_of(node.item, "", keys, escape)
        ]
        if not self._wants_many(keys, columns):
            self.counts[pointer] = 1
            self._node(node.item, f"{pointer}/0", keys, scope)
            return
        rows = table_rows(columns, scope) if isinstance(node.item, Group) or len(columns) == 1 else []
        if rows:
            self.counts[pointer] = min(len(rows), node.max_items)
            for number, row in enumerate(rows[: node.max_items]):
                for column in columns:
                    cell = row.cells.get(column.pointer)
                    options = _cell_options(column.leaf, cell)
                    at = f"{pointer}/{number}{column.pointer}"
                    self._add(at, column.keys, column.leaf, column.target, options, by_row=True)
                self._inner_lists(node.item, f"{pointer}/{number}", keys)
            return
        self._entities(node, pointer, keys, columns, scope)

    def _wants_many(self, keys: tuple[str, ...], columns: Sequence[Column]) -> bool:
        if keys and is_plural(keys[-1]):
            return True
        named = [column.keys[-1] if column.keys else column.leaf.kind.value for column in columns]
        return any(self._ask.wants_many(key) for key in (*named, *keys[-1:]))

    def _entities(
        self, node: Many, pointer: str, keys: tuple[str, ...], columns: Sequence[Column], scope: Sequence[Candidate]
    ) -> None:
        options = [self._options(column.target, scope) for column in columns]
        anchor = anchor_of(columns, options)
        if anchor is None:
            self.counts[pointer] = 0
            self.open_lists.append(OpenList(pointer, " › ".join(keys) or "resposta", node))
            return
        chosen = [option.candidate for option in options[anchor] if option.eligible]
        anchors = sorted(chosen, key=_place)[: node.max_items]
        self.counts[pointer] = len(anchors)
        shares: list[list[Candidate]] = [[] for _ in anchors]
        if isinstance(node.item, Group):
            for candidate in scope:
                shares[nearest(anchors, candidate)].append(candidate)
        for number, own in enumerate(anchors):
            share = [c for c in shares[number] if c.kind is not own.kind or c.value == own.value]
            if own not in share:
                share.append(own)
            self._node(node.item, f"{pointer}/{number}", keys, share)
            self._fix(f"{pointer}/{number}{columns[anchor].pointer}", own)

    def _fix(self, pointer: str, candidate: Candidate) -> None:
        """The anchor's own value is what its record is of, whoever else's value stands near."""
        for index, field in enumerate(self.fields):
            if field.pointer == pointer:
                self.fields[index] = msgspec.structs.replace(
                    field, options=(Option(candidate, 1.0, True),), by_row=True
                )

    def _inner_lists(self, node: Node, pointer: str, keys: tuple[str, ...]) -> None:
        if isinstance(node, Many):
            self.counts[pointer] = 0
        elif isinstance(node, Group):
            for member in node.members:
                self._inner_lists(member.node, f"{pointer}/{escape(member.name)}", (*keys, member.name))

    # -- one value is not two parties'

    def _separate(self) -> None:
        """Two fields of one kind and of different sides do not share a value: the surer keeps it."""
        holders: dict[tuple[Kind, str], int] = {}
        for index in sorted(range(len(self.fields)), key=lambda i: -_top_score(self.fields[i])):
            field, target = self.fields[index], self._targets[index]
            if field.by_row or field.leaf.kind not in OF_PARTIES or not target.role or not field.options:
                continue
            options = list(field.options)
            while options and options[0].eligible:
                key = (field.leaf.kind, repr(options[0].candidate.value))
                other = holders.setdefault(key, index)
                if other == index or _side(self._targets[other]) == _side(target):
                    break
                options = [*options[1:], msgspec.structs.replace(options[0], eligible=False)]
                options.sort(key=lambda option: -option.eligible)
            self.fields[index] = msgspec.structs.replace(field, options=tuple(options))


def _side(target: Target) -> str:
    return SIDES.get(target.role, target.role)


def _top_score(field: Field) -> float:
    return field.options[0].score if field.options else 0.0


def _cell_options(leaf: Leaf, cell: Candidate | None) -> tuple[Option, ...]:
    if cell is None or not fits(leaf, render_style(cell.kind, cell.value, leaf.style)):
        return ()
    return (Option(cell, 0.9, True),)


def _place(candidate: Candidate) -> tuple[int, float, float]:
    x, y = candidate.evidence.boxes[0][:2] if candidate.evidence.boxes else (0.0, 0.0)
    return (candidate.evidence.page, y, x)
