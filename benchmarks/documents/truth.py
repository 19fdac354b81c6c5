"""What a drawn document must yield: the question a user would ask, the form of the answer, and each expected value."""

import json
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from benchmarks.documents.canvas import Canvas, Mark

FORMATTED = frozenset(
    {"cnpj", "cpf", "cpf_cnpj", "access_key", "boleto", "date", "money", "number", "code", "email", "phone", "cep"}
)
"""Kinds whose form can be checked. The rest (`name`, `text`) is measured apart."""


class Expected(NamedTuple):
    """One leaf: JSON Pointer, kind, canonical value, and every place where it may be proven."""

    pointer: str
    kind: str
    value: Any
    places: tuple[Mark, ...]


class Ask(NamedTuple):
    """What a user would send with the document. `fields` maps JSON Pointers to the document's tags."""

    prompt: str
    form: Any
    fields: dict[str, str]


@dataclass(slots=True)
class Draft:
    """A document being drawn: the canvas, the values behind the tags, and the questions that fit it."""

    canvas: Canvas
    values: dict[str, tuple[str, Any]] = field(default_factory=dict)
    asks: list[Ask] = field(default_factory=list)

    def value(self, tag: str, kind: str, value: Any) -> str:
        """Declare what a tag stands for; returns the tag, for drawing."""
        self.values[tag] = (kind, value)
        return tag

    def ask(self, prompt: str, form: Any, fields: dict[str, str]) -> None:
        """Add a question. Every tag in `fields` must have been declared and drawn."""
        missing = [tag for tag in fields.values() if tag not in self.values or not self.canvas.marks.get(tag)]
        if missing:
            raise ValueError(f"asked for values that were not drawn: {missing}")
        self.asks.append(Ask(prompt, form, fields))


class Sample(NamedTuple):
    """A finished document with its question and truth. Boxes are in points of the upright page."""

    kind: str
    layout: int
    medium: str
    seed: int
    filename: str
    data: bytes
    prompt: str
    format: str
    expected: tuple[Expected, ...]
    page_sizes: tuple[tuple[float, float], ...]
    effects: dict[str, Any]

    def to_json(self) -> str:
        """The ground truth as stored beside the file."""
        record = {name: value for name, value in self._asdict().items() if name != "data"}
        record["expected"] = [
            {**expected._asdict(), "places": [place._asdict() for place in expected.places]}
            for expected in self.expected
        ]
        return json.dumps(record, ensure_ascii=False, indent=1)
