"""JSON and XML: every value on its own line after its name, and the source itself for readers that know its schema."""

import json
from pathlib import Path
from typing import Any, cast

from ementa.extraction.archives import Element, parse_xml
from ementa.extraction.base import Context, Reading
from ementa.extraction.decoding import decode_text
from ementa.extraction.errors import FileCorrupt, TooDeep
from ementa.extraction.native import Flow, Grid, GridCell, PageBuilder, Paragraph
from ementa.extraction.scoring import score

MAX_SOURCE = 5_000_000
"""Characters of source kept in `Reading.data`; a longer one is left out whole, with the warning `SOURCE_TOO_LONG`."""
_MAX_DEPTH = 100
_INDENT = 2


class Json:
    """Reads JSON and JSON lines."""

    name = "json"
    version = "1"

    def score(self, media_type: str, filename: str) -> int:
        """100 for JSON's media types."""
        types = ("application/json", "text/json", "application/x-ndjson", "application/jsonl", "application/ld+json")
        return score(media_type, filename, types, (".json", ".jsonl", ".ndjson"))

    def extract(self, path: Path, context: Context) -> Reading:
        """Read the values; raises `FileCorrupt` for what is no JSON, `TooDeep` past 100 levels."""
        text = decode_text(path.read_bytes())
        flow: list[Flow] = []
        for value in _load(text):
            _describe(value, "", 0, flow)
        return _reading(flow, text, context)


class Xml:
    """Reads XML of any vocabulary."""

    name = "xml"
    version = "1"

    def score(self, media_type: str, filename: str) -> int:
        """100 for XML's media types, 50 for those that end in `+xml`."""
        found = score(media_type, filename, ("application/xml", "text/xml"), (".xml",))
        return found or (50 if media_type.lower().endswith("+xml") else 0)

    def extract(self, path: Path, context: Context) -> Reading:
        """Read the elements; entities are not expanded and nothing outside the file is fetched."""
        data = path.read_bytes()
        root = parse_xml(data)
        flow: list[Flow] = []
        _elements(root, flow)
        text = data.decode(root.getroottree().docinfo.encoding or "utf-8", "replace")
        return _reading(flow, text.removeprefix("\ufeff"), context)


def _reading(flow: list[Flow], source: str, context: Context) -> Reading:
    builder = PageBuilder(context.limits)
    builder.add(*_joined(flow))
    if len(source) > MAX_SOURCE:
        return Reading(builder.pages(), warnings=("SOURCE_TOO_LONG",))
    return Reading(builder.pages(), data=source)


def _joined(flow: list[Flow]) -> list[Flow]:
    """Runs of lines as one paragraph each: blank lines between the values of a record only cost pages."""
    joined: list[Flow] = []
    for part in flow:
        last = joined[-1] if joined else None
        if isinstance(part, Paragraph) and isinstance(last, Paragraph) and len(last.text) < 20_000:
            last.text += f"\n{part.text}"
        else:
            joined.append(part)
    return joined


# JSON
def _load(text: str) -> list[Any]:
    try:
        return [json.loads(text, parse_int=str, parse_float=str, parse_constant=str)]
    except RecursionError as error:
        raise TooDeep(limit=_MAX_DEPTH) from error
    except ValueError as error:
        lines = [line for line in text.splitlines() if line.strip()]
        if len(lines) < 2:
            raise FileCorrupt(cause=f"JSON: {error}") from error
        try:
            return [json.loads(line, parse_int=str, parse_float=str, parse_constant=str) for line in lines]
        except (ValueError, RecursionError):
            raise FileCorrupt(cause=f"JSON: {error}") from error


def _describe(value: Any, name: str, depth: int, flow: list[Flow]) -> None:
    if depth > _MAX_DEPTH:
        raise TooDeep(limit=_MAX_DEPTH)
    if isinstance(value, dict):
        if name:
            flow.append(_line(depth, f"{name}:"))
        for key, inner in cast("dict[str, Any]", value).items():
            _describe(inner, key, depth + bool(name), flow)
    elif isinstance(value, list):
        _describe_list(cast("list[Any]", value), name, depth, flow)
    else:
        text = _scalar(value)
        flow.append(_line(depth, f"{name}: {text}" if name else text))


def _describe_list(values: list[Any], name: str, depth: int, flow: list[Flow]) -> None:
    if name:
        flow.append(_line(depth, f"{name}:"))
    if _is_table(values):
        keys = list(values[0])
        cells = [GridCell(0, column, [Paragraph(str(key))]) for column, key in enumerate(keys)]
        cells += [
            GridCell(1 + row, column, [Paragraph(_scalar(record[key]))])
            for row, record in enumerate(values)
            for column, key in enumerate(keys)
        ]
        flow.append(Grid(cells, header_rows=1))
        return
    for value in values:
        _describe(value, "", depth + 1, flow)


def _is_table(values: list[Any]) -> bool:
    """Two or more records of the same simple fields."""
    if len(values) < 2 or not isinstance(values[0], dict) or len(cast("dict[str, Any]", values[0])) < 2:
        return False
    keys = cast("dict[str, Any]", values[0]).keys()
    return all(
        isinstance(record, dict)
        and cast("dict[str, Any]", record).keys() == keys
        and not any(isinstance(value, (dict, list)) for value in cast("dict[str, Any]", record).values())
        for record in values
    )


def _scalar(value: Any) -> str:
    if value is None:
        return "null"
    return str(value).lower() if isinstance(value, bool) else str(value)


def _line(depth: int, text: str) -> Paragraph:
    return Paragraph("\n".join(" " * (depth * _INDENT) + line for line in text.splitlines() or [""]), fixed=True)


# XML
def _elements(root: Element, flow: list[Flow]) -> None:
    """One line an element: its name, its attributes, its text. Text between elements stands on its own line."""
    steps: list[tuple[Element, int, bool]] = [(root, 0, True)]
    while steps:
        element, depth, entering = steps.pop()
        if not entering:
            _tail(element, depth, flow)
            continue
        if not isinstance(element.tag, str):
            _tail(element, depth, flow)
            continue
        text = " ".join(str(element.text or "").split())
        if text or len(element) or element.attrib:
            flow.append(_line(depth, f"{_name(element)}: {text}".rstrip()))
        for key, value in element.attrib.items():
            flow.append(_line(depth + 1, f"{str(key).rpartition('}')[2]}: {' '.join(str(value).split())}"))
        if depth:
            steps.append((element, depth, False))
        steps.extend((inner, depth + 1, True) for inner in reversed(element))


def _tail(element: Element, depth: int, flow: list[Flow]) -> None:
    text = " ".join(str(element.tail or "").split())
    if text:
        flow.append(_line(depth, text))


def _name(element: Element) -> str:
    return str(element.tag).rpartition("}")[2]
