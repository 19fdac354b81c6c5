"""Open questions: sentences with citations, each checked against what it cites.

Without a model the answer is extractive: the document's own sentences that answer best, so each is proven. With a
model, a sentence stays unmarked only if every number, date and identifier in it occurs in the passages that it cites
and it shares words with them.
"""

import re
from collections import Counter
from collections.abc import Sequence

from ementa.analysis.selection.passages import rank_texts, terms
from ementa.analysis.selection.types import Passage, Pick
from ementa.analysis.types import How, Kind

_END = re.compile(r"[.!?;]$|[.!?][\"”»)]$")
_ABBREVIATION = re.compile(
    r"^(?:[A-Za-zÀ-ÿ]|art|arts|inc|sr|sra|dr|dra|ltda|nº|no|av|cia|tel|fls|pág|cap|ex|etc|mr|mrs|ms|inc)\.$", re.I
)
_CITATION = re.compile(r"\s*\[(\d{1,4}(?:\s*[,;]\s*\d{1,4})*)\]")
_FIGURE = re.compile(r"\d(?:[\d.,/\-]*\d)?")
_SENTENCE = re.compile(r".+?(?:[.!?](?=\s|$)(?:\s*\[[\d,;\s]+\])*|\n|$)", re.DOTALL)
_MAX_QUOTED = 3
_SUMMARY = 4
_LEAST_SHARED = 0.3
_SHORTEST = 4


def sentences_of(passages: Sequence[Passage]) -> list[Passage]:
    """The passages cut at sentence ends, each still tied to its words."""
    found: list[Passage] = []
    for passage in passages:
        words = passage.text.split(" ")
        if len(words) != passage.last - passage.first:
            found.append(passage)
            continue
        start = 0
        for number, word in enumerate(words, 1):
            if number == len(words) or (_END.search(word) and not _ABBREVIATION.match(word)):
                text = " ".join(words[start:number])
                found.append(Passage(passage.page, passage.first + start, passage.first + number, text))
                start = number
    return found


def quote_answer(question: str, passages: Sequence[Passage]) -> tuple[Pick | None, tuple[Passage, ...]]:
    """The document's own sentences that answer best, in reading order; None for an empty document."""
    sentences = [s for s in sentences_of(passages) if len(terms(s.text)) >= _SHORTEST] or sentences_of(passages)
    if not sentences:
        return None, ()
    ranked = rank_texts([s.text for s in sentences], question)
    if ranked:
        best = ranked[0][0]
        chosen = [index for score, index in ranked[:_MAX_QUOTED] if score >= best * 0.5]
    else:
        chosen = _central(sentences)
    cited = tuple(sentences[index] for index in sorted(chosen))
    pick = Pick(
        Kind.ANSWER,
        "",
        How.EXACT,
        confidence=0.6 if ranked else 0.4,
        sentences=tuple(s.text for s in cited),
        cites=tuple((number,) for number in range(len(cited))),
    )
    return pick, cited


def _central(sentences: Sequence[Passage]) -> list[int]:
    """The sentences whose words the document uses most, for a question that names nothing ("resuma")."""
    counts = Counter(term for s in sentences for term in set(terms(s.text)))
    scores: list[tuple[float, int]] = []
    for index, sentence in enumerate(sentences):
        words = set(terms(sentence.text))
        score = sum(counts[word] for word in words if counts[word] > 1) / (len(words) + 8)
        scores.append((-score - (0.5 if index == 0 else 0.0), index))
    return [index for _, index in sorted(scores)[:_SUMMARY]]


def read_answer(text: str, shown: Sequence[Passage]) -> Pick | None:
    """A model's answer with its `[n]` (from 1, into `shown`) as sentences and citations; None for an empty one.

    A citation of a passage that was not shown is dropped.
    """
    sentences: list[str] = []
    cites: list[tuple[int, ...]] = []
    for match in _SENTENCE.finditer(text.strip()):
        raw = match[0].strip()
        numbers = [int(n) - 1 for found in _CITATION.finditer(raw) for n in re.findall(r"\d+", found[1])]
        bare = " ".join(_CITATION.sub("", raw).split())
        good = tuple(dict.fromkeys(n for n in numbers if 0 <= n < len(shown)))
        if bare.strip(" .;,"):
            sentences.append(bare)
            cites.append(good)
        elif sentences:
            cites[-1] = tuple(dict.fromkeys((*cites[-1], *good)))
    if not sentences:
        return None
    sure = [is_supported(s, [shown[n] for n in c]) for s, c in zip(sentences, cites, strict=True)]
    confidence = round(0.8 * sum(sure) / len(sure), 4)
    how = How.COMPUTED if all(sure) else How.UNPROVEN
    return Pick(Kind.ANSWER, "", how, confidence=confidence, sentences=tuple(sentences), cites=tuple(cites))


def is_supported(sentence: str, passages: Sequence[Passage]) -> bool:
    """Whether the cited passages bear a sentence: every figure of it occurs in them, and it shares their words."""
    if not passages:
        return False
    said = " ".join(passage.text for passage in passages)
    known = {_bare(figure) for figure in _FIGURE.findall(said)}
    if any(_bare(figure) not in known for figure in _FIGURE.findall(sentence)):
        return False
    words = set(terms(sentence))
    return not words or len(words & set(terms(said))) >= _LEAST_SHARED * len(words)


def _bare(figure: str) -> str:
    digits = re.sub(r"\D", "", figure)
    return digits.lstrip("0") or "0"
