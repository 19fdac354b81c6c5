"""PIS/PASEP/NIT/NIS, the worker's number (CAIXA): ten digits and one check digit modulo 11."""

import re

from ementa.analysis.validators.checksums import complement_11, is_repeated, remainder_11

_FORM = re.compile(r"\d{3}\.?\d{5}\.?\d{2}[-.]?\d", re.ASCII)
_WEIGHTS = (3, 2, 9, 8, 7, 6, 5, 4, 3, 2)


def is_pis(digits: str) -> bool:
    """Whether eleven bare digits are a PIS number."""
    return (
        len(digits) == 11
        and digits.isascii()
        and digits.isdigit()
        and not is_repeated(digits)
        and complement_11(remainder_11(digits[:10], _WEIGHTS)) == int(digits[10])
    )


def parse_pis(text: str) -> str | None:
    """`120.12345.67-8` from the number with or without its mask."""
    compact = "".join(text.split())
    if not _FORM.fullmatch(compact):
        return None
    digits = "".join(c for c in compact if c.isdigit())
    return f"{digits[:3]}.{digits[3:8]}.{digits[8:10]}-{digits[10]}" if is_pis(digits) else None
