"""Even light: the shadows and stains of a photographed page taken away, since Tesseract parts ink from paper by one
grey for the whole page.

The paper around each dot is the lightest of a coarse copy, smoothed; what remains after taking it away is ink alone.
"""

from typing import TYPE_CHECKING

from PIL import Image as Pillow
from PIL import ImageChops, ImageFilter

if TYPE_CHECKING:
    from PIL.Image import Image

_CELL = 16
"""Dots of the picture to one of the coarse copy."""
_REACH = 9
"""Cells among which the lightest counts as paper: more than a line of heavy type is high."""
_SMOOTH = 4
_EVEN = 10
"""Greys by which paper may differ and still pass for even: most scanners do better."""
_DARKEST = 0.5
"""Of the lightest paper; darker is no shadow but something printed, or the table beneath the sheet."""
_INK_SHARE = 0.005
_STRETCH_TO = 20


def even_out(image: "Image") -> "Image":
    """The picture in greys with its paper made white; the same picture when its light is even already."""
    coarse = image.reduce(_CELL) if min(image.size) >= 4 * _CELL else None
    if coarse is None:
        return image
    paper = coarse.filter(ImageFilter.MaxFilter(_REACH))
    histogram = paper.histogram()
    light, dark = _quantile(histogram, 0.98), _quantile(histogram, 0.02)
    if light - dark <= _EVEN:
        return image
    least = int(_DARKEST * light)
    paper = paper.filter(ImageFilter.GaussianBlur(_SMOOTH)).point([max(least, value) for value in range(256)])
    spread = paper.resize(image.size, Pillow.Resampling.BILINEAR)
    return _stretched(ImageChops.invert(ImageChops.subtract(spread, image)))


def _stretched(image: "Image") -> "Image":
    """Ink that became pale with its shadow, as dark again as ink is."""
    ink = _quantile(image.reduce(2).histogram(), _INK_SHARE)
    if ink <= _STRETCH_TO:
        return image
    gain = (255 - _STRETCH_TO) / (255 - min(ink, 200))
    return image.point([max(0, 255 - round((255 - value) * gain)) for value in range(256)])


def _quantile(histogram: list[int], share: float) -> int:
    """The grey below which that share of all dots lies."""
    wanted, seen = share * sum(histogram), 0
    for value, count in enumerate(histogram):
        seen += count
        if seen >= wanted:
            return value
    return 255
