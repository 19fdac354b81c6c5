"""How a page lies, from a small copy of it: on its side or not, and how crooked.

Lines of text make rows of dots that differ sharply from their neighbours, the more the straighter they lie.
"""

from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

from PIL import Image as Pillow

if TYPE_CHECKING:
    from PIL.Image import Image

_COARSE_SIZE, _FINE_SIZE = 420, 700
_COARSE = tuple(range(-12, 13, 2))
_FINE = (-1.5, -1.0, -0.5, 0.5, 1.0, 1.5)
_FINEST = (-0.25, 0.25)
_SIDEWAYS = 1.35
_PIECES = 16
WORTH = 0.4
"""Below this many degrees Tesseract does as well by itself."""


class Lie(NamedTuple):
    """`turn`: quarter turn (0 or 90 degrees clockwise) that lays the lines across; `skew`: degrees counter-clockwise
    that then lay them straight."""

    turn: int
    skew: float


def find_lie(image: "Image") -> Lie:
    """How to lay the lines of text straight. Upside down looks the same from here."""
    ink = _small(image, _COARSE_SIZE)
    across = {float(angle): _sharpness(ink, angle) for angle in _COARSE}
    best, flat = max(across, key=lambda angle: across[angle]), across[0.0]
    turn = 0
    side = ink.transpose(Pillow.Transpose.ROTATE_270)
    if _sharpness(side, 0.0) > flat or across[best] > 1.2 * flat:
        along = {float(angle): _sharpness(side, angle) for angle in _COARSE}
        best_along = max(along, key=lambda angle: along[angle])
        if along[best_along] > _SIDEWAYS * across[best]:
            turn, best, flat = 90, best_along, along[0.0]
            image = image.transpose(Pillow.Transpose.ROTATE_270)
            across = along
    if best and across[best] < 1.1 * flat:
        best = 0.0
    return Lie(turn, _refined(image, best))


def _refined(image: "Image", around: float) -> float:
    ink = _small(image, _FINE_SIZE)
    scores = {around: _sharpness(ink, around)}
    if around:
        scores[0.0] = _sharpness(ink, 0.0)
    for steps in (_FINE, _FINEST):
        centre = max(scores, key=lambda angle: scores[angle])
        scores.update((centre + step, _sharpness(ink, centre + step)) for step in steps if centre + step not in scores)
    best = max(scores, key=lambda angle: scores[angle])
    flat = scores.get(0.0, 0.0)
    return best if abs(best) >= WORTH and scores[best] > 1.04 * flat else 0.0


def _small(image: "Image", size: int) -> "Image":
    times = max(image.size) // size
    reduced = image.reduce(times) if times > 1 else image
    scale = min(1.0, size / max(reduced.size))
    small = reduced.resize(
        (max(1, int(reduced.width * scale)), max(1, int(reduced.height * scale))), Pillow.Resampling.BOX
    )
    return small.point([255 - value for value in range(256)])


def _sharpness(ink: "Image", angle: float) -> float:
    """Mean squared difference between the ink of neighbouring rows, summed from pieces for finer averages."""
    turned = ink.rotate(angle, Pillow.Resampling.BILINEAR) if angle else ink
    edge = turned.width // 12, turned.height // 12  # corners that turning leaves empty say nothing
    inner = turned.crop((edge[0], edge[1], turned.width - edge[0], turned.height - edge[1]))
    if inner.width < 2 or inner.height < 2:
        return 0.0
    pieces = inner.resize((_PIECES, inner.height), Pillow.Resampling.BOX).tobytes()
    values = [sum(pieces[at : at + _PIECES]) / _PIECES for at in range(0, len(pieces), _PIECES)]
    return sum((a - b) ** 2 for a, b in pairwise(values)) / (len(values) - 1)
