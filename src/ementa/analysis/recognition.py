"""From a text that holds just a value to the value in the canonical form of its kind."""

import re
from collections.abc import Callable
from typing import Any

import msgspec

from ementa.analysis.types import How, Kind
from ementa.analysis.validators.access_key import parse_access_key
from ementa.analysis.validators.boleto import format_line, parse_barcode, parse_line
from ementa.analysis.validators.brcode import parse_brcode
from ementa.analysis.validators.cep import parse_cep
from ementa.analysis.validators.cnh import parse_cnh
from ementa.analysis.validators.cnpj import parse_cnpj
from ementa.analysis.validators.cpf import parse_cpf
from ementa.analysis.validators.dates import parse_date
from ementa.analysis.validators.email import parse_email
from ementa.analysis.validators.folding import fold
from ementa.analysis.validators.number_words import parse_cardinal
from ementa.analysis.validators.numbers import parse_integer, parse_money, parse_number, parse_percent
from ementa.analysis.validators.phone import parse_phone
from ementa.analysis.validators.pis import parse_pis
from ementa.analysis.validators.pix_key import parse_pix_key
from ementa.analysis.validators.plate import parse_plate
from ementa.analysis.validators.renavam import parse_renavam
from ementa.analysis.validators.states import parse_state
from ementa.analysis.validators.voter_id import parse_voter_id

_CODE = re.compile(r"(?=[^\d]{0,40}\d)[A-Za-z0-9][A-Za-z0-9./\-_#: ]{0,59}")
_YES = frozenset({"sim", "yes", "true", "verdadeiro", "x", "s", "y", "[x]", "(x)", "☑", "☒", "✓", "✔"})
_NO = frozenset({"nao", "no", "false", "falso", "n", "[ ]", "( )", "[]", "()", "☐"})


class Parsed(msgspec.Struct, frozen=True):
    """A value recognised: canonical form, whether the text had that form already, and the checks that it passed."""

    value: Any
    how: How
    checks: tuple[str, ...] = ()


def recognise(kind: Kind, text: str) -> Parsed | None:
    """The value of `kind` that `text` is, or None. `text` must hold the value alone (a label beside it is not
    stripped). Check digits, ranges and calendars are enforced where the kind has them."""
    stripped = " ".join(text[:2000].split())
    if not stripped:
        return None
    parse, checks = _PARSERS[kind]
    value = parse(stripped)
    if value is None:
        return None
    return Parsed(value, How.EXACT if value == stripped else How.NORMALISED, checks)


def _cpf_or_cnpj(text: str) -> str | None:
    return parse_cnpj(text) or parse_cpf(text)


def _access_key(text: str) -> str | None:
    key = parse_access_key(text)
    return key.key if key else None


def _boleto(text: str) -> str | None:
    slip = parse_line(text) or parse_barcode(text)
    return format_line(slip.line) if slip else None


def _pix(text: str) -> str | None:
    code = parse_brcode(text)
    if code:
        return code.text
    key = parse_pix_key(text)
    return key[0] if key else None


def _date(text: str) -> str | None:
    date = parse_date(text)
    return date.isoformat() if date else None


def _number(text: str) -> float | int | None:
    value = parse_number(text)
    return parse_cardinal(text) if value is None else value


def _code(text: str) -> str | None:
    code = re.sub(r"^(?:n[º°o]?\.?|#)\s?(?=\d)", "", text, flags=re.IGNORECASE).strip(" .,;:-")
    return code if _CODE.fullmatch(code) else None


def _boolean(text: str) -> bool | None:
    word = fold(text).strip(" .,;:")
    return True if word in _YES else False if word in _NO else None


def _name(text: str) -> str | None:
    name = text.strip(" ,;:-–|")
    letters = sum(c.isalpha() for c in name)
    return name if letters >= 2 and len(name) <= 200 and letters * 2 >= len(name.replace(" ", "")) else None


def _address(text: str) -> str | None:
    address = text.strip(" ,;:-–|")
    return address if sum(c.isalpha() for c in address) >= 3 and len(address) <= 300 else None


def _text(text: str) -> str | None:
    return text


_PARSERS: dict[Kind, tuple[Callable[[str], Any], tuple[str, ...]]] = {
    Kind.CNPJ: (parse_cnpj, ("cnpj_digits",)),
    Kind.CPF: (parse_cpf, ("cpf_digits",)),
    Kind.CPF_OR_CNPJ: (_cpf_or_cnpj, ("taxpayer_digits",)),
    Kind.ACCESS_KEY: (_access_key, ("access_key_digit", "access_key_parts")),
    Kind.BOLETO: (_boleto, ("boleto_digits",)),
    Kind.PIX: (_pix, ("pix_form",)),
    Kind.DATE: (_date, ("calendar",)),
    Kind.MONEY: (parse_money, ()),
    Kind.NUMBER: (_number, ()),
    Kind.INTEGER: (parse_integer, ()),
    Kind.PERCENT: (parse_percent, ()),
    Kind.CODE: (_code, ()),
    Kind.EMAIL: (parse_email, ("email_form",)),
    Kind.PHONE: (parse_phone, ("area_code",)),
    Kind.CEP: (parse_cep, ("cep_range",)),
    Kind.PLATE: (parse_plate, ("plate_form",)),
    Kind.PIS: (parse_pis, ("pis_digit",)),
    Kind.CNH: (parse_cnh, ("cnh_digits",)),
    Kind.RENAVAM: (parse_renavam, ("renavam_digit",)),
    Kind.VOTER_ID: (parse_voter_id, ("voter_id_digits",)),
    Kind.STATE: (parse_state, ("state",)),
    Kind.NAME: (_name, ()),
    Kind.ADDRESS: (_address, ()),
    Kind.BOOLEAN: (_boolean, ()),
    Kind.TEXT: (_text, ()),
    Kind.ANSWER: (_text, ()),
}
