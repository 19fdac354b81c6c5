"""OpenDocument: text, spreadsheets and presentations, with the numbers and dates as the author saw them."""

from pathlib import Path

from ementa.extraction.archives import Element, Zip, open_zip
from ementa.extraction.base import Context, Limits, Reading
from ementa.extraction.errors import FileCorrupt, FileEncrypted
from ementa.extraction.extractors.odf_text import OdfFlow, Styles, attribute, local
from ementa.extraction.native import LINES_PER_PAGE, Flow, Grid, PageBreak, PageBuilder, Paragraph
from ementa.extraction.scoring import score
from ementa.extraction.types import BlockKind

_PREFIX = "application/vnd.oasis.opendocument."
_TYPES = {
    f"{_PREFIX}{kind}{suffix}"
    for kind in ("text", "spreadsheet", "presentation", "graphics")
    for suffix in ("", "-template")
}
_EXTENSIONS = (".odt", ".ods", ".odp", ".odg", ".ott", ".ots", ".otp")
_LONG_PAGE = 1000
_RENDERED_PAGE = 240


class OpenDocument:
    """Reads OpenDocument text, spreadsheets and presentations."""

    name = "odf"
    version = "1"

    def score(self, media_type: str, filename: str) -> int:
        """100 for OpenDocument's media types."""
        return score(media_type, filename, _TYPES, _EXTENSIONS)

    def extract(self, path: Path, context: Context) -> Reading:
        """Read the document. Raises `FileEncrypted` when its parts are."""
        with open_zip(path, context.limits) as archive:
            if "META-INF/manifest.xml" in archive and b"encryption-data" in archive.read("META-INF/manifest.xml"):
                raise FileEncrypted
            root = archive.xml("content.xml")
            body = next((element for element in root if local(element) == "body"), None)
            if body is None or not len(body):
                raise FileCorrupt(cause="content.xml: no body")
            styles = Styles(root, archive.xml("styles.xml") if "styles.xml" in archive else None)
            pages = _build(body[0], styles, archive, context.limits)
            return Reading(pages.pages(), _metadata(archive))


def _build(body: Element, styles: Styles, archive: Zip, limits: Limits) -> PageBuilder:
    reader = OdfFlow(styles, limits, archive)
    match local(body):
        case "spreadsheet":
            builder = PageBuilder(limits, _LONG_PAGE)
            for sheet in (element for element in body if local(element) == "table"):
                _add_sheet(builder, sheet, reader)
        case "presentation" | "drawing":
            builder = PageBuilder(limits, _LONG_PAGE)
            for slide in (element for element in body if local(element) == "page"):
                _add_slide(builder, slide, reader)
        case _:
            flow = reader.blocks(body)
            flow.extend(reader.flush_notes())
            rendered = any(isinstance(part, PageBreak) for part in flow)
            builder = PageBuilder(limits, _RENDERED_PAGE if rendered else LINES_PER_PAGE)
            builder.add(*_margin(styles, reader, "header"), *flow, *_margin(styles, reader, "footer"))
    return builder


def _add_sheet(builder: PageBuilder, sheet: Element, reader: OdfFlow) -> None:
    name = attribute(sheet, "name")
    grid = reader.table(sheet)
    builder.page_break(name)
    if grid.cells and name.rstrip("0123456789 ").lower() not in ("sheet", "planilha", "plan", "tabelle", "feuille"):
        builder.heading(name)
    builder.add(*reader.islands(grid), *reader.flush_notes())


def _add_slide(builder: PageBuilder, slide: Element, reader: OdfFlow) -> None:
    title = next((frame for frame in slide if attribute(frame, "class") == "title"), None)
    heading = reader.blocks(title) if title is not None else []
    text = " ".join(part.text for part in heading if isinstance(part, Paragraph))
    flow: list[Flow] = [part for shape in slide if shape is not title for part in reader.block(shape)]
    builder.page_break(" ".join(text.split()) or attribute(slide, "name"))
    if text.strip():
        builder.heading(text)
    builder.add(*flow, *reader.flush_notes())


def _margin(styles: Styles, reader: OdfFlow, kind: BlockKind) -> list[Flow]:
    """Headers or footers of the page styles, each text once."""
    flow: list[Flow] = []
    seen: set[str] = set()
    for element in styles.margins(kind):
        for part in reader.blocks(element):
            if isinstance(part, Paragraph) and part.text.strip() and part.text not in seen:
                seen.add(part.text)
                flow.append(Paragraph(part.text, kind))
            elif isinstance(part, Grid):
                flow.append(part)
    return flow


def _metadata(archive: Zip) -> dict[str, str]:
    if "meta.xml" not in archive:
        return {}
    names = {"title": "title", "creator": "author", "initial-creator": "author", "subject": "subject",
             "creation-date": "created", "date": "modified"}  # fmt: skip
    found: dict[str, str] = {}
    for element in archive.xml("meta.xml").iter():
        text = str(element.text or "").strip()
        if local(element) in names and text:
            found.setdefault(names[local(element)], text)
    return found
