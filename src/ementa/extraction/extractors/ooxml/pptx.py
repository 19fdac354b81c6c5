"""PowerPoint since 2007: a page a slide, in the order of the show, hidden slides and speaker notes included."""

from pathlib import Path

from ementa.extraction.archives import Element, Zip
from ementa.extraction.base import Context, Reading
from ementa.extraction.errors import TooDeep
from ementa.extraction.extractors.ooxml.charts import read_drawing_part
from ementa.extraction.extractors.ooxml.math import equation_text
from ementa.extraction.extractors.ooxml.numbering import format_number
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
)
from ementa.extraction.native import Flow, Grid, GridCell, PageBreak, PageBuilder, Paragraph
from ementa.extraction.scoring import score

_TYPES = {
    "application/vnd.openxmlformats-officedocument.presentationml.presentation",
    "application/vnd.openxmlformats-officedocument.presentationml.slideshow",
    "application/vnd.openxmlformats-officedocument.presentationml.template",
    "application/vnd.ms-powerpoint.presentation.macroenabled.12",
    "application/vnd.ms-powerpoint.slideshow.macroenabled.12",
}
_LINES_PER_SLIDE = 2000
_MAX_GROUPS = 50
_TITLES = {"title", "ctrTitle"}
_UNWANTED = {"sldNum", "dt", "ftr", "hdr", "sldImg"}
_AUTO = {"arabic": "decimal", "alphaLc": "lowerLetter", "alphaUc": "upperLetter", "romanLc": "lowerRoman",
         "romanUc": "upperRoman"}  # fmt: skip


class Pptx:
    """Reads PowerPoint presentations (.pptx, .pptm, .ppsx)."""

    name = "pptx"
    version = "1"

    def score(self, media_type: str, filename: str) -> int:
        """100 for PowerPoint's media types."""
        return score(media_type, filename, _TYPES, (".pptx", ".pptm", ".ppsx", ".potx"))

    def extract(self, path: Path, context: Context) -> Reading:
        """Read every slide."""
        with open_package(path, context.limits) as archive:
            builder = PageBuilder(context.limits, _LINES_PER_SLIDE)
            for slide in _slides(archive):
                flow = _Slide(archive, slide).read()
                builder.add(PageBreak(_title(flow)), *flow)
            return Reading(builder.pages(), core_properties(archive))


def _slides(archive: Zip) -> list[str]:
    part = main_part(archive, "ppt/presentation.xml")
    relations = relationships(archive, part)
    found: list[str] = []
    for slide in children(child(archive.xml(part), "sldIdLst"), "sldId"):
        relation = next((str(value) for key, value in slide.attrib.items() if str(key).endswith("}id")), "")
        target = relations.get(relation, ("", ""))[1]
        if target in archive:
            found.append(target)
    return found


def _title(flow: list[Flow]) -> str:
    return next(
        (" ".join(part.text.split()) for part in flow if isinstance(part, Paragraph) and part.kind == "heading"), ""
    )


class _Slide:
    """One slide while it is read."""

    def __init__(self, archive: Zip, part: str) -> None:
        self._archive = archive
        self._part = part
        self._relations = relationships(archive, part)
        self._titles: list[Flow] = []

    def read(self) -> list[Flow]:
        """Title first, then the shapes in the file's order, then notes and comments."""
        tree = child(self._archive.xml(self._part), "cSld", "spTree")
        flow = self._shapes(tree, 0) if tree is not None else []
        return [*self._titles, *flow, *self._notes(), *self._comments()]

    def _shapes(self, tree: Element, depth: int) -> list[Flow]:
        if depth > _MAX_GROUPS:
            raise TooDeep(limit=_MAX_GROUPS)
        flow: list[Flow] = []
        for shape in tree:
            name = local(shape)
            if name in ("grpSp", "AlternateContent", "Choice"):
                flow.extend(self._shapes(shape, depth + 1))
            elif name == "graphicFrame":
                flow.extend(self._frame(shape))
            elif name not in ("Fallback", "nvGrpSpPr", "grpSpPr", "pic"):
                flow.extend(self._shape(shape))
        return flow

    def _shape(self, shape: Element) -> list[Flow]:
        body = child(shape, "txBody")
        if body is None:
            return []
        kind = _placeholder(shape)
        if kind in _UNWANTED:
            return []
        if kind in _TITLES:
            text = "\n".join(_paragraph_text(paragraph) for paragraph in children(body, "p")).strip()
            self._titles.append(Paragraph(text, "heading", 1))
            return []
        return read_body(body, bulleted=kind in ("body", "obj"))

    def _frame(self, frame: Element) -> list[Flow]:
        data = child(frame, "graphic", "graphicData")
        table = child(data, "tbl")
        if table is not None:
            return [_table(table)]
        flow: list[Flow] = []
        for element in data if data is not None else ():
            relation = attribute(element, "dm") if local(element) == "relIds" else attribute(element, "id")
            flow.extend(read_drawing_part(self._archive, *self._relations.get(relation, ("", ""))))
        return flow

    def _notes(self) -> list[Flow]:
        flow: list[Flow] = []
        for kind, target in self._relations.values():
            tree = None
            if kind == "notesSlide" and target in self._archive:
                tree = child(self._archive.xml(target), "cSld", "spTree")
            for shape in tree if tree is not None else ():
                body = child(shape, "txBody")
                if body is not None and _placeholder(shape) not in _UNWANTED:
                    flow.extend(read_body(body))
        return flow

    def _comments(self) -> list[Flow]:
        flow: list[Flow] = []
        for kind, target in self._relations.values():
            if kind == "comments" and target in self._archive:
                for comment in self._archive.xml(target):
                    text = "".join(str(part.text or "") for part in comment.iter() if local(part) in ("text", "t"))
                    flow.append(Paragraph(text))
        return flow


def read_body(body: Element, *, bulleted: bool = False) -> list[Flow]:
    """The paragraphs of a text body; `bulleted` when its layout gives bullets to those that say nothing."""
    flow: list[Flow] = []
    counts: dict[int, int] = {}
    for paragraph in children(body, "p"):
        text = _paragraph_text(paragraph)
        if not text.strip():
            continue
        properties = child(paragraph, "pPr")
        level = min(max(number(attribute(properties, "lvl")), 0), 8) if properties is not None else 0
        label = _label(properties, level, counts, bulleted=bulleted)
        if label:
            flow.append(Paragraph(f"{label} {text}", "list_item", level))
        else:
            flow.append(Paragraph(text))
    return flow


def _label(properties: Element | None, level: int, counts: dict[int, int], *, bulleted: bool) -> str:
    automatic = child(properties, "buAutoNum")
    for deeper in [depth for depth in counts if depth > level or (depth == level and automatic is None)]:
        del counts[deeper]
    if automatic is not None:
        start = number(attribute(automatic, "startAt", "1"), 1)
        counts[level] = counts.get(level, start - 1) + 1
        kind = attribute(automatic, "type")
        form = next((form for prefix, form in _AUTO.items() if kind.startswith(prefix)), "decimal")
        return format_number(counts[level], form) + (")" if kind.endswith("ParenR") else ".")
    if child(properties, "buChar") is not None:
        return "•"
    return "•" if bulleted and child(properties, "buNone") is None else ""


def _placeholder(shape: Element) -> str:
    """The placeholder's type; `obj` for one without, empty for a shape that is none."""
    for part in shape:
        if local(part).startswith("nv"):
            found = child(part, "nvPr", "ph")
            if found is not None:
                return attribute(found, "type", "obj")
    return ""


def _paragraph_text(paragraph: Element) -> str:
    parts: list[str] = []
    for run in paragraph:
        name = local(run)
        if name == "br":
            parts.append("\n")
        elif name == "fld" and attribute(run, "type").startswith("slidenum"):
            continue
        elif name in ("r", "fld"):
            parts.extend(str(text.text or "") for text in children(run, "t"))
        elif name in ("m", "AlternateContent"):
            parts.extend(f" {equation_text(math)} " for math in run.iter() if local(math) == "oMath")
    return "".join(parts).replace("\v", "\n")


def _table(element: Element) -> Grid:
    cells: list[GridCell] = []
    for at, row in enumerate(children(element, "tr")):
        for column, cell in enumerate(children(row, "tc")):
            if attribute(cell, "hMerge", "0") in ("1", "true") or attribute(cell, "vMerge", "0") in ("1", "true"):
                continue
            body = child(cell, "txBody")
            content = read_body(body) if body is not None else []
            rows = max(number(attribute(cell, "rowSpan", "1"), 1), 1)
            columns = max(number(attribute(cell, "gridSpan", "1"), 1), 1)
            cells.append(GridCell(at, column, content, rows, columns))
    properties = child(element, "tblPr")
    first = attribute(properties, "firstRow", "0") if properties is not None else "0"
    return Grid(cells, header_rows=1 if first in ("1", "true") else None)
