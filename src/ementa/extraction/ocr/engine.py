"""Tesseract in this process: one engine a language set, kept from page to page (loading it costs as much as a page)."""

from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

import tesserocr

from ementa.extraction.errors import OcrUnavailable
from ementa.extraction.layout.segments import RawWord

if TYPE_CHECKING:
    from PIL.Image import Image

AUTOMATIC, ONE_BLOCK, ONE_LINE, ONE_SIGN, SPARSE = 3, 6, 7, 10, 11
"""Tesseract's page segmentation modes: columns found by itself; one block of lines; one line; one letter or digit; text
anywhere, in no order."""


class Reading(NamedTuple):
    """Words in pixels of the picture, with the sum of their confidences weighted by length."""

    words: list[RawWord]
    mode: int

    @property
    def characters(self) -> int:
        """Of all words."""
        return sum(len(word[4]) for word in self.words)

    @property
    def confidence(self) -> float:
        """Mean over characters; 0 when there are none."""
        return sum(word[5] * len(word[4]) for word in self.words) / max(1, self.characters)


def recognise(image: "Image", dpi: int, mode: int, tessdata: str, languages: str) -> Reading:
    """Read a picture in greys (mode `L`) with the given segmentation mode."""
    api = _engine(tessdata, languages)
    api.SetPageSegMode(mode)
    width, height = image.size
    api.SetImageBytes(image.tobytes(), width, height, 1, width)
    api.SetSourceResolution(dpi)
    try:
        table: str = api.GetTSVText(0)
    finally:
        api.Clear()
    return Reading(_words(table), mode)


def find_orientation(image: "Image", dpi: int, tessdata: str) -> tuple[int, float]:
    """Degrees clockwise by which the picture must be turned to stand upright, and how sure that is (2 is sure)."""
    api = _orienter(tessdata)
    width, height = image.size
    api.SetImageBytes(image.tobytes(), width, height, 1, width)
    api.SetSourceResolution(dpi)
    try:
        found = api.DetectOrientationScript()
    finally:
        api.Clear()
    if not found:
        return 0, 0.0
    return (360 - int(found["orient_deg"])) % 360, float(found["orient_conf"])


@lru_cache(maxsize=1)
def _engine(tessdata: str, languages: str) -> Any:  # its published types contradict what it takes
    tesserocr.set_leptonica_log_level(tesserocr.LeptLogLevel.NONE)
    try:
        return _talking_to_stderr(tesserocr.PyTessBaseAPI(path=tessdata, lang=languages))
    except RuntimeError as error:
        raise OcrUnavailable({"tessdata": tessdata}, cause=f"{tessdata}: {languages}") from error


@lru_cache(maxsize=1)
def _orienter(tessdata: str) -> Any:
    return _talking_to_stderr(tesserocr.PyTessBaseAPI(path=tessdata, lang="osd", psm=tesserocr.PSM.OSD_ONLY))


def _talking_to_stderr(api: Any) -> Any:
    """Tesseract opens /dev/null for its messages and crashes where nothing may be opened for writing."""
    api.SetVariable("debug_file", "")
    return api


def _words(table: str) -> list[RawWord]:
    """The words (level 5) of Tesseract's table: level page block par line word left top width height conf text."""
    words: list[RawWord] = []
    for row in table.split("\n"):
        if not row.startswith("5\t"):
            continue
        fields = row.split("\t", 11)
        if len(fields) < 12:
            continue
        text = fields[11].strip()
        width, height = float(fields[8]), float(fields[9])
        if not text or width <= 0 or height <= 0:
            continue
        left, top = float(fields[6]), float(fields[7])
        confidence = round(max(0.0, float(fields[10])) / 100, 3)
        words.append((left, top, left + width, top + height, text, confidence))
    return words
