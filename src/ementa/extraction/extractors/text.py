"""Plain text and Markdown. Plain text keeps its columns: what stands aligned in the file stands aligned on the page."""

import re
from pathlib import Path

from ementa.extraction.base import Context, Reading
from ementa.extraction.decoding import decode_text
from ementa.extraction.native import Flow, Grid, GridCell, PageBreak, PageBuilder, Paragraph
from ementa.extraction.scoring import score

_MARKDOWN = ("text/markdown", "text/x-markdown")
_HEADING = re.compile(r"^ {0,3}(#{1,6})\s+(.*?)\s*#*\s*$")
_ITEM = re.compile(r"^(\s*)(?:[-*+]|(\d{1,9}[.)]))\s+(.*)$")
_RULE = re.compile(r"^\s*([-*_=])(\s*\1){2,}\s*$")
_TABLE_RULE = re.compile(r"^\s*\|?\s*:?-+:?\s*(\|\s*:?-+:?\s*)*\|?\s*$")
_MARKS = re.compile(r"(\*\*|__|``?)(?=\S)(.+?)(?<=\S)\1")
_LINK = re.compile(r"!?\[([^\[\]]{0,500})\]\(([^()\s]{0,2000})(?:\s+\"[^\"]{0,500}\")?\)")
_ESCAPE = re.compile(r"\\([\\`*_{}\[\]()#+\-.!|<>~])")


class Text:
    """Reads plain text and Markdown."""

    name = "text"
    version = "1"

    def score(self, media_type: str, filename: str) -> int:
        """100 for plain text and Markdown, 10 for any other text."""
        found = score(media_type, filename, ("text/plain", *_MARKDOWN), (".txt", ".md", ".log"))
        return found or (10 if media_type.lower().startswith("text/") else 0)

    def extract(self, path: Path, context: Context) -> Reading:
        """Read the text; a form feed begins a page."""
        text = decode_text(path.read_bytes())
        builder = PageBuilder(context.limits)
        if context.media_type.lower() in _MARKDOWN or context.filename.lower().endswith((".md", ".markdown")):
            builder.add(*read_markdown(text))
        else:
            builder.add(*read_plain(text))
        return Reading(builder.pages())


def read_plain(text: str) -> list[Flow]:
    """Paragraphs are what blank lines divide; spaces are kept."""
    flow: list[Flow] = []
    for at, sheet in enumerate(text.split("\f")):
        if at:
            flow.append(PageBreak())
        waiting: list[str] = []
        for line in [*sheet.splitlines(), ""]:
            if line.strip():
                waiting.append(line)
            elif waiting:
                flow.append(Paragraph("\n".join(waiting), fixed=True))
                waiting = []
    return flow


def read_markdown(text: str) -> list[Flow]:
    """Headings, lists, tables and code; emphasis marks go, the text of links stays."""
    reader = _Markdown()
    for line in [*text.splitlines(), ""]:
        reader.take(line)
    return reader.finish()


class _Markdown:
    def __init__(self) -> None:
        self._flow: list[Flow] = []
        self._waiting: list[str] = []
        self._table: list[list[str]] = []
        self._fence = ""
        self._code: list[str] = []

    def take(self, line: str) -> None:
        """One line of the file."""
        stripped = line.strip()
        if self._fence:
            self._take_code(line, stripped)
        elif stripped.startswith(("```", "~~~")):
            self._end()
            self._fence = stripped[:3]
        elif stripped.startswith("|") or (self._table and "|" in stripped):
            self._end_paragraph()
            self._take_row(stripped)
        else:
            self._end_table()
            self._take_text(line, stripped)

    def finish(self) -> list[Flow]:
        """The whole flow."""
        if self._code:
            self._flow.append(Paragraph("\n".join(self._code), fixed=True))
        self._end()
        return self._flow

    def _take_code(self, line: str, stripped: str) -> None:
        if stripped.startswith(self._fence):
            self._flow.append(Paragraph("\n".join(self._code), fixed=True))
            self._fence, self._code = "", []
        else:
            self._code.append(line)

    def _take_row(self, line: str) -> None:
        if not _TABLE_RULE.match(line):
            self._table.append([_inline(cell) for cell in re.split(r"(?<!\\)\|", line.strip("|"))])

    def _take_text(self, line: str, stripped: str) -> None:
        heading = _HEADING.match(line)
        item = _ITEM.match(line)
        if heading:
            self._end()
            self._flow.append(Paragraph(_inline(heading[2]), "heading", len(heading[1])))
        elif self._waiting and stripped and set(stripped) in ({"="}, {"-"}):
            text = " ".join(self._waiting)
            self._waiting = []
            self._flow.append(Paragraph(_inline(text), "heading", 1 if stripped[0] == "=" else 2))
        elif not stripped or _RULE.match(line):
            self._end()
        elif item:
            self._end()
            self._flow.append(Paragraph(f"{item[2] or '•'} {_inline(item[3])}", "list_item", len(item[1]) // 2))
        else:
            self._waiting.append(stripped.lstrip("> ") if stripped.startswith(">") else stripped)

    def _end(self) -> None:
        self._end_paragraph()
        self._end_table()

    def _end_paragraph(self) -> None:
        if self._waiting:
            self._flow.append(Paragraph("\n".join(_inline(line) for line in self._waiting)))
            self._waiting = []

    def _end_table(self) -> None:
        if self._table:
            cells = [
                GridCell(row, column, [Paragraph(text)])
                for row, texts in enumerate(self._table)
                for column, text in enumerate(texts)
                if text
            ]
            self._flow.append(Grid(cells, header_rows=1))
            self._table = []


def _inline(text: str) -> str:
    return _ESCAPE.sub(r"\1", _MARKS.sub(r"\2", _LINK.sub(r"\1", text))).strip()
