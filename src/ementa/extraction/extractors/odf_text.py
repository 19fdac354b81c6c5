"""The content of OpenDocument as a flow: paragraphs, lists with their numbers, tables, notes, text boxes."""

from collections.abc import Iterator
from dataclasses import dataclass

from ementa.extraction.archives import Element, Zip
from ementa.extraction.base import Limits
from ementa.extraction.errors import TooDeep, TooManyWords
from ementa.extraction.extractors.ooxml.numbering import format_number
from ementa.extraction.native import Flow, Grid, GridCell, PageBreak, Paragraph

_MAX_NESTED = 40
_MAX_REPEAT = 1000
"""Copies of a filled row or cell; only a hostile file has more."""
_BREAK = "\f"
_CONTAINERS = {"section", "index-body", "table-of-content", "illustration-index", "table-index", "object-index",
               "user-index", "alphabetical-index", "bibliography", "index-title", "text-box", "g", "a", "list-header",
               "numbered-paragraph", "shapes", "header-left", "title"}  # fmt: skip
_SHAPES = {"custom-shape", "rect", "ellipse", "line", "polygon", "path", "connector", "caption", "frame", "circle",
           "regular-polygon", "polyline", "measure"}  # fmt: skip
_FORMS = {"1": "decimal", "a": "lowerLetter", "A": "upperLetter", "i": "lowerRoman", "I": "upperRoman", "": "none"}


def local(element: Element) -> str:
    """The element's name without its namespace."""
    tag = element.tag
    return tag.rpartition("}")[2] if isinstance(tag, str) else ""


def attribute(element: Element, name: str, default: str = "") -> str:
    """The attribute of that local name."""
    for key, value in element.attrib.items():
        if str(key).rpartition("}")[2] == name:
            return str(value)
    return default


def _count(element: Element, name: str) -> int:
    text = attribute(element, name, "1")
    return max(int(text[:9]), 1) if text.isdigit() else 1


@dataclass(slots=True)
class _Level:
    form: str
    prefix: str
    suffix: str
    start: int
    shown: int


class Styles:
    """What the named and automatic styles say about lists and page breaks."""

    def __init__(self, content: Element, styles: Element | None) -> None:
        self._levels: dict[tuple[str, int], _Level] = {}
        self._breaks: set[str] = set()
        self._list_of: dict[str, str] = {}
        self._roots = [root for root in (styles, content) if root is not None]
        for root in self._roots:
            for element in root.iter():
                if local(element) == "list-style":
                    self._read_list(element)
                elif local(element) == "style" and attribute(element, "family") == "paragraph":
                    self._read_style(element)

    def margins(self, kind: str) -> Iterator[Element]:
        """The header or footer elements of the page styles."""
        for root in self._roots:
            for element in root.iter():
                if local(element) == "master-page":
                    yield from (part for part in element if local(part) in (kind, f"{kind}-first"))

    def breaks_before(self, style: str) -> bool:
        """Whether paragraphs of this style begin a page."""
        return style in self._breaks

    def list_of(self, style: str) -> str:
        """The list style that a paragraph style brings."""
        return self._list_of.get(style, "")

    def label(self, style: str, depth: int, counts: list[int]) -> str:
        """The label of an item, `2.1.` or `•`, from the counts of its level and those above."""
        level = self._levels.get((style, depth))
        if level is None or not counts:
            return "•"
        first = max(len(counts) - level.shown, 0)
        numbers = (
            format_number(count, self._levels[style, above].form if (style, above) in self._levels else "decimal")
            for above, count in enumerate(counts[first:], first + 1)
        )
        return f"{level.prefix}{'.'.join(number for number in numbers if number)}{level.suffix}"

    def start(self, style: str, depth: int) -> int:
        """The number with which a level begins."""
        level = self._levels.get((style, depth))
        return level.start if level is not None else 1

    def _read_list(self, element: Element) -> None:
        for part in element:
            if local(part) == "list-level-style-number":
                self._levels[attribute(element, "name"), _count(part, "level")] = _Level(
                    _FORMS.get(attribute(part, "num-format"), "decimal"), attribute(part, "num-prefix"),
                    attribute(part, "num-suffix"), _count(part, "start-value"), _count(part, "display-levels"),
                )  # fmt: skip

    def _read_style(self, element: Element) -> None:
        name = attribute(element, "name")
        if attribute(element, "list-style-name"):
            self._list_of[name] = attribute(element, "list-style-name")
        if any(attribute(part, "break-before") == "page" for part in element):
            self._breaks.add(name)


class OdfFlow:
    """Reads elements of a body into a flow; notes wait for the end of their page."""

    def __init__(self, styles: Styles, limits: Limits, archive: Zip) -> None:
        self._styles = styles
        self._limits = limits
        self._archive = archive
        self._notes: list[Flow] = []
        self._boxes: list[Flow] = []
        self._counts: dict[str, list[int]] = {}
        self._depth = 0

    def blocks(self, parent: Element) -> list[Flow]:
        """The flow of everything in an element."""
        return [part for element in parent for part in self.block(element)]

    def flush_notes(self) -> list[Flow]:
        """The notes since the last call."""
        notes, self._notes = self._notes, []
        return notes

    def block(self, element: Element) -> list[Flow]:
        """The flow of one element."""
        if self._depth > _MAX_NESTED:
            raise TooDeep(limit=_MAX_NESTED)
        self._depth += 1
        try:
            return self._block(element)
        finally:
            self._depth -= 1

    def _block(self, element: Element) -> list[Flow]:
        name = local(element)
        if name in ("p", "h"):
            return self._paragraph(element)
        if name == "list":
            return self._list(element, attribute(element, "style-name"), [])
        if name == "table":
            return [self.table(element)]
        if name == "soft-page-break":
            return [*self.flush_notes(), PageBreak(kind="soft")]
        if name == "notes":
            return [part for part in self.blocks(element) if isinstance(part, Paragraph)]
        if name == "annotation":
            self._note(element)
            return []
        if name == "object":
            return self._object(element)
        return self.blocks(element) if name in _CONTAINERS or name in _SHAPES else []

    def _object(self, element: Element) -> list[Flow]:
        """An embedded formula: the text that its author wrote, or its signs in a row."""
        part = attribute(element, "href").removeprefix("./").rstrip("/") + "/content.xml"
        if part not in self._archive:
            return []
        root = self._archive.xml(part)
        if local(root) != "math":
            return []
        written = next((str(found.text or "") for found in root.iter() if local(found) == "annotation"), "")
        return [Paragraph(written or " ".join(str(text) for text in root.itertext()))]

    # Paragraphs ----------------------------------------------------------------------------------------------------
    def _paragraph(self, element: Element, label: str = "", depth: int = 0) -> list[Flow]:
        parts: list[str] = []
        outer, self._boxes = self._boxes, []
        self._inline(element, parts)
        boxes, self._boxes = self._boxes, outer
        flow: list[Flow] = []
        if self._styles.breaks_before(attribute(element, "style-name")):
            flow.extend([*self.flush_notes(), PageBreak(kind="soft")])
        for at, text in enumerate("".join(parts).split(_BREAK)):
            if at:
                flow.extend([*self.flush_notes(), PageBreak(kind="soft")])
            if not text.strip():
                continue
            if local(element) == "h":
                level = min(_count(element, "outline-level"), 6)
                flow.append(Paragraph(f"{label} {text}" if label else text, "heading", level))
            elif label:
                flow.append(Paragraph(f"{label} {text}", "list_item", depth))
            else:
                flow.append(Paragraph(text))
            label = ""
        return [*flow, *boxes]

    def _inline(self, element: Element, parts: list[str]) -> None:
        parts.append(" ".join(str(element.text or "").replace("\n", " ").split(" ")))
        for inner in element:
            self._inline_part(inner, parts)
            parts.append(str(inner.tail or "").replace("\n", " "))

    def _inline_part(self, inner: Element, parts: list[str]) -> None:
        name = local(inner)
        if name == "s":
            parts.append(" " * min(_count(inner, "c"), 200))
        elif name == "tab":
            parts.append("\t")
        elif name == "line-break":
            parts.append("\n")
        elif name == "soft-page-break":
            parts.append(_BREAK)
        elif name in ("note", "annotation"):
            self._note(inner)
        elif name in _SHAPES or name == "g":
            self._boxes.extend(self.block(inner))
        elif name == "ruby":
            parts.extend(" ".join(str(text) for text in inner.itertext()).split())
        elif name not in ("tracked-changes", "annotation-end", "bookmark", "forms"):
            self._inline(inner, parts)

    def _note(self, element: Element) -> None:
        """A footnote or comment, kept for the end of the page."""
        body = next((part for part in element if local(part) == "note-body"), element)
        citation = next((str(part.text or "") for part in element if local(part) == "note-citation"), "")
        author = next((str(part.text or "") for part in element if local(part) == "creator"), "")
        before = citation or (f"[{author}]" if author else "")
        for at, part in enumerate(self.blocks(body)):
            if isinstance(part, Paragraph) and at == 0 and before:
                part.text = f"{before} {part.text}"
            self._notes.append(part)

    # Lists ---------------------------------------------------------------------------------------------------------
    def _list(self, element: Element, style: str, above: list[int]) -> list[Flow]:
        style = attribute(element, "style-name") or style
        depth = len(above) + 1
        key = attribute(element, "id")
        continued = attribute(element, "continue-list")
        if not continued and attribute(element, "continue-numbering") == "true":
            continued = style
        before = self._counts.get(continued) if continued else None
        count = before[-1] if before and len(before) == depth else self._styles.start(style, depth) - 1
        flow: list[Flow] = []
        for item in element:
            if local(item) not in ("list-item", "list-header"):
                continue
            if local(item) == "list-item" and any(local(part) in ("p", "h") for part in item):
                given = attribute(item, "start-value")
                count = int(given[:6]) if given.isdigit() else count + 1
            flow.extend(self._item(item, style, [*above, count]))
        for name in {key, style} - {""}:
            self._counts[name] = [*above, count]
        return flow

    def _item(self, item: Element, style: str, counts: list[int]) -> list[Flow]:
        if self._depth > _MAX_NESTED:
            raise TooDeep(limit=_MAX_NESTED)
        self._depth += 1
        flow: list[Flow] = []
        label = self._styles.label(style, len(counts), counts) if local(item) == "list-item" else ""
        for part in item:
            if local(part) == "list":
                flow.extend(self._list(part, style, counts))
            elif local(part) in ("p", "h"):
                flow.extend(self._paragraph(part, label, len(counts) - 1))
                label = ""
            else:
                flow.extend(self.block(part))
        self._depth -= 1
        return flow

    # Tables --------------------------------------------------------------------------------------------------------
    def table(self, element: Element) -> Grid:
        """The table; repeated empty rows and cells cost nothing."""
        grid = Grid([])
        row = 0
        for part, header in _rows(element):
            cells = self._row(part)
            copies = _count(part, "number-rows-repeated")
            for copy in range(min(copies, _MAX_REPEAT) if cells else 0):
                grid.cells.extend(
                    GridCell(row + copy, cell.column, cell.content, cell.row_span, cell.column_span) for cell in cells
                )
                if len(grid.cells) > self._limits.max_cells:
                    raise TooManyWords(limit=self._limits.max_cells)
            row += copies
            if header:
                grid.header_rows = row
        return grid

    def _row(self, element: Element) -> list[GridCell]:
        cells: list[GridCell] = []
        column = 0
        for part in element:
            name = local(part)
            if name not in ("table-cell", "covered-table-cell"):
                continue
            copies = _count(part, "number-columns-repeated")
            content: list[Flow] = self.blocks(part)
            if not content and attribute(part, "value"):
                content = [Paragraph(attribute(part, "value"))]
            if content:
                spans = (_count(part, "number-rows-spanned"), _count(part, "number-columns-spanned"))
                cells.extend(GridCell(0, column + copy, content, *spans) for copy in range(min(copies, _MAX_REPEAT)))
            column += copies
        return cells

    def islands(self, grid: Grid) -> list[Flow]:
        """A sheet's tables: what empty rows divide is apart."""
        flow: list[Flow] = []
        bottom = -2
        for cell in grid.cells:
            if cell.row > bottom + 1:
                flow.append(Grid([]))
            last = flow[-1]
            if isinstance(last, Grid):
                last.cells.append(cell)
            bottom = max(bottom, cell.row + cell.row_span - 1)
        return flow


def _rows(element: Element) -> Iterator[tuple[Element, bool]]:
    """The rows of a table, and whether each is a header; row groups are opened up."""
    waiting = [(part, False) for part in reversed(element)]
    while waiting:
        part, header = waiting.pop()
        name = local(part)
        if name == "table-row":
            yield part, header
        elif name in ("table-header-rows", "table-rows", "table-row-group"):
            waiting.extend((inner, header or name == "table-header-rows") for inner in reversed(part))
