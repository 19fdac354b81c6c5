"""The document's text in passages, and which of them matter for a question (BM25 over folded words)."""

import math
import re
from collections import Counter
from collections.abc import Iterator, Sequence

from ementa.analysis.selection.types import Passage
from ementa.analysis.validators.folding import fold
from ementa.extraction.types import Extraction, Page

_LONGEST = 700
"""Characters of a passage."""
MAX_CHARS = 4_000_000
"""Characters of all passages: what is beyond is not shown to a model, and the warnings say so."""
_K1, _B = 1.2, 0.75
_WORD = re.compile(r"[a-z0-9]{2,}")
_STOP = frozenset(
    [
        "de",
        "da",
        "do",
        "das",
        "dos",
        "em",
        "na",
        "no",
        "nas",
        "nos",
        "para",
        "por",
        "com",
        "um",
        "uma",
        "que",
        "qual",
        "quais",
        "seu",
        "sua",
        "ao",
        "aos",
        "os",
        "as",
        "se",
        "este",
        "esta",
        "deste",
        "desta",
        "the",
        "of",
        "and",
        "in",
        "on",
        "to",
        "for",
        "is",
        "are",
        "what",
        "which",
        "extraia",
        "extrair",
        "informe",
        "liste",
        "leia",
        "diga",
        "preencha",
        "json",
        "dados",
        "documento",
        "resuma",
        "resumo",
        "explique",
        "summary",
    ]
)


def make_passages(extraction: Extraction) -> tuple[list[Passage], int]:
    """The passages in reading order, and the first page that did not fit in `MAX_CHARS` (0 for none)."""
    passages: list[Passage] = []
    total = 0
    for page in extraction.pages:
        for passage in _of_page(page):
            total += len(passage.text)
            if total > MAX_CHARS:
                return passages, page.number
            passages.append(passage)
    return passages, 0


def _of_page(page: Page) -> Iterator[Passage]:
    for first, last in _runs(page):
        text = " ".join(word.text for word in page.words[first:last])
        if text:
            yield Passage(page.number, first, last, text)


def _runs(page: Page) -> Iterator[tuple[int, int]]:
    """Words of lines read together, cut at block ends and at the longest passage."""
    ends = {block.last for block in page.blocks}
    first, length = 0, 0
    for number, line in enumerate(page.lines, 1):
        size = sum(len(word.text) + 1 for word in page.words[line.first : line.last])
        if length and length + size > _LONGEST:
            yield first, line.first
            first, length = line.first, 0
        length += size
        if number in ends and length > _LONGEST / 4:
            yield first, line.last
            first, length = line.last, 0
    if first < len(page.words):
        yield first, len(page.words)


def terms(text: str) -> list[str]:
    """The words that count when texts are compared: folded, without stop words, cut to a stem of six letters."""
    return [word[:6] for word in _WORD.findall(fold(text)) if word not in _STOP]


def rank_texts(texts: Sequence[str], query: str) -> list[tuple[float, int]]:
    """Texts by relevance to a query, best first, as (score, index); those without any of its words are left out."""
    wanted = set(terms(query))
    if not wanted or not texts:
        return []
    bags = [Counter(terms(text)) for text in texts]
    mean = max(sum(sum(bag.values()) for bag in bags) / len(bags), 1.0)
    rarity = {
        term: math.log(1 + (len(bags) - n + 0.5) / (n + 0.5))
        for term in wanted
        if (n := sum(term in bag for bag in bags))
    }
    scored: list[tuple[float, int]] = []
    for index, bag in enumerate(bags):
        size = sum(bag.values())
        score = sum(
            rarity[term] * bag[term] * (_K1 + 1) / (bag[term] + _K1 * (1 - _B + _B * size / mean))
            for term in rarity
            if term in bag
        )
        if score > 0:
            scored.append((score, index))
    return sorted(scored, key=lambda pair: (-pair[0], pair[1]))


def rank_passages(passages: Sequence[Passage], query: str) -> tuple[tuple[int, ...], int]:
    """All passages by relevance, and how many share a word with the query; the others follow in reading order."""
    best = [index for _, index in rank_texts([passage.text for passage in passages], query)]
    seen = set(best)
    return (*best, *(index for index in range(len(passages)) if index not in seen)), len(best)
