"""Ask the product about generated documents and count: fields found, proofs that stand, values that pretend."""

import asyncio
import os
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from benchmarks.accuracy.compare import best_overlap, leaves, same
from benchmarks.accuracy.pipeline import Pipeline
from benchmarks.documents.generate import samples
from benchmarks.documents.truth import FORMATTED, Expected, Sample
from ementa.analysis.types import How, LeafProof, Outcome
from ementa.extraction.types import Extraction
from ementa.kit.errors import EmentaError

GOALS = {
    "digital": {"f1_formatted": 0.98, "proof": 0.98, "unproven_unmarked": 0},
    "scan": {"f1_formatted": 0.95, "proof": 0.95, "unproven_unmarked": 0},
}
FIRST_SEED = 1000


@dataclass(slots=True)
class Count:
    """Outcomes of fields of one group."""

    right: int = 0
    wrong: int = 0
    missing: int = 0
    proven: int = 0
    pretending: int = 0

    def f1(self) -> float:
        """A wrong value counts as one invented and one missed."""
        total = 2 * self.right + 2 * self.wrong + self.missing
        return 2 * self.right / total if total else 1.0

    def proof(self) -> float:
        """Share of right values whose proof overlaps the place where they were drawn by half or more."""
        return self.proven / self.right if self.right else 1.0

    def add(self, other: "Count") -> None:
        """Sum."""
        for name in self.__slots__:
            setattr(self, name, getattr(self, name) + getattr(other, name))

    def record(self) -> dict[str, float]:
        """For the results."""
        return {
            "fields": self.right + self.wrong + self.missing,
            "f1": round(self.f1(), 4),
            "proof": round(self.proof(), 4),
            "wrong": self.wrong,
            "missing": self.missing,
            "unproven_unmarked": self.pretending,
        }


@dataclass(slots=True)
class Tally:
    """Counts by group, and every failing case."""

    groups: dict[tuple[str, ...], Count] = field(default_factory=dict)
    failures: list[dict[str, Any]] = field(default_factory=list)

    def group(self, *name: str) -> Count:
        """The count of a group, made when first named."""
        return self.groups.setdefault(name, Count())


async def measure(chosen: Iterable[Sample], at_once: int | None = None) -> Tally:
    """Answer every sample and judge it. An error of the product counts as all fields missing."""
    tally, gate = Tally(), asyncio.Semaphore(at_once or os.cpu_count() or 1)
    async with Pipeline() as pipeline:

        async def one(sample: Sample) -> None:
            async with gate:
                try:
                    read, outcome = await pipeline.answer(sample)
                except EmentaError as error:
                    _note_failure(tally, sample, "", "error", None, f"{error.code}: {error.text('en')}")
                    for expected in sample.expected:
                        _groups(tally, sample, expected.kind, Count(missing=1))
                    return
            judge(tally, sample, read, outcome)

        await asyncio.gather(*(one(sample) for sample in chosen))
    return tally


def judge(tally: Tally, sample: Sample, read: Extraction, outcome: Outcome) -> None:
    """Compare one outcome with the truth."""
    answered = dict(leaves(outcome.response))
    proofs = {leaf.path: leaf for leaf in outcome.proof}
    for expected in sample.expected:
        value = answered.pop(expected.pointer, None)
        _groups(tally, sample, expected.kind, _judge_field(tally, sample, expected, value, proofs, read))
    for pointer, value in answered.items():
        if value in (None, ""):
            continue
        # Rows that do not exist. They belong to the kind of the rows above them.
        twin = next((e.kind for e in sample.expected if _column(e.pointer) == _column(pointer)), "text")
        _note_failure(tally, sample, pointer, "invented", None, value, proofs.get(pointer))
        count = Count(wrong=1, pretending=int(_pretends(value, proofs.get(pointer), read)))
        _groups(tally, sample, twin, count)


def _judge_field(
    tally: Tally, sample: Sample, expected: Expected, value: Any, proofs: dict[str, LeafProof], read: Extraction
) -> Count:
    proof = proofs.get(expected.pointer)
    if value in (None, ""):
        _note_failure(tally, sample, expected.pointer, f"missing {expected.kind}", expected.value, value)
        return Count(missing=1)
    pretending = int(_pretends(value, proof, read))
    if pretending:
        _note_failure(tally, sample, expected.pointer, "unproven but unmarked", expected.value, value, proof)
    if not same(expected.kind, expected.value, value):
        _note_failure(tally, sample, expected.pointer, f"wrong {expected.kind}", expected.value, value, proof)
        return Count(wrong=1, pretending=pretending)
    found = 0.0
    if proof is not None and proof.page_width and proof.page_height and proof.page:
        drawn = sample.page_sizes[proof.page - 1] if proof.page <= len(sample.page_sizes) else sample.page_sizes[0]
        found = best_overlap(expected, proof.page, proof.boxes, (proof.page_width, proof.page_height), drawn)
    if found < 0.5:
        _note_failure(tally, sample, expected.pointer, f"proof overlaps {found:.2f}", expected.value, value, proof)
    return Count(right=1, proven=int(found >= 0.5), pretending=pretending)


def _pretends(value: Any, proof: LeafProof | None, read: Extraction) -> bool:
    """Whether a value claims to stand on the page and does not: no place named, or other words at that place."""
    if proof is None:
        return True
    if proof.how is How.UNPROVEN or (proof.how is How.COMPUTED and proof.text):
        return False
    if not proof.page or not proof.boxes or not proof.text.strip() or proof.page > len(read.pages):
        return True
    page = read.pages[proof.page - 1]
    words = [word.text for word in page.words if any(_touches(word.box, box) for box in proof.boxes)]
    codes = [code.text for code in page.barcodes if any(_touches(code.box, box) for box in proof.boxes)]
    seen = "".join(_letters(text) for text in (*words, *codes))
    quoted = _letters(proof.text)
    if proof.how is How.EXACT and isinstance(value, str) and _letters(value) not in quoted:
        return True
    return not (set(quoted) <= set(seen)) or not seen


def _touches(word: tuple[float, float, float, float], box: tuple[float, float, float, float]) -> bool:
    x, y = (word[0] + word[2]) / 2, (word[1] + word[3]) / 2
    return (box[0] - 1 <= x <= box[2] + 1 and box[1] - 1 <= y <= box[3] + 1) or (
        word[0] - 1 <= (box[0] + box[2]) / 2 <= word[2] + 1 and word[1] - 1 <= (box[1] + box[3]) / 2 <= word[3] + 1
    )


def _letters(text: str) -> str:
    return "".join(char for char in text.casefold() if char.isalnum())


def _column(pointer: str) -> str:
    return "/".join("*" if part.isdigit() else part for part in pointer.split("/"))


def _groups(tally: Tally, sample: Sample, kind: str, count: Count) -> None:
    form = "formatted" if kind in FORMATTED else "free"
    for name in (
        (sample.medium, form),
        (sample.medium, "all"),
        (sample.medium, f"document {sample.kind}/{sample.layout}"),
        (sample.medium, f"field {kind}"),
    ):
        tally.group(*name).add(count)


def _note_failure(
    tally: Tally, sample: Sample, pointer: str, what: str, truth: Any, answer: Any, proof: LeafProof | None = None
) -> None:
    shown = "" if proof is None else f"{proof.how} p{proof.page} {proof.text[:80]!r} label?"
    tally.failures.append(
        {
            "sample": f"{sample.kind} {sample.layout} {sample.medium} {sample.seed}",
            "field": pointer,
            "what": what,
            "truth": truth,
            "answer": answer,
            "proof": shown.removesuffix(" label?"),
        }
    )


def summary(tally: Tally) -> dict[str, Any]:
    """Every group's figures, and the failures."""
    return {
        "groups": {" / ".join(name): count.record() for name, count in sorted(tally.groups.items())},
        "failures": tally.failures,
    }


def run(each: int = 6) -> dict[str, Any]:
    """`each` documents of every kind, layout and medium, and whether the goals are met."""
    tally = asyncio.run(measure(samples(each, first_seed=FIRST_SEED)))
    result = summary(tally)
    result["ratios"] = {
        f"{medium} {name}": {"value": value, "goal": goal, "at_most": name == "unproven_unmarked"}
        for medium, goals in GOALS.items()
        for name, goal in goals.items()
        for value in [_figure(tally, medium, name)]
    }
    return result


def _figure(tally: Tally, medium: str, name: str) -> float:
    if name == "f1_formatted":
        return round(tally.group(medium, "formatted").f1(), 4)
    count = tally.group(medium, "all")
    return round(count.proof(), 4) if name == "proof" else count.pretending
