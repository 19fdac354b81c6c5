"""A message of any format: header lines, a body, attachments; and the reading that is made of it."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ementa.extraction.attachments import Attachment, append_attachments, render_attachment
from ementa.extraction.base import Context, Reading
from ementa.extraction.native import Flow, PageBuilder, Paragraph, plain_text

if TYPE_CHECKING:
    from PIL.Image import Image

SMALL_IMAGE = 15_000
"""Bytes under which an image shown inside the body is decoration: a logo, a signature, a tracking pixel."""


@dataclass(slots=True)
class Message:
    """What a mail program shows."""

    headers: dict[str, str] = field(default_factory=lambda: {})
    """Display name (`From`) to value, in the order to show them."""
    body: list[Flow] = field(default_factory=lambda: [])
    attachments: list[Attachment] = field(default_factory=lambda: [])


def read_message(message: Message, context: Context) -> Reading:
    """The message's own pages, then those of its attachments."""
    return append_attachments(_own(message, context), message.attachments, context)


def render_message(message: Message, page: int, dpi: int, context: Context) -> "tuple[Image, float, float]":
    """Draw a page that belongs to an attachment."""
    return render_attachment(message.attachments, len(_own(message, context).pages), page, dpi, context)


def richer(plain: list[Flow], html: list[Flow]) -> list[Flow]:
    """Of two forms of the same body: the HTML, for its tables, unless it says markedly less."""
    return html if len(plain_text(html).split()) >= 0.9 * len(plain_text(plain).split()) else plain


def _own(message: Message, context: Context) -> Reading:
    builder = PageBuilder(context.limits)
    lines = [f"{name}: {value}" for name, value in message.headers.items()]
    builder.add(Paragraph("\n".join(lines)), *message.body)
    return Reading(builder.pages(), {name.lower(): value for name, value in message.headers.items()})
