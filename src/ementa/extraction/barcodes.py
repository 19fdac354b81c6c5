"""Barcodes and QR codes on the picture of a page."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import zxingcpp
from PIL import Image as Pillow

from ementa.extraction.layout.grids import Rule
from ementa.extraction.types import Box

if TYPE_CHECKING:
    from PIL.Image import Image

_MAX = 50
_MIN_BARS = 8
_MIN_RUNS = 20
_NEXT_BAR = 400.0
_WHITE = 40
_DARK = 150
_MARGIN = 90
_ENLARGED = 3
_HALVED = 1000


class Code(NamedTuple):
    """A code in pixels of its picture."""

    format: str
    text: str
    box: Box


def read_codes(image: "Image", rules: Sequence[Rule] = ()) -> list[Code]:
    """Every code on the picture, whichever way up.

    `rules` are the lines found on it. Bars that stand too close to the frame around them (slips and invoices print
    them so) are cut out, enlarged and read again: without a white margin nobody recognises a barcode.
    """
    found = _look(image)
    for place in _bars(rules):
        middle = (place[0] + place[2]) / 2
        if not any(c.box[0] <= middle <= c.box[2] and place[1] <= c.box[3] and c.box[1] <= place[3] for c in found):
            found += _read_cut_out(image, place)
    return found[:_MAX]


def _look(image: "Image") -> list[Code]:
    """The whole page, upright as it was made: fine bars at full size, everything else, and bars that run up the page,
    at half size. Looking every way at full size would take a tenth of what the OCR of the page takes."""
    found = _read(image, 0, 0, 1.0)
    if min(image.size) < _HALVED:
        return found
    for code in _read(image.reduce(2), 0, 0, 0.5, any_way=True):
        x, y = (code.box[0] + code.box[2]) / 2, (code.box[1] + code.box[3]) / 2
        if not any(c.box[0] <= x <= c.box[2] and c.box[1] <= y <= c.box[3] for c in found):
            found.append(code)
    return found


def _read(image: "Image", left: float, top: float, scale: float, *, any_way: bool = False) -> list[Code]:
    codes: list[Code] = []
    every_way = any_way or min(image.size) < _HALVED
    for code in zxingcpp.read_barcodes(image, try_rotate=every_way, try_downscale=every_way, try_invert=every_way):
        if not code.valid or not code.text:
            continue
        place = code.position
        corners = (place.top_left, place.top_right, place.bottom_left, place.bottom_right)
        xs = [left + corner.x / scale for corner in corners]
        ys = [top + corner.y / scale for corner in corners]
        codes.append(Code(code.format.name, code.text, (min(xs), min(ys), max(xs), max(ys))))
    return codes


def _read_cut_out(image: "Image", place: Box) -> list[Code]:
    """The bars alone on white paper. A frame line beside them looks like one more bar: try without the outer ones."""
    top, bottom = int(place[1] + 0.15 * (place[3] - place[1])), int(place[3] - 0.15 * (place[3] - place[1]))
    if bottom - top < 8:
        return []
    runs = _dark_runs(image, int(place[0]), int(place[2]), top, bottom)
    if len(runs) < _MIN_RUNS:
        return []
    for skip_left, skip_right in ((1, 1), (0, 0), (1, 0), (0, 1)):
        left, right = runs[skip_left][0] - 1, runs[len(runs) - 1 - skip_right][1] + 1
        cut = image.crop((left, top, right, bottom))
        large = cut.resize((_ENLARGED * cut.width, _ENLARGED * cut.height), Pillow.Resampling.LANCZOS)
        framed = Pillow.new("L", (large.width + 2 * _MARGIN, large.height + 2 * _MARGIN), 255)
        framed.paste(large, (_MARGIN, _MARGIN))
        codes = _read(framed, left - _MARGIN / _ENLARGED, top - _MARGIN / _ENLARGED, _ENLARGED)
        if codes:
            return codes
    return []


def _dark_runs(image: "Image", x0: int, x1: int, top: int, bottom: int) -> list[tuple[int, int]]:
    """The bars around and between two places as (first, last) columns, as far as white gaps stay narrow."""
    columns = image.resize((image.width, 1), Pillow.Resampling.BOX, box=(0, top, image.width, bottom)).tobytes()
    dark = bytes(1 if value < _DARK else 0 for value in columns)
    left, right = max(0, x0), min(len(dark), x1)
    while (step := dark.rfind(1, max(0, left - _WHITE), left)) >= 0:
        left = step
    while (step := dark.find(1, right, right + _WHITE)) >= 0:
        right = step + 1
    runs: list[tuple[int, int]] = []
    for column in range(left, right):
        if dark[column]:
            if runs and runs[-1][1] == column:
                runs[-1] = (runs[-1][0], column + 1)
            else:
                runs.append((column, column + 1))
    return runs


def _bars(rules: Sequence[Rule]) -> list[Box]:
    """Places where several upright lines of one height stand near each other."""
    groups: list[list[Rule]] = []
    for rule in sorted((rule for rule in rules if not rule.horizontal), key=lambda rule: rule.at):
        height = rule.end - rule.start
        for group in groups[-30:]:
            first, last = group[0], group[-1]
            alike = abs(first.start - rule.start) <= 0.25 * height and abs(first.end - rule.end) <= 0.25 * height
            if alike and rule.at - last.at <= _NEXT_BAR:
                group.append(rule)
                break
        else:
            groups.append([rule])
    return [
        (group[0].at, max(r.start for r in group), group[-1].at, min(r.end for r in group))
        for group in groups
        if len(group) >= _MIN_BARS
    ]
