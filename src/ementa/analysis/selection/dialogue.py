"""Selection by a model, under the readers' guard.

1. `choosing.py`: fields with candidates; the model gives a number per field, and the readers may overrule it.
2. `writing.py`: fields and lists without candidates.
3. `answering.py`: open questions.

What a model answers badly even after one repair goes, for the failing fields only, to the bigger model, and then back
to the readers. Text that was never shown is said in the warnings.
"""

from ementa.analysis.selection.answering import answer
from ementa.analysis.selection.calling import Caller, ChatFn
from ementa.analysis.selection.choosing import choose
from ementa.analysis.selection.talk import Talk
from ementa.analysis.selection.types import Options, Prepared, Selection
from ementa.analysis.selection.writing import write, write_list
from ementa.analysis.types import Kind
from ementa.llm.errors import ModelContextExceeded
from ementa.llm.reader import READER

_BATCH = 12
_LEAST_CONTEXT = 1024


async def ask_model(prepared: Prepared, prompt: str, chat: ChatFn, options: Options) -> Selection:
    """The selection that a model makes. Raises the gateway's errors (`llm/errors.py`)."""
    caller = Caller(chat, options, english=prepared.english)
    while True:
        assumed = caller.context_tokens
        try:
            return await _run(Talk(prepared, prompt, caller, options))
        except ModelContextExceeded:
            # The model has less context than was assumed; the caller knows how much now, and smaller parts will fit.
            if not _LEAST_CONTEXT <= caller.context_tokens < assumed:
                raise


async def _run(talk: Talk) -> Selection:
    values = [f for f in talk.ready.fields if not f.by_row and (f.leaf.kind is not Kind.ANSWER or f.leaf.choices)]
    with_options = [field for field in values if field.options]
    for start in range(0, len(with_options), _BATCH):
        await choose(talk, with_options[start : start + _BATCH])
    without = [field for field in values if not field.options]
    for start in range(0, len(without), _BATCH):
        await write(talk, without[start : start + _BATCH])
    for wanted in talk.ready.open_lists:
        await write_list(talk, wanted)
    for field in talk.ready.fields:
        if field.leaf.kind is Kind.ANSWER and not field.leaf.choices:
            await answer(talk, field)
    return Selection(
        model=talk.caller.model or READER,
        root=talk.ready.root,
        picks=talk.picks,
        counts=talk.counts,
        cited=tuple(talk.cited),
        usage=talk.caller.usage,
        warnings=tuple(dict.fromkeys(talk.warnings)),
    )
