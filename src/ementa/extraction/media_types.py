"""What a file is, told by its content; its name only chooses between kinds of text.

Reads the first kilobytes, and of containers (zip, OLE) the names inside; parses nothing, so it is safe and quick in
the parent process.
"""

import mmap
import re
from pathlib import Path
from typing import NamedTuple

import puremagic

from ementa.extraction.errors import ContentMismatch, ExtensionRefused, FileEmpty, FileEncrypted, MediaTypeRefused
from ementa.extraction.settings import ExtractionSettings

_HEAD = 65_536
_ZIP_TAIL = 4_000_000
_OPEN_XML = "application/vnd.openxmlformats-officedocument."
_OPEN_DOCUMENT = "application/vnd.oasis.opendocument."

BY_EXTENSION: dict[str, tuple[str, ...]] = {
    "pdf": ("application/pdf",),
    "png": ("image/png",),
    "jpg": ("image/jpeg",),
    "jpeg": ("image/jpeg",),
    "tif": ("image/tiff",),
    "tiff": ("image/tiff",),
    "bmp": ("image/bmp",),
    "webp": ("image/webp",),
    "gif": ("image/gif",),
    "doc": ("application/msword", "application/rtf"),
    "docx": (_OPEN_XML + "wordprocessingml.document",),
    "xls": ("application/vnd.ms-excel",),
    "xlsx": (_OPEN_XML + "spreadsheetml.sheet", "application/vnd.ms-excel.sheet.binary.macroenabled.12"),
    "xlsm": (_OPEN_XML + "spreadsheetml.sheet",),
    "xlsb": ("application/vnd.ms-excel.sheet.binary.macroenabled.12",),
    "ppt": ("application/vnd.ms-powerpoint",),
    "pptx": (_OPEN_XML + "presentationml.presentation",),
    "odt": (_OPEN_DOCUMENT + "text",),
    "ods": (_OPEN_DOCUMENT + "spreadsheet",),
    "odp": (_OPEN_DOCUMENT + "presentation",),
    "rtf": ("application/rtf",),
    "csv": ("text/csv",),
    "tsv": ("text/tab-separated-values",),
    "html": ("text/html",),
    "htm": ("text/html",),
    "eml": ("message/rfc822",),
    "msg": ("application/vnd.ms-outlook",),
    "txt": ("text/plain",),
    "md": ("text/markdown",),
    "json": ("application/json",),
    "xml": ("application/xml",),
}
"""The media types that may stand behind each extension, the usual one first."""

_PICTURES = ("png", "jpg", "jpeg", "tif", "tiff", "bmp", "webp", "gif")
_FAMILIES: tuple[tuple[str, ...], ...] = (
    _PICTURES,
    ("doc", "docx", "odt", "rtf"),
    ("xls", "xlsx", "xlsm", "xlsb", "ods"),
    ("ppt", "pptx", "odp"),
)
_EXPORTED = ("text/html", "application/xml")
"""What many programs write and call a document of Office, which opens it all the same."""
_EXPORTED_AS: dict[str, tuple[str, ...]] = {
    "doc": _EXPORTED,
    "xls": (*_EXPORTED, "text/csv", "text/tab-separated-values"),
    "xlsx": ("text/csv", "text/tab-separated-values"),
}

ENCRYPTED_OFFICE = "application/x-encrypted-office"
"""An OLE container around an Office file that a password protects, when no extension tells which."""

_OFFICE = {"docx", "xlsx", "xlsm", "xlsb", "pptx", "doc", "xls", "ppt"}

_SIGNATURES: tuple[tuple[int, bytes, str], ...] = (
    (0, b"\x89PNG\r\n\x1a\n", "image/png"),
    (0, b"\xff\xd8\xff", "image/jpeg"),
    (0, b"II*\x00", "image/tiff"),
    (0, b"MM\x00*", "image/tiff"),
    (0, b"II+\x00", "image/tiff"),
    (0, b"MM\x00+", "image/tiff"),
    (0, b"GIF8", "image/gif"),
    (8, b"WEBP", "image/webp"),
    (0, b"{\\rtf", "application/rtf"),
    (4, b"ftypheic", "image/heic"),
    (4, b"ftypheix", "image/heic"),
    (4, b"ftypmif1", "image/heif"),
    (4, b"ftypmsf1", "image/heif"),
    (4, b"ftypavif", "image/avif"),
)
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_OLE_STREAMS: tuple[tuple[str, str], ...] = (
    ("EncryptedPackage", ENCRYPTED_OFFICE),
    ("__properties_version1.0", "application/vnd.ms-outlook"),
    ("PowerPoint Document", "application/vnd.ms-powerpoint"),
    ("WordDocument", "application/msword"),
    ("Workbook", "application/vnd.ms-excel"),
    ("Book", "application/vnd.ms-excel"),
)
_ZIP_PARTS: tuple[tuple[bytes, str], ...] = (
    (b"word/document", _OPEN_XML + "wordprocessingml.document"),
    (b"xl/workbook.bin", "application/vnd.ms-excel.sheet.binary.macroenabled.12"),
    (b"xl/workbook", _OPEN_XML + "spreadsheetml.sheet"),
    (b"ppt/presentation", _OPEN_XML + "presentationml.presentation"),
    (b"word/", _OPEN_XML + "wordprocessingml.document"),
    (b"xl/", _OPEN_XML + "spreadsheetml.sheet"),
    (b"ppt/", _OPEN_XML + "presentationml.presentation"),
)
_MIMETYPE = re.compile(rb"mimetype(application/vnd\.oasis\.opendocument\.[a-z-]+)")
_OLD_EXCEL = re.compile(rb"\x09[\x00\x02\x04\x08].\x00[\x00\x05\x06]", re.DOTALL)  # BIFF 2 to 5 without a container
_HTML = re.compile(rb"<(!doctype\s+html|html|head|body|table|div|p|h[1-6]|title|meta)\b", re.IGNORECASE)
_XML = re.compile(rb"<(\?xml\b|!--|[A-Za-z_][\w:.-]*[\s/>])")
_JSON = re.compile(rb"[\[{\"\d-]|true|false|null")
_MAIL = re.compile(
    rb"(?:From [^\r\n]*\r?\n)?(?:[!-9;-~]+:[^\r\n]*(?:\r?\n[ \t][^\r\n]*)*\r?\n)*?"
    rb"(?:From|To|Subject|Date|Received|MIME-Version|Message-ID|Return-Path|Content-Type|Delivered-To|X-[\w-]+):",
    re.IGNORECASE,
)


class Detected(NamedTuple):
    """A media type and a name for people."""

    media_type: str
    label: str


def check_upload(path: Path, filename: str, settings: ExtractionSettings) -> str:
    """The media type of a file just received, if it may be read.

    Raises `FileEmpty`, `FileEncrypted`, `ExtensionRefused`, `ContentMismatch` or `MediaTypeRefused`. A file name
    without an extension is no obstacle: the content decides.
    """
    if path.stat().st_size == 0:
        raise FileEmpty
    extension = extension_of(filename)
    allowed = ", ".join(settings.extensions)
    if extension and extension not in settings.extensions:
        raise ExtensionRefused(extension=f".{extension[:20]}", allowed=allowed)
    found = detect(path, filename)
    if found.media_type == ENCRYPTED_OFFICE:
        raise FileEncrypted
    if not extension:
        if not any(found.media_type in BY_EXTENSION.get(known, ()) for known in settings.extensions):
            raise MediaTypeRefused(found=found.label, allowed=allowed)
        return found.media_type
    if extension not in BY_EXTENSION or found.media_type in _acceptable(extension):
        return found.media_type
    if found.media_type in ("image/heic", "image/heif", "image/avif"):
        raise MediaTypeRefused(found=found.label, allowed=allowed)
    raise ContentMismatch({"found": found.media_type}, extension=f".{extension}", found=found.label)


def _acceptable(extension: str) -> set[str]:
    """What may stand behind an extension: its own types, those of its family (a PNG called `.jpg`, a `.pptx` called
    `.ppt`), and what other programs export under its name. Each is read by its content."""
    types = {*BY_EXTENSION[extension], *_EXPORTED_AS.get(extension, ())}
    for family in _FAMILIES:
        if extension in family:
            types.update(media_type for relative in family for media_type in BY_EXTENSION[relative])
    return types


def extension_of(filename: str) -> str:
    """The last extension in lower case, without its dot; empty when there is none."""
    name = re.split(r"[/\\]", filename.strip())[-1]
    stem, dot, extension = name.rpartition(".")
    return extension.lower() if dot and stem and re.fullmatch(r"\w{1,20}", extension) else ""


def detect(path: Path, filename: str = "") -> Detected:
    """What the content is. For text, `filename` decides between its kinds as far as the content allows."""
    with path.open("rb") as file:
        head = file.read(_HEAD)
    extension = extension_of(filename)
    for offset, signature, media_type in _SIGNATURES:
        if head.startswith(signature, offset):
            return Detected(media_type, media_type.partition("/")[2].upper())
    if b"%PDF-" in head[:1024]:
        return Detected("application/pdf", "PDF")
    if head.startswith(b"BM") and head[6:10] == b"\0\0\0\0":
        return Detected("image/bmp", "BMP")
    if head.startswith(_OLE):
        return _detect_ole(path, extension)
    if head.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        return _detect_zip(path, head, extension)
    if extension == "xls" and _OLD_EXCEL.match(head):
        return Detected("application/vnd.ms-excel", "Excel")
    text = _as_text(head)
    return _detect_text(text, extension) if text is not None else _unknown(head)


def _detect_ole(path: Path, extension: str) -> Detected:
    """By the names of the streams. An embedded object brings its own, so the one the extension promises goes first."""
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        found = [kind for name, kind in _OLE_STREAMS if content.find(name.encode("utf-16-le")) >= 0]
    if not found:
        return Detected("application/x-ole-storage", "OLE")
    expected = BY_EXTENSION.get(extension, ())
    media_type = next((kind for kind in found if kind in expected), found[0])
    if ENCRYPTED_OFFICE in found:  # its extractor looks whether the protection has no password
        media_type = expected[0] if extension in _OFFICE else ENCRYPTED_OFFICE
    return Detected(media_type, media_type.rpartition("/")[2].removeprefix("vnd.").removeprefix("x-"))


def _detect_zip(path: Path, head: bytes, extension: str) -> Detected:
    """By the first member (OpenDocument) or the names in the directory at the end (Office).

    An embedded document may bring names of its own, so what the extension promises goes first here too.
    """
    declared = _MIMETYPE.search(head[:200])
    if declared is not None:
        media_type = declared[1].decode().removesuffix("-template")
        return Detected(media_type, f"OpenDocument ({media_type.rpartition('.')[2]})")
    with path.open("rb") as file:
        size = file.seek(0, 2)
        file.seek(max(0, size - _ZIP_TAIL))
        names = head + file.read(_ZIP_TAIL)
    expected = BY_EXTENSION.get(extension, ())
    found = [media_type for part, media_type in _ZIP_PARTS if part in names]
    if b"META-INF/manifest.xml" in names and b"content.xml" in names and extension in ("odt", "ods", "odp"):
        found.append(expected[0])
    for media_type in (*(kind for kind in found if kind in expected), *found):
        return Detected(media_type, media_type.rpartition(".")[2])
    return Detected("application/zip", "ZIP")


def _as_text(head: bytes) -> bytes | None:
    """The beginning as ASCII-compatible bytes without a byte order mark; None for what is not text."""
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        return head[: len(head) & ~1].decode("utf-16", "replace").encode()
    head = head.removeprefix(b"\xef\xbb\xbf")
    odd = sum(head.count(byte) for byte in (*range(9), *range(14, 27), *range(28, 32), 127))
    if head.count(0) or odd > len(head) // 100:
        return None
    return head


def _detect_text(text: bytes, extension: str) -> Detected:
    start = text.lstrip()
    is_html = _HTML.search(start[:4096]) is not None
    if extension in ("txt", "md", "csv", "tsv"):
        return Detected(BY_EXTENSION[extension][0], "text")
    if extension == "json":
        return Detected("application/json" if _JSON.match(start) else "text/plain", "text")
    if extension == "xml":
        return Detected("application/xml" if _XML.match(start) else "text/plain", "text")
    if extension in ("html", "htm"):
        return Detected("text/html" if b"<" in start else "text/plain", "text")
    if extension == "eml":
        return Detected("message/rfc822" if _MAIL.match(start) else "text/plain", "text")
    if is_html and start.startswith(b"<"):
        return Detected("text/html", "HTML")
    if start.startswith(b"<?xml"):
        return Detected("application/xml", "XML")
    if _MAIL.match(start):
        return Detected("message/rfc822", "e-mail")
    if start.startswith((b"{", b"[")):
        return Detected("application/json", "JSON")
    return Detected(_exported(start) if extension in ("xls", "xlsx") else "text/plain", "text")


def _exported(text: bytes) -> str:
    """The type of a sheet exported as text: tabs or semicolons part the columns of its first lines."""
    lines = [line for line in text[:4096].splitlines() if line.strip()][:5]
    for sign, extension in ((b"\t", "tsv"), (b";", "csv")):
        if lines and sum(sign in line for line in lines) > len(lines) // 2:
            return BY_EXTENSION[extension][0]
    return "text/plain"


def _unknown(head: bytes) -> Detected:
    try:
        guesses = puremagic.magic_string(head[:4096])
    except puremagic.PureError:
        guesses = []
    if guesses and guesses[0].confidence >= 0.3:
        best = guesses[0]
        return Detected(best.mime_type or "application/octet-stream", best.name or best.extension)
    return Detected("application/octet-stream", "binary")
