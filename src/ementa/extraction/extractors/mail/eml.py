"""Internet messages (RFC 5322, MIME): headers, the best form of the body, attachments."""

import base64
import email
import re
from email.errors import HeaderParseError
from email.header import decode_header
from email.message import Message as Part
from pathlib import Path
from typing import TYPE_CHECKING, cast

from ementa.extraction.attachments import Attachment
from ementa.extraction.base import Context, Reading
from ementa.extraction.decoding import decode_text
from ementa.extraction.errors import TooDeep
from ementa.extraction.extractors.html import decode_html, read_html
from ementa.extraction.extractors.mail.message import SMALL_IMAGE, Message, read_message, render_message, richer
from ementa.extraction.native import Flow, Paragraph
from ementa.extraction.scoring import score

if TYPE_CHECKING:
    from PIL.Image import Image

_SHOWN = ("From", "To", "Cc", "Bcc", "Date", "Subject", "Reply-To")
_SIGNATURES = ("application/pkcs7-signature", "application/x-pkcs7-signature", "application/pgp-signature")
_MAX_PARTS = 1000
_MAX_HEADER = 20_000
_ENCODED = re.compile(rb"[A-Za-z0-9+/]{60}[A-Za-z0-9+/]*[\r\n]")
_FOLD = re.compile(r"\s*[\r\n]+\s*")


class Eml:
    """Reads .eml files."""

    name = "eml"
    version = "1"

    def score(self, media_type: str, filename: str) -> int:
        """100 for Internet messages."""
        return score(media_type, filename, ("message/rfc822", "application/mbox"), (".eml",))

    def extract(self, path: Path, context: Context) -> Reading:
        """Read the message and everything attached to it. Raises `TooDeep` for parts nested without end."""
        return read_message(parse_mail(path.read_bytes()), context)

    def render(self, path: Path, page: int, dpi: int, context: Context) -> "tuple[Image, float, float]":
        """Draw a page of an attachment."""
        return render_message(parse_mail(path.read_bytes()), page, dpi, context)


def parse_mail(data: bytes) -> Message:
    """The message in a file."""
    try:
        parsed = email.message_from_bytes(data)
        message = Message({name: value for name in _SHOWN if (value := _header(parsed, name))})
        _Parts(message).take(parsed)
    except RecursionError as error:
        raise TooDeep(limit=_MAX_PARTS) from error
    return message


def _header(part: Part, name: str) -> str:
    raw = part.get(name)
    return _decoded(str(raw)) if raw is not None else ""


def _decoded(raw: str) -> str:
    """A header with its encoded words (RFC 2047) and raw 8-bit bytes made readable."""
    text = _FOLD.sub(" ", raw[:_MAX_HEADER])
    try:
        found = decode_header(text)
    except (ValueError, HeaderParseError):
        found = [(text, None)]
    parts = [
        part if isinstance(part, str) else decode_text(part, charset if charset != "unknown-8bit" else None)
        for part, charset in found
    ]
    joined = "".join(parts)
    raw_bytes = joined.encode("ascii", "surrogateescape") if _is_escaped(joined) else None
    return (decode_text(raw_bytes) if raw_bytes is not None else joined).strip()


def _is_escaped(text: str) -> bool:
    """Only ASCII and bytes that the parser kept as half surrogates."""
    return any("\udc80" <= char <= "\udcff" for char in text) and all(
        char < "\x80" or "\udc80" <= char <= "\udcff" for char in text
    )


class _Parts:
    """Sorts the parts of a message into its body and its attachments."""

    def __init__(self, message: Message) -> None:
        self._message = message
        self._count = 0

    def take(self, part: Part) -> None:
        """One part and those inside it."""
        self._count += 1
        if self._count > _MAX_PARTS:
            raise TooDeep(limit=_MAX_PARTS)
        kind = part.get_content_type()
        if kind == "message/rfc822":
            self._attached_message(part)
        elif part.is_multipart():
            inner = _inner(part)
            if kind == "multipart/alternative":
                self._alternative(inner)
            else:
                for one in inner:
                    self.take(one)
        elif kind in _SIGNATURES:
            return
        elif self._is_attachment(part, kind):
            self._attach(part, kind)
        else:
            self._message.body.extend(_text(part, kind))

    def _alternative(self, parts: list[Part]) -> None:
        plain: list[Flow] = []
        html: list[Flow] = []
        for part in parts:
            kind = part.get_content_type()
            if kind == "text/plain" and not plain:
                plain = _text(part, kind)
            elif kind == "text/html":
                html = _text(part, kind)
            elif part.is_multipart():  # HTML with its images
                html = self._related(part, html)
            elif kind != "text/plain":
                self._attach(part, kind)
        self._message.body.extend(richer(plain, html) if plain and html else plain or html)

    def _related(self, part: Part, html: list[Flow]) -> list[Flow]:
        inside = Message()
        parts = _Parts(inside)
        parts._count = self._count
        parts.take(part)
        self._count = parts._count
        self._message.attachments.extend(inside.attachments)
        return inside.body or html

    def _is_attachment(self, part: Part, kind: str) -> bool:
        if part.get_content_disposition() == "attachment":
            return True
        return kind not in ("text/plain", "text/html") or (part.get_filename() is not None and kind != "text/html")

    def _attach(self, part: Part, kind: str) -> None:
        data = _payload(part)
        if not data:
            return
        shown = part.get("Content-ID") is not None or part.get_content_disposition() == "inline"
        if kind.startswith("image/") and shown and len(data) < SMALL_IMAGE:
            return
        self._message.attachments.append(Attachment(_name(part, kind), data))

    def _attached_message(self, part: Part) -> None:
        inner = _inner(part)
        if inner:
            name = _name(part, "message/rfc822") if part.get_filename() else f"{_header(inner[0], 'Subject')[:80]}.eml"
            self._message.attachments.append(Attachment(name, inner[0].as_bytes()))


def _payload(part: Part) -> bytes:
    """The part's bytes. Base64 with a character too many or too few is decoded as far as it goes."""
    data: object = part.get_payload(decode=True)
    if not isinstance(data, bytes):
        return b""
    if str(part.get("Content-Transfer-Encoding", "")).strip().lower() == "base64" and _ENCODED.match(data):
        text = re.sub(rb"[^A-Za-z0-9+/]", b"", data)
        return base64.b64decode(text[: len(text) // 4 * 4])
    return data


def _inner(part: Part) -> list[Part]:
    payload: object = part.get_payload()
    return [one for one in cast("list[object]", payload) if isinstance(one, Part)] if isinstance(payload, list) else []


def _name(part: Part, kind: str) -> str:
    name = _decoded(part.get_filename() or "").replace("\\", "/").rpartition("/")[2]
    return name[:200] or f"attachment.{kind.rpartition('/')[2]}"


def _text(part: Part, kind: str) -> list[Flow]:
    data = _payload(part)
    declared = part.get_content_charset()
    if kind == "text/html":
        return read_html(decode_text(data, declared) if declared else decode_html(data))[0]
    text = decode_text(data, declared)
    return [Paragraph(paragraph, fixed=True) for paragraph in re.split(r"\n\s*\n", text.replace("\r", ""))]
