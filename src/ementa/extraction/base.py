"""What an extractor promises. One file a format in `extractors/`, found by the entry-point group `ementa.extractors`.

Extractors run only inside a sandboxed child process (`sandbox/`): they are plain, synchronous, may be slow and may
crash. They must respect `Context.limits` where a limit cannot be enforced from outside.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import msgspec

from ementa.extraction.types import Page

if TYPE_CHECKING:
    from PIL.Image import Image


class Limits(msgspec.Struct, frozen=True):
    """The bounds of one document. Past one, raise the matching error of `extraction/errors.py`."""

    max_pages: int = 2000
    max_pixels: int = 100_000_000
    """Of one rendered or decoded image."""
    max_decompressed_bytes: int = 1_000_000_000
    """Of all members of a zip-like container together."""
    max_ratio: int = 200
    """Decompressed to compressed size of one member over 1 MB."""
    max_members: int = 10_000
    max_depth: int = 4
    """Attachments inside attachments."""
    max_words: int = 2_000_000
    max_cells: int = 800_000
    """A cell takes about a kilobyte while it is laid out: these fit the memory of a child, and end in a clear limit."""


class Context(msgspec.Struct, frozen=True):
    """What an extractor may know of the outside."""

    limits: Limits
    filename: str
    media_type: str
    languages: str = "por+eng"
    """Tesseract's language codes."""
    depth: int = 0


class Reading(msgspec.Struct, frozen=True):
    """What an extractor read. Pages named in `ocr_pages` have a poor or empty text layer and will be OCRed."""

    pages: tuple[Page, ...]
    metadata: dict[str, str] = {}
    warnings: tuple[str, ...] = ()
    data: str = ""
    ocr_pages: tuple[int, ...] = ()
    code_pages: tuple[int, ...] = ()
    """Pages on which a barcode may be drawn; looked at after the text pass, from their picture."""


class Extractor(Protocol):
    """Reads one family of formats."""

    name: str
    version: str
    """Changes whenever what it gives changes: part of the cache key."""

    def score(self, media_type: str, filename: str) -> int:
        """How well it reads this type: 0 not at all, 100 it is made for it. The highest wins."""
        ...

    def extract(self, path: Path, context: Context) -> Reading:
        """Read the file; raises the errors of `extraction/errors.py`."""
        ...


class VisualExtractor(Extractor, Protocol):
    """Also draws its pages, so that they can be OCRed and shown."""

    def render(self, path: Path, page: int, dpi: int, context: Context) -> "tuple[Image, float, float]":
        """Page `page` (from 1) as an image, and the page's width and height in points."""
        ...
