"""A small PDF writer: pages in points with the origin at the top left, and a record of where each marked value stands.

Text uses the standard PDF fonts in WinAnsi encoding; widths come from pdfium, so the record agrees with what any reader
draws. The file's bytes depend on nothing but what was drawn.
"""

import ctypes
import zlib
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Literal, NamedTuple

import numpy as np
import pypdfium2 as pdfium
import pypdfium2.raw as pdfium_c
import zxingcpp

Box = tuple[float, float, float, float]
Align = Literal["left", "right", "center"]

FONTS = (
    "Helvetica", "Helvetica-Bold", "Times-Roman", "Times-Bold", "Courier", "Courier-Bold", "Helvetica-Oblique",
)  # fmt: skip
# Truth boxes lie halfway between the ink of the characters and the font's cell: fair to readers that report either.
_ABOVE, _BELOW = 0.74, 0.21
_CAPITAL = 0.71


class Mark(NamedTuple):
    """One place where a marked value was drawn: its words' boxes in points."""

    page: int
    boxes: tuple[Box, ...]


@cache
def _metrics(font: str) -> tuple[tuple[float, float, float], ...]:
    """Of each character code: advance, and the empty space left and right of its ink, in ems."""
    document = pdfium.PdfDocument.new()
    handle = pdfium_c.FPDFText_LoadStandardFont(document.raw, font.encode())
    width = ctypes.c_float()
    found: list[tuple[float, float, float]] = []
    for code in range(256):
        pdfium_c.FPDFFont_GetGlyphWidth(handle, code, 1000.0, width)
        advance = width.value / 1000
        ink = _ink(pdfium_c.FPDFFont_GetGlyphPath(handle, code, 1.0))
        found.append((advance, ink[0], advance - ink[1]) if ink else (advance, 0.0, 0.0))
    pdfium_c.FPDFFont_Close(handle)
    document.close()
    return tuple(found)


def _ink(path: Any) -> tuple[float, float] | None:
    """The horizontal extent of a glyph's outline."""
    x, y = ctypes.c_float(), ctypes.c_float()
    across: list[float] = []
    for number in range(pdfium_c.FPDFGlyphPath_CountGlyphSegments(path) if path else 0):
        pdfium_c.FPDFPathSegment_GetPoint(pdfium_c.FPDFGlyphPath_GetGlyphPathSegment(path, number), x, y)
        across.append(x.value)
    return (min(across), max(across)) if across else None


def text_width(text: str, font: str, size: float) -> float:
    """Width in points."""
    metrics = _metrics(font)
    return sum(metrics[byte][0] for byte in text.encode("cp1252")) * size


class Run(NamedTuple):
    """A stretch of a paragraph; `tag` marks it as a value."""

    text: str
    tag: str = ""
    bold: bool = False


@dataclass(slots=True)
class Canvas:
    """Draws pages one after the other; `to_pdf` gives the file."""

    width: float = 595.28
    height: float = 841.89
    font: str = "Helvetica"
    bold: str = "Helvetica-Bold"
    marks: dict[str, list[Mark]] = field(default_factory=lambda: defaultdict(list))
    _pages: list[list[str]] = field(default_factory=lambda: [[]])

    @property
    def page(self) -> int:
        """Number of the page being drawn, from 1."""
        return len(self._pages)

    def next_page(self) -> None:
        """Start another page."""
        self._pages.append([])

    def text(
        self, x: float, y: float, text: str, size: float = 9, *, bold: bool = False, align: Align = "left",
        tag: str = "", font: str = "", grey: float = 0,
    ) -> float:  # fmt: skip
        """Draw one line with its baseline at `y`; returns the x where it ends."""
        name = font or (self.bold if bold else self.font)
        width = text_width(text, name, size)
        x -= {"left": 0.0, "right": width, "center": width / 2}[align]
        raw = text.encode("cp1252").hex()
        self._put(f"BT /{name} {size:g} Tf {grey:g} g 1 0 0 1 {x:.2f} {self.height - y:.2f} Tm <{raw}> Tj ET")
        if tag:
            self.marks[tag].append(Mark(self.page, self._word_boxes(x, y, text, name, size)))
            if len(text) == 1:  # a lone "1" fills a fourth of its cell: half-way is far from both
                _, before, after = _metrics(name)[text.encode("cp1252")[0]]
                ink = (x + before * size, y - _CAPITAL * size, x + width - after * size, y)
                self.marks[tag].append(Mark(self.page, (ink,)))
        return x + width

    def paragraph(
        self, x: float, y: float, width: float, runs: Sequence[Run], size: float = 10, leading: float = 1.4
    ) -> float:
        """Draw runs as one wrapped paragraph; returns the baseline below its last line."""
        space = text_width(" ", self.font, size)
        at, pieces = x, defaultdict[str, list[Box]](list)
        for run in runs:
            name = self.bold if run.bold else self.font
            for word in run.text.split(" "):
                if not word:
                    continue
                wide = text_width(word, name, size)
                glued = word[0] in ",.;:)" and at > x
                start = at - space if glued else at
                if start + wide > x + width and at > x:
                    at = start = x
                    y += size * leading
                self.text(start, y, word, size, bold=run.bold)
                if run.tag:
                    pieces[run.tag].extend(self._word_boxes(start, y, word, name, size))
                at = start + wide + space
        for tag, boxes in pieces.items():
            self.marks[tag].append(Mark(self.page, tuple(boxes)))
        return y + size * leading

    def line(self, x0: float, y0: float, x1: float, y1: float, thick: float = 0.6, dash: str = "") -> None:
        """A straight line."""
        pattern = f"[{dash}] 0 d " if dash else ""
        self._put(f"q {pattern}{thick:g} w {x0:.2f} {self.height - y0:.2f} m {x1:.2f} {self.height - y1:.2f} l S Q")

    def rect(self, x: float, y: float, w: float, h: float, *, fill: float | None = None, thick: float = 0.6) -> None:
        """A rectangle with its upper left corner at x, y; `fill` is a grey from 0 to 1."""
        paint = "S" if fill is None else ("B" if thick else "f")
        grey = "" if fill is None else f"{fill:g} g "
        self._put(f"q {grey}{max(thick, 0.1):g} w {x:.2f} {self.height - y - h:.2f} {w:.2f} {h:.2f} re {paint} Q")

    def bars(
        self, x: float, y: float, w: float, h: float, text: str, symbology: Literal["ITF", "Code128"], tag: str
    ) -> None:
        """A linear barcode of `text` filling the rectangle; the value that it carries may be proven here."""
        self.marks[tag].append(Mark(self.page, ((x, y, x + w, y + h),)))
        image = zxingcpp.create_barcode(text, getattr(zxingcpp.BarcodeFormat, symbology)).to_image(
            add_quiet_zones=False
        )
        row = np.asarray(image)[image.shape[0] // 2].tolist()
        unit, start = w / len(row), None
        for position, level in enumerate([*row, 255]):
            if level < 128 and start is None:
                start = position
            elif level >= 128 and start is not None:
                self._fill(x + start * unit, y, (position - start) * unit, h)
                start = None

    def squares(self, x: float, y: float, side: float, matrix: Sequence[Sequence[int]], tag: str) -> None:
        """A matrix code: dark modules are the non-zero cells. Its value may be proven here."""
        self.marks[tag].append(Mark(self.page, ((x, y, x + side, y + side),)))
        unit = side / len(matrix)
        for row, cells in enumerate(matrix):
            for column, dark in enumerate(cells):
                if dark:
                    self._fill(x + column * unit, y + row * unit, unit, unit)

    def to_pdf(self) -> bytes:
        """The finished file."""
        fonts = {name: 3 + number for number, name in enumerate(FONTS)}
        resources = " ".join(f"/{name} {number} 0 R" for name, number in fonts.items())
        first = 3 + len(fonts)
        kids = " ".join(f"{first + 2 * number} 0 R" for number in range(len(self._pages)))
        objects = [
            b"<< /Type /Catalog /Pages 2 0 R >>",
            f"<< /Type /Pages /Kids [{kids}] /Count {len(self._pages)} >>".encode(),
        ]
        objects += [
            f"<< /Type /Font /Subtype /Type1 /BaseFont /{name} /Encoding /WinAnsiEncoding >>".encode() for name in FONTS
        ]
        for number, commands in enumerate(self._pages):
            data = zlib.compress("\n".join(commands).encode("ascii"), 9)
            objects.append(
                f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 {self.width:.2f} {self.height:.2f}] "
                f"/Resources << /Font << {resources} >> >> /Contents {first + 2 * number + 1} 0 R >>".encode()
            )
            objects.append(f"<< /Length {len(data)} /Filter /FlateDecode >>\nstream\n".encode() + data + b"\nendstream")
        return assemble(objects)

    def _fill(self, x: float, y: float, w: float, h: float) -> None:
        self._put(f"0 g {x:.3f} {self.height - y - h:.3f} {w:.3f} {h:.3f} re f")

    def _put(self, command: str) -> None:
        self._pages[-1].append(command)

    def _word_boxes(self, x: float, y: float, text: str, font: str, size: float) -> tuple[Box, ...]:
        boxes: list[Box] = []
        metrics = _metrics(font)
        for word in text.split(" "):
            wide = text_width(word, font, size)
            if word:
                before = metrics[word[0].encode("cp1252")[0]][1] * size / 2
                after = metrics[word[-1].encode("cp1252")[0]][2] * size / 2
                boxes.append((x + before, y - _ABOVE * size, x + wide - after, y + _BELOW * size))
            x += wide + text_width(" ", font, size)
        return tuple(boxes)


def assemble(objects: Sequence[bytes]) -> bytes:
    """A PDF file from its objects, numbered from 1; the first is the catalogue."""
    out = bytearray(b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n")
    offsets: list[int] = []
    for number, body in enumerate(objects, start=1):
        offsets.append(len(out))
        out += f"{number} 0 obj\n".encode() + body + b"\nendobj\n"
    start = len(out)
    out += f"xref\n0 {len(objects) + 1}\n0000000000 65535 f \n".encode()
    out += b"".join(f"{offset:010d} 00000 n \n".encode() for offset in offsets)
    out += f"trailer\n<< /Size {len(objects) + 1} /Root 1 0 R >>\nstartxref\n{start}\n%%EOF\n".encode()
    return bytes(out)
