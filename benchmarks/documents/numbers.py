"""Fictitious Brazilian identifiers with valid check digits. Written apart from the product's validators on purpose:
the bench must not agree with the product by sharing its mistakes."""

from datetime import date
from random import Random

STATE_CODES = {"SP": 35, "RJ": 33, "MG": 31, "PR": 41, "RS": 43, "SC": 42, "BA": 29, "PE": 26, "CE": 23, "GO": 52}
_BOLETO_RESTART = date(2025, 2, 22)


def _mod11(values: list[int], weights: list[int]) -> int:
    rest = sum(value * weight for value, weight in zip(values, weights, strict=True)) % 11
    return 0 if rest < 2 else 11 - rest


def _digits(rng: Random, count: int) -> str:
    return "".join(rng.choice("0123456789") for _ in range(count))


def cnpj(rng: Random, *, alphanumeric: bool = False) -> str:
    """`12.345.678/0001-95`; with `alphanumeric` the form in force since July 2026 (IN RFB 2.229/2024)."""
    alphabet = "ABCDEFGHJKLMNPQRSTUVWXYZ0123456789" if alphanumeric else "0123456789"
    base = "".join(rng.choice(alphabet) for _ in range(8)) + ("000" + rng.choice("1112"))
    if alphanumeric and base[:8].isdigit():
        base = "A" + base[1:]
    values = [ord(char) - 48 for char in base]
    weights = [5, 4, 3, 2, 9, 8, 7, 6, 5, 4, 3, 2]
    first = _mod11(values, weights)
    second = _mod11([*values, first], [6, *weights])
    return f"{base[:2]}.{base[2:5]}.{base[5:8]}/{base[8:]}-{first}{second}"


def cpf(rng: Random) -> str:
    """`123.456.789-09`."""
    values = [int(char) for char in _digits(rng, 9)]
    first = _mod11(values, list(range(10, 1, -1)))
    second = _mod11([*values, first], list(range(11, 1, -1)))
    text = "".join(map(str, values))
    return f"{text[:3]}.{text[3:6]}.{text[6:]}-{first}{second}"


def access_key(rng: Random, *, state: str, issued: date, issuer: str, model: int, series: int, number: int) -> str:
    """The 44 digits of an NF-e (model 55) or NFC-e (65)."""
    body = (
        f"{STATE_CODES[state]}{issued:%y%m}{''.join(filter(str.isalnum, issuer))}{model}"
        f"{series:03d}{number:09d}1{_digits(rng, 8)}"
    )
    values = [ord(char) - 48 for char in body]
    weights = [2 + (len(body) - 1 - position) % 8 for position in range(len(body))]
    return f"{body}{_mod11(values, weights)}"


def _mod10(digits: str) -> int:
    total = 0
    for position, char in enumerate(reversed(digits)):
        product = int(char) * (2 if position % 2 == 0 else 1)
        total += product // 10 + product % 10
    return -total % 10


def boleto(rng: Random, *, bank: str, due: date, cents: int) -> tuple[str, str]:
    """The written line with its points and spaces, and the 44 digits of the ITF bars (FEBRABAN layout)."""
    factor = 1000 + (due - _BOLETO_RESTART).days
    free = _digits(rng, 25)
    body = f"{bank}9{factor:04d}{cents:010d}{free}"
    total = sum(int(char) * (2 + (len(body) - 1 - position) % 8) for position, char in enumerate(body))
    check = 11 - total % 11
    check = 1 if check in (0, 10, 11) else check
    one, two, three = f"{bank}9{free[:5]}", free[5:15], free[15:]
    line = (
        f"{one[:5]}.{one[5:]}{_mod10(one)} {two[:5]}.{two[5:]}{_mod10(two)} "
        f"{three[:5]}.{three[5:]}{_mod10(three)} {check} {factor:04d}{cents:010d}"
    )
    return line, f"{body[:4]}{check}{body[4:]}"


def money(cents: int) -> str:
    """`1.234,56`."""
    return f"{cents // 100:,}".replace(",", ".") + f",{cents % 100:02d}"


_UNITS = [
    "zero",
    "um",
    "dois",
    "três",
    "quatro",
    "cinco",
    "seis",
    "sete",
    "oito",
    "nove",
    "dez",
    "onze",
    "doze",
    "treze",
    "quatorze",
    "quinze",
    "dezesseis",
    "dezessete",
    "dezoito",
    "dezenove",
]
_TENS = ["-", "-", "vinte", "trinta", "quarenta", "cinquenta", "sessenta", "setenta", "oitenta", "noventa"]
_HUNDREDS = [
    "-",
    "cento",
    "duzentos",
    "trezentos",
    "quatrocentos",
    "quinhentos",
    "seiscentos",
    "setecentos",
    "oitocentos",
    "novecentos",
]
MONTHS = [
    "janeiro",
    "fevereiro",
    "março",
    "abril",
    "maio",
    "junho",
    "julho",
    "agosto",
    "setembro",
    "outubro",
    "novembro",
    "dezembro",
]


def _below_thousand(number: int) -> str:
    if number == 100:
        return "cem"
    parts: list[str] = []
    if number >= 100:
        parts.append(_HUNDREDS[number // 100])
        number %= 100
    if number >= 20:
        parts.append(_TENS[number // 10])
        number %= 10
    if number or not parts:
        parts.append(_UNITS[number])
    return " e ".join(parts)


def in_words(number: int) -> str:
    """A number below one million in Portuguese words."""
    thousands, rest = divmod(number, 1000)
    if not thousands:
        return _below_thousand(rest)
    head = "mil" if thousands == 1 else f"{_below_thousand(thousands)} mil"
    if not rest:
        return head
    joiner = " e " if rest < 100 or rest % 100 == 0 else " "
    return f"{head}{joiner}{_below_thousand(rest)}"


def date_in_words(day: date) -> str:
    """`12 de março de 2026`."""
    return f"{day.day} de {MONTHS[day.month - 1]} de {day.year}"
