"""What the parts of one dialogue with a model share: the document, the model, and what was decided so far."""

from collections.abc import Sequence
from typing import Any, cast

from ementa.analysis.selection import prompts
from ementa.analysis.selection.calling import Caller
from ementa.analysis.selection.parts import Part, parts_of
from ementa.analysis.selection.reading import read_picks
from ementa.analysis.selection.types import Options, Passage, Pick, Prepared
from ementa.llm.types import Message


class Talk:
    """One analysis in dialogue. `picks` starts with what the readers alone would answer."""

    def __init__(self, prepared: Prepared, prompt: str, caller: Caller, options: Options) -> None:
        self.ready = prepared
        self.prompt = prompt
        self.caller = caller
        self.options = options
        self.english = prepared.english
        self.warnings: list[str] = list(prepared.warnings)
        self.picks: dict[str, Pick] = read_picks(prepared)
        self.counts = dict(prepared.counts)
        self.cited: list[Passage] = []

    def messages(self, part: Part, task: str) -> list[Message]:
        """The document's part and then the task."""
        system, document = prompts.opening(part.passages, english=self.english)
        return [system, Message("user", f"{document}\n\n{task}")]

    def parts(self, task: str, max_tokens: int) -> tuple[list[Part], int]:
        """The parts in which the document is shown with this task, and how many at the end hold nothing relevant."""
        system, document = prompts.opening((), english=self.english)
        room = self.caller.room([system, Message("user", f"{document}\n\n{task}")], max_tokens)
        return parts_of(self.ready, room)

    def can_escalate(self) -> bool:
        """Whether a bigger model may still be asked."""
        return bool(self.options.escalation_model) and not self.caller.exhausted

    async def ask(self, messages: list[Message], schema: dict[str, Any], max_tokens: int) -> dict[str, Any]:
        """An answer that satisfies the schema, from the model or else the bigger one; empty when neither gives one."""
        value, error = await self.caller.ask(messages, schema, max_tokens)
        if error and self.can_escalate():
            value, error = await self.caller.ask(messages, schema, max_tokens, escalate=True)
        if error:
            self.warnings.append("MODEL_ANSWER_UNUSABLE")
            return {}
        return cast("dict[str, Any]", value)

    def note_unread(self, parts: Sequence[Part]) -> None:
        """Say in the warnings which pages the model was not shown."""
        pages = sorted({passage.page for part in parts for _, passage in part.passages})
        if pages:
            self.warnings.append(f"PAGES_NOT_SHOWN_TO_MODEL:{_ranges(pages)}")


def object_schema(properties: dict[str, Any]) -> dict[str, Any]:
    """The schema of an object that has all of these and nothing else."""
    return {"type": "object", "properties": properties, "required": list(properties), "additionalProperties": False}


def _ranges(pages: Sequence[int]) -> str:
    """1,2,3,7 as "1-3,7"."""
    spans: list[list[int]] = []
    for page in pages:
        if spans and page == spans[-1][1] + 1:
            spans[-1][1] = page
        else:
            spans.append([page, page])
    return ",".join(f"{first}-{last}" if last > first else str(first) for first, last in spans)
