"""Rich Text Format: paragraphs, headings, lists, tables, notes, headers. A reader of our own, in linear time.

The usual library needs time beyond any bound on a crafted file and loses tables, headers and notes.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

from ementa.extraction.base import Context, Reading
from ementa.extraction.errors import FileCorrupt, TooDeep
from ementa.extraction.extractors.rtf_tokens import CHARACTERS, CHARSETS, IGNORED, SYMBOLS, Token, codec, tokens
from ementa.extraction.native import Flow, Grid, GridCell, PageBreak, PageBuilder, Paragraph
from ementa.extraction.scoring import score
from ementa.extraction.types import BlockKind

_MAX_DEPTH = 2000
_HEADING = re.compile(r"^(?:heading|t[ií]tulo) ([1-6])$", re.IGNORECASE)
_MARGINS = {"header", "headerl", "headerr", "headerf", "footer", "footerl", "footerr", "footerf"}
_NOTES = {"footnote", "annotation"}
_INFO = {"title", "author", "subject", "keywords"}
_STARRED_AND_SHOWN = {"shpinst", "annotation", "pntext", "shptxt", "fldrslt"}


class Rtf:
    """Reads .rtf files, and those that Word saved under .doc."""

    name = "rtf"
    version = "1"

    def score(self, media_type: str, filename: str) -> int:
        """100 for RTF's media types."""
        return score(media_type, filename, ("application/rtf", "text/rtf", "text/richtext"), (".rtf",))

    def extract(self, path: Path, context: Context) -> Reading:
        """Read the document; raises `FileCorrupt` when it does not begin as RTF does."""
        data = path.read_bytes()
        if not data.lstrip(b"\xef\xbb\xbf \r\n\t").startswith(b"{\\rt"):
            raise FileCorrupt(cause="RTF: no {\\rtf at the start")
        reader = _Reader()
        flow = reader.read(data)
        builder = PageBuilder(context.limits)
        builder.add(*flow)
        return Reading(builder.pages(), reader.info)


def read_rtf(data: bytes) -> list[Flow]:
    """The document as a flow."""
    return _Reader().read(data)


@dataclass(slots=True)
class _State:
    """What a group inherits and gives back at its end."""

    hidden: bool = False
    destination: str = ""
    charset: str = ""
    skip: int = 1
    starred: bool = False


@dataclass(slots=True)
class _Sheet:
    """Where text goes: the body, a header, a note."""

    kind: str = ""
    depth: int = 0
    flow: list[Flow] = field(default_factory=lambda: [])
    parts: list[str] = field(default_factory=lambda: [])
    cell: list[Flow] = field(default_factory=lambda: [])
    row: list[list[Flow]] = field(default_factory=lambda: [])
    grid: list[GridCell] = field(default_factory=lambda: [])
    rows: int = 0
    in_table: bool = False
    style: int = 0
    outline: int | None = None
    listed: bool = False
    level: int = 0


class _Reader:
    def __init__(self) -> None:
        self.info: dict[str, str] = {}
        self._state = _State(charset="cp1252")
        self._stack: list[_State] = []
        self._sheets = [_Sheet()]
        self._notes: list[Flow] = []
        self._headers: list[Flow] = []
        self._footers: list[Flow] = []
        self._fonts: dict[int, str] = {}
        self._font = 0
        self._styles: dict[int, int] = {}
        self._style = 0
        self._named: list[str] = []
        self._default = "cp1252"
        self._bytes = bytearray()
        self._skip = 0

    @property
    def _sheet(self) -> _Sheet:
        return self._sheets[-1]

    def read(self, data: bytes) -> list[Flow]:
        """The whole document: headers, body, footers."""
        for token in tokens(data):
            if token.text:
                self._take_text(token)
            elif token.brace == "{":
                self._open()
            elif token.brace:
                self._close()
                if not self._stack:
                    break
            elif token.symbol:
                self._take_symbol(token.symbol)
            elif token.word:
                self._take_word(token.word, token.number)
        while len(self._sheets) > 1:
            self._end_sheet()
        self._paragraph()
        self._end_table()
        return [*self._headers, *self._sheets[0].flow, *self._notes, *self._footers]

    # Groups --------------------------------------------------------------------------------------------------------
    def _open(self) -> None:
        if len(self._stack) >= _MAX_DEPTH:
            raise TooDeep(limit=_MAX_DEPTH)
        self._flush()
        self._stack.append(replace(self._state, starred=False))
        self._state = replace(self._state, starred=False)
        self._skip = 0

    def _close(self) -> None:
        self._flush()
        if self._state.destination == "stylesheet" and self._named:
            self._name_style("".join(self._named))
            self._named.clear()
        if self._state.destination in _INFO and self._named:
            self.info[self._state.destination] = "".join(self._named).strip()
            self._named.clear()
        if len(self._sheets) > 1 and self._sheet.depth == len(self._stack):
            self._end_sheet()
        if self._stack:
            self._state = self._stack.pop()
        self._skip = 0

    def _end_sheet(self) -> None:
        self._paragraph()
        self._end_table()
        sheet = self._sheets.pop()
        if sheet.kind in _NOTES:
            self._notes.extend(sheet.flow)
            return
        kind: BlockKind = "header" if sheet.kind.startswith("header") else "footer"
        kept = self._headers if kind == "header" else self._footers
        for part in sheet.flow:
            if isinstance(part, Paragraph):
                part.kind = kind
            if part not in kept:
                kept.append(part)

    def _name_style(self, name: str) -> None:
        found = _HEADING.match(name.strip().rstrip(";").split(",")[0])
        if found:
            self._styles[self._style] = int(found[1])

    # Text ----------------------------------------------------------------------------------------------------------
    def _take_text(self, token: Token) -> None:
        text = token.text
        if self._skip:
            taken = min(self._skip, len(text))
            self._skip -= taken
            text = text[taken:]
        if text and not self._state.hidden:
            self._bytes += text

    def _take_symbol(self, symbol: str) -> None:
        if symbol == "*":
            self._state.starred = True
        elif symbol in ("\n", "\r"):
            self._paragraph()
        elif symbol in SYMBOLS:
            self._write(SYMBOLS[symbol])

    def _write(self, text: str) -> None:
        """Text that needs no decoding."""
        if self._skip:
            self._skip -= 1
            return
        self._flush()
        self._put(text)

    def _flush(self) -> None:
        """Decode the bytes gathered so far: two of them may make one character."""
        if self._bytes:
            charset = self._state.charset or self._default
            self._put(self._bytes.decode(charset, "replace"))
            self._bytes.clear()

    def _put(self, text: str) -> None:
        if self._state.hidden:
            return
        if self._state.destination in ("stylesheet", *_INFO):
            self._named.append(text)
        elif self._state.destination not in ("fonttbl", "info"):
            self._sheet.parts.append(text)

    # Words ---------------------------------------------------------------------------------------------------------
    def _take_word(self, word: str, number: int | None) -> None:
        if word == "u" and number is not None:
            self._take_unicode(number)
            return
        if self._skip and word in CHARACTERS:
            self._skip -= 1
            return
        if self._state.starred:
            self._state.starred = False
            self._state.hidden = self._state.hidden or word not in _STARRED_AND_SHOWN
        if word in IGNORED:
            self._flush()
            self._state.hidden = True
        elif word in CHARACTERS:
            self._write(CHARACTERS[word])
        elif word in _MARGINS or word in _NOTES:
            self._begin_sheet(word)
        else:
            action = _ACTIONS.get(word)
            if action is not None:
                self._flush()
                action(self, number)
            elif word in ("fonttbl", "stylesheet", "info", *_INFO):
                self._flush()
                self._state.destination = word

    def _take_unicode(self, number: int) -> None:
        self._flush()
        self._skip = 0
        value = number + 0x10000 if number < 0 else number
        if 0 < value < 0x110000 and not self._state.hidden:
            self._put(chr(value))
        self._skip = self._state.skip

    def _begin_sheet(self, word: str) -> None:
        self._flush()
        if not self._state.hidden and len(self._sheets) < 20:
            self._sheets.append(_Sheet(word, len(self._stack)))

    def set_font(self, number: int | None) -> None:
        """`\\f`: text goes on in this font's character set."""
        self._font = number or 0
        if self._state.destination != "fonttbl":
            self._state.charset = self._fonts.get(self._font, "")

    def set_font_charset(self, number: int | None) -> None:
        """`\\fcharset`, in the table of fonts."""
        if number in CHARSETS and number != 0:
            self._fonts[self._font] = CHARSETS[number or 0]

    def set_code_page(self, number: int | None) -> None:
        """`\\ansicpg`."""
        self._default = codec(number or 1252)
        self._state.charset = ""

    def set_skip(self, number: int | None) -> None:
        """`\\uc`: how many bytes stand in for a Unicode character."""
        self._state.skip = min(max(number if number is not None else 1, 0), 8)

    def set_style(self, number: int | None) -> None:
        """`\\s`: in the style sheet the style being named, else the paragraph's."""
        self._style = number or 0
        self._sheet.style = self._style

    def hide(self, number: int | None) -> None:
        """`\\v`, `\\deleted`: text not shown."""
        self._state.hidden = number != 0

    def reset_paragraph(self, _number: int | None) -> None:
        """`\\pard`."""
        sheet = self._sheet
        sheet.in_table, sheet.style, sheet.outline, sheet.level = False, 0, None, 0

    def enter_table(self, _number: int | None) -> None:
        """`\\intbl`."""
        self._sheet.in_table = True

    def mark_listed(self, _number: int | None) -> None:
        """`\\listtext`, `\\pntext`: what follows is an item's label."""
        self._sheet.listed = True

    def set_level(self, number: int | None) -> None:
        """`\\ilvl`."""
        self._sheet.level = min(max(number or 0, 0), 8)

    def set_outline(self, number: int | None) -> None:
        """`\\outlinelevel`."""
        self._sheet.outline = number

    def end_paragraph(self, _number: int | None) -> None:
        """`\\par`."""
        if not self._state.hidden:
            self._paragraph()

    def end_cell(self, _number: int | None) -> None:
        """`\\cell`."""
        sheet = self._sheet
        sheet.in_table = True
        self._paragraph()
        sheet.row.append(sheet.cell)
        sheet.cell = []

    def end_row(self, _number: int | None) -> None:
        """`\\row`."""
        sheet = self._sheet
        sheet.grid.extend(GridCell(sheet.rows, at, content) for at, content in enumerate(sheet.row) if content)
        sheet.rows += 1
        sheet.row, sheet.cell = [], []

    def break_page(self, _number: int | None) -> None:
        """`\\page`, `\\sect`."""
        self._paragraph()
        if len(self._sheets) == 1 and not self._sheet.in_table:
            self._end_table()
            self._sheet.flow.extend(self._notes)
            self._notes = []
            self._sheet.flow.append(PageBreak(kind="soft"))

    # Blocks --------------------------------------------------------------------------------------------------------
    def _paragraph(self) -> None:
        self._flush()
        sheet = self._sheet
        text = "".join(sheet.parts).encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
        sheet.parts.clear()
        listed, sheet.listed = sheet.listed, False
        if not text.strip():
            return
        heading = self._styles.get(sheet.style, 0)
        if sheet.outline is not None and 0 <= sheet.outline < 6:
            heading = sheet.outline + 1
        part = Paragraph(text)
        if listed:
            part = Paragraph(text, "list_item", sheet.level)
        elif heading:
            part = Paragraph(text, "heading", heading)
        if sheet.in_table:
            sheet.cell.append(part)
            return
        self._end_table()
        sheet.flow.append(part)

    def _end_table(self) -> None:
        sheet = self._sheet
        if sheet.row or sheet.cell:
            sheet.row.append(sheet.cell)
            self.end_row(None)
        if sheet.grid:
            sheet.flow.append(Grid(sheet.grid))
            sheet.grid, sheet.rows = [], 0


_ACTIONS: dict[str, Callable[[_Reader, int | None], None]] = {
    "f": _Reader.set_font,
    "fcharset": _Reader.set_font_charset,
    "ansicpg": _Reader.set_code_page,
    "uc": _Reader.set_skip,
    "s": _Reader.set_style,
    "v": _Reader.hide,
    "deleted": _Reader.hide,
    "pard": _Reader.reset_paragraph,
    "intbl": _Reader.enter_table,
    "listtext": _Reader.mark_listed,
    "pntext": _Reader.mark_listed,
    "ilvl": _Reader.set_level,
    "outlinelevel": _Reader.set_outline,
    "par": _Reader.end_paragraph,
    "cell": _Reader.end_cell,
    "row": _Reader.end_row,
    "page": _Reader.break_page,
    "sect": _Reader.break_page,
}
