"""Word since 2007: paragraphs, lists, tables, headers, notes, comments and text boxes, in the order of reading."""

import re
from pathlib import Path

from ementa.extraction.archives import Element, Zip
from ementa.extraction.base import Context, Reading
from ementa.extraction.errors import TooDeep
from ementa.extraction.extractors.ooxml.charts import read_drawing_part
from ementa.extraction.extractors.ooxml.numbering import numbering_of, read_numbering, read_styles
from ementa.extraction.extractors.ooxml.package import (
    attribute,
    child,
    children,
    core_properties,
    local,
    main_part,
    number,
    open_package,
    relationships,
)  # fmt: skip
from ementa.extraction.extractors.ooxml.runs import PAGE, RENDERED, Inline, read_inline, span
from ementa.extraction.native import LINES_PER_PAGE, Flow, Grid, GridCell, PageBreak, PageBuilder, Paragraph
from ementa.extraction.scoring import score
from ementa.extraction.types import BlockKind

_TYPES = {
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.template",
    "application/vnd.ms-word.document.macroenabled.12",
    "application/vnd.ms-word.template.macroenabled.12",
}
_MAX_NESTED = 20
_RENDERED_LINES = 240
"""Lines of a page that Word says to have laid out; only a file that lies has more."""
_BREAK = re.compile(f"([{PAGE}{RENDERED}])")


class Docx:
    """Reads Word documents (.docx, .docm, .dotx)."""

    name = "docx"
    version = "1"

    def score(self, media_type: str, filename: str) -> int:
        """100 for Word's media types."""
        return score(media_type, filename, _TYPES, (".docx", ".docm", ".dotx", ".dotm"))

    def extract(self, path: Path, context: Context) -> Reading:
        """Read the document; page numbers are Word's own where the file carries them."""
        with open_package(path, context.limits) as archive:
            document = _Document(archive)
            flow = document.read()
            rendered = any(isinstance(part, PageBreak) for part in flow)
            builder = PageBuilder(context.limits, _RENDERED_LINES if rendered else LINES_PER_PAGE)
            builder.add(*flow)
            warnings = ("IMAGES_SKIPPED",) if document.images else ()
            return Reading(builder.pages(), core_properties(archive), warnings)


class _Document:
    """One document while it is read: its styles, lists, and the notes that wait for the end of their page."""

    def __init__(self, archive: Zip) -> None:
        self._archive = archive
        self._part = main_part(archive, "word/document.xml")
        self._relations = relationships(archive, self._part)
        self._styles = read_styles(archive, self._target("styles"))
        self._numbering = read_numbering(archive, self._target("numbering"))
        self._notes: dict[tuple[str, str], Element] = {}
        for kind in ("footnote", "endnote", "comment"):
            self._load_notes(kind)
        self._waiting: list[tuple[str, str]] = []
        self._shown: set[str] = set()
        self.images = 0

    def read(self) -> list[Flow]:
        """The whole document as one flow."""
        body = child(self._archive.xml(self._part), "body")
        if body is None:
            return []
        sections = self._sections(body)
        flow: list[Flow] = []
        blocks = list(_unwrapped(body))
        flow.extend(self._margin(sections[0], "headerReference") if sections else [])
        for element in blocks:
            flow.extend(self._block(element, 0))
            section = child(element, "pPr", "sectPr") if local(element) == "p" else None
            if section is not None:
                flow.extend(self._end_section(section, sections))
        flow.extend(self._flush())
        flow.extend(self._margin(sections[-1], "footerReference") if sections else [])
        return flow

    # Sections, headers and footers ---------------------------------------------------------------------------------
    def _sections(self, body: Element) -> list[Element]:
        found = [child(element, "pPr", "sectPr") for element in _unwrapped(body) if local(element) == "p"]
        return [*(section for section in found if section is not None), *children(body, "sectPr")]

    def _end_section(self, section: Element, sections: list[Element]) -> list[Flow]:
        flow = [*self._flush(), *self._margin(section, "footerReference")]
        following = sections[min(sections.index(section) + 1, len(sections) - 1)]
        kind = child(following, "type")
        if kind is None or attribute(kind, "val") != "continuous":
            flow.append(PageBreak(kind="soft"))
        return [*flow, *self._margin(following, "headerReference")]

    def _margin(self, section: Element, reference: str) -> list[Flow]:
        """The headers or footers of a section, each text once in the document."""
        kind: BlockKind = "header" if reference == "headerReference" else "footer"
        flow: list[Flow] = []
        for element in children(section, reference):
            target = self._relations.get(attribute(element, "id"), ("", ""))[1]
            if target not in self._archive or target in self._shown:
                continue
            self._shown.add(target)
            for block in _unwrapped(self._archive.xml(target)):
                flow.extend(self._block(block, 0))
        return _as_kind(flow, kind)

    # Notes and comments --------------------------------------------------------------------------------------------
    def _target(self, kind: str) -> str | None:
        return next((target for found, target in self._relations.values() if found == kind), None)

    def _load_notes(self, kind: str) -> None:
        target = self._target(f"{kind}s")
        if target is None or target not in self._archive:
            return
        for note in children(self._archive.xml(target), kind):
            if attribute(note, "type") not in ("separator", "continuationSeparator", "continuationNotice"):
                self._notes[kind, attribute(note, "id")] = note

    def _flush(self) -> list[Flow]:
        """The notes of the page that ends here; each is shown once."""
        waiting, self._waiting = self._waiting, []
        flow: list[Flow] = []
        for key in waiting:
            note = self._notes.pop(key, None)
            if note is None:
                continue
            author = attribute(note, "author")
            if key[0] == "comment" and author:
                flow.append(Paragraph(f"[{author}]"))
            for element in _unwrapped(note):
                flow.extend(part for part in self._block(element, 0) if not isinstance(part, PageBreak))
        return flow

    # Blocks --------------------------------------------------------------------------------------------------------
    def _block(self, element: Element, nested: int) -> list[Flow]:
        if nested > _MAX_NESTED:
            raise TooDeep(limit=_MAX_NESTED)
        name = local(element)
        if name == "p":
            return self._paragraph(element, nested)
        if name == "tbl":
            return self._table(element, nested)
        if name in ("oMathPara", "oMath"):
            return [Paragraph(read_inline(_wrap(element)).text.strip())]
        return []

    def _paragraph(self, element: Element, nested: int) -> list[Flow]:
        inline = read_inline(element)
        self.images += inline.images
        kind, level, label = self._role(element, inline)
        flow: list[Flow] = []
        if _breaks_before(element):
            flow.append(PageBreak(kind="soft"))
        text = f"{label} {inline.text}" if label else inline.text
        for piece in _BREAK.split(text):
            if piece in (PAGE, RENDERED):
                flow.extend(self._flush())
                flow.append(PageBreak(kind="hard" if piece == PAGE else "soft"))
            elif piece.strip():
                flow.append(Paragraph(piece, kind, level))
        for box in inline.boxes:
            for inner in _unwrapped(box):
                flow.extend(self._block(inner, nested + 1))
        for relation in inline.drawings:
            flow.extend(read_drawing_part(self._archive, *self._relations.get(relation, ("", ""))))
        self._waiting.extend(inline.notes)
        return flow

    def _role(self, element: Element, inline: Inline) -> tuple[BlockKind, int, str]:
        """What the paragraph is, its level and its list label."""
        properties = child(element, "pPr")
        named = child(properties, "pStyle")
        style = self._styles.get(attribute(named, "val")) if named is not None else None
        heading = style.heading if style else 0
        outline = child(properties, "outlineLvl")
        if outline is not None and 0 <= number(attribute(outline, "val"), 9) < 6:
            heading = number(attribute(outline, "val")) + 1
        numbered = numbering_of(properties) or (style.numbering if style else None)
        label = ""
        if numbered is not None and numbered[0] not in ("", "0") and inline.text.strip():
            label = self._numbering.label(*numbered)
        if heading:
            return "heading", heading, label
        if label and numbered is not None:
            return "list_item", numbered[1], label
        return "paragraph", 0, ""

    # Tables --------------------------------------------------------------------------------------------------------
    def _table(self, element: Element, nested: int) -> list[Flow]:
        """The table; where a page ends inside it, two tables with a break between them."""
        flow: list[Flow] = []
        cells: list[GridCell] = []
        open_spans: dict[int, GridCell] = {}
        headers = 0
        rows = [row for row in _unwrapped(element) if local(row) == "tr" and child(row, "trPr", "del") is None]
        for at, row in enumerate(rows):
            found = self._row(row, at, nested, open_spans)
            if _begins_page(found) and at:
                flow.extend([_grid(cells, headers), PageBreak(kind="soft")])
                cells, open_spans = [], {}
            if child(row, "trPr", "tblHeader") is not None and headers == at:
                headers += 1
            cells.extend(found)
        return [*flow, _grid(cells, headers)]

    def _row(self, row: Element, at: int, nested: int, open_spans: dict[int, GridCell]) -> list[GridCell]:
        cells: list[GridCell] = []
        column = span(child(row, "trPr"), "gridBefore")
        for element in _unwrapped(row):
            if local(element) != "tc":
                continue
            properties = child(element, "tcPr")
            width = max(span(properties, "gridSpan"), 1)
            merge = child(properties, "vMerge")
            content = [part for block in _unwrapped(element) for part in self._block(block, nested + 1)]
            if merge is not None and attribute(merge, "val") != "restart" and column in open_spans:
                open_spans[column].row_span = at - open_spans[column].row + 1
                open_spans[column].content.extend(content)
            else:
                cell = GridCell(at, column, content, 1, width)
                cells.append(cell)
                open_spans.pop(column, None)
                if merge is not None:
                    open_spans[column] = cell
            column += width
        return cells


def _unwrapped(element: Element) -> list[Element]:
    """The children, content controls, custom XML and accepted insertions opened up."""
    found: list[Element] = []
    waiting = list(reversed(list(element)))
    while waiting:
        part = waiting.pop()
        name = local(part)
        if name in ("sdt", "sdtContent", "customXml", "ins", "moveTo", "smartTag", "AlternateContent", "Choice"):
            waiting.extend(reversed(list(part)))
        else:
            found.append(part)
    return found


def _wrap(element: Element) -> Element:
    """A parent that holds only this element, for reading it as if it stood in a paragraph."""
    parent = element.makeelement("p")
    parent.append(element)
    return parent


def _as_kind(flow: list[Flow], kind: BlockKind) -> list[Flow]:
    kept = [part for part in flow if not isinstance(part, PageBreak)]
    for part in kept:
        if isinstance(part, Paragraph):
            part.kind, part.level = kind, 0
    return list(kept)


def _breaks_before(element: Element) -> bool:
    found = child(element, "pPr", "pageBreakBefore")
    return found is not None and attribute(found, "val", "1") not in ("0", "false", "off")


def _begins_page(cells: list[GridCell]) -> bool:
    return any(isinstance(part, PageBreak) for cell in cells for part in cell.content[:1])


def _grid(cells: list[GridCell], headers: int) -> Grid:
    return Grid(cells, headers or None)
