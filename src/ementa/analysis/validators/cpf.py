"""CPF, the taxpayer number of persons (Receita Federal, IN RFB 2.172/2024): 9 digits and 2 check digits modulo 11."""

import re

from ementa.analysis.validators.checksums import complement_11, is_repeated, remainder_11

_FORM = re.compile(r"\d{3}\.?\d{3}\.?\d{3}[-/]?\d{2}", re.ASCII)


def check_digits(base: str) -> str:
    """The two check digits of the first nine digits."""
    first = complement_11(remainder_11(base, range(10, 1, -1)))
    second = complement_11(remainder_11(f"{base}{first}", range(11, 1, -1)))
    return f"{first}{second}"


def is_cpf(digits: str) -> bool:
    """Whether eleven bare digits are a CPF. Repeated digits are refused, as Receita Federal never issues them."""
    return (
        len(digits) == 11
        and digits.isascii()
        and digits.isdigit()
        and not is_repeated(digits)
        and check_digits(digits[:9]) == digits[9:]
    )


def parse_cpf(text: str) -> str | None:
    """`529.982.247-25` from the number with or without its mask and inner spaces."""
    compact = "".join(text.split())
    if not _FORM.fullmatch(compact):
        return None
    digits = "".join(c for c in compact if c.isdigit())
    return format_cpf(digits) if is_cpf(digits) else None


def format_cpf(digits: str) -> str:
    """The printed form of eleven digits."""
    return f"{digits[:3]}.{digits[3:6]}.{digits[6:9]}-{digits[9:]}"
