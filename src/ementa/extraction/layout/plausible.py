"""Whether words look like writing at all: fonts without a proper encoding give letters that spell nothing."""

from collections.abc import Sequence

_VOWELS = frozenset("aeiouyáàâãäéèêëíìîïóòôõöúùûüAEIOUYÁÀÂÃÄÉÈÊËÍÌÎÏÓÒÔÕÖÚÙÛÜ")
_ENOUGH = 30
_LIKELY = 0.45


def is_plausible(words: Sequence[str]) -> bool:
    """False only when there are enough Latin words to tell and most of them could not be pronounced.

    Other scripts, numbers and short texts are always plausible.
    """
    judged = likely = 0
    for word in words:
        letters = [c for c in word if c.isalpha()]
        if len(letters) < 4 or len(letters) < 0.7 * len(word) or any(c > "\u024f" for c in letters):
            continue
        judged += 1
        vowels = sum(1 for c in letters if c in _VOWELS)
        likely += 0.1 <= vowels / len(letters) <= 0.85
    return judged < _ENOUGH or likely >= _LIKELY * judged
