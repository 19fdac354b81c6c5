"""Pictures: scans and photographs, made ready for OCR. Reads no text itself."""

import struct
import warnings
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from PIL import Image, ImageOps, UnidentifiedImageError

from ementa.extraction.base import Context, Limits, Reading
from ementa.extraction.errors import FileCorrupt, TooManyPages, TooManyPixels
from ementa.extraction.types import Page

_FORMATS = ("PNG", "JPEG", "TIFF", "BMP", "DIB", "WEBP", "GIF")
_TYPES = ("image/png", "image/jpeg", "image/tiff", "image/bmp", "image/webp", "image/gif")
_A4_INCHES = 11.69
_ENOUGH = 1000
_CREDIBLE_DPI = (70, 1200)
_BROKEN = (OSError, ValueError, SyntaxError, EOFError, TypeError, KeyError, IndexError, struct.error, OverflowError)
"""What Pillow's decoders raise for a damaged file."""


class ImageExtractor:
    """PNG, JPEG, TIFF (every page), BMP, WebP and GIF (first frame)."""

    name = "image"
    version = "1"

    def score(self, media_type: str, filename: str) -> int:
        """The picture formats that Pillow decodes safely."""
        del filename
        return 100 if media_type in _TYPES else 0

    def extract(self, path: Path, context: Context) -> Reading:
        """One page a frame, all of them for OCR."""
        with _opened(path, context.limits) as image:
            frames = _frames(image)
            if frames > context.limits.max_pages:
                raise TooManyPages(pages=frames, limit=context.limits.max_pages)
            pages: list[Page] = []
            for number in range(1, frames + 1):
                _seek(image, number, context.limits)
                dpi = _dpi(image)
                width, height = image.size
                if _lies_on_its_side(image):
                    width, height = height, width
                pages.append(Page(number, width * 72 / dpi, height * 72 / dpi, "empty"))
        return Reading(tuple(pages), ocr_pages=tuple(range(1, frames + 1)))

    def render(self, path: Path, page: int, dpi: int, context: Context) -> tuple[Image.Image, float, float]:
        """The frame in greys, upright as its camera says, with about `dpi` dots an inch; never enlarged beyond that."""
        with _opened(path, context.limits) as image:
            _seek(image, page, context.limits)
            own = _dpi(image)
            try:
                grey = _grey(ImageOps.exif_transpose(image))
            except _BROKEN as error:
                raise FileCorrupt(cause=str(error)[:100]) from error
        width, height = grey.width * 72 / own, grey.height * 72 / own
        scale = dpi / own
        if not _says_dpi(image) and max(grey.size) > _ENOUGH:
            scale = min(scale, 1.0)  # measured on photographs of receipts: more dots cost time and read no better
        if abs(scale - 1) > 0.1:
            scale = min(scale, (context.limits.max_pixels / (grey.width * grey.height)) ** 0.5)
            size = max(1, round(grey.width * scale)), max(1, round(grey.height * scale))
            grey = grey.resize(size, Image.Resampling.LANCZOS)
        return grey, width, height


def _lies_on_its_side(image: Image.Image) -> bool:
    """Whether the camera says so (EXIF orientation 5 to 8)."""
    try:
        return image.getexif().get(0x0112, 1) >= 5
    except _BROKEN as error:
        raise FileCorrupt(cause=str(error)[:100]) from error


@contextmanager
def _opened(path: Path, limits: Limits) -> Generator[Image.Image]:
    Image.MAX_IMAGE_PIXELS = None  # our own limit is checked before anything is decoded
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Pillow warns of odd metadata; what matters raises
        try:
            image = Image.open(path, formats=_FORMATS)
        except (UnidentifiedImageError, *_BROKEN) as error:
            raise FileCorrupt(cause="not a picture, or broken") from error
        with image:
            _check_size(image, limits)
            yield image


def _check_size(image: Image.Image, limits: Limits) -> None:
    width, height = image.size
    if width * height > limits.max_pixels:
        raise TooManyPixels(width=width, height=height, limit_mp=limits.max_pixels // 1_000_000)
    if width < 1 or height < 1:
        raise FileCorrupt(cause="no dots")


def _frames(image: Image.Image) -> int:
    """Pages of a TIFF; of moving pictures only the first counts."""
    if image.format != "TIFF":
        return 1
    try:
        return int(getattr(image, "n_frames", 1))
    except _BROKEN as error:
        raise FileCorrupt(cause="list of pages") from error


def _seek(image: Image.Image, number: int, limits: Limits) -> None:
    if number > 1:
        try:
            image.seek(number - 1)
        except _BROKEN as error:
            raise FileCorrupt(cause=f"page {number}") from error
        _check_size(image, limits)


def _dpi(image: Image.Image) -> float:
    """Dots an inch: what the file says when it makes a sheet of paper, else as if the longer side were A4's."""
    return _says_dpi(image) or max(_CREDIBLE_DPI[0], max(image.size) / _A4_INCHES)


def _says_dpi(image: Image.Image) -> float:
    """What the file says when it makes a sheet of paper and is not what programs write for want of knowing; else 0."""
    said = image.info.get("dpi")
    try:
        value = float(said[0]) if said else 0.0
    except (TypeError, ValueError, ZeroDivisionError):
        return 0.0
    credible = _CREDIBLE_DPI[0] <= value <= _CREDIBLE_DPI[1] and value not in (72.0, 96.0)
    return value if credible and 2.0 <= max(image.size) / value <= 50.0 else 0.0


def _grey(image: Image.Image) -> Image.Image:
    """As greys on white paper: transparency laid on white, 16 bits scaled to 8, CMYK and palettes converted."""
    if image.mode == "L":
        image.load()
        return image
    if image.mode.startswith(("I", "F")):
        return _scaled(image)
    if image.mode in ("RGBA", "LA", "PA", "RGBa", "La") or "transparency" in image.info:
        layer = image.convert("RGBA")
        paper = Image.new("RGBA", layer.size, "white")
        return Image.alpha_composite(paper, layer).convert("L")
    return image.convert("L")


def _scaled(image: Image.Image) -> Image.Image:
    wide = image.convert("F")
    low, high = wide.getextrema()
    low, high = float(low), float(high)  # pyright: ignore[reportArgumentType]
    if high <= 255 and low >= 0:
        return wide.convert("L")
    top = 65535.0 if image.mode.startswith("I;16") or high <= 65535 else high
    return wide.point(lambda value: value * (255.0 / top)).convert("L")
