"""What values say about one another: the access key names its issuer, the slip its amount, the items their total.

A check that holds is added to both sides; a value that follows from another and is not printed is proposed as computed.
"""

import datetime as dt
import re
from collections.abc import Callable, Iterator

import msgspec

from ementa.analysis.readers.vocabulary import tidy
from ementa.analysis.types import Candidate, Evidence, How, Kind
from ementa.analysis.validators.access_key import AccessKey, parse_access_key
from ementa.analysis.validators.boleto import due_date, due_dates, parse_line
from ementa.analysis.validators.brcode import parse_brcode

_TOTAL_HEAD = re.compile(r"total|valor|subtotal|amount|vl item")
_UNIT_HEAD = re.compile(r"unit|preco|price")
_CENT = 0.011


def cross_check(
    found: list[Candidate], kinds: frozenset[Kind], scanned: frozenset[int] = frozenset()
) -> list[Candidate]:
    """The candidates with the checks that hold between them, and those computed from them, of the asked kinds.

    `scanned` names the pages that OCR read."""
    checked = _with_checks(found)
    return checked + [c for c in _computed(checked, scanned) if c.kind in kinds]


def _with_checks(found: list[Candidate]) -> list[Candidate]:
    rules: list[tuple[str, Callable[[Candidate], bool]]] = []
    keys = _keys(found)
    issuers = {key.taxpayer for key, _ in keys}
    if issuers:
        printed = {c.value for c in found if c.kind in (Kind.CNPJ, Kind.CPF)}
        rules.append(("key_matches_cnpj", lambda c: c.kind in (Kind.CNPJ, Kind.CPF) and c.value in issuers))
        rules.append(("key_matches_cnpj", lambda c: c.kind is Kind.ACCESS_KEY and _issuer(c) in printed))
        numbers = {key.number for key, _ in keys}
        rules.append(("key_matches_number", lambda c: c.kind is Kind.CODE and _as_int(c.value) in numbers))
    amounts, dates = _slip_facts(found)
    if amounts:
        rules.append(("boleto_matches_value", lambda c: c.kind is Kind.MONEY and c.value in amounts))
    if dates:
        rules.append(("boleto_matches_due_date", lambda c: c.kind is Kind.DATE and c.value in dates))
    sums = _sums(found)
    if sums:
        rules.append(("sum_of_items", lambda c: c.kind is Kind.MONEY and not c.row and _near(c.value, sums)))
    return [_checked(c, rules) for c in found] if rules else found


def _checked(candidate: Candidate, rules: list[tuple[str, Callable[[Candidate], bool]]]) -> Candidate:
    passed = tuple(dict.fromkeys(name for name, holds in rules if holds(candidate)))
    if not passed:
        return candidate
    party = candidate.party
    if "key_matches_cnpj" in passed and candidate.kind is not Kind.ACCESS_KEY and not party:
        party = "emitente"
    return msgspec.structs.replace(candidate, checks=candidate.checks + passed, party=party)


def _keys(found: list[Candidate]) -> list[tuple[AccessKey, Candidate]]:
    return [(key, c) for c in found if c.kind is Kind.ACCESS_KEY and (key := parse_access_key(c.value))]


def _issuer(candidate: Candidate) -> str:
    key = parse_access_key(candidate.value)
    return key.taxpayer if key else ""


def _as_int(value: object) -> int | None:
    digits = re.sub(r"[.\-\s]", "", str(value))
    return int(digits) if digits.isascii() and digits.isdigit() and len(digits) <= 9 else None


def _slip_facts(found: list[Candidate]) -> tuple[set[float], set[str]]:
    slips = [slip for c in found if c.kind is Kind.BOLETO and (slip := parse_line(c.value))]
    amounts = {slip.value for slip in slips if slip.value is not None}
    return amounts, {date.isoformat() for slip in slips for date in due_dates(slip.due_factor)}


# -- sums of record tables


def _sums(found: list[Candidate]) -> list[float]:
    """The sum of the total column of every table of records."""
    return [round(sum(c.value for c in cells), 2) for cells in _total_columns(found)]


def _total_columns(found: list[Candidate]) -> Iterator[list[Candidate]]:
    tables: dict[str, dict[str, dict[str, Candidate]]] = {}
    for c in found:
        if c.row and c.kind is Kind.MONEY and c.confidence > 0.5:
            head = tidy(c.label)
            if _TOTAL_HEAD.search(head) and not _UNIT_HEAD.search(head):
                table = re.split(r"r\d+(?:\.\d+)?$|\d+$", c.row)[0]
                tables.setdefault(table, {}).setdefault(head, {})[c.row] = c
    for columns in tables.values():
        for cells in columns.values():
            if len(cells) >= 2:
                yield list(cells.values())


def _near(value: float, sums: list[float]) -> bool:
    return any(abs(value - total) < _CENT for total in sums)


# -- values that follow from others


def _computed(found: list[Candidate], scanned: frozenset[int]) -> Iterator[Candidate]:
    printed = {(c.kind, c.value) for c in found}
    yield from _from_keys(found, printed)
    yield from _from_slips(found, printed)
    yield from _from_codes(found, printed)
    yield from _from_items(found, scanned)


_Printed = set[tuple[Kind, object]]


def _follow(source: Candidate, kind: Kind, value: object, label: str, party: str = "") -> Candidate:
    return Candidate(
        kind=kind,
        value=value,
        evidence=source.evidence,
        how=How.COMPUTED,
        checks=source.checks,
        confidence=round(source.confidence * 0.9, 4),
        label=label,
        label_score=0.9,
        reader="crosschecks",
        party=party,
    )


def _from_keys(found: list[Candidate], printed: _Printed) -> Iterator[Candidate]:
    codes = {_as_int(c.value) for c in found if c.kind is Kind.CODE}
    for key, source in _keys(found):
        kind = Kind.CNPJ if len(key.taxpayer) == 18 else Kind.CPF
        if (kind, key.taxpayer) not in printed:
            yield _follow(source, kind, key.taxpayer, f"{kind.upper()} do emitente", "emitente")
        if key.number not in codes:
            yield _follow(source, Kind.CODE, str(key.number), "Número da nota")
        if key.series not in codes:
            yield _follow(source, Kind.CODE, str(key.series), "Série")


def _from_slips(found: list[Candidate], printed: _Printed) -> Iterator[Candidate]:
    days = [dt.date.fromisoformat(c.value) for c in found if c.kind is Kind.DATE]
    for source in found:
        slip = parse_line(source.value) if source.kind is Kind.BOLETO else None
        if slip is None:
            continue
        if slip.value is not None and (Kind.MONEY, slip.value) not in printed:
            yield _follow(source, Kind.MONEY, slip.value, "Valor do documento")
        dates = due_dates(slip.due_factor)
        # Which cycle of the factor is meant, the document's own dates say; without any the newest cycle holds.
        due = due_date(slip.due_factor, max(days, default=max(dates, default=dt.date.min)))
        if due and not any((Kind.DATE, d.isoformat()) in printed for d in dates):
            yield _follow(source, Kind.DATE, due.isoformat(), "Vencimento")
        if slip.bank:
            yield _follow(source, Kind.CODE, slip.bank, "Banco")


def _from_codes(found: list[Candidate], printed: _Printed) -> Iterator[Candidate]:
    for source in found:
        code = parse_brcode(source.value) if source.kind is Kind.PIX else None
        if code is None:
            continue
        if code.key and (Kind.PIX, code.key) not in printed:
            yield _follow(source, Kind.PIX, code.key, "Chave PIX")
        if code.amount and (Kind.MONEY, code.amount) not in printed:
            yield _follow(source, Kind.MONEY, code.amount, "Valor do PIX")
        if code.merchant:
            yield _follow(source, Kind.NAME, code.merchant, "Recebedor do PIX", "beneficiario")
        if code.txid:
            yield _follow(source, Kind.CODE, code.txid, "Identificador do PIX")


def _from_items(found: list[Candidate], scanned: frozenset[int]) -> Iterator[Candidate]:
    """The total of items on one page, when the document does not print it. Never of a scan: a row that OCR lost would
    make a wrong total that looks like a right one."""
    amounts = [c.value for c in found if c.kind is Kind.MONEY and not c.row]
    for cells in _total_columns(found):
        total = round(sum(c.value for c in cells), 2)
        pages = {c.evidence.page for c in cells}
        if len(pages) == 1 and not pages & scanned and not _near(total, amounts):
            boxes = tuple(box for c in cells for box in c.evidence.boxes)
            text = " + ".join(c.evidence.text for c in cells)
            source = msgspec.structs.replace(cells[0], evidence=Evidence(pages.pop(), boxes, text), checks=())
            yield _follow(source, Kind.MONEY, total, "Total dos itens")
