"""Who decides when the readers and the model differ: a small model must not overrule a proof."""

from ementa.analysis.selection.reading import best_option
from ementa.analysis.selection.types import Field, Option

_SURE = 0.6
_MARGIN = 0.25


def agree(field: Field, chosen: Option | None) -> Option | None:
    """The option that stands: the model's choice (None: "none of these"), or the readers' where that is better proven.

    The readers stand when their value passed check digits and the model's did not, when it is better named by a clear
    margin, when the model's belongs to another party or is named by other words, and, against "none", when they are
    sure.
    """
    read = best_option(field)
    if read is None:
        return chosen
    if chosen is None:
        return read if read.candidate.checks or read.score >= _SURE else None
    if chosen is read or chosen.candidate.value == read.candidate.value:
        return read
    if read.candidate.checks and not chosen.candidate.checks:
        return read
    if not chosen.eligible or read.score - chosen.score >= _MARGIN:
        return read
    return chosen
