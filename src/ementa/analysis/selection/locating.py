"""Finds where a text stands on the pages: as it is, written otherwise, or as OCR bent it. Boxes come only from our
words."""

import re
from bisect import bisect_right
from typing import NamedTuple

from rapidfuzz import fuzz

from ementa.analysis.types import Evidence, How
from ementa.analysis.validators.folding import fold
from ementa.analysis.view import union
from ementa.extraction.types import Box, Extraction, Page

_SHORT = 6
"""Letters and digits under which a text must be whole words of the page to be found."""
_FUZZY_LEAST, _FUZZY_SCORE = 8, 90.0
_DIGITS = re.compile(r"\d+")


class Found(NamedTuple):
    """Where a text stands and how it was recognised there. `confidence` 0 to 1."""

    evidence: Evidence
    how: How
    confidence: float


class _Index(NamedTuple):
    text: str
    """Letters and digits of the page, folded, nothing between them."""
    starts: list[int]
    """Where each word begins in it."""
    words: list[int]
    """Index on the page of each word that has letters or digits."""


class Finder:
    """Looks texts up in a document. Pages are indexed when first needed."""

    def __init__(self, extraction: Extraction) -> None:
        self.extraction = extraction
        self._indexes: dict[int, _Index] = {}

    def find(self, text: str) -> Found | None:
        """The first place where `text` stands, best recognition first; None when nothing on the pages shows it."""
        needle = _compact(text)
        if not needle:
            return None
        for page in self.extraction.pages:
            found = self._exactly(page, text, needle)
            if found:
                return found
        for page in self.extraction.pages:
            found = self._nearly(page, text, needle) if page.source == "ocr" else None
            if found:
                return found
        return None

    def count(self, text: str) -> int:
        """How often `text` stands in the document, as whole words."""
        needle = _compact(text)
        return sum(len(self._places(page, needle)) for page in self.extraction.pages) if needle else 0

    def _exactly(self, page: Page, text: str, needle: str) -> Found | None:
        places = self._places(page, needle)
        if not places:
            return None
        first, last = places[0]
        evidence = evidence_of(page, first, last)
        verbatim = " ".join(text.split()) in evidence.text
        sure = min(page.words[i].confidence for i in range(first, last))
        return Found(evidence, How.EXACT if verbatim else How.NORMALISED, round(sure, 4))

    def _places(self, page: Page, needle: str) -> list[tuple[int, int]]:
        """Runs of words that the needle stands on; short needles only where words begin and end with it."""
        index = self._index(page)
        places: list[tuple[int, int]] = []
        at = index.text.find(needle)
        while at >= 0 and len(places) < 1000:
            end = at + len(needle)
            first = bisect_right(index.starts, at) - 1
            last = bisect_right(index.starts, end - 1) - 1
            closes = index.starts[last + 1] if last + 1 < len(index.starts) else len(index.text)
            whole = index.starts[first] == at and closes == end
            if whole or (len(needle) >= _SHORT and not needle.isdigit()):
                places.append((index.words[first], index.words[last] + 1))
            at = index.text.find(needle, end)
        return places

    def _nearly(self, page: Page, text: str, needle: str) -> Found | None:
        """On a scanned page, letters may differ a little; digits may not."""
        if len(needle) < _FUZZY_LEAST:
            return None
        index = self._index(page)
        match = fuzz.partial_ratio_alignment(needle, index.text, score_cutoff=_FUZZY_SCORE)
        if match is None or match.dest_end <= match.dest_start:
            return None
        first = bisect_right(index.starts, match.dest_start) - 1
        last = bisect_right(index.starts, match.dest_end - 1) - 1
        evidence = evidence_of(page, index.words[first], index.words[last] + 1)
        if _DIGITS.findall(text) != _DIGITS.findall(evidence.text):
            return None
        return Found(evidence, How.NORMALISED, round(match.score / 100 * 0.9, 4))

    def _index(self, page: Page) -> _Index:
        if page.number not in self._indexes:
            parts: list[str] = []
            starts: list[int] = []
            words: list[int] = []
            at = 0
            for number, word in enumerate(page.words):
                folded = _compact(word.text)
                if folded:
                    parts.append(folded)
                    starts.append(at)
                    words.append(number)
                    at += len(folded)
            self._indexes[page.number] = _Index("".join(parts), starts, words)
        return self._indexes[page.number]


def evidence_of(page: Page, first: int, last: int) -> Evidence:
    """The proof for words `first:last` of a page: a box per line, the words as quoted text."""
    words = page.words[first:last]
    boxes: list[Box] = []
    for word in words:
        box = word.box
        if (
            boxes
            and box[0] >= boxes[-1][0]
            and abs(_middle(box) - _middle(boxes[-1])) < 0.6 * max(box[3] - box[1], 1.0)
        ):
            boxes[-1] = union((boxes[-1], box))
        else:
            boxes.append(box)
    return Evidence(page.number, tuple(boxes), " ".join(word.text for word in words))


def _middle(box: Box) -> float:
    return (box[1] + box[3]) / 2


def _compact(text: str) -> str:
    return "".join(c for c in fold(text) if c.isalnum())
