"""Open questions asked of a model: sentences with citations over the relevant passages; long documents in parts whose
notes are then merged."""

from typing import Any

import msgspec

from ementa.analysis.selection import prompts
from ementa.analysis.selection.answers import read_answer
from ementa.analysis.selection.reading import quote_answers, shifted
from ementa.analysis.selection.talk import Talk, object_schema
from ementa.analysis.selection.types import Field, Pick
from ementa.analysis.types import Kind
from ementa.analysis.validators.folding import fold
from ementa.llm.types import Message

_TOKENS, _NOTE_TOKENS = 800, 300


async def answer(talk: Talk, field: Field) -> None:
    """Let the model answer; without a usable answer the document's own sentences stand."""
    task = prompts.answer_task(talk.prompt, field, english=talk.english)
    parts, irrelevant = talk.parts(task, _TOKENS)
    relevant = parts if _wants_all(f"{talk.prompt} {field.name}") else parts[: len(parts) - irrelevant] or parts[:1]
    talk.note_unread(parts[len(relevant) :])
    texts: list[str] = []
    for done, part in enumerate(relevant):
        if talk.caller.exhausted:
            talk.note_unread(relevant[done:])
            break
        limit = _TOKENS if len(relevant) == 1 else _NOTE_TOKENS
        value = await talk.ask(talk.messages(part, task), _schema(limit), limit)
        texts.append(str(value.get("answer") or ""))
    text = await _merge(talk, [text for text in texts if text.strip()])
    pick = read_answer(text, talk.ready.passages) if text else None
    if pick is None:
        _quote(talk, field)
        return
    used = list(dict.fromkeys(index for cites in pick.cites for index in cites))
    place = {index: len(talk.cited) + n for n, index in enumerate(used)}
    talk.cited.extend(talk.ready.passages[index] for index in used)
    cites = tuple(tuple(place[index] for index in numbers) for numbers in pick.cites)
    talk.picks[field.pointer] = Pick(
        Kind.ANSWER, "", pick.how, confidence=pick.confidence, sentences=pick.sentences, cites=cites
    )


async def _merge(talk: Talk, notes: list[str]) -> str:
    """The notes on the parts of a long document as one answer; merged in rounds while they do not fit one call."""
    while len(notes) > 1 and not talk.caller.exhausted:
        task = prompts.merge_task(talk.prompt, [], english=talk.english)
        system, _ = prompts.opening((), english=talk.english)
        fitting = 2
        while (
            fitting < len(notes)
            and talk.caller.room([system, Message("user", task + "\n".join(notes[: fitting + 1]))], _TOKENS) > 0
        ):
            fitting += 1
        task = prompts.merge_task(talk.prompt, notes[:fitting], english=talk.english)
        value = await talk.ask([system, Message("user", task)], _schema(_TOKENS), _TOKENS)
        merged = str(value.get("answer") or "").strip()
        if not merged:
            break
        notes = [merged, *notes[fitting:]]
    return " ".join(notes)


def _quote(talk: Talk, field: Field) -> None:
    """No usable answer from any model: the document's own sentences."""
    quoted, cited = quote_answers(msgspec.structs.replace(talk.ready, fields=(field,)), talk.prompt)
    for pointer, pick in quoted.items():
        talk.picks[pointer] = shifted(pick, len(talk.cited))
    talk.cited.extend(cited)


def _schema(max_tokens: int) -> dict[str, Any]:
    return object_schema({"answer": {"type": "string", "maxLength": max_tokens * 3}})


def _wants_all(question: str) -> bool:
    words = fold(question)
    return any(stem in words for stem in ("resum", "sumari", "summar", "sintese", "overview", "visao geral"))
