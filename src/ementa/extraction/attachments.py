"""Files inside files: an attachment is read by the same extractors as an upload, in memory, within depth and size."""

import contextlib
import logging
import os
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, cast

import msgspec

from ementa.extraction.base import Context, Reading, VisualExtractor
from ementa.extraction.choice import choose_extractor
from ementa.extraction.errors import ContentMismatch, ExtractionBug, TooDeep, TooManyPages, TooManyWords
from ementa.extraction.media_types import BY_EXTENSION, detect, extension_of
from ementa.extraction.native import clean
from ementa.extraction.types import Page
from ementa.kit.errors import EmentaError, NotFound

if TYPE_CHECKING:
    from PIL.Image import Image

log = logging.getLogger(__name__)

_BINARY = ("image/", "application/pdf", "application/vnd", "application/msword")
SKIPPED = "ATTACHMENTS_SKIPPED"
"""Warning: some attachment could not be read; its name and the reason follow after a colon."""


@dataclass(slots=True)
class Attachment:
    """A file carried by another."""

    name: str
    data: bytes


def append_attachments(reading: Reading, attachments: Sequence[Attachment], context: Context) -> Reading:
    """The reading with every attachment's pages after its own, named after the attachment.

    One that cannot be read leaves the warning `ATTACHMENTS_SKIPPED:<name>:<code>` and nothing else.
    """
    pages = list(reading.pages)
    warnings = list(reading.warnings)
    for_ocr = list(reading.ocr_pages)
    for attachment in attachments:
        name = clean(attachment.name).strip()[:100] or "attachment"
        try:
            found = read_attachment(attachment, context)
        except EmentaError as error:
            warnings.append(f"{SKIPPED}:{name}:{error.code}")
            continue
        except MemoryError:
            raise
        except Exception:  # one broken attachment must not cost the message; a user sees that it is missing
            log.exception("the reader of an attachment failed")
            warnings.append(f"{SKIPPED}:{name}:{ExtractionBug.code}")
            continue
        start = len(pages)
        pages.extend(_renumbered(page, start, name) for page in found.pages)
        for_ocr.extend(start + number for number in found.ocr_pages)
        warnings.extend(found.warnings)
        _check_size(pages, context)
    return msgspec.structs.replace(
        reading, pages=tuple(pages), warnings=tuple(dict.fromkeys(warnings)), ocr_pages=tuple(for_ocr)
    )


def read_attachment(attachment: Attachment, context: Context) -> Reading:
    """What the extractor for its type reads of it. Raises `TooDeep`, and whatever that extractor raises."""
    with _as_path(attachment.data) as path:
        inner = _inner_context(path, attachment, context)
        return choose_extractor(inner.media_type, inner.filename).extract(path, inner)


def render_attachment(
    attachments: Sequence[Attachment], own_pages: int, page: int, dpi: int, context: Context
) -> "tuple[Image, float, float]":
    """Draw page `page` of the whole, which belongs to one of the attachments. Raises `NotFound` when it does not."""
    start = own_pages
    for attachment in attachments:
        with _as_path(attachment.data) as path:
            try:
                inner = _inner_context(path, attachment, context)
                extractor = choose_extractor(inner.media_type, inner.filename)
                count = len(extractor.extract(path, inner).pages)
            except EmentaError:
                continue  # it has no pages in the reading either
            if start < page <= start + count and hasattr(extractor, "render"):
                return cast("VisualExtractor", extractor).render(path, page - start, dpi, inner)
        start += count
    raise NotFound


def _inner_context(path: Path, attachment: Attachment, context: Context) -> Context:
    if context.depth >= context.limits.max_depth:
        raise TooDeep(limit=context.limits.max_depth)
    found = detect(path, attachment.name)
    media_type = found.media_type
    extension = extension_of(attachment.name)
    expected = BY_EXTENSION.get(extension, ("",))[0]
    if media_type == "text/plain" and expected.startswith(_BINARY):
        raise ContentMismatch({"found": media_type}, extension=f".{extension}", found=found.label)
    return msgspec.structs.replace(context, filename=attachment.name, media_type=media_type, depth=context.depth + 1)


@contextlib.contextmanager
def _as_path(data: bytes) -> Generator[Path]:
    """The bytes under a path, without a disk: the process that reads strangers' files may not write any."""
    descriptor = os.memfd_create("attachment")
    try:
        view = memoryview(data)
        while view:
            view = view[os.write(descriptor, view) :]
        yield Path(f"/proc/self/fd/{descriptor}")
    finally:
        os.close(descriptor)


def _renumbered(page: Page, start: int, name: str) -> Page:
    title = f"{name}: {page.title}" if page.title and page.title != name else name
    return msgspec.structs.replace(page, number=start + page.number, title=title)


def _check_size(pages: Sequence[Page], context: Context) -> None:
    limits = context.limits
    if len(pages) > limits.max_pages:
        raise TooManyPages(pages=len(pages), limit=limits.max_pages)
    if sum(len(page.words) for page in pages) > limits.max_words:
        raise TooManyWords(limit=limits.max_words)
