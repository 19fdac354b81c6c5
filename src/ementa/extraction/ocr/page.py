"""One picture of a page, read: made upright and straight, read in the mode that suits it."""

import re
from typing import TYPE_CHECKING, NamedTuple

from PIL import Image as Pillow

from ementa.extraction.layout.grids import Rule, count_crossings
from ementa.extraction.layout.segments import RawWord
from ementa.extraction.ocr.engine import (
    AUTOMATIC,
    ONE_BLOCK,
    ONE_LINE,
    ONE_SIGN,
    SPARSE,
    Reading,
    find_orientation,
    recognise,
)
from ementa.extraction.ocr.light import even_out
from ementa.extraction.ocr.missed import find_missed
from ementa.extraction.ocr.rules import find_rules
from ementa.extraction.ocr.skew import find_lie

if TYPE_CHECKING:
    from PIL.Image import Image

DPI = 300
_FORM_CROSSINGS = 16
_DOUBTFUL = 0.8
_BAD = 0.6
_SURE_TURN = 2.0
_NOISE = 0.3
_DOUBTFUL_WORD = 0.6
_MOST_DOUBTFUL = 40
_SURE_FRAGMENT = 0.88
_LONE = re.compile(r"\d{1,3}")
_EDGE, _MARGIN = 6, 20


class Ocr(NamedTuple):
    """Words and lines drawn, in pixels of the picture turned `turn` degrees clockwise and then `skew` counter-clockwise
    about its middle (`size` is the same before and after that)."""

    words: list[RawWord]
    rules: list[Rule]
    turn: int
    skew: float
    confidence: float
    size: tuple[int, int]


class Engine(NamedTuple):
    """What Tesseract works with here."""

    tessdata: str
    languages: str
    orients: bool


def read_picture(image: "Image", dpi: int, engine: Engine) -> Ocr:
    """Read a picture in greys. A page that reads badly, or lies on its side, is tried the other way up as well."""
    image = even_out(image)
    turn, skew = find_lie(image)
    if turn and engine.orients:
        more, sure = find_orientation(lay(image, turn, skew), dpi, engine.tessdata)
        if sure >= _SURE_TURN:
            first = _read(image, (turn + more) % 360, skew, dpi, engine)
            return first if first.confidence >= _BAD else _better(first, image, turn, skew, dpi, engine)
    first = _read(image, turn, skew, dpi, engine)
    if (turn or first.confidence < _BAD) and (turn or first.words):
        return _better(first, image, turn, skew, dpi, engine)
    return first


def _better(first: Ocr, image: "Image", turn: int, skew: float, dpi: int, engine: Engine) -> Ocr:
    """The first reading, or one with the page the way up that Tesseract thinks, else upside down, if that says more."""
    more = 180
    if engine.orients:
        found, sure = find_orientation(lay(image, turn, skew), dpi, engine.tessdata)
        more = found if found and sure >= _SURE_TURN else 180
    other = (turn + more) % 360
    if other == first.turn:
        other = (other + 180) % 360
    second = _read(image, other, skew, dpi, engine)
    return max(first, second, key=lambda ocr: _score(ocr.words))


def lay(image: "Image", turn: int, skew: float) -> "Image":
    """Turned clockwise by quarters, then counter-clockwise by the rest."""
    turns = {90: Pillow.Transpose.ROTATE_270, 180: Pillow.Transpose.ROTATE_180, 270: Pillow.Transpose.ROTATE_90}
    upright = image.transpose(turns[turn]) if turn else image
    return upright.rotate(skew, Pillow.Resampling.BICUBIC, fillcolor=255) if skew else upright


def _read(image: "Image", turn: int, skew: float, dpi: int, engine: Engine) -> Ocr:
    laid = lay(image, turn, skew)
    rules = find_rules(laid, dpi)
    form = count_crossings(rules) >= _FORM_CROSSINGS
    reading = recognise(laid, dpi, SPARSE if form else AUTOMATIC, engine.tessdata, engine.languages)
    if reading.confidence < _DOUBTFUL:
        again = recognise(laid, dpi, AUTOMATIC if form else ONE_BLOCK, engine.tessdata, engine.languages)
        reading = max(reading, again, key=lambda r: _score(r.words))
    words = [word for word in reading.words if not _is_noise(word)]
    if reading.confidence >= _BAD:
        words = _looked_again(laid, words, rules, dpi, engine)
    return Ocr(words, rules, turn, skew, Reading(words, reading.mode).confidence, laid.size)


def _looked_again(image: "Image", words: list[RawWord], rules: list[Rule], dpi: int, engine: Engine) -> list[RawWord]:
    """With lone digits that were passed over, and doubtful words read by themselves where that is surer: a fragment
    takes some milliseconds."""
    doubtful = [number for number, word in enumerate(words) if word[5] < _DOUBTFUL_WORD]
    if len(doubtful) <= _MOST_DOUBTFUL:
        words = list(words)
        for number in doubtful:
            x0, y0, x1, y1, text, confidence = words[number]
            again = _fragment(image, (int(x0), int(y0), int(x1), int(y1)), ONE_LINE, dpi, engine)
            if again is not None and again[5] >= max(_SURE_FRAGMENT, confidence + 0.2) and len(again[4]) >= len(text):
                words[number] = again
    found = (_fragment(image, rest, ONE_SIGN, dpi, engine) for rest in find_missed(image, words, rules))
    return words + [word for word in found if word and word[5] >= _SURE_FRAGMENT and _LONE.fullmatch(word[4])]


def _fragment(image: "Image", box: tuple[int, int, int, int], mode: int, dpi: int, engine: Engine) -> RawWord | None:
    """What stands in a box alone, as one word at that box; None when it is nothing or several words."""
    x0, y0, x1, y1 = box
    cut = image.crop((x0 - _EDGE, y0 - _EDGE, x1 + _EDGE, y1 + _EDGE))
    framed = Pillow.new("L", (cut.width + 2 * _MARGIN, cut.height + 2 * _MARGIN), 255)
    framed.paste(cut, (_MARGIN, _MARGIN))
    read = recognise(framed, dpi, mode, engine.tessdata, engine.languages).words
    return (float(x0), float(y0), float(x1), float(y1), read[0][4], read[0][5]) if len(read) == 1 else None


def _score(words: list[RawWord]) -> float:
    """Characters read, the sure ones counting for and the doubtful ones against."""
    return sum(len(word[4]) * (word[5] - 0.4) for word in words)


def _is_noise(word: RawWord) -> bool:
    """Specks and pieces of lines that were taken for signs."""
    return word[5] < _NOISE and not any(map(str.isalnum, word[4]))
