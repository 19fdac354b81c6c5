"""PowerPoint's binary records: a header of type and length, nested ([MS-PPT] 2.3.1, drawings by [MS-ODRAW])."""

import struct
from collections.abc import Iterator
from typing import NamedTuple

from ementa.extraction.errors import FileCorrupt

_CONTAINER = 0xF
MAX_DEPTH = 40


class Record(NamedTuple):
    """One record: its bytes without the header."""

    kind: int
    instance: int
    data: bytes
    is_container: bool


def records(data: bytes) -> Iterator[Record]:
    """The records that follow one another; stops where one claims more than there is."""
    at = 0
    while at + 8 <= len(data):
        found = record_at(data, at)
        if found is None:
            return
        yield found
        at += 8 + len(found.data)


def record_at(data: bytes, at: int) -> Record | None:
    """The record at an offset, or None when it does not fit."""
    if at < 0 or at + 8 > len(data):
        return None
    head, kind, size = struct.unpack_from("<HHI", data, at)
    if at + 8 + size > len(data):
        return None
    return Record(kind, head >> 4, data[at + 8 : at + 8 + size], head & 0xF == _CONTAINER)


def find(data: bytes, kind: int, depth: int = 0) -> Iterator[Record]:
    """Every record of a kind at any depth, in order."""
    if depth > MAX_DEPTH:
        return
    for record in records(data):
        if record.kind == kind:
            yield record
        elif record.is_container:
            yield from find(record.data, kind, depth + 1)


def persist_offsets(stream: bytes, edit: int) -> tuple[int, dict[int, int]]:
    """The document's object number, and where the newest version of every object stands ([MS-PPT] 2.1.2).

    `edit` is the offset of the last edit. Raises `FileCorrupt` when the chain of edits is broken.
    """
    offsets: dict[int, int] = {}
    document = 0
    seen: set[int] = set()
    while edit and edit not in seen and len(seen) < 1000:
        seen.add(edit)
        atom = record_at(stream, edit)
        if atom is None or atom.kind != 4085 or len(atom.data) < 24:
            break
        previous, directory, number = struct.unpack_from("<8xIII", atom.data)
        document = document or number
        table = record_at(stream, directory)
        if table is not None and table.kind == 6002:
            for key, value in _directory(table.data):
                offsets.setdefault(key, value)
        edit = previous
    if not offsets:
        raise FileCorrupt(cause="PowerPoint: no directory of objects")
    return document, offsets


def _directory(data: bytes) -> Iterator[tuple[int, int]]:
    at = 0
    while at + 4 <= len(data):
        head = struct.unpack_from("<I", data, at)[0]
        first, count = head & 0xFFFFF, head >> 20
        at += 4
        for index in range(count):
            if at + 4 > len(data):
                return
            yield first + index, struct.unpack_from("<I", data, at)[0]
            at += 4
