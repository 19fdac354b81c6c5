"""CNPJ, the number of legal entities, numeric or (since July 2026, IN RFB 2.229/2024) alphanumeric.

Twelve characters 0–9 A–Z and two numeric check digits modulo 11, where a character is worth its ASCII code minus 48.
Official example: `12.ABC.345/01DE-35`.
"""

import re

from ementa.analysis.validators.checksums import complement_11, is_repeated, remainder_11

_FORM = re.compile(r"[0-9A-Z]{2}\.?[0-9A-Z]{3}\.?[0-9A-Z]{3}/?[0-9A-Z]{4}-?[0-9]{2}")


def check_digits(base: str) -> str:
    """The two check digits of the first twelve characters."""
    first = complement_11(remainder_11(base))
    second = complement_11(remainder_11(f"{base}{first}"))
    return f"{first}{second}"


def is_cnpj(characters: str) -> bool:
    """Whether fourteen bare characters are a CNPJ; one repeated character is refused."""
    return (
        len(characters) == 14
        and characters.isascii()
        and characters.isalnum()
        and characters == characters.upper()
        and characters[12:].isdigit()
        and not is_repeated(characters)
        and check_digits(characters[:12]) == characters[12:]
    )


def parse_cnpj(text: str) -> str | None:
    """`12.345.678/0001-95` from the number with or without its mask and inner spaces; letters in any case."""
    compact = "".join(text.split()).upper()
    if not _FORM.fullmatch(compact):
        return None
    characters = "".join(c for c in compact if c.isalnum())
    return format_cnpj(characters) if is_cnpj(characters) else None


def format_cnpj(characters: str) -> str:
    """The printed form of fourteen characters."""
    return f"{characters[:2]}.{characters[2:5]}.{characters[5:8]}/{characters[8:12]}-{characters[12:]}"
