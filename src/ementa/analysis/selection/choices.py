"""Options of a field whose values the user listed: those that the document names."""

from ementa.analysis.selection.locating import Finder
from ementa.analysis.selection.types import Option
from ementa.analysis.spec.nodes import Leaf
from ementa.analysis.types import Candidate


def choice_candidates(leaf: Leaf, finder: Finder) -> tuple[Option, ...]:
    """The listed values that stand in the document, the most frequent first; only a clear winner is eligible."""
    counted = sorted(
        ((finder.count(str(choice)), choice) for choice in leaf.choices if isinstance(choice, str)),
        key=lambda pair: -pair[0],
    )
    named = [(count, choice) for count, choice in counted if count]
    options: list[Option] = []
    for rank, (count, choice) in enumerate(named):
        found = finder.find(choice)
        if found is None:
            continue
        clear = rank == 0 and (len(named) == 1 or count > named[1][0])
        candidate = Candidate(
            kind=leaf.kind,
            value=choice,
            evidence=found.evidence,
            how=found.how,
            confidence=found.confidence,
            reader="choices",
        )
        options.append(Option(candidate, 0.7 if clear else 0.4, clear))
    return tuple(options)
