"""Fields with candidates: the model gives a number per field, and `agree` decides between it and the readers."""

from collections.abc import Sequence
from typing import Any, cast

from ementa.analysis.selection import prompts
from ementa.analysis.selection.agreement import agree
from ementa.analysis.selection.parts import Part
from ementa.analysis.selection.reading import pick_of
from ementa.analysis.selection.talk import Talk, object_schema
from ementa.analysis.selection.types import Field

_TOKENS = 400


async def choose(talk: Talk, fields: Sequence[Field]) -> None:
    """Let the model choose for these fields. Those that it answers badly even after one repair go to the bigger model,
    and then stay with the readers."""
    task = prompts.choose_task(talk.prompt, fields, english=talk.english)
    parts, _ = talk.parts(task, _TOKENS)
    if not parts and len(fields) > 1:
        middle = len(fields) // 2
        await choose(talk, fields[:middle])
        await choose(talk, fields[middle:])
        return
    # Candidates carry their own quotes: the most relevant part of the text is context enough.
    part = parts[0] if parts else Part(())
    value, error = await talk.caller.ask(talk.messages(part, task), _schema(fields), _TOKENS)
    failing = _take(talk, fields, value)
    if failing and error and talk.can_escalate():
        task = prompts.choose_task(talk.prompt, failing, english=talk.english)
        value, _ = await talk.caller.ask(talk.messages(part, task), _schema(failing), _TOKENS, escalate=True)
        failing = _take(talk, failing, value)
    talk.warnings.extend(f"MODEL_CHOICE_UNUSABLE:{field.pointer}" for field in failing)


def _take(talk: Talk, fields: Sequence[Field], value: Any) -> list[Field]:
    """Apply the numbers that are valid; the fields whose number is not."""
    numbers = cast("dict[str, Any]", value) if isinstance(value, dict) else {}
    failing: list[Field] = []
    for index, field in enumerate(fields, 1):
        number = numbers.get(f"f{index}")
        if not isinstance(number, int) or isinstance(number, bool) or not 0 <= number <= _most(field):
            failing.append(field)
            continue
        option = agree(field, field.options[number - 1] if number else None)
        if option is None:
            talk.picks.pop(field.pointer, None)
        else:
            talk.picks[field.pointer] = pick_of(option)
    return failing


def _schema(fields: Sequence[Field]) -> dict[str, Any]:
    return object_schema({
        f"f{number}": {"type": "integer", "enum": list(range(_most(field) + 1))}
        for number, field in enumerate(fields, 1)
    })  # fmt: skip


def _most(field: Field) -> int:
    return min(len(field.options), prompts.MAX_SHOWN)
