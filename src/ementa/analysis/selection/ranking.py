"""Ranks candidates for a field: by the words that name them, whose they are, the checks they passed, and where they
stand.

The readers' answer is the best *eligible* option. A value of a form that speaks for itself (a CNPJ, an e-mail) is
eligible unless it is plainly somebody else's; a bare number, date, code or name only when the document's words name
it as the field does.
"""

from collections.abc import Sequence
from typing import NamedTuple

import msgspec

from ementa.analysis.kinds import key_words, render_style
from ementa.analysis.selection.ask import Ask
from ementa.analysis.selection.concepts import (
    IMPLIED,
    OF_PARTIES,
    SELF_EVIDENT,
    concepts_of,
    label_phrase,
    roles_of,
    same_party,
    weight,
)
from ementa.analysis.selection.fitting import fits
from ementa.analysis.selection.totals import SUM, is_row_of_many, rows_by_table, summed_values
from ementa.analysis.selection.types import Option
from ementa.analysis.spec.nodes import Leaf
from ementa.analysis.types import Candidate, How, Kind

MAX_OPTIONS = 24
_USUAL = {Kind.DATE: "emissao", Kind.MONEY: "total"}
"""What a date or an amount without further words usually is."""
_NO_PROMPT = Ask("")
_MIN_WEAK = 0.42
_GENERIC = 0.9
_ROW, _COMPUTED = 0.4, 0.5
_PROSE = 0.6
"""Labels no surer than this are whatever words stand before the value."""
_TOTAL = frozenset({"total", "nota", "documento", "contrato", "geral"})


class Target(NamedTuple):
    """What a field wants, in concepts."""

    leaf: Leaf
    key: str
    concepts: frozenset[str]
    """Of the key, beyond what its kind says."""
    hints: frozenset[str]
    role: str
    role_sure: float
    """1 when the form names the party, less when only the prompt does."""


def make_target(leaf: Leaf, keys: Sequence[str], ask: Ask) -> Target:
    """The target of a leaf at `keys` (the keys from the root, list positions left out)."""
    key = keys[-1] if keys else ""
    implied = IMPLIED.get(leaf.kind, frozenset())
    own = concepts_of(key) - implied if key else frozenset[str]()
    hints = (concepts_of(leaf.hint) if leaf.hint else frozenset[str]()) - implied
    for outer in reversed(keys[:-1]):
        hints |= concepts_of(outer) - implied
    if not key or (not own and not leaf.hint):
        own = own or (ask.concepts & _named_by_prompt(leaf.kind, ask)) - implied
    role, sure = _role(leaf, keys, ask)
    return Target(leaf, key, own or (hints if leaf.hint else own), hints, role, sure)


def _named_by_prompt(kind: Kind, ask: Ask) -> frozenset[str]:
    """The concepts with which a prompt may say which date or amount is meant when the form does not."""
    if kind is Kind.DATE:
        return frozenset({"emissao", "vencimento", "nascimento", "validade", "assinatura", "saida"}) & ask.concepts
    if kind is Kind.MONEY:
        return frozenset({"total", "desconto", "frete", "liquido", "salario", "multa", "juros"}) & ask.concepts
    return frozenset()


def _role(leaf: Leaf, keys: Sequence[str], ask: Ask) -> tuple[str, float]:
    if leaf.kind not in OF_PARTIES:
        return "", 0.0
    for text in (*reversed(keys), leaf.hint):
        roles = roles_of(text) if text else ()
        if roles:
            return roles[0], 1.0
    if leaf.kind in (Kind.CODE, Kind.TEXT):
        return "", 0.0
    role = ask.role_for(keys[-1] if keys else leaf.kind.value, leaf.kind)
    return role, 0.7 if role else 0.0


class Context:
    """What the ranking of any field needs of the whole document."""

    def __init__(self, ask: Ask, ordered: Sequence[Candidate]) -> None:
        self.ask = ask
        self.order = {id(candidate): number for number, candidate in enumerate(ordered)}
        self.sums = summed_values(ordered)
        self.rows = rows_by_table(ordered)


def rank(target: Target, candidates: Sequence[Candidate], context: Context) -> tuple[Option, ...]:
    """The options of a field outside lists, best first, one per value."""
    order = context.order
    last = max(len(order) - 1, 1)
    values = {repr(c.value) for c in candidates}
    dates_end = max((order[id(c)] for c in candidates), default=0)
    rated: dict[str, Option] = {}
    for candidate in candidates:
        if not fits(target.leaf, render_style(candidate.kind, candidate.value, target.leaf.style)):
            continue
        place = order[id(candidate)] / last
        ends = order[id(candidate)] == dates_end
        option = _rate(target, candidate, context, place=place, alone=len(values) == 1, ends=ends)
        before = rated.get(repr(candidate.value))
        if before is None or (option.eligible, option.score) > (before.eligible, before.score):
            rated[repr(candidate.value)] = option
    ranked = sorted(rated.values(), key=lambda option: (-option.eligible, -option.score))
    return tuple(ranked[:MAX_OPTIONS])


def _rate(target: Target, candidate: Candidate, context: Context, *, place: float, alone: bool, ends: bool) -> Option:
    label = label_phrase(candidate.label)
    party = _party(target, candidate, label)
    named = _named(target, candidate, label, context.ask, ends=ends)
    sure = named * (0.45 + 0.55 * candidate.label_score) if candidate.label else named
    kind = target.leaf.kind
    if _is_sum(target, candidate, label, context):
        sure = max(sure, 0.85 if candidate.row else 0.95)
        candidate = msgspec.structs.replace(candidate, checks=tuple(dict.fromkeys((*candidate.checks, SUM))))
    elif is_row_of_many(candidate, context.rows):
        sure *= _ROW
    elif candidate.how is How.COMPUTED:
        sure *= _COMPUTED
    checked = 1.0 if candidate.checks else 0.4
    exact = 0.0 if candidate.how is How.OCR_REPAIRED else 1.0
    score = 0.5 * sure + 0.22 * (party + 1) / 2 + 0.12 * candidate.confidence + 0.06 * checked + 0.04 * exact
    score += 0.06 * (1 - place)
    if party < 0:
        score *= 0.5
    if kind in SELF_EVIDENT:
        fine = sure >= 0.3 or not target.concepts or alone
    else:
        fine = sure >= _MIN_WEAK or (alone and sure >= (0.2 if kind in (Kind.DATE, Kind.MONEY) else 0.3))
    eligible = fine and not (party < 0 and target.role_sure >= 0.7)
    return Option(candidate, round(min(score, 1.0), 4), eligible)


def _is_sum(target: Target, candidate: Candidate, label: str, context: Context) -> bool:
    """Whether an amount adds up the rows, for a field that wants the total, and no label calls it another total."""
    sums = context.sums.inside if candidate.row else context.sums.outside | context.sums.inside
    if target.leaf.kind is not Kind.MONEY or not target.concepts <= _TOTAL or candidate.value not in sums:
        return False
    return concepts_of(label) <= _TOTAL | {"valor", "item", "itens"} if label else True


def name_score(target: Target, candidate: Candidate) -> float:
    """How well a column's head names the field, whoever asks. The subtotal of a record is its total."""
    label = label_phrase(candidate.label)
    if "subtotal" in concepts_of(label) and "subtotal" not in target.concepts:
        label, candidate = "total", msgspec.structs.replace(candidate, label="total")
    own = concepts_of(label) - IMPLIED.get(target.leaf.kind, frozenset())
    if not target.concepts:
        return _plain(target, label, own, _NO_PROMPT)
    return _named(target, candidate, label, _NO_PROMPT, ends=False)


def _party(target: Target, candidate: Candidate, label: str) -> float:
    """1 the asked party's value, 0 unknown, -1 somebody else's. Without an asked party the issuer is a little
    likelier."""
    named = roles_of(label) if label else ()
    found = named[0] if named else candidate.party
    if target.role:
        fit = same_party(target.role, found)
        return fit if fit <= 0 or named else fit * 0.95
    if target.leaf.kind in OF_PARTIES and target.leaf.kind not in (Kind.CODE, Kind.TEXT):
        return 0.3 * max(same_party("emitente", found), -0.5)
    return 0.0


def _named(target: Target, candidate: Candidate, label: str, ask: Ask, *, ends: bool) -> float:
    """How well the words that name the candidate are those of the field, 0 to 1."""
    kind = target.leaf.kind
    implied = IMPLIED.get(kind, frozenset())
    found = concepts_of(label) if label else frozenset[str]()
    own = found - implied
    if not target.concepts:
        return _plain(target, label, own, ask)
    if kind is Kind.NAME and roles_of(label) and not own:
        return 0.9 * (weight(target.concepts & {"fantasia"}) == 0)
    common = target.concepts & own
    if not own or (not common and candidate.label_score <= _PROSE):
        return _unlabelled(target, kind, label if not own else "", ends=ends)
    covered = weight(common) / weight(target.concepts)
    known = own - common - target.hints
    strange = weight(known - ask.concepts) + 0.5 * weight(known & ask.concepts)
    return covered * (1 - 0.6 * strange / (strange + weight(common) + 0.3)) if covered else 0.0


def _unlabelled(target: Target, kind: Kind, label: str, *, ends: bool) -> float:
    """A value whose label says no more than its kind ("Data", "R$") for a field that wants a certain one."""
    if _USUAL.get(kind) in target.concepts and label:
        return 0.7
    if "assinatura" in target.concepts and kind is Kind.DATE and ends:
        return 0.6
    return 0.2


def _plain(target: Target, label: str, own: frozenset[str], ask: Ask) -> float:
    """A field that wants no certain one: the less the label adds, the better."""
    kind = target.leaf.kind
    usual = _USUAL.get(kind)
    if kind is Kind.NAME:
        return _plain_name(target, label, own)
    if not own:
        return 1.0 if label else 0.5
    if usual in own:
        own = own - {usual}
        return 0.95 if not own else 0.9 - 0.3 * weight(own) / (weight(own) + 0.5)
    extra = weight(own - ask.concepts - target.hints)
    return max(_GENERIC - 0.6 * extra / (extra + 0.4), 0.2)


def _plain_name(target: Target, label: str, own: frozenset[str]) -> float:
    words = set(key_words(label))
    if not label:
        return 0.5
    roles = roles_of(label)
    if own or (target.role and roles and same_party(target.role, roles[0]) <= 0):
        return 0.3
    return 1.0 if target.role or words & {"nome", "razao", "name", "cliente"} else 0.8
