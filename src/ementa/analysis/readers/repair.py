"""Characters that OCR confuses, undone where check digits leave one solution."""

from collections.abc import Callable, Iterable
from typing import TypeVar

LETTERS_FOR_DIGITS = {
    "O": "0", "o": "0", "Q": "0", "D": "0", "U": "0", "I": "1", "l": "1", "i": "1", "|": "1", "!": "1", "L": "1",
    "S": "5", "s": "5", "B": "8", "Z": "2", "z": "2", "G": "6", "b": "6", "T": "7", "A": "4", "g": "9", "q": "9",
}  # fmt: skip
DIGIT_LIKE = r"[0-9OoQDUIli|!LSsBZzGbTAgq]"
_CONFUSED_DIGITS = {
    "0": "68", "1": "74", "2": "7", "3": "85", "4": "19", "5": "63", "6": "508", "7": "12", "8": "3069", "9": "48",
}  # fmt: skip
_MAX_LETTERS = 6

T = TypeVar("T")


def to_digits(text: str) -> str:
    """The text with the letters that OCR reads for digits replaced by them."""
    return "".join(LETTERS_FOR_DIGITS.get(c, c) for c in text)


def letters_in(text: str) -> int:
    """How many characters are letters standing for digits."""
    return sum(c in LETTERS_FOR_DIGITS for c in text)


def repair(digits: str, accept: Callable[[str], T | None], doubtful: Iterable[int] | None = None) -> T | None:
    """The only reading of `digits` that `accept` takes: as it is, else with one digit replaced by one that looks like
    it, at the positions in `doubtful` (all when None). None when there is no reading or more than one."""
    whole = accept(digits)
    if whole is not None:
        return whole
    found: T | None = None
    for i in range(len(digits)) if doubtful is None else doubtful:
        for other in _CONFUSED_DIGITS.get(digits[i], ""):
            solution = accept(f"{digits[:i]}{other}{digits[i + 1 :]}")
            if solution is not None:
                if found is not None:
                    return None
                found = solution
    return found


def plausible(text: str, digits: int) -> bool:
    """Whether a misread text still is mostly digits: repairing words would invent numbers."""
    letters = letters_in(text)
    return letters <= _MAX_LETTERS and letters * 3 <= digits
