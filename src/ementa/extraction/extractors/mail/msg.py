"""Outlook messages ([MS-OXMSG]): properties in the streams of an OLE file, attachments in its storages."""

import datetime as dt
import re
import struct
from pathlib import Path
from typing import TYPE_CHECKING

from ementa.extraction.archives import Ole, open_ole
from ementa.extraction.attachments import Attachment
from ementa.extraction.base import Context, Reading
from ementa.extraction.decoding import decode_text
from ementa.extraction.errors import FileCorrupt, TooDeep
from ementa.extraction.extractors.html import decode_html, read_html
from ementa.extraction.extractors.mail.compressed_rtf import decompress_rtf
from ementa.extraction.extractors.mail.message import SMALL_IMAGE, Message, read_message, render_message, richer
from ementa.extraction.extractors.rtf import read_rtf
from ementa.extraction.native import Flow, Paragraph
from ementa.extraction.scoring import score

if TYPE_CHECKING:
    from PIL.Image import Image

# Property identifiers, [MS-OXPROPS]
_SUBJECT, _BODY, _HTML, _RTF = "0037", "1000", "1013", "1009"
_SENDER, _SENDER_ADDRESS, _SENDER_SMTP, _REPRESENTED = "0C1A", "0C1F", "5D01", "0042"
_TO, _CC, _BCC = "0E04", "0E03", "0E02"
_SUBMITTED, _DELIVERED, _CODEPAGE = 0x0039, 0x0E06, 0x3FDE
_FILE_LONG, _FILE_SHORT, _FILE_DATA, _FILE_SHOWN, _CONTENT_ID = "3707", "3704", "3701", "3001", "3712"
_CONTACT = {"3001": "Name", "3A16": "Company", "3A17": "Title", "3A08": "Business phone", "3A1C": "Mobile phone",
            "3A09": "Home phone", "8083": "E-mail", "3A15": "Address"}  # fmt: skip
_ATTACHMENT = re.compile(r"^(__attach_version1\.0_#[0-9A-Fa-f]{8})/")
_EPOCH = dt.datetime(1601, 1, 1, tzinfo=dt.UTC)
_MAX_NESTED = 4


class Msg:
    """Reads Outlook's .msg files."""

    name = "msg"
    version = "1"

    def score(self, media_type: str, filename: str) -> int:
        """100 for Outlook messages."""
        return score(media_type, filename, ("application/vnd.ms-outlook",), (".msg",))

    def extract(self, path: Path, context: Context) -> Reading:
        """Read the message and everything attached to it."""
        with open_ole(path, context.limits) as ole:
            return read_message(_message(ole, "", 0), context)

    def render(self, path: Path, page: int, dpi: int, context: Context) -> "tuple[Image, float, float]":
        """Draw a page of an attachment."""
        with open_ole(path, context.limits) as ole:
            return render_message(_message(ole, "", 0), page, dpi, context)


class _Properties:
    """The properties of one storage: the message itself or an attachment."""

    def __init__(self, ole: Ole, prefix: str, header: int) -> None:
        self._ole = ole
        self._prefix = prefix
        self._fixed = self._read_fixed(header)
        page = self.number(_CODEPAGE)
        self.charset = {65001: "utf-8", 0: None, 20127: "cp1252", 28591: "cp1252"}.get(page, f"cp{page}")

    def text(self, name: str) -> str:
        """A string property, empty when absent."""
        wide = f"{self._prefix}__substg1.0_{name}001F"
        if wide in self._ole:
            return self._ole.read(wide).decode("utf-16-le", "replace").strip("\x00").strip()
        narrow = f"{self._prefix}__substg1.0_{name}001E"
        return decode_text(self._ole.read(narrow), self.charset).strip("\x00").strip() if narrow in self._ole else ""

    def data(self, name: str) -> bytes:
        """A binary property, empty when absent."""
        stream = f"{self._prefix}__substg1.0_{name}0102"
        return self._ole.read(stream) if stream in self._ole else b""

    def number(self, name: int) -> int:
        """An integer property, 0 when absent."""
        return struct.unpack("<I", self._fixed.get(name, b"\0" * 8)[:4])[0]

    def time(self, name: int) -> str:
        """A time property in ISO 8601, empty when absent."""
        ticks = struct.unpack("<Q", self._fixed.get(name, b"\0" * 8))[0]
        try:
            return (_EPOCH + dt.timedelta(microseconds=ticks // 10)).isoformat(timespec="seconds") if ticks else ""
        except OverflowError:
            return ""

    def _read_fixed(self, header: int) -> dict[int, bytes]:
        stream = f"{self._prefix}__properties_version1.0"
        if stream not in self._ole:
            return {}
        data = self._ole.read(stream)
        return {
            struct.unpack_from("<H", data, at + 2)[0]: data[at + 8 : at + 16]
            for at in range(header, len(data) - 15, 16)
        }


def _message(ole: Ole, prefix: str, depth: int) -> Message:
    if depth > _MAX_NESTED:
        raise TooDeep(limit=_MAX_NESTED)
    if not any(name.startswith(f"{prefix}__") for name in ole.names()):
        raise FileCorrupt(cause="no message inside")
    properties = _Properties(ole, prefix, 32 if not prefix else 24)
    message = Message(_headers(properties), _body(properties))
    storages = {found[0]: None for name in ole.names() if (found := _ATTACHMENT.match(name.removeprefix(prefix)))
                and name.startswith(prefix)}  # fmt: skip
    for storage in storages:
        _attach(ole, f"{prefix}{storage}", message, depth)
    return message


def _headers(properties: _Properties) -> dict[str, str]:
    name = properties.text(_SENDER) or properties.text(_REPRESENTED)
    address = properties.text(_SENDER_SMTP) or properties.text(_SENDER_ADDRESS)
    sender = f"{name} <{address}>" if "@" in address and address != name else name or address
    found = {
        "From": sender,
        "To": properties.text(_TO),
        "Cc": properties.text(_CC),
        "Bcc": properties.text(_BCC),
        "Date": properties.time(_SUBMITTED) or properties.time(_DELIVERED),
        "Subject": properties.text(_SUBJECT),
    }
    if not sender and not found["To"]:
        found.update({label: properties.text(name) for name, label in _CONTACT.items()})
    return {name: " ".join(value.split()) for name, value in found.items() if value.strip()}


def _body(properties: _Properties) -> list[Flow]:
    text = properties.text(_BODY).replace("\r", "")
    plain: list[Flow] = [Paragraph(part, fixed=True) for part in re.split(r"\n\s*\n", text) if part.strip()]
    page = properties.data(_HTML)
    html = (
        read_html(decode_text(page, properties.charset) if properties.charset else decode_html(page))[0] if page else []
    )
    if not page and (written := properties.text(_HTML)):
        html = read_html(written)[0]
    if plain and html:
        return richer(plain, html)
    if plain or html:
        return plain or html
    packed = properties.data(_RTF)
    return read_rtf(decompress_rtf(packed)) if packed else []


def _attach(ole: Ole, storage: str, message: Message, depth: int) -> None:
    properties = _Properties(ole, storage, 8)
    name = properties.text(_FILE_LONG) or properties.text(_FILE_SHORT) or properties.text(_FILE_SHOWN)
    inner = f"{storage}__substg1.0_{_FILE_DATA}000D/"
    if any(found.startswith(f"{inner}__") for found in ole.names()):
        attached = _message(ole, inner, depth + 1)
        title = [Paragraph(name, "heading", 2)] if name else []
        lines = "\n".join(f"{label}: {value}" for label, value in attached.headers.items())
        message.body.extend([*title, Paragraph(lines), *attached.body])
        message.attachments.extend(attached.attachments)
        return
    data = properties.data(_FILE_DATA)
    decoration = len(data) < SMALL_IMAGE and bool(properties.text(_CONTENT_ID)) and _is_image(data)
    if data and not decoration:
        message.attachments.append(Attachment(name.replace("\\", "/").rpartition("/")[2][:200] or "attachment", data))


def _is_image(data: bytes) -> bool:
    return data.startswith((b"\x89PNG", b"\xff\xd8\xff", b"GIF8", b"BM"))
