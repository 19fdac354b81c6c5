"""Título de eleitor (TSE, Resolução 21.538/2003, art. 12): eight digits in sequence, two of the
state, two check digits.

For São Paulo (01) and Minas Gerais (02) a remainder of 0 gives the digit 1.
"""

from ementa.analysis.validators.checksums import is_repeated, weighted_sum


def check_digits(sequence: str, state: str) -> str:
    """The two check digits of eight digits and the state's two."""
    first = _digit(weighted_sum(sequence, range(2, 10)) % 11, state)
    second = _digit(weighted_sum(f"{state}{first}", (7, 8, 9)) % 11, state)
    return f"{first}{second}"


def _digit(remainder: int, state: str) -> int:
    if remainder == 10:
        return 0
    return 1 if remainder == 0 and state in ("01", "02") else remainder


def parse_voter_id(text: str) -> str | None:
    """Twelve digits (spaces between groups allowed), or None. States go from 01 to 28 (abroad)."""
    digits = "".join(text.split())
    if len(digits) != 12 or not digits.isascii() or not digits.isdigit() or is_repeated(digits):
        return None
    if not 1 <= int(digits[8:10]) <= 28:
        return None
    return digits if check_digits(digits[:8], digits[8:10]) == digits[10:] else None
