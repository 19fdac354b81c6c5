"""What is drawn on a PDF page besides text: pictures (is it a scan?) and straight lines (is there a table?)."""

from ctypes import byref, c_float
from typing import Any, NamedTuple

import pypdfium2.raw as pdfium

from ementa.extraction.extractors.pdf_words import Frame
from ementa.extraction.layout.grids import Rule

_MAX_OBJECTS = 6_000
_THIN = 2.5
_SHORT = 6.0
_SMALL = 6.0
_MANY = 40
_FEW = 12
_LEAST_CODE = 0.002


class Drawing(NamedTuple):
    """Objects of a page by what they mean to us."""

    objects: int
    image_share: float
    """Area of all pictures over the area of the page (at most 1)."""
    largest_image: float
    """Share of the largest picture."""
    rules: list[Rule]
    code: bool
    """Whether a barcode may be among them: a small picture, many bars, or many small squares."""


def read_drawing(page: Any, frame: Frame) -> Drawing:
    """The first `_MAX_OBJECTS` objects of the page. Objects inside forms count as one picture-less object."""
    count = pdfium.FPDFPage_CountObjects(page)
    width, height = frame.size
    left, bottom, right, top = c_float(), c_float(), c_float(), c_float()
    bounds = byref(left), byref(bottom), byref(right), byref(top)
    share = largest = 0.0
    rules: list[Rule] = []
    small = pictures = 0
    for number in range(min(count, _MAX_OBJECTS)):
        item = pdfium.FPDFPage_GetObject(page, number)
        kind = pdfium.FPDFPageObj_GetType(item)
        if kind == pdfium.FPDF_PAGEOBJ_TEXT or not pdfium.FPDFPageObj_GetBounds(item, *bounds):
            continue
        box = frame.place(left.value, bottom.value, right.value, top.value)
        if kind == pdfium.FPDF_PAGEOBJ_PATH:
            found = _path_rules(item, box)
            rules += found
            small += box[2] - box[0] < _SMALL
            small += _MANY * (pdfium.FPDFPath_CountSegments(item) > 4 * _MANY)
        elif kind in (pdfium.FPDF_PAGEOBJ_IMAGE, pdfium.FPDF_PAGEOBJ_FORM):
            area = _visible_area(box, width, height) / max(1.0, width * height)
            if kind == pdfium.FPDF_PAGEOBJ_IMAGE:
                share, largest = share + area, max(largest, area)
                pictures += area > _LEAST_CODE
    return Drawing(count, min(1.0, share), largest, rules, small >= _MANY or 0 < pictures <= _FEW)


def _visible_area(box: tuple[float, float, float, float], width: float, height: float) -> float:
    return max(0.0, min(box[2], width) - max(box[0], 0.0)) * max(0.0, min(box[3], height) - max(box[1], 0.0))


def _path_rules(item: Any, box: tuple[float, float, float, float]) -> list[Rule]:
    """The straight lines of a path: itself when it is thin, its edges when it is a rectangle."""
    x0, y0, x1, y1 = box
    wide, tall = x1 - x0, y1 - y0
    if tall <= _THIN and wide > _SHORT:
        return [Rule(True, (y0 + y1) / 2, x0, x1)]
    if wide <= _THIN and tall > _SHORT:
        return [Rule(False, (x0 + x1) / 2, y0, y1)]
    if wide <= _SHORT or tall <= _SHORT or pdfium.FPDFPath_CountSegments(item) not in (4, 5):
        return []
    return [Rule(True, y0, x0, x1), Rule(True, y1, x0, x1), Rule(False, x0, y0, y1), Rule(False, x1, y0, y1)]
