"""The half of an analysis that is CPU work on a stranger's document: `prepare` before the choice, `assemble` after it.

Both run in a child process and speak bytes (msgpack). The choice between them, which may wait for a model, is
`deciding.select`. Import this module in children only: readers and their libraries come with it.
"""

import msgspec

from ementa.analysis.proof import prove
from ementa.analysis.readers import read_candidates
from ementa.analysis.selection.ask import Ask
from ementa.analysis.selection.locating import Finder
from ementa.analysis.selection.passages import make_passages, rank_passages
from ementa.analysis.selection.planning import Plan, kinds_of
from ementa.analysis.selection.types import Prepared, Selection
from ementa.analysis.spec import decode_spec
from ementa.extraction.types import from_bytes

__all__ = ["assemble", "prepare"]


def prepare(extraction: bytes, spec: bytes, prompt: str) -> bytes:
    """Everything that selection needs of the document (a `Prepared`): fields with ranked candidates, relevant
    passages."""
    document = from_bytes(extraction)
    ask = Ask(prompt)
    root = ask.resolve(decode_spec(spec).root)
    plan = Plan(ask, read_candidates(document, kinds_of(root)), Finder(document))
    plan.fill(root)
    passages, cut = make_passages(document)
    question = " ".join((prompt, *dict.fromkeys(field.name for field in plan.fields[:200])))
    ranking, relevant = rank_passages(passages, question)
    prepared = Prepared(
        root=root,
        fields=tuple(plan.fields),
        counts=plan.counts,
        open_lists=tuple(plan.open_lists),
        passages=tuple(passages),
        ranking=ranking,
        relevant=relevant,
        english=ask.english or (document.language == "en" and not ask.portuguese),
        pages=len(document.pages),
        warnings=_warnings(ask, plan, cut),
    )
    return msgspec.msgpack.encode(prepared)


def _warnings(ask: Ask, plan: Plan, cut: int) -> tuple[str, ...]:
    unfiltered = [f"ROWS_NOT_FILTERED:{pointer}" for pointer, count in plan.counts.items() if count > 1]
    return (*(unfiltered if ask.has_condition else ()), *((f"TEXT_NOT_READ_FROM_PAGE:{cut}",) if cut else ()))


def assemble(extraction: bytes, spec: bytes, selection: bytes) -> bytes:
    """The `Outcome` (msgpack): the answer in the asked form with the proof of every leaf."""
    del spec  # the selection carries the form with what the prompt decided
    chosen = msgspec.msgpack.decode(selection, type=Selection)
    return msgspec.msgpack.encode(prove(from_bytes(extraction), chosen))
