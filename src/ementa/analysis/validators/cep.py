"""CEP, the postal code (Correios): eight digits; the first ones say the state."""

import re

_FORM = re.compile(r"(\d{2})\.?(\d{3})-?(\d{3})", re.ASCII)

# First five digits, inclusive (Correios, "Faixas de CEP").
_RANGES = (
    (1000, 19999, "SP"), (20000, 28999, "RJ"), (29000, 29999, "ES"), (30000, 39999, "MG"), (40000, 48999, "BA"),
    (49000, 49999, "SE"), (50000, 56999, "PE"), (57000, 57999, "AL"), (58000, 58999, "PB"), (59000, 59999, "RN"),
    (60000, 63999, "CE"), (64000, 64999, "PI"), (65000, 65999, "MA"), (66000, 68899, "PA"), (68900, 68999, "AP"),
    (69000, 69299, "AM"), (69300, 69399, "RR"), (69400, 69899, "AM"), (69900, 69999, "AC"), (70000, 72799, "DF"),
    (72800, 72999, "GO"), (73000, 73699, "DF"), (73700, 76799, "GO"), (76800, 76999, "RO"), (77000, 77999, "TO"),
    (78000, 78899, "MT"), (79000, 79999, "MS"), (80000, 87999, "PR"), (88000, 89999, "SC"), (90000, 99999, "RS"),
)  # fmt: skip


def parse_cep(text: str) -> str | None:
    """`01310-100`, or None when no state has such a code."""
    match = _FORM.fullmatch("".join(text.split()))
    if not match:
        return None
    digits = "".join(match.groups())
    return f"{digits[:5]}-{digits[5:]}" if state_of(digits) else None


def state_of(cep: str) -> str | None:
    """The state of a code, given with or without its dash."""
    prefix = int(cep[:5])
    return next((state for low, high, state in _RANGES if low <= prefix <= high), None)
