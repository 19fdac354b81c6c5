"""Parts, relationships and properties of an Office Open XML package (ECMA-376 part 2)."""

import contextlib
import posixpath
from collections.abc import Generator, Iterator
from pathlib import Path

import olefile

from ementa.extraction.archives import Element, Zip, open_ole, open_zip
from ementa.extraction.base import Limits
from ementa.extraction.errors import FileCorrupt, FileEncrypted

_OLE_MAGIC: bytes = olefile.MAGIC


@contextlib.contextmanager
def open_package(path: Path, limits: Limits) -> Generator[Zip]:
    """The package at `path`; raises `FileEncrypted` for one under a password (an OLE file with `EncryptedPackage`)."""
    with path.open("rb") as file:
        start = file.read(len(_OLE_MAGIC))
    if start == _OLE_MAGIC:
        with open_ole(path, limits) as ole:
            if "EncryptedPackage" in ole:
                raise FileEncrypted
        raise FileCorrupt(cause="binary Office content under a new extension")
    with open_zip(path, limits) as archive:
        yield archive


def local(element: Element) -> str:
    """The element's name without its namespace (strict and transitional files differ only there)."""
    tag = element.tag
    return tag.rpartition("}")[2] if isinstance(tag, str) else ""


def attribute(element: Element, name: str, default: str = "") -> str:
    """The attribute of that local name, in whatever namespace."""
    value = element.get(name)
    if value is not None:
        return str(value)
    for key, found in element.attrib.items():
        if str(key).rpartition("}")[2] == name:
            return str(found)
    return default


def child(element: Element | None, *names: str) -> Element | None:
    """The first descendant along a path of local names, or None."""
    for name in names:
        if element is None:
            return None
        element = next((found for found in element if local(found) == name), None)
    return element


def children(element: Element | None, name: str) -> Iterator[Element]:
    """The children of that local name."""
    if element is not None:
        yield from (found for found in element if local(found) == name)


def number(text: str, default: int = 0) -> int:
    """The integer in an attribute, or `default`; kept within what any document can mean."""
    try:
        return max(-1_000_000, min(int(text), 1_000_000))
    except ValueError:
        return default


def relationships(archive: Zip, part: str) -> dict[str, tuple[str, str]]:
    """Id to (last word of the type, target part) of the part's internal relationships."""
    folder, name = posixpath.split(part)
    rels = posixpath.join(folder, "_rels", f"{name}.rels")
    if rels not in archive:
        return {}
    found: dict[str, tuple[str, str]] = {}
    for relation in children(archive.xml(rels), "Relationship"):
        if relation.get("TargetMode") == "External":
            continue
        target = posixpath.normpath(posixpath.join("/", folder, relation.get("Target") or ""))
        found[relation.get("Id") or ""] = ((relation.get("Type") or "").rpartition("/")[2], target.lstrip("/"))
    return found


def main_part(archive: Zip, usual: str) -> str:
    """The part that the package names as its document; `usual` when it names none."""
    for kind, target in relationships(archive, "").values():
        if kind == "officeDocument" and target in archive:
            return target
    if usual in archive:
        return usual
    raise FileCorrupt(cause=f"missing part {usual}")


def core_properties(archive: Zip) -> dict[str, str]:
    """Title, author, subject and dates, where the package gives them."""
    for kind, target in relationships(archive, "").values():
        if kind == "core-properties" and target in archive:
            names = {"title": "title", "creator": "author", "subject": "subject", "created": "created",
                     "modified": "modified", "keywords": "keywords"}  # fmt: skip
            return {
                names[local(element)]: (element.text or "").strip()
                for element in archive.xml(target)
                if local(element) in names and (element.text or "").strip()
            }
    return {}
