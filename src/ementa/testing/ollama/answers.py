"""Answers by rule: deterministic, true to the schema, and sensible about the candidates that a prompt offers.

A prompt offers candidates as lines like `[12] CNPJ: 11.222.333/0001-81`. A field takes the number of the line that
shares most words with its name (and with the description in its schema); on a tie, the first line. A field that shares
no word with any line takes null, or 0, when its schema allows it: a model that finds nothing says so.
"""

import re
import unicodedata
from dataclasses import dataclass
from math import ceil
from typing import Any, cast

from ementa.testing.ollama.patterns import shortest_match

_CANDIDATE = re.compile(r"^\s*[-*•]?\s*\[(\d{1,6})\]\s*(.*)$", re.MULTILINE)
_WORDS = re.compile(r"[a-z]+|\d+")
_FORMATS = {
    "date": "2026-01-31",
    "date-time": "2026-01-31T12:00:00Z",
    "time": "12:00:00",
    "email": "alguem@example.com",
    "uri": "https://example.com",
    "uuid": "00000000-0000-4000-8000-000000000000",
}


@dataclass(frozen=True)
class Candidate:
    """A numbered line of the prompt."""

    number: int
    text: str
    words: frozenset[str]


def read_candidates(prompt: str) -> list[Candidate]:
    """The numbered lines of a prompt, in order."""
    return [Candidate(int(number), text, split_words(text)) for number, text in _CANDIDATE.findall(prompt)]


def split_words(text: str) -> frozenset[str]:
    """Words without accents or case; `dataEmissao` and `data_emissao` are two words each."""
    spaced = re.sub(r"(?<=[a-zà-ÿ])(?=[A-Z])", " ", text)
    folded = unicodedata.normalize("NFKD", spaced).encode("ascii", "ignore").decode().lower()
    return frozenset(_WORDS.findall(folded))


def answer_text(prompt: str) -> str:
    """A plain answer: the first words of what was asked, repeated as an answer in Portuguese."""
    words = " ".join(prompt.split()[-12:])
    return f"Resposta à pergunta: {words}" if words else "Resposta."


def answer_schema(schema: dict[str, Any], prompt: str) -> Any:
    """A value that `schema` accepts."""
    return _Answer(schema, read_candidates(prompt)).value(schema, ())


class _Answer:
    def __init__(self, root: dict[str, Any], candidates: list[Candidate]) -> None:
        self._root = root
        self._candidates = candidates
        self._depth = 0

    def value(self, schema: Any, path: tuple[str, ...]) -> Any:
        """A value for one place of the answer; `path` are the names that lead to it."""
        self._depth += 1
        if self._depth > 10_000:
            raise ValueError("the schema describes no finite value within reason")
        schema = self._resolved(schema)
        if "const" in schema:
            return schema["const"]
        if "enum" in schema:
            return self._choose(schema["enum"], schema, path)
        for keyword in ("anyOf", "oneOf"):
            if keyword in schema:
                return self._one_of(schema[keyword], schema, path)
        return self._typed(schema, path)

    def _typed(self, schema: dict[str, Any], path: tuple[str, ...]) -> Any:
        kind = schema.get("type", "object" if "properties" in schema else "string")
        if isinstance(kind, list):
            kinds = cast("list[str]", kind)
            return self._one_of([{**schema, "type": one} for one in kinds], schema, path)
        makers = {
            "object": self._object,
            "array": self._array,
            "integer": self._number,
            "number": self._number,
            "string": self._string,
        }
        if kind in makers:
            return makers[kind](schema, path)
        return False if kind == "boolean" else None

    def _object(self, schema: dict[str, Any], path: tuple[str, ...]) -> dict[str, Any]:
        return {name: self.value(inner, (*path, name)) for name, inner in _properties(schema).items()}

    def _array(self, schema: dict[str, Any], path: tuple[str, ...]) -> list[Any]:
        prefix = cast("list[Any]", schema.get("prefixItems", []))
        items: list[Any] = [self.value(inner, path) for inner in prefix]
        wanted = max(int(schema.get("minItems", 0)), min(1, int(schema.get("maxItems", 1))))
        while len(items) < wanted:
            items.append(self.value(schema.get("items", {}), path))
        return items

    def _number(self, schema: dict[str, Any], path: tuple[str, ...]) -> float:
        """A whole number where one is allowed: numbers of candidates are."""
        low = float(schema.get("minimum", schema.get("exclusiveMinimum", -1) + 1))
        high = float(schema.get("maximum", schema.get("exclusiveMaximum", 1_000_001) - 1))
        numbers = [candidate.number for candidate in self._ranked(schema, path) if low <= candidate.number <= high]
        if numbers:
            return numbers[0]
        if low <= 0 <= high:
            return 0
        return ceil(low) if ceil(low) <= high else low

    def _string(self, schema: dict[str, Any], path: tuple[str, ...]) -> str:
        if "pattern" in schema:
            return shortest_match(schema["pattern"])
        if schema.get("format") in _FORMATS:
            return _FORMATS[schema["format"]]
        ranked = self._ranked(schema, path)
        text = ranked[0].text if ranked else " ".join(path) or "texto"
        return text[: int(schema.get("maxLength", 200))].ljust(int(schema.get("minLength", 0)), "x")

    def _choose(self, options: list[Any], schema: dict[str, Any], path: tuple[str, ...]) -> Any:
        for candidate in self._ranked(schema, path):
            for option in options:
                if str(option) == str(candidate.number):
                    return option
        nothing = [option for option in options if option is None or option == 0 or option == "0"]
        named = [option for option in options if split_words(str(option)) & split_words(" ".join(path))]
        return [*named, *nothing, *options][0]

    def _one_of(self, options: list[Any], schema: dict[str, Any], path: tuple[str, ...]) -> Any:
        resolved = [self._resolved(option) for option in options]
        empty = [option for option in resolved if option.get("type") == "null"]
        others = [option for option in resolved if option.get("type") != "null"]
        simple = all(option.get("type") not in ("object", "array") for option in others)
        if empty and (not others or (simple and not self._ranked(schema, path))):
            return None
        inherited = {name: schema[name] for name in ("description", "title") if name in schema}
        return self.value({**inherited, **others[0]}, path)

    def _ranked(self, schema: dict[str, Any], path: tuple[str, ...]) -> list[Candidate]:
        """The lines that share words with a field, best first. Its own name counts more than those above it."""
        own = split_words(" ".join([*path[-1:], str(schema.get("title", "")), str(schema.get("description", ""))]))
        above = split_words(" ".join(path[:-1]))
        scored = [
            (len(own & candidate.words) * 10 + len(above & candidate.words), candidate)
            for candidate in self._candidates
            if own & candidate.words
        ]
        return [candidate for _, candidate in sorted(scored, key=lambda pair: -pair[0])]

    def _resolved(self, schema: Any) -> dict[str, Any]:
        """The schema with `$ref` followed and `allOf` merged; `true` accepts anything."""
        if not isinstance(schema, dict):
            return {}
        found = cast("dict[str, Any]", schema)
        for _ in range(50):
            if "$ref" not in found:
                break
            beside = {name: value for name, value in found.items() if name != "$ref"}
            found = self._at(str(found["$ref"])) | beside
        for part in cast("list[Any]", found.get("allOf", [])):
            inner = self._resolved(part)
            properties = _properties(inner) | _properties(found)
            found = inner | found | ({"properties": properties} if properties else {})
        return found

    def _at(self, pointer: str) -> dict[str, Any]:
        place: Any = self._root
        for step in pointer.removeprefix("#").strip("/").split("/"):
            if step:
                place = place[step.replace("~1", "/").replace("~0", "~")]
        return cast("dict[str, Any]", place)


def _properties(schema: dict[str, Any]) -> dict[str, Any]:
    return cast("dict[str, Any]", schema.get("properties", {}))
