"""Brazilian telephone numbers (Anatel, Resolução 749/2022 and the numbering plan): DDD and eight or nine digits.

Mobile numbers have nine digits and start with 9; fixed ones eight and start with 2 to 5. 0800, 0300 and the like and
4004-type numbers have no DDD.
"""

import re

_AREA_CODES = (
    "11 12 13 14 15 16 17 18 19 21 22 24 27 28 31 32 33 34 35 37 38 41 42 43 44 45 46 47 48 49 51 53 54 55 61 62 63 64 "
    "65 66 67 68 69 71 73 74 75 77 79 81 82 83 84 85 86 87 88 89 91 92 93 94 95 96 97 98 99"
)
AREA_CODES = frozenset(_AREA_CODES.split())
_SIGNS = re.compile(r"[\s().\-/]")


def parse_phone(text: str) -> str | None:
    """`(11) 91234-5678`, `(11) 3123-4567` or `0800 123 4567`; None for what is not a Brazilian number with its DDD."""
    compact = _SIGNS.sub("", text[:40])
    free = re.fullmatch(r"(0(?:300|500|800|900))(\d{3})(\d{4})", compact, re.ASCII)
    if free:
        return " ".join(free.groups())
    digits = compact.removeprefix("+")
    if compact.startswith("+") and not digits.startswith("55"):
        return None
    if len(digits) in (12, 13) and digits.startswith("55"):
        digits = digits[2:]
    digits = digits.removeprefix("0")
    match = re.fullmatch(r"(\d{2})(9\d{4}|[2-5]\d{3})(\d{4})", digits, re.ASCII)
    if not match or match[1] not in AREA_CODES:
        return None
    return f"({match[1]}) {match[2]}-{match[3]}"
