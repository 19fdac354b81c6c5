"""What the stages of an analysis hand to each other: fields with ranked options, passages, and what was chosen."""

from typing import Any

import msgspec

from ementa.analysis.spec.nodes import Leaf, Many, Node
from ementa.analysis.types import Candidate, Evidence, How, Kind, Usage


class Passage(msgspec.Struct, frozen=True, array_like=True):
    """Words `first:last` of a page, read together: the unit of relevance and of citations."""

    page: int
    first: int
    last: int
    text: str


class Option(msgspec.Struct, frozen=True):
    """A candidate for one field. `score` is 0 to 1; `eligible` says that the readers would answer with it."""

    candidate: Candidate
    score: float
    eligible: bool


class Field(msgspec.Struct, frozen=True):
    """One leaf of the answer, at its place in it, with its options from best to worst."""

    pointer: str
    name: str
    leaf: Leaf
    options: tuple[Option, ...] = ()
    by_row: bool = False
    """It stands in a row of a table: the row decides, nobody chooses."""


class OpenList(msgspec.Struct, frozen=True):
    """A list for which the readers found nothing: only a model may fill it."""

    pointer: str
    name: str
    node: Many


class Prepared(msgspec.Struct, frozen=True):
    """Everything that selection needs of a document."""

    root: Node
    """The asked form, with the kinds that only the prompt decides."""
    fields: tuple[Field, ...]
    counts: dict[str, int]
    """Items of each list, by its pointer."""
    open_lists: tuple[OpenList, ...]
    passages: tuple[Passage, ...]
    ranking: tuple[int, ...]
    """Passages by relevance to the prompt, best first."""
    relevant: int
    """How many of `ranking` share a word with the prompt; the rest follow in reading order."""
    english: bool
    pages: int
    warnings: tuple[str, ...] = ()


class Pick(msgspec.Struct, frozen=True):
    """The value chosen for one leaf, canonical, with the proof that came with it.

    `located` false: a model wrote it, and assembly must find it on the pages or mark it as unproven.
    """

    kind: Kind
    value: Any
    how: How
    evidence: tuple[Evidence, ...] = ()
    checks: tuple[str, ...] = ()
    confidence: float = 0.0
    located: bool = True
    cites: tuple[tuple[int, ...], ...] = ()
    """For answers: the passages (numbers into `Selection.cited`) of each sentence."""
    sentences: tuple[str, ...] = ()


class Selection(msgspec.Struct, frozen=True):
    """What was chosen: a pick per leaf that has one, and the items of each list."""

    model: str
    root: Node
    picks: dict[str, Pick]
    counts: dict[str, int]
    cited: tuple[Passage, ...] = ()
    usage: Usage = Usage()
    warnings: tuple[str, ...] = ()


class Options(msgspec.Struct, frozen=True):
    """How to use the model. Times in seconds, sizes in tokens."""

    model: str = "ementa-reader"
    escalation_model: str = ""
    timeout_seconds: float = 300.0
    max_list_items: int = 1000
    context_tokens: int = 8192
    """The model's context that may be used; prompts are made to fit it by an upper estimate."""
    max_calls: int = 200
    """Calls of one analysis at most; what was left unread by then is said in the warnings."""
