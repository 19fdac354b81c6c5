"""Straight lines printed on a scanned page, found without looking at every dot from Python.

The picture is averaged over runs of `_RUN` dots along each direction; only lines (and thick bars) stay dark there.
"""

import re
from typing import TYPE_CHECKING

from PIL import Image as Pillow

from ementa.extraction.layout.grids import Rule

if TYPE_CHECKING:
    from PIL.Image import Image

_RUN = 24
_DARK = 0.55
_STRETCH = re.compile(rb"\xff{4,}")
_JOIN = 3
_THICK = 14
_MAX = 3000


def find_rules(image: "Image", dpi: float) -> list[Rule]:
    """Horizontal and vertical lines of a picture in greys, in pixels, at least about a centimetre long."""
    horizontal = _along(image, dpi)
    vertical = _along(image.transpose(Pillow.Transpose.TRANSPOSE), dpi)
    return [Rule(True, *line) for line in horizontal] + [Rule(False, *line) for line in vertical]


def _along(image: "Image", dpi: float) -> list[tuple[float, float, float]]:
    """Dark horizontal stretches as (y, x0, x1); the rows of a thick line are joined, and bars left out."""
    width, height = image.size
    cells = width // _RUN
    if cells < 4 or height < 4:
        return []
    paper = _paper(image)
    limit = int(paper * _DARK)
    small = image.resize((cells, height), Pillow.Resampling.BOX, box=(0, 0, cells * _RUN, height))
    dark = small.point([255 if value < limit else 0 for value in range(256)]).tobytes()
    shortest = max(4, int(dpi * 0.4 / _RUN))
    open_: list[list[float]] = []  # y of first row, y of last row, x0, x1
    closed: list[list[float]] = []
    for y in range(height):
        row = dark[y * cells : (y + 1) * cells]
        if b"\xff\xff\xff\xff" not in row:
            continue
        for match in _STRETCH.finditer(row):
            if match.end() - match.start() >= shortest:
                _extend(open_, y, match.start() * _RUN, match.end() * _RUN)
        if len(open_) > 200:
            closed += [line for line in open_ if y - line[1] > _JOIN]
            open_ = [line for line in open_ if y - line[1] <= _JOIN]
    lines = [((a + b) / 2, x0, x1) for a, b, x0, x1 in (*closed, *open_) if b - a <= _THICK * dpi / 300]
    return lines[:_MAX]


def _extend(lines: list[list[float]], y: int, x0: float, x1: float) -> None:
    for line in reversed(lines):
        if y - line[1] <= _JOIN and x0 <= line[3] and x1 >= line[2]:
            line[1], line[2], line[3] = y, min(line[2], x0), max(line[3], x1)
            return
    lines.append([y, y, x0, x1])


def _paper(image: "Image") -> int:
    """The grey of the paper: the commonest of the lighter half."""
    histogram = image.histogram()
    return max(range(100, 256), key=lambda value: histogram[value])
