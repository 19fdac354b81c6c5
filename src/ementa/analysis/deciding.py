"""The half of an analysis that waits for models: `select`, on the event loop.

It imports neither readers nor their libraries: what needs those (`kernel.py`) runs in child processes only, so that the
server itself stays small.
"""

from collections.abc import Awaitable, Callable

import msgspec

from ementa.analysis.selection.dialogue import ask_model
from ementa.analysis.selection.reading import quote_answers, read_picks, sums_asked
from ementa.analysis.selection.types import Options, Prepared, Selection
from ementa.llm.types import ChatRequest, ChatResult

__all__ = ["ChatFn", "Options", "Selection", "encode_selection", "select"]

ChatFn = Callable[[ChatRequest], Awaitable[ChatResult]]


async def select(prepared: bytes, prompt: str, chat: ChatFn | None, options: Options) -> Selection:
    """A value for every field: the readers' with `chat` None, else chosen by the model under the readers' guard.

    Raises the errors of `llm/errors.py` when the model cannot be reached; what it answers badly falls back on the
    readers.
    """
    ready = msgspec.msgpack.decode(prepared, type=Prepared)
    if chat is not None:
        return await ask_model(ready, prompt, chat, options)
    picks = read_picks(ready)
    picks |= sums_asked(ready, prompt, picks)
    answers, cited = quote_answers(ready, prompt)
    return Selection(
        model=options.model,
        root=ready.root,
        picks=picks | answers,
        counts=ready.counts,
        cited=cited,
        warnings=ready.warnings,
    )


def encode_selection(selection: Selection) -> bytes:
    """The stored form (msgpack), which `kernel.assemble` takes."""
    return msgspec.msgpack.encode(selection)
