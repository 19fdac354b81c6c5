"""RENAVAM, the number of a vehicle (SENATRAN): ten digits (older ones fewer, zeros at the left) and one modulo 11."""

from ementa.analysis.validators.checksums import is_repeated, weighted_sum

_WEIGHTS = (3, 2, 9, 8, 7, 6, 5, 4, 3, 2)


def check_digit(base: str) -> int:
    """The check digit of ten digits."""
    digit = weighted_sum(base, _WEIGHTS) * 10 % 11
    return 0 if digit == 10 else digit


def parse_renavam(text: str) -> str | None:
    """Eleven digits from nine to eleven (a dash before the last allowed), or None."""
    compact = "".join(text.split()).replace("-", "").replace(".", "")
    if not 9 <= len(compact) <= 11 or not compact.isascii() or not compact.isdigit() or is_repeated(compact):
        return None
    digits = compact.zfill(11)
    return digits if check_digit(digits[:10]) == int(digits[10]) else None
