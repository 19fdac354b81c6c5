"""What a workbook of Office Open XML says outside its cells, and how far its cells spread."""

import re

from ementa.extraction.archives import Element, Zip
from ementa.extraction.base import Limits
from ementa.extraction.errors import TooManyWords
from ementa.extraction.extractors.ooxml.package import attribute, child, children, local, number, relationships

MAX_AREA = 10_000_000
"""Cells of the rectangle around everything in a sheet: the library keeps all of it in memory, empty or not."""
_CELL = re.compile(rb"""<(?:\w{1,20}:)?(?:c|row)\s[^>]{0,500}?\br=["']([A-Za-z]{0,3})(\d{1,7})["']""")
_XML_SHEET = re.compile(r"^xl/worksheets/[^/]+\.xml$", re.IGNORECASE)
_BINARY_SHEET = re.compile(r"^xl/worksheets/[^/]+\.bin$", re.IGNORECASE)
_ROW, _LAST_CELL = 0, 11


def check_area(archive: Zip, limits: Limits) -> None:
    """Read every part once within the zip limits; raises `TooManyWords` for sheets whose cells spread too far."""
    for name in archive.names():
        if name.endswith("/"):
            continue
        data = archive.read(name)
        if _XML_SHEET.match(name):
            area = _xml_area(data)
        elif _BINARY_SHEET.match(name):
            area = _binary_area(data)
        else:
            continue
        if area > MAX_AREA:
            raise TooManyWords(limit=limits.max_cells)


def _xml_area(data: bytes) -> int:
    rows = columns = 1
    for cell in _CELL.finditer(data):
        rows = max(rows, int(cell[2]))
        column = 0
        for letter in cell[1].upper():
            column = column * 26 + letter - 64
        columns = max(columns, column)
    return rows * columns


def _binary_area(data: bytes) -> int:
    """Rows and columns of a sheet of [MS-XLSB]: records of a type and a size, both in sevens of bits."""
    at, rows, columns = 0, 1, 1
    while at < len(data):
        kind, at = _seven_bits(data, at, 2)
        size, at = _seven_bits(data, at, 4)
        if kind <= _LAST_CELL:
            value = int.from_bytes(data[at : at + 4], "little")
            if kind == _ROW:
                rows = max(rows, value + 1)
            else:
                columns = max(columns, value + 1)
        at += size
    return rows * columns


def _seven_bits(data: bytes, at: int, most: int) -> tuple[int, int]:
    value = 0
    for shift in range(most):
        if at >= len(data):
            break
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << (7 * shift)
        if not byte & 0x80:
            break
    return value, at


def read_comments(archive: Zip) -> dict[str, list[str]]:
    """Sheet name to its comments, `cell [author]: text`."""
    found: dict[str, list[str]] = {}
    parts = relationships(archive, "xl/workbook.xml")
    persons = _persons(archive, parts)
    for sheet in children(child(archive.xml("xl/workbook.xml"), "sheets"), "sheet"):
        relation = next((str(value) for key, value in sheet.attrib.items() if str(key).endswith("}id")), "")
        part = parts.get(relation, ("", ""))[1]
        if part not in archive:
            continue
        related = [(kind, target) for kind, target in relationships(archive, part).values() if target in archive]
        comments = [
            text
            for kind, target in related
            if kind in ("comments", "threadedComment")
            for text in (_notes if kind == "comments" else _threads)(archive.xml(target), persons)
        ]
        if comments:
            found[attribute(sheet, "name")] = comments
    return found


def _persons(archive: Zip, parts: dict[str, tuple[str, str]]) -> dict[str, str]:
    """Who writes in threads: id to name."""
    return {
        attribute(person, "id"): attribute(person, "displayName")
        for kind, target in parts.values()
        if kind == "person" and target in archive
        for person in children(archive.xml(target), "person")
    }


def _threads(root: Element, persons: dict[str, str]) -> list[str]:
    """Comments of the newer kind, answers included."""
    return [
        _said(attribute(comment, "ref"), persons.get(attribute(comment, "personId"), ""), _text(comment))
        for comment in children(root, "threadedComment")
    ]


def _notes(root: Element, _persons: dict[str, str]) -> list[str]:
    """Comments of the older kind; those that only stand in for a thread are left out."""
    authors = [str(author.text or "") for author in children(child(root, "authors"), "author")]
    lines: list[str] = []
    for comment in children(child(root, "commentList"), "comment"):
        index = number(attribute(comment, "authorId"), -1)
        author = authors[index] if 0 <= index < len(authors) else ""
        if not author.startswith("tc="):
            lines.append(_said(attribute(comment, "ref"), author, _text(comment)))
    return lines


def _text(comment: Element) -> str:
    return "".join(str(run.text or "") for run in comment.iter() if local(run) in ("t", "text"))


def _said(cell: str, author: str, text: str) -> str:
    return f"{cell} [{author}]: {text}" if author else f"{cell}: {text}"
