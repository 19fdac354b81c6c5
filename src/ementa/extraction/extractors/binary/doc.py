"""Word 97 to 2003: the text by the piece table, with tables, headings, notes, headers, comments and text boxes.

[MS-DOC] 2.4.1 tells how text is found: File Information Block → Clx → pieces.
"""

import struct
from bisect import bisect_right
from dataclasses import dataclass, field
from pathlib import Path

import olefile

from ementa.extraction.archives import Ole, open_ole
from ementa.extraction.base import Context, Reading
from ementa.extraction.errors import FileCorrupt, FileEncrypted, FormatUnsupported
from ementa.extraction.extractors.binary.doc_formatting import ParagraphFormat, read_paragraphs, read_unseen
from ementa.extraction.locks import is_locked_package
from ementa.extraction.native import Flow, Grid, GridCell, PageBreak, PageBuilder, Paragraph
from ementa.extraction.scoring import score
from ementa.extraction.types import BlockKind

_MAGIC, _WORD_97 = 0xA5EC, 0xC1
_ENCRYPTED, _SECOND_TABLE = 0x0100, 0x0200
_COUNTS = 0x4C
"""Where the lengths of the parts of the text stand: main, footnotes, headers, macros, comments, endnotes, boxes…"""
_CHARACTERS, _PARAGRAPHS, _HEADERS, _PIECES = 0xFA, 0x102, 0xF2, 0x1A2
_OLD = ((b"\xffWPC", "WordPerfect"), (b"\xdb\xa5", "Word 2"), (b"\x31\xbe", "Write"), (b"\xbe\x31", "Word for DOS"))
_FIELD, _RESULT, _FIELD_END, _CELL, _PAGE, _END = "\x13", "\x14", "\x15", "\x07", "\x0c", "\r"
_REPLACED = str.maketrans({"\x0b": "\n", "\x0e": "\n", "\x1e": "-", "\x1f": "", "\x01": "", "\x02": "", "\x05": "",
                           "\x08": "", "\x03": "", "\x04": ""})  # fmt: skip


class Doc:
    """Reads .doc files of Word 97 to 2003."""

    name = "doc"
    version = "1"

    def score(self, media_type: str, filename: str) -> int:
        """100 for Word's old media type."""
        return score(media_type, filename, ("application/msword",), (".doc", ".dot"))

    def extract(self, path: Path, context: Context) -> Reading:
        """Read the document. Raises `FileEncrypted`, and `FormatUnsupported` for Word before 97 and WordPerfect."""
        data = path.read_bytes()
        _refuse_old(data)
        with open_ole(data, context.limits) as ole:
            if is_locked_package(ole):
                raise FileEncrypted
            document = _Document(ole)
            builder = PageBuilder(context.limits)
            builder.add(*document.read())
            return Reading(builder.pages(), ole.metadata())


def _refuse_old(data: bytes) -> None:
    if data.startswith(olefile.MAGIC):
        return
    for start, name in _OLD:
        if data.startswith(start):
            raise FormatUnsupported(found=name, instead=".docx")


@dataclass(slots=True)
class _Piece:
    """A stretch of characters: where it begins in the text and in the file."""

    first: int
    last: int
    position: int
    wide: bool


@dataclass(slots=True)
class _Table:
    cells: list[GridCell] = field(default_factory=lambda: [])
    row: int = 0
    column: int = 0
    content: list[Flow] = field(default_factory=lambda: [])


class _Document:
    def __init__(self, ole: Ole) -> None:
        if "WordDocument" not in ole:
            raise _without_word(ole)
        self._stream = ole.read("WordDocument")
        if len(self._stream) < _PIECES + 8:
            raise FileCorrupt(cause="Word: file information block")
        magic, version = struct.unpack_from("<HH", self._stream)
        if magic != _MAGIC or version < _WORD_97:
            raise FormatUnsupported(found="Word 6/95", instead=".docx")
        flags = struct.unpack_from("<H", self._stream, 0x0A)[0]
        if flags & _ENCRYPTED:
            raise FileEncrypted
        self._tables = ole.read("1Table" if flags & _SECOND_TABLE else "0Table")
        self._pieces = self._read_pieces()
        self._paragraphs = read_paragraphs(self._stream, self._part(_PARAGRAPHS))
        self._unseen = read_unseen(self._stream, self._part(_CHARACTERS))

    def read(self) -> list[Flow]:
        """Headers, the text, boxes, notes, comments, footers."""
        main, footnotes, headers, macros, comments, endnotes, boxes = (
            max(count, 0) for count in struct.unpack_from("<7i", self._stream, _COUNTS)
        )
        starts = [0]
        for count in (main, footnotes, headers, macros, comments, endnotes, boxes):
            starts.append(starts[-1] + count)
        above, below = self._margins(starts[2], headers)
        flow = [*above, *self._flow(0, main)]
        for index in (6, 1, 5, 4):  # boxes, footnotes, endnotes, comments
            flow.extend(self._flow(starts[index], starts[index + 1]))
        return [*flow, *below]

    # The file ------------------------------------------------------------------------------------------------------
    def _part(self, at: int) -> bytes:
        """A structure in the table stream, by where the information block names it."""
        offset, size = struct.unpack_from("<II", self._stream, at)
        return self._tables[offset : offset + size]

    def _read_pieces(self) -> list[_Piece]:
        clx = self._part(_PIECES)
        at = 0
        while at + 3 <= len(clx) and clx[at] == 1:
            at += 3 + struct.unpack_from("<H", clx, at + 1)[0]
        if at + 5 > len(clx) or clx[at] != 2:
            raise FileCorrupt(cause="Word: piece table")
        table = clx[at + 5 : at + 5 + struct.unpack_from("<I", clx, at + 1)[0]]
        count = (len(table) - 4) // 12
        pieces: list[_Piece] = []
        for index in range(max(count, 0)):
            first, last = struct.unpack_from("<II", table, 4 * index)
            position = struct.unpack_from("<I", table, 4 * (count + 1) + 8 * index + 2)[0]
            wide = not position & 0x4000_0000
            position = position & 0x3FFF_FFFF
            if first < last:
                pieces.append(_Piece(first, last, position if wide else position // 2, wide))
        pieces.sort(key=lambda piece: piece.first)
        return pieces

    def _text(self, first: int, last: int) -> tuple[str, list[int]]:
        """Characters `first:last` of the text, and the file position of each; overlapping pieces are not repeated."""
        parts: list[str] = []
        positions: list[int] = []
        at = max(bisect_right([piece.first for piece in self._pieces], first) - 1, 0)
        for piece in self._pieces[at:]:
            begin, end = max(first, piece.first), min(last, piece.last)
            if begin >= end:
                if piece.first >= last:
                    break
                continue
            size = 2 if piece.wide else 1
            start = piece.position + (begin - piece.first) * size
            data = self._stream[start : start + (end - begin) * size]
            text = data.decode("utf-16-le", "surrogatepass") if piece.wide and len(data) % 2 == 0 else ""
            if not piece.wide:
                text = data.decode("cp1252", "replace")
            parts.append(text)
            positions.extend(start + size * index for index in range(len(text)))
            first = end
        return "".join(parts), positions

    # The text ------------------------------------------------------------------------------------------------------
    def _flow(self, first: int, last: int) -> list[Flow]:
        """A part of the text as a flow."""
        text, positions = self._text(first, last)
        flow: list[Flow] = []
        table = _Table()
        fields: list[bool] = []
        kept: list[str] = []
        for char, position in zip(text, positions, strict=False):
            if char in (_END, _CELL, _PAGE):
                style = self._paragraphs.at(position)
                form = style if isinstance(style, ParagraphFormat) else ParagraphFormat()
                self._end_paragraph(char, "".join(kept), form, flow, table)
                kept.clear()
            elif not _in_field(char, fields) and not self._unseen.at(position):
                kept.append(char)
        self._end_paragraph(_END, "".join(kept), ParagraphFormat(), flow, table)
        return flow

    def _end_paragraph(self, mark: str, raw: str, form: ParagraphFormat, flow: list[Flow], table: _Table) -> None:
        text = raw.translate(_REPLACED).encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
        part = _paragraph(text, form)
        if form.ends_row:
            _end_row(table)
        elif mark == _CELL:
            if part is not None:
                table.content.append(part)
            table.cells.append(GridCell(table.row, table.column, table.content))
            table.column += 1
            table.content = []
        elif form.in_table and part is not None:
            table.content.append(part)
        elif not form.in_table:
            _end_table(flow, table)
            if form.breaks_before:
                flow.append(PageBreak(kind="soft"))
            if part is not None:
                flow.append(part)
            if mark == _PAGE:
                flow.append(PageBreak(kind="soft"))

    def _margins(self, start: int, length: int) -> tuple[list[Flow], list[Flow]]:
        """Headers and footers, each text once: after six separators of notes, six stories a section, [MS-DOC] 2.3.5."""
        places = self._part(_HEADERS)
        count = len(places) // 4
        above: list[Flow] = []
        below: list[Flow] = []
        seen: set[str] = set()
        positions = struct.unpack_from(f"<{count}I", places) if count else ()
        for index in range(6, count - 1):
            first, last = positions[index], min(positions[index + 1], length)
            is_footer = index % 6 in (2, 3, 5)
            for part in self._flow(start + first, start + last) if first < last else []:
                kind: BlockKind = "footer" if is_footer else "header"
                if isinstance(part, Paragraph) and part.text not in seen:
                    seen.add(part.text)
                    (below if is_footer else above).append(Paragraph(part.text, kind))
                elif isinstance(part, Grid):
                    (below if is_footer else above).append(part)
        return above, below


def _without_word(ole: Ole) -> FileCorrupt | FormatUnsupported:
    names = {name.lower() for name in ole.names()}
    if any("perfect" in name for name in names):
        return FormatUnsupported(found="WordPerfect", instead=".docx")
    return FileCorrupt(cause="no Word document inside")


def _in_field(char: str, fields: list[bool]) -> bool:
    """Follow fields: what stands before their result is an instruction, and their marks are not text."""
    if char == _FIELD:
        fields.append(True)
    elif char == _RESULT and fields:
        fields[-1] = False
    elif char == _FIELD_END and fields:
        fields.pop()
    else:
        return any(fields[-20:])
    return True


def _paragraph(text: str, form: ParagraphFormat) -> Paragraph | None:
    if not text.strip():
        return None
    if form.outline < 6:
        return Paragraph(text, "heading", form.outline + 1)
    if 1 <= form.style <= 9:  # the first styles of every document are its headings, [MS-DOC] 2.9.271
        return Paragraph(text, "heading", min(form.style, 6))
    return Paragraph(text, "list_item", form.level) if form.listed else Paragraph(text)


def _end_row(table: _Table) -> None:
    table.content = []
    table.row += 1
    table.column = 0


def _end_table(flow: list[Flow], table: _Table) -> None:
    if table.cells:
        flow.append(Grid(list(table.cells)))
    if table.content:
        flow.extend(table.content)
    table.cells, table.row, table.column, table.content = [], 0, 0, []
