"""The sums that check digits are made of."""

from collections.abc import Iterable, Sequence


def digits_of(text: str) -> str:
    """The ASCII digits of `text`, in order."""
    return "".join(c for c in text if "0" <= c <= "9")


def weighted_sum(characters: str, weights: Iterable[int]) -> int:
    """Σ value × weight, where the value of a character is its ASCII code minus 48 (IN RFB 2.229/2024), so 0–9 are
    themselves and A is 17."""
    return sum((ord(c) - 48) * w for c, w in zip(characters, weights, strict=True))


def cycling_weights(length: int, low: int, high: int) -> list[int]:
    """Weights that run low, low+1 … high, low … from the right, given from the left."""
    span = high - low + 1
    return [low + (length - 1 - i) % span for i in range(length)]


def modulo_10(digits: str) -> int:
    """The check digit by modulo 10 with weights 2, 1, 2… from the right, digits of products added (Luhn)."""
    total = 0
    for i, c in enumerate(reversed(digits)):
        product = int(c) * (2 - i % 2)
        total += product - 9 if product > 9 else product
    return -total % 10


def remainder_11(characters: str, weights: Sequence[int] | None = None) -> int:
    """The weighted sum modulo 11; weights 2…9 from the right unless given."""
    return weighted_sum(characters, weights or cycling_weights(len(characters), 2, 9)) % 11


def complement_11(remainder: int) -> int:
    """The usual check digit of a remainder modulo 11: 0 for 0 and 1, else 11 minus it."""
    return 0 if remainder < 2 else 11 - remainder


def is_repeated(text: str) -> bool:
    """Whether all characters are the same: such numbers pass check digits but are never issued."""
    return len(set(text)) == 1
