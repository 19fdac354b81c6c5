"""Boleto and collection slips: barcode (44 digits) and typeable line (47 or 48 digits).

Sources: FEBRABAN/BACEN Carta-Circular 2.926 and CNAB manuals (47 digits: three fields with modulo 10, general digit
modulo 11); FEBRABAN "Layout Padrão de Arrecadação/Recebimento com Código de Barras" v7 (48 digits, first digit 8).
The due-date factor counts days since 1997-10-07; it reached 9999 on 2025-02-21 and restarted at 1000 the next day.
"""

import datetime as dt

import msgspec

from ementa.analysis.validators.checksums import digits_of, modulo_10, remainder_11

_FIRST_BASE = dt.date(1997, 10, 7)
_SECOND_BASE = dt.date(2025, 2, 22) - dt.timedelta(days=1000)


class Boleto(msgspec.Struct, frozen=True):
    """What a line or barcode says. `bank` is empty and `due_factor` 0 for collection slips."""

    line: str
    barcode: str
    value: float | None
    """R$; None when the slip leaves the amount open."""
    bank: str = ""
    due_factor: int = 0
    segment: str = ""
    """Collection slips: 1 town halls, 2 sanitation, 3 energy and gas, 4 telecom, 5 government, 6 carnets, 7 fines…"""


def parse_line(text: str) -> Boleto | None:
    """A typeable line of 47 or 48 digits, dots, dashes and spaces aside; None unless every check digit holds."""
    digits = digits_of(text)
    if len(digits) == 47:
        return _parse_bank_line(digits)
    if len(digits) == 48 and digits[0] == "8":
        return _parse_collection_line(digits)
    return None


def parse_barcode(text: str) -> Boleto | None:
    """The 44 digits of the barcode; None unless the general check digit holds."""
    digits = "".join(text.split())
    if len(digits) != 44 or not digits.isascii() or not digits.isdigit():
        return None
    line = _collection_line(digits) if digits[0] == "8" else _bank_line(digits)
    return parse_line(line) if line else None


def general_digit(rest: str) -> int:
    """The boleto's general digit over the other 43 digits: modulo 11, where 0, 10 and 11 become 1."""
    digit = 11 - remainder_11(rest)
    return 1 if digit in (0, 10, 11) else digit


def _parse_bank_line(line: str) -> Boleto | None:
    fields = (line[:10], line[10:21], line[21:32])
    if any(modulo_10(field[:-1]) != int(field[-1]) for field in fields):
        return None
    barcode = line[:4] + line[32:47] + line[4:9] + line[10:20] + line[21:31]
    if general_digit(barcode[:4] + barcode[5:]) != int(barcode[4]) or line[3] not in "9018":
        return None
    cents = int(barcode[9:19])
    return Boleto(
        line=line, barcode=barcode, bank=line[:3], due_factor=int(barcode[5:9]), value=cents / 100 if cents else None
    )


def _bank_line(barcode: str) -> str | None:
    if general_digit(barcode[:4] + barcode[5:]) != int(barcode[4]):
        return None
    first, second, third = barcode[:4] + barcode[19:24], barcode[24:34], barcode[34:44]
    fields = "".join(f"{field}{modulo_10(field)}" for field in (first, second, third))
    return fields + barcode[4:19]


def _collection_digit(identifier: str, digits: str) -> int | None:
    if identifier in "67":
        return modulo_10(digits)
    if identifier in "89":
        remainder = remainder_11(digits)
        return 0 if remainder < 2 else 11 - remainder
    return None


def _parse_collection_line(line: str) -> Boleto | None:
    fields = [line[i : i + 12] for i in range(0, 48, 12)]
    if any(_collection_digit(line[2], field[:-1]) != int(field[-1]) for field in fields):
        return None
    barcode = "".join(field[:-1] for field in fields)
    if _collection_digit(barcode[2], barcode[:3] + barcode[4:]) != int(barcode[3]):
        return None
    cents = int(barcode[4:15])
    in_reais = barcode[2] in "68" and cents > 0
    return Boleto(line=line, barcode=barcode, value=cents / 100 if in_reais else None, segment=barcode[1])


def _collection_line(barcode: str) -> str | None:
    fields = [barcode[i : i + 11] for i in range(0, 44, 11)]
    digits = [_collection_digit(barcode[2], field) for field in fields]
    if any(digit is None for digit in digits):
        return None
    return "".join(f"{field}{digit}" for field, digit in zip(fields, digits, strict=True))


def due_dates(factor: int) -> tuple[dt.date, ...]:
    """The dates that a factor may mean, oldest first: one per cycle; none for 0 (no due date)."""
    if factor == 0:
        return ()
    first = _FIRST_BASE + dt.timedelta(days=factor)
    return (first, _SECOND_BASE + dt.timedelta(days=factor)) if factor >= 1000 else (first,)


def due_date(factor: int, near: dt.date) -> dt.date | None:
    """The due date of a factor read around the day `near`: within 3,000 days before and 5,500 after it (FEBRABAN's
    window for the restart), else the closest."""
    dates = due_dates(factor)
    if not dates:
        return None
    inside = [d for d in dates if -3000 <= (d - near).days <= 5500]
    return min(inside or dates, key=lambda d: abs((d - near).days))


def format_line(line: str) -> str:
    """The printed form: `AAABC.CCCCX DDDDD.DDDDDY EEEEE.EEEEEZ K FFFFVVVVVVVVVV`, or four groups `11-1`."""
    if len(line) == 48:
        return " ".join(f"{line[i : i + 11]}-{line[i + 11]}" for i in range(0, 48, 12))
    return f"{line[:5]}.{line[5:10]} {line[10:15]}.{line[15:21]} {line[21:26]}.{line[26:32]} {line[32]} {line[33:]}"
