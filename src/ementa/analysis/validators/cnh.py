"""Number of registration of the driver's licence (CNH, SENATRAN): nine digits and two check digits modulo 11."""

from ementa.analysis.validators.checksums import is_repeated, weighted_sum


def check_digits(base: str) -> str:
    """The two check digits of nine digits. When the first remainder is 10 the second is lowered by 2."""
    first = weighted_sum(base, range(9, 0, -1)) % 11
    second = weighted_sum(base, range(1, 10)) % 11
    if first > 9:
        first = 0
        second = second - 2 if second >= 2 else second + 9
    return f"{first}{0 if second > 9 else second}"


def parse_cnh(text: str) -> str | None:
    """Eleven digits, or None."""
    digits = "".join(text.split())
    if len(digits) != 11 or not digits.isascii() or not digits.isdigit() or is_repeated(digits):
        return None
    return digits if check_digits(digits[:9]) == digits[9:] else None
