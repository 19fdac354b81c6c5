"""PowerPoint 97 to 2003: the slides in order with their text, tables and notes, read from the newest edit."""

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from ementa.extraction.archives import Ole, open_ole
from ementa.extraction.base import Context, Reading
from ementa.extraction.errors import FileCorrupt, FileEncrypted, FormatUnsupported
from ementa.extraction.extractors.binary.ppt_records import (
    MAX_DEPTH,
    Record,
    find,
    persist_offsets,
    record_at,
    records,
)
from ementa.extraction.locks import is_locked_package
from ementa.extraction.native import Flow, Grid, GridCell, PageBreak, PageBuilder, Paragraph
from ementa.extraction.scoring import score

# Record types, [MS-PPT] 2.13.24 and [MS-ODRAW]
_DOCUMENT, _SLIDE_LIST, _SLIDE_PERSIST, _NOTES_ATOM = 1000, 4080, 1011, 1009
_TEXT_HEADER, _TEXT_CHARS, _TEXT_BYTES, _OUTLINE_REF = 3999, 4000, 4008, 3998
_DRAWING, _GROUP, _SHAPE, _TEXT_BOX, _CHILD_ANCHOR, _TERTIARY = 1036, 0xF003, 0xF004, 0xF00D, 0xF00F, 0xF122
_TABLE_PROPERTY = 0x039F
_ENCRYPTED_TOKEN = 0xF3D1C4DF
_TITLES, _BODIES = {0, 6}, {1, 5, 7, 8}
_LINES_PER_SLIDE = 2000


class Ppt:
    """Reads .ppt files of PowerPoint 97 to 2003."""

    name = "ppt"
    version = "1"

    def score(self, media_type: str, filename: str) -> int:
        """100 for PowerPoint's old media type."""
        return score(media_type, filename, ("application/vnd.ms-powerpoint",), (".ppt", ".pps", ".pot"))

    def extract(self, path: Path, context: Context) -> Reading:
        """Read every slide. Raises `FileEncrypted`, and `FormatUnsupported` for PowerPoint before 97."""
        with open_ole(path, context.limits) as ole:
            builder = PageBuilder(context.limits, _LINES_PER_SLIDE)
            for flow in _Presentation(ole).slides():
                title = next((part.text for part in flow if isinstance(part, Paragraph) and part.kind == "heading"), "")
                builder.add(PageBreak(" ".join(title.split())), *flow)
            return Reading(builder.pages(), ole.metadata())


@dataclass(slots=True)
class _Text:
    kind: int
    text: str


@dataclass(slots=True)
class _Entry:
    """A slide in the document's list."""

    persist: int
    number: int
    outline: list[_Text] = field(default_factory=lambda: [])


class _Presentation:
    def __init__(self, ole: Ole) -> None:
        if is_locked_package(ole):
            raise FileEncrypted
        if "PowerPoint Document" not in ole:
            old = any(name.upper().startswith("PP40") for name in ole.names())
            raise FormatUnsupported(found="PowerPoint 95", instead=".pptx") if old else FileCorrupt(cause="no slides")
        self._stream = ole.read("PowerPoint Document")
        user = ole.read("Current User") if "Current User" in ole else b""
        edit = 0
        if len(user) >= 20:
            token, edit = struct.unpack_from("<12xII", user)
            if token == _ENCRYPTED_TOKEN:
                raise FileEncrypted
        number, self._offsets = persist_offsets(self._stream, edit)
        document = record_at(self._stream, self._offsets.get(number, -1))
        if document is None or document.kind != _DOCUMENT:
            raise FileCorrupt(cause="PowerPoint: no document")
        self._document = document

    def slides(self) -> Iterator[list[Flow]]:
        """The flow of each slide: its title, its shapes, its notes."""
        lists = [record for record in records(self._document.data) if record.kind == _SLIDE_LIST]
        notes = self._notes(lists)
        for listed in lists:
            if listed.instance != 0:
                continue
            for entry in _entries(listed.data):
                flow = self._slide(entry)
                yield [*flow, *notes.get(entry.number, [])]

    def _notes(self, lists: list[Record]) -> dict[int, list[Flow]]:
        found: dict[int, list[Flow]] = {}
        for listed in lists:
            for entry in _entries(listed.data) if listed.instance == 2 else ():
                container = record_at(self._stream, self._offsets.get(entry.persist, -1))
                if container is None:
                    continue
                atom = next((record for record in records(container.data) if record.kind == _NOTES_ATOM), None)
                if atom is not None and len(atom.data) >= 4:
                    slide = struct.unpack_from("<I", atom.data)[0]
                    found[slide] = _Drawing([]).read(container.data)
        return found

    def _slide(self, entry: _Entry) -> list[Flow]:
        container = record_at(self._stream, self._offsets.get(entry.persist, -1))
        drawing = _Drawing(entry.outline)
        flow = drawing.read(container.data) if container is not None else []
        unused = [text for index, text in enumerate(entry.outline) if index not in drawing.used]
        rest = [part for text in unused for part in _paragraphs(text)]
        every = [*flow, *rest]
        titles = [part for part in every if isinstance(part, Paragraph) and part.kind == "heading"]
        return [*titles, *(part for part in every if not (isinstance(part, Paragraph) and part.kind == "heading"))]


def _entries(data: bytes) -> list[_Entry]:
    entries: list[_Entry] = []
    kind = 4
    for record in records(data):
        if record.kind == _SLIDE_PERSIST and len(record.data) >= 16:
            persist, number = struct.unpack_from("<I8xI", record.data)
            entries.append(_Entry(persist, number))
        elif record.kind == _TEXT_HEADER and len(record.data) >= 4:
            kind = struct.unpack_from("<I", record.data)[0]
            if entries:
                entries[-1].outline.append(_Text(kind, ""))
        elif record.kind in (_TEXT_CHARS, _TEXT_BYTES) and entries and entries[-1].outline:
            entries[-1].outline[-1].text = _decoded(record)
    return entries


def _decoded(record: Record) -> str:
    text = record.data.decode("utf-16-le" if record.kind == _TEXT_CHARS else "latin-1", "replace")
    return text.replace("\x0b", "\n")


class _Drawing:
    """The shapes of one slide; `used` are the texts of the outline that they show."""

    def __init__(self, outline: list[_Text]) -> None:
        self._outline = outline
        self.used: set[int] = set()

    def read(self, slide: bytes) -> list[Flow]:
        """The flow of a slide's or a notes page's container."""
        flow: list[Flow] = []
        for drawing in find(slide, _DRAWING):
            flow.extend(self._shapes(drawing.data, 0))
        return flow

    def _shapes(self, data: bytes, depth: int) -> list[Flow]:
        if depth > MAX_DEPTH:
            return []
        flow: list[Flow] = []
        for record in records(data):
            if record.kind == _GROUP and _is_table(record.data):
                flow.append(self._table(record.data))
            elif record.kind == _SHAPE:
                flow.extend(self._shape(record.data))
            elif record.is_container:
                flow.extend(self._shapes(record.data, depth + 1))
        return flow

    def _shape(self, data: bytes) -> list[Flow]:
        return [part for box in records(data) if box.kind == _TEXT_BOX for part in self._box(box.data)]

    def _box(self, data: bytes) -> list[Flow]:
        flow: list[Flow] = []
        kind = 4
        for record in records(data):
            if record.kind == _TEXT_HEADER and len(record.data) >= 4:
                kind = struct.unpack_from("<I", record.data)[0]
            elif record.kind in (_TEXT_CHARS, _TEXT_BYTES):
                flow.extend(_paragraphs(_Text(kind, _decoded(record))))
            elif record.kind == _OUTLINE_REF and len(record.data) >= 4:
                index = struct.unpack_from("<I", record.data)[0]
                if index < len(self._outline) and index not in self.used:
                    self.used.add(index)
                    flow.extend(_paragraphs(self._outline[index]))
        return flow

    def _table(self, data: bytes) -> Grid:
        """A group of shapes that PowerPoint marks as a table: their places make the rows and columns."""
        placed: list[tuple[tuple[int, int, int, int], list[Flow]]] = []
        for shape in records(data):
            anchor = next((record for record in records(shape.data) if record.kind == _CHILD_ANCHOR), None)
            content = self._shape(shape.data) if shape.kind == _SHAPE else []
            if anchor is not None and len(anchor.data) >= 16 and content:
                placed.append((struct.unpack_from("<4i", anchor.data), content))
        rows = sorted({box[1] for box, _ in placed})
        columns = sorted({box[0] for box, _ in placed})
        return Grid(
            [
                GridCell(
                    rows.index(top),
                    columns.index(left),
                    content,
                    max(sum(top <= row < bottom for row in rows), 1),
                    max(sum(left <= column < right for column in columns), 1),
                )
                for (left, top, right, bottom), content in placed
            ]
        )


def _is_table(group: bytes) -> bool:
    """Whether the group's own shape carries table properties."""
    first = next((record for record in records(group) if record.kind == _SHAPE), None)
    for options in records(first.data) if first is not None else ():
        if options.kind == _TERTIARY:
            for at in range(0, min(6 * options.instance, len(options.data) - 5), 6):
                if struct.unpack_from("<H", options.data, at)[0] & 0x3FFF == _TABLE_PROPERTY:
                    return True
    return False


def _paragraphs(text: _Text) -> list[Flow]:
    if text.kind in _TITLES:
        title = " ".join(text.text.split())
        return [Paragraph(title, "heading", 1)] if title and title != "*" else []
    listed = text.kind in _BODIES
    return [
        Paragraph(f"• {line}", "list_item") if listed else Paragraph(line)
        for line in text.text.split("\r")
        if line.strip() and line.strip() != "*"
    ]
