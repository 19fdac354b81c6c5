"""Vehicle plates: three letters and four digits (until 2018), or Mercosul's `ABC1D23` (CONTRAN, Resolução 969/2022)."""

import re

_FORM = re.compile(r"([A-Z]{3})[- ]?(\d[A-J0-9]\d{2})", re.ASCII)


def parse_plate(text: str) -> str | None:
    """`ABC-1234` or `ABC1D23`, upper case."""
    match = _FORM.fullmatch(text.strip().upper())
    if not match:
        return None
    return f"{match[1]}-{match[2]}" if match[2].isdigit() else f"{match[1]}{match[2]}"
