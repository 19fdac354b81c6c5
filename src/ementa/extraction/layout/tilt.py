"""A page laid out straight, put back as crooked as it lies: every box moves with its middle."""

from collections.abc import Callable
from math import cos, radians, sin

import msgspec

from ementa.extraction.layout.page import Layout
from ementa.extraction.types import Barcode, Box


def tilt(
    layout: Layout, barcodes: tuple[Barcode, ...], skew: float, width: float, height: float
) -> tuple[Layout, tuple[Barcode, ...]]:
    """The layout of a page that was turned `skew` degrees counter-clockwise about its middle, turned back.

    A box stays upright and keeps its size where it stands alone (a word); around several it grows with what it holds.
    """
    if not skew:
        return layout, barcodes
    cosine, sine = cos(radians(skew)), sin(radians(skew))
    middle_x, middle_y = width / 2, height / 2

    def point(x: float, y: float) -> tuple[float, float]:
        dx, dy = x - middle_x, y - middle_y
        return middle_x + dx * cosine - dy * sine, middle_y + dx * sine + dy * cosine

    def word(box: Box) -> Box:
        x, y = point((box[0] + box[2]) / 2, (box[1] + box[3]) / 2)
        half_width, half_height = (box[2] - box[0]) / 2, (box[3] - box[1]) / 2
        return round(x - half_width, 2), round(y - half_height, 2), round(x + half_width, 2), round(y + half_height, 2)

    def around(box: Box) -> Box:
        corners = [point(x, y) for x in (box[0], box[2]) for y in (box[1], box[3])]
        xs, ys = [x for x, _ in corners], [y for _, y in corners]
        return round(min(xs), 2), round(min(ys), 2), round(max(xs), 2), round(max(ys), 2)

    turned = tuple(msgspec.structs.replace(item, box=around(item.box)) for item in barcodes)
    return _moved(layout, word, around), turned


def _moved(layout: Layout, word: Callable[[Box], Box], around: Callable[[Box], Box]) -> Layout:
    replace = msgspec.structs.replace
    return Layout(
        tuple(replace(item, box=word(item.box)) for item in layout.words),
        tuple(replace(item, box=around(item.box)) for item in layout.lines),
        tuple(replace(item, box=around(item.box)) for item in layout.blocks),
        tuple(
            replace(
                item,
                box=around(item.box),
                cells=tuple(replace(cell, box=around(cell.box)) for cell in item.cells),
            )
            for item in layout.tables
        ),
    )
