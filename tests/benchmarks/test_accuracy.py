"""Field accuracy without a model, on a small seeded set: the goals of the full bench, kept in every test run."""

import json

from benchmarks.accuracy.measure import GOALS, Tally, measure
from benchmarks.documents.generate import samples


def worst(tally: Tally, medium: str) -> str:
    failures = [failure for failure in tally.failures if f" {medium} " in failure["sample"]]
    return "\n".join(json.dumps(failure, ensure_ascii=False, default=str) for failure in failures[:30])


async def test_digital_documents_are_read_and_proven() -> None:
    tally = await measure(samples(3, first_seed=500, media=("digital",)))
    every, formatted = tally.group("digital", "all"), tally.group("digital", "formatted")
    assert every.pretending == 0, worst(tally, "digital")
    assert formatted.f1() >= GOALS["digital"]["f1_formatted"], worst(tally, "digital")
    assert every.proof() >= GOALS["digital"]["proof"], worst(tally, "digital")


async def test_scans_are_read_and_proven() -> None:
    tally = await measure(samples(1, first_seed=500, media=("scan",)))
    every, formatted = tally.group("scan", "all"), tally.group("scan", "formatted")
    assert every.pretending == 0, worst(tally, "scan")
    assert formatted.f1() >= GOALS["scan"]["f1_formatted"], worst(tally, "scan")
    assert every.proof() >= GOALS["scan"]["proof"], worst(tally, "scan")
