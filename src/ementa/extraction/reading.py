"""What runs inside a child process for one document: read the file, OCR one page, put the pieces together.

These are the functions that `service.py` calls through the sandbox; everything heavy is imported here and below.
"""

from pathlib import Path
from typing import Any, NamedTuple, cast

import msgspec

from ementa.extraction.barcodes import Code, read_codes
from ementa.extraction.base import Context, Extractor, Reading, VisualExtractor
from ementa.extraction.choice import choose_extractor
from ementa.extraction.layout.grids import Rule
from ementa.extraction.layout.page import lay_out
from ementa.extraction.layout.segments import RawWord
from ementa.extraction.layout.tilt import tilt
from ementa.extraction.ocr.page import DPI, Engine, Ocr, lay, read_picture
from ementa.extraction.ocr.rules import find_rules
from ementa.extraction.ocr.tessdata import can_orient, choose_languages, find_tessdata
from ementa.extraction.task import Task
from ementa.extraction.types import Barcode, Box, Extraction, Page, to_bytes
from ementa.kit.language_guess import guess_language

_LOW_CONFIDENCE = 0.6
_CODE_DPI = 200


class _Scale(NamedTuple):
    """From pixels of a picture to points of its page."""

    x: float
    y: float

    def box(self, x0: float, y0: float, x1: float, y1: float) -> Box:
        """The same place in points, to a hundredth."""
        return round(x0 * self.x, 2), round(y0 * self.y, 2), round(x1 * self.x, 2), round(y1 * self.y, 2)


def read_file(task: dict[str, Any]) -> dict[str, Any]:
    """The text pass: `reading` (msgpack of a `Reading`), and the pages that want OCR or a look for barcodes."""
    known = msgspec.convert(task, Task)
    extractor = _extractor(known)
    reading = extractor.extract(Path(known.path), _context(known))
    return {
        "reading": msgspec.msgpack.encode(reading),
        "pages": len(reading.pages),
        "ocr_pages": list(reading.ocr_pages),
        "code_pages": [
            [number, reading.pages[number - 1].rotation]
            for number in reading.code_pages
            if number not in reading.ocr_pages
        ],
        "words": sum(len(page.words) for page in reading.pages),
    }


def ocr_page(task: dict[str, Any], number: int) -> dict[str, Any]:
    """Page `number` (from 1) read from its picture: `page` (msgpack of a `Page`) and `warnings`."""
    known = msgspec.convert(task, Task)
    tessdata = find_tessdata(known.tessdata)
    languages, missing = choose_languages(tessdata, known.languages)
    extractor = cast("VisualExtractor", _extractor(known))
    image, width, height = extractor.render(Path(known.path), number, DPI, _context(known))
    dpi = round(72 * image.width / width) if width > 0 else DPI
    ocr = read_picture(image, dpi, Engine(str(tessdata), languages, can_orient(tessdata)))
    if ocr.turn % 180:
        width, height = height, width
    codes = read_codes(lay(image, ocr.turn, ocr.skew), ocr.rules)
    page = _laid_out(number, ocr, codes, width, height)
    warnings = [f"OCR_LANGUAGE_MISSING:{name}" for name in missing]
    if page.words and page.confidence < _LOW_CONFIDENCE:
        warnings.append(f"OCR_LOW_CONFIDENCE:{number}")
    return {"page": msgspec.msgpack.encode(page), "warnings": warnings}


def code_pages(task: dict[str, Any], turns: list[list[int]]) -> dict[int, bytes]:
    """Barcodes of pages that have a text layer, by page: msgpack of a list of `Barcode`; pages without are left out.

    `turns` names pages with the quarter turn that makes each upright.
    """
    known = msgspec.convert(task, Task)
    extractor = cast("VisualExtractor", _extractor(known))
    found: dict[int, bytes] = {}
    for number, turn in turns:
        image, width, height = extractor.render(Path(known.path), number, _CODE_DPI, _context(known))
        image = lay(image, turn, 0.0)
        if turn % 180:
            width, height = height, width
        scale = _Scale(width / image.width, height / image.height)
        codes = read_codes(image, find_rules(image, _CODE_DPI))
        if codes:
            found[number] = msgspec.msgpack.encode([Barcode(c.format, c.text, scale.box(*c.box)) for c in codes])
    return found


def assemble(
    task: dict[str, Any],
    reading: bytes,
    pages: list[bytes],
    codes: dict[int, bytes],
    warnings: list[str],
    engine: str,
) -> bytes:
    """The whole document: the text pass with OCRed pages and barcodes in place, as the stored form of `Extraction`."""
    known = msgspec.convert(task, Task)
    read = msgspec.msgpack.decode(reading, type=Reading)
    by_number = {page.number: page for page in read.pages}
    for encoded in pages:
        page = msgspec.msgpack.decode(encoded, type=Page)
        by_number[page.number] = msgspec.structs.replace(page, title=by_number[page.number].title)
    for number, encoded in codes.items():
        barcodes = msgspec.msgpack.decode(encoded, type=tuple[Barcode, ...])
        by_number[number] = msgspec.structs.replace(by_number[number], barcodes=barcodes)
    ordered = tuple(by_number[number] for number in sorted(by_number))
    extraction = Extraction(
        media_type=known.media_type,
        pages=ordered,
        engine=engine,
        language=guess_language(_sample(ordered)),
        metadata=read.metadata,
        warnings=tuple(dict.fromkeys((*read.warnings, *warnings, *_says_nothing(ordered)))),
        data=read.data,
    )
    return to_bytes(extraction)


def _says_nothing(pages: tuple[Page, ...]) -> tuple[str, ...]:
    return () if any(page.words or page.barcodes for page in pages) else ("NO_TEXT",)


def _sample(pages: tuple[Page, ...]) -> str:
    words: list[str] = []
    for page in pages:
        words += [word.text for word in page.words[:4000]]
        if len(words) > 8000:
            break
    return " ".join(words)


def _context(task: Task) -> Context:
    return Context(limits=task.limits, filename=task.filename, media_type=task.media_type, languages=task.languages)


def _extractor(task: Task) -> Extractor:
    return choose_extractor(task.media_type, task.filename, frozenset(task.plugins))


def _laid_out(number: int, ocr: Ocr, codes: list[Code], width: float, height: float) -> Page:
    scale = _Scale(width / max(1, ocr.size[0]), height / max(1, ocr.size[1]))
    words: list[RawWord] = [(*scale.box(*word[:4]), word[4], word[5]) for word in ocr.words]
    rules = [
        Rule(True, rule.at * scale.y, rule.start * scale.x, rule.end * scale.x)
        if rule.horizontal
        else Rule(False, rule.at * scale.x, rule.start * scale.y, rule.end * scale.y)
        for rule in ocr.rules
    ]
    barcodes = tuple(Barcode(code.format, code.text, scale.box(*code.box)) for code in codes)
    layout, barcodes = tilt(lay_out(words, rules), barcodes, ocr.skew, width, height)
    return Page(
        number=number,
        width=width,
        height=height,
        source="ocr" if layout.words else "empty",
        words=layout.words,
        lines=layout.lines,
        blocks=layout.blocks,
        tables=layout.tables,
        barcodes=barcodes,
        rotation=ocr.turn,
        confidence=round(ocr.confidence, 3),
    )
