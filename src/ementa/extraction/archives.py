"""Containers from strangers: zip and OLE files read within limits, XML without entities, DTD or network.

A zip's own words about sizes are not believed: what is decompressed is counted while it is read.
"""

import contextlib
import io
import struct
import zipfile
import zlib
from collections.abc import Generator
from pathlib import Path
from typing import Any, cast

import olefile
from lxml import etree as _untyped_etree  # pyright: ignore[reportAttributeAccessIssue, reportUnknownVariableType]

from ementa.extraction.base import Limits
from ementa.extraction.errors import DecompressionBomb, FileCorrupt, FileEncrypted, TooDeep

etree: Any = cast("Any", _untyped_etree)

_CHUNK = 1 << 18
_RATIO_FROM = 1_000_000
"""Below this size a high ratio harms nobody."""
_BROKEN_ZIP = (
    zipfile.BadZipFile, zipfile.LargeZipFile, zlib.error, EOFError, OSError, ValueError, NotImplementedError,
    struct.error,
)  # fmt: skip
MAX_XML_DEPTH = 256
"""libxml2's own limit when it is not told to accept huge trees."""

Element = Any
"""An lxml element; the library ships no types."""


class Zip:
    """A zip file whose members are read by name within `limits`, case-insensitively, with or without a leading `/`."""

    def __init__(self, archive: zipfile.ZipFile, limits: Limits) -> None:
        self._archive = archive
        self._limits = limits
        self._left = limits.max_decompressed_bytes
        self._members: dict[str, zipfile.ZipInfo] = {}
        for info in archive.infolist():
            self._members.setdefault(_key(info.filename), info)

    def names(self) -> list[str]:
        """Every member's name, as the archive spells it."""
        return [info.filename for info in self._members.values()]

    def __contains__(self, name: str) -> bool:
        return _key(name) in self._members

    def read(self, name: str) -> bytes:
        """The member's bytes; raises `FileCorrupt` when it is missing, `DecompressionBomb` past a limit."""
        info = self._members.get(_key(name))
        if info is None:
            raise FileCorrupt(cause=f"missing part {name[:100]}")
        if info.flag_bits & 0x1:
            raise FileEncrypted
        parts: list[bytes] = []
        size = 0
        try:
            with self._archive.open(info) as member:
                while chunk := member.read(_CHUNK):
                    size += len(chunk)
                    self._check(size, info)
                    parts.append(chunk)
        except _BROKEN_ZIP as error:
            raise FileCorrupt(cause=f"{info.filename[:100]}: {error}") from error
        self._left -= size
        return b"".join(parts)

    def xml(self, name: str) -> Element:
        """The member's root element, parsed by `parse_xml`."""
        return parse_xml(self.read(name), name)

    def _check(self, size: int, info: zipfile.ZipInfo) -> None:
        if size > self._left:
            raise DecompressionBomb(cause=f"more than {self._limits.max_decompressed_bytes} bytes")
        if size > _RATIO_FROM and size > self._limits.max_ratio * max(info.compress_size, 1):
            raise DecompressionBomb(cause=f"{info.filename[:100]} grows more than {self._limits.max_ratio} times")


def _key(name: str) -> str:
    return name.replace("\\", "/").lstrip("/").lower()


@contextlib.contextmanager
def open_zip(source: Path | bytes, limits: Limits) -> Generator[Zip]:
    """A zip file; raises `FileCorrupt` when it is none, `DecompressionBomb` for too many members."""
    try:
        archive = zipfile.ZipFile(io.BytesIO(source) if isinstance(source, bytes) else source)
    except _BROKEN_ZIP as error:
        raise FileCorrupt(cause=f"zip: {error}") from error
    with archive:
        if len(archive.infolist()) > limits.max_members:
            raise DecompressionBomb(cause=f"more than {limits.max_members} members")
        yield Zip(archive, limits)


def parse_xml(data: bytes, name: str = "xml") -> Element:
    """The root element of XML from a stranger: no DTD, no entities, no network, no huge tree, no comments.

    Raises `TooDeep` past 256 levels and `FileCorrupt` when it is not well-formed.
    """
    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, dtd_validation=False, huge_tree=False,
        remove_comments=True, remove_pis=True,
    )  # fmt: skip
    try:
        root: Element = etree.fromstring(data, parser)
    except (etree.XMLSyntaxError, ValueError) as error:
        if "Excessive depth" in str(error):
            raise TooDeep(limit=MAX_XML_DEPTH) from error
        raise FileCorrupt(cause=f"{name[:100]}: {str(error)[:200]}") from error
    if root is None:
        raise FileCorrupt(cause=f"{name[:100]}: no element")
    return root


class Ole:
    """An OLE compound file (Word, Excel, PowerPoint 97; Outlook), its streams read within `limits`."""

    def __init__(self, file: Any, limits: Limits) -> None:
        self._file = file
        self._left = limits.max_decompressed_bytes

    def __contains__(self, name: str) -> bool:
        return bool(self._file.exists(name)) and self._file.get_type(name) == olefile.STGTY_STREAM

    def names(self) -> list[str]:
        """Every stream's path, parts joined by `/`."""
        return ["/".join(parts) for parts in self._file.listdir(streams=True, storages=False)]

    def read(self, name: str) -> bytes:
        """The stream's bytes; raises `FileCorrupt` when it is missing or its chain is broken."""
        try:
            size = int(self._file.get_size(name))
            if size > self._left:
                raise DecompressionBomb(cause=f"stream {name[:60]} of {size} bytes")
            self._left -= size
            return bytes(self._file.openstream(name).read())
        except (OSError, ValueError, TypeError, IndexError) as error:
            raise FileCorrupt(cause=f"{name[:60]}: {error}") from error

    def metadata(self) -> dict[str, str]:
        """Title, author, subject and dates from the summary stream, those that can be read."""
        try:
            summary = self._file.get_metadata()
        except (OSError, ValueError, TypeError, IndexError, KeyError, struct.error, OverflowError):
            return {}
        codepage = f"cp{summary.codepage}" if isinstance(summary.codepage, int) else "cp1252"
        found: dict[str, str] = {}
        for name in ("title", "subject", "author", "keywords", "company"):
            value = getattr(summary, name, None)
            if isinstance(value, bytes):
                found[name] = _decode(value, codepage)
        for name, attribute in (("created", "create_time"), ("modified", "last_saved_time")):
            value = getattr(summary, attribute, None)
            if value is not None and hasattr(value, "isoformat"):
                found[name] = value.isoformat()
        return {name: value for name, value in found.items() if value}


def _decode(value: bytes, codepage: str) -> str:
    try:
        text = value.decode("utf-8" if codepage in ("cp65001", "cp-535") else codepage, "replace")
    except LookupError:
        text = value.decode("cp1252", "replace")
    return text.strip("\x00 ").strip()


@contextlib.contextmanager
def open_ole(source: Path | bytes, limits: Limits) -> Generator[Ole]:
    """The OLE file at a path or in memory; raises `FileCorrupt` when it is none or its tables are broken."""
    data = source if isinstance(source, bytes) else source.read_bytes()
    if not data.startswith(olefile.MAGIC):
        raise FileCorrupt(cause="not an OLE file")
    try:
        file = cast("Any", olefile.OleFileIO(io.BytesIO(data)))
    except (OSError, ValueError, IndexError, TypeError, KeyError, struct.error, RecursionError, OverflowError) as error:
        raise FileCorrupt(cause=f"OLE: {error}") from error
    with file:
        yield Ole(file, limits)
