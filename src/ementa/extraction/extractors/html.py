"""HTML: headings, lists, tables and text as a reader sees them, without scripts and styles."""

import re
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

from selectolax.lexbor import LexborHTMLParser

from ementa.extraction.base import Context, Reading
from ementa.extraction.decoding import decode_text
from ementa.extraction.errors import TooDeep
from ementa.extraction.native import Flow, Grid, GridCell, PageBuilder, Paragraph
from ementa.extraction.scoring import score
from ementa.extraction.types import BlockKind

_TYPES = ("text/html", "application/xhtml+xml")
MAX_DEPTH = 1000
"""Open elements; the parser's time grows with their square."""
_SKIPPED = {"script", "style", "template", "noscript", "head", "title", "svg", "object", "iframe", "canvas", "audio",
            "video", "datalist", "frameset"}  # fmt: skip
_HEADINGS = {f"h{level}": level for level in range(1, 7)}
_BLOCKS = {"address", "article", "aside", "blockquote", "body", "caption", "center", "dd", "details", "dialog", "dir",
           "div", "dl", "dt", "fieldset", "figcaption", "figure", "footer", "form", "header", "hr", "html", "legend",
           "li", "main", "menu", "nav", "ol", "option", "p", "pre", "section", "summary", "textarea", "ul",
           *_HEADINGS}  # fmt: skip
_VOID = {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "param", "source", "track", "wbr"}
_SELF_CLOSING = _VOID | {"p", "li", "td", "th", "tr", "tbody", "thead", "tfoot", "dt", "dd", "option", "colgroup"}
_TAG = re.compile(r"<(/?)([a-zA-Z][a-zA-Z0-9]*)")
_CHARSET = re.compile(
    rb"""<(?:meta\b[^>]{0,200}?charset|\?xml\b[^>]{0,100}?encoding)\s*=\s*["']?\s*([\w-]{2,30})""", re.I
)
_HIDDEN = re.compile(r"display\s*:\s*none|visibility\s*:\s*hidden", re.IGNORECASE)
_BLANK = re.compile(r"[ \t\r\n\f]+")
_MAX_SPAN = 1000
_MAX_COLUMNS = 2000
"""Columns within which spans are followed."""


class Html:
    """Reads HTML and XHTML pages."""

    name = "html"
    version = "1"

    def score(self, media_type: str, filename: str) -> int:
        """100 for HTML's media types."""
        return score(media_type, filename, _TYPES, (".html", ".htm", ".xhtml"))

    def extract(self, path: Path, context: Context) -> Reading:
        """Read the page."""
        data = path.read_bytes()
        flow, title = read_html(decode_html(data))
        builder = PageBuilder(context.limits)
        builder.add(*flow)
        return Reading(builder.pages(), {"title": title} if title else {})


def decode_html(data: bytes) -> str:
    """The page's text in the encoding that it declares."""
    found = _CHARSET.search(data[:4096])
    declared = found[1].decode("ascii") if found else None
    if declared and declared.lower() in ("iso-8859-1", "latin1", "us-ascii", "ascii"):
        declared = "utf-8" if _is_utf8(data) else "cp1252"
    return decode_text(data, declared)


def _is_utf8(data: bytes) -> bool:
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def read_html(text: str) -> tuple[list[Flow], str]:
    """The page as a flow, and its title. Raises `TooDeep` for elements nested past `MAX_DEPTH`."""
    _check_depth(text)
    tree = LexborHTMLParser(text)
    title = tree.css_first("title")
    root: Any = tree.root
    name = _BLANK.sub(" ", title.text()).strip() if title is not None else ""
    return (_Walk().run(root) if root is not None else []), name


def _check_depth(text: str) -> None:
    open_elements: Counter[str] = Counter()
    total = 0
    for tag in _TAG.finditer(text):
        name = tag[2].lower()
        if name in _SELF_CLOSING:
            continue
        if not tag[1]:
            open_elements[name] += 1
            total += 1
            if total > MAX_DEPTH:
                raise TooDeep(limit=MAX_DEPTH)
        elif open_elements[name] > 0:
            open_elements[name] -= 1
            total -= 1


@dataclass(slots=True)
class _Table:
    """A table being read."""

    grid: Grid = field(default_factory=lambda: Grid([]))
    row: int = -1
    column: int = 0
    busy: dict[int, int] = field(default_factory=lambda: {})
    """Column to the last row that a cell from above covers there."""
    in_head: bool = False
    cell: GridCell | None = None
    plain_row: bool = False


class _Walk:
    """Goes through the tree without recursion, collecting the flow."""

    def __init__(self) -> None:
        self._flows: list[list[Flow]] = [[]]
        self._text: list[str] = []
        self._kinds: list[tuple[str, BlockKind, int]] = []
        self._tables: list[_Table] = []
        self._lists: list[int | None] = []
        self._label = ""
        self._preformatted = 0

    def run(self, root: Any) -> list[Flow]:
        """The flow of everything below `root`."""
        steps: list[tuple[Any, bool]] = [(root, False)]
        while steps:
            node, leaving = steps.pop()
            if leaving:
                self._leave(node)
                continue
            following = node.next if node is not root else None
            if following is not None:
                steps.append((following, False))
            if self._enter(node):
                steps.append((node, True))
                first = node.child
                if first is not None:
                    steps.append((first, False))
        self._flush()
        return self._flows[0]

    # Elements ------------------------------------------------------------------------------------------------------
    def _enter(self, node: Any) -> bool:
        """Begin a node; True when its children are wanted and `_leave` must follow."""
        tag = cast("str | None", node.tag) or ""
        if tag == "-text":
            self._add_text(str(node.text_content or ""))
            return False
        if tag.startswith(("-", "!", "_")) and tag != "-document":
            return False
        if tag in _SKIPPED or _is_hidden(node):
            return False
        if tag == "br":
            self._text.append("\n")
            return False
        if tag in ("input", "select"):
            self._text.append(_control(node, tag))
            return False
        if tag in _BLOCKS:
            self._begin_block(node, tag)
        elif tag in ("table", "tr", "td", "th", "thead", "tbody", "tfoot"):
            self._begin_table_part(node, tag)
        return True

    def _leave(self, node: Any) -> None:
        tag = str(node.tag)
        if tag in _BLOCKS:
            self._flush()
            self._end_block(tag)
        elif tag == "table":
            self._end_cell()
            self._end_table()
        elif tag in ("td", "th"):
            self._end_cell()
        elif tag == "thead" and self._tables:
            self._tables[-1].in_head = False

    def _begin_block(self, node: Any, tag: str) -> None:
        self._flush()
        if tag in _HEADINGS:
            self._kinds.append((tag, "heading", _HEADINGS[tag]))
        elif tag == "li":
            depth = max(len(self._lists) - 1, 0)
            self._kinds.append((tag, "list_item", depth))
            self._label = self._next_label(node)
        elif tag in ("ul", "ol", "menu", "dir"):
            self._lists.append(_start(node) if tag == "ol" else None)
        elif tag in ("pre", "textarea"):
            self._preformatted += 1

    def _end_block(self, tag: str) -> None:
        if (tag in _HEADINGS or tag == "li") and self._kinds:
            self._kinds.pop()
            self._label = ""
        elif tag in ("ul", "ol", "menu", "dir") and self._lists:
            self._lists.pop()
        elif tag in ("pre", "textarea"):
            self._preformatted = max(self._preformatted - 1, 0)

    def _next_label(self, node: Any) -> str:
        if not self._lists or self._lists[-1] is None:
            return "•"
        value = _integer(node.attributes.get("value"), self._lists[-1])
        self._lists[-1] = value + 1
        return f"{value}."

    # Tables --------------------------------------------------------------------------------------------------------
    def _begin_table_part(self, node: Any, tag: str) -> None:
        if tag == "table":
            self._flush()
            self._tables.append(_Table())
        elif not self._tables:
            self._flush()
        elif tag == "tr":
            self._end_cell()
            self._tables[-1].row += 1
            self._tables[-1].column = 0
        elif tag in ("td", "th"):
            self._begin_cell(node, tag)
        else:
            self._tables[-1].in_head = tag == "thead"

    def _begin_cell(self, node: Any, tag: str) -> None:
        self._end_cell()
        table = self._tables[-1]
        table.row = max(table.row, 0)
        while table.busy.get(table.column, -1) >= table.row:
            table.column += 1
        row_span = max(min(_integer(node.attributes.get("rowspan"), 1), _MAX_SPAN), 1)
        column_span = max(min(_integer(node.attributes.get("colspan"), 1), _MAX_SPAN), 1)
        if table.column + column_span > _MAX_COLUMNS:
            row_span = column_span = 1
        if row_span > 1:
            last = table.row + row_span - 1
            table.busy.update(dict.fromkeys(range(table.column, table.column + column_span), last))
        table.cell = GridCell(table.row, table.column, [], row_span, column_span)
        table.grid.cells.append(table.cell)
        if table.in_head or (tag == "th" and table.row == (table.grid.header_rows or 0) and not table.plain_row):
            table.grid.header_rows = table.row + 1
        if tag == "td" and not table.in_head:
            table.plain_row = True
            if table.grid.header_rows == table.row + 1:
                table.grid.header_rows = table.row or None
        table.column += column_span
        self._flows.append(table.cell.content)
        self._kinds.append(("cell", "paragraph", 0))

    def _end_cell(self) -> None:
        self._flush()
        if not self._tables or self._tables[-1].cell is None:
            return
        self._tables[-1].cell = None
        self._flows.pop()
        while self._kinds and self._kinds.pop()[0] != "cell":
            pass

    def _end_table(self) -> None:
        self._flush()
        if self._tables:
            self._flows[-1].append(self._tables.pop().grid)

    # Text ----------------------------------------------------------------------------------------------------------
    def _add_text(self, text: str) -> None:
        if self._preformatted:
            self._text.append(text)
        else:
            self._text.append(_BLANK.sub(" ", text))

    def _flush(self) -> None:
        text = "".join(self._text)
        self._text.clear()
        if not text.strip():
            return
        kind, level = ("paragraph", 0)
        if self._kinds:
            _, kind, level = self._kinds[-1]
        if self._label:
            text, self._label = f"{self._label} {text.strip()}", ""
        self._flows[-1].append(Paragraph(text, kind, level, fixed=bool(self._preformatted)))


def _start(node: Any) -> int:
    return _integer(node.attributes.get("start"), 1)


def _integer(text: str | None, default: int) -> int:
    try:
        return max(-1_000_000, min(int(text or ""), 1_000_000))
    except ValueError:
        return default


def _is_hidden(node: Any) -> bool:
    attributes = cast("dict[str, str | None]", node.attributes)
    return bool(attributes) and ("hidden" in attributes or bool(_HIDDEN.search(attributes.get("style") or "")))


def _control(node: Any, tag: str) -> str:
    """What a form control shows."""
    attributes = cast("dict[str, str | None]", node.attributes)
    if tag == "select":
        chosen = node.css_first("option[selected]") or node.css_first("option")
        return f" {chosen.text().strip()} " if chosen is not None else ""
    kind = (attributes.get("type") or "text").lower()
    if kind in ("checkbox", "radio"):
        return " ☒ " if "checked" in attributes else " ☐ "
    return "" if kind in ("hidden", "password") else f" {attributes.get('value') or ''} "
