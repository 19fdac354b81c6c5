"""Writes small PDF files from scratch, for tests and benchmarks: text at exact places, lines, pictures."""

import zlib
from collections.abc import Sequence

Text = tuple[float, float, float, str]
"""x and y of the baseline's start in points from the top left, size, text (Latin-1)."""

WIDTH, HEIGHT = 595, 842


def draw_pdf(
    pages: Sequence[Sequence[Text]],
    *,
    drawing: Sequence[str] = (),
    rotate: int = 0,
    pictures: Sequence[tuple[int, int, bytes]] = (),
    info: str = "",
) -> bytes:
    """A PDF of A4 pages in Helvetica.

    `drawing[i]` is put into page i's content as it is (PDF operators, origin bottom left). `pictures[i]` (width,
    height, grey bytes) fills page i. `rotate` is every page's /Rotate, `info` the information dictionary's entries.
    """
    objects: list[bytes] = [
        b"",
        b"",
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>",
    ]
    kids: list[int] = []
    for number, texts in enumerate(pages):
        extra = drawing[number] if number < len(drawing) else ""
        resources = "/Font << /F1 3 0 R >>"
        content = extra
        if number < len(pictures):
            width, height, greys = pictures[number]
            objects.append(_picture(width, height, greys))
            resources += f" /XObject << /P {len(objects)} 0 R >>"
            content = f"q {WIDTH} 0 0 {HEIGHT} 0 0 cm /P Do Q\n{extra}"
        content += "".join(
            f"BT /F1 {size} Tf {x} {HEIGHT - y} Td ({_escaped(text)}) Tj ET\n" for x, y, size, text in texts
        )
        objects.append(_stream("", content.encode("latin-1")))
        objects.append(
            f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 {WIDTH} {HEIGHT}] /Rotate {rotate} "
            f"/Resources << {resources} >> /Contents {len(objects)} 0 R >>".encode()
        )
        kids.append(len(objects))
    objects[0] = b"<< /Type /Catalog /Pages 2 0 R >>"
    listed = " ".join(f"{kid} 0 R" for kid in kids)
    objects[1] = f"<< /Type /Pages /Count {len(kids)} /Kids [{listed}] >>".encode()
    return assemble_pdf(objects, info)


def assemble_pdf(objects: Sequence[bytes], info: str = "") -> bytes:
    """A file of these objects, numbered from 1; the first is the catalog."""
    result = bytearray(b"%PDF-1.7\n")
    places: list[int] = []
    every = [*objects, f"<< {info} >>".encode("latin-1")] if info else list(objects)
    for number, content in enumerate(every, 1):
        places.append(len(result))
        result += b"%d 0 obj\n%b\nendobj\n" % (number, content)
    table = len(result)
    result += b"xref\n0 %d\n0000000000 65535 f \n" % (len(every) + 1)
    result += b"".join(b"%010d 00000 n \n" % place for place in places)
    said = f" /Info {len(every)} 0 R" if info else ""
    result += f"trailer\n<< /Size {len(every) + 1} /Root 1 0 R{said} >>\nstartxref\n{table}\n%%EOF\n".encode()
    return bytes(result)


def _stream(entries: str, data: bytes) -> bytes:
    packed = zlib.compress(data)
    return f"<< {entries} /Filter /FlateDecode /Length {len(packed)} >>\nstream\n".encode() + packed + b"\nendstream"


def _picture(width: int, height: int, greys: bytes) -> bytes:
    entries = (
        f"/Type /XObject /Subtype /Image /Width {width} /Height {height} /ColorSpace /DeviceGray /BitsPerComponent 8"
    )
    return _stream(entries, greys)


def _escaped(text: str) -> str:
    return text.replace("\\", r"\\").replace("(", r"\(").replace(")", r"\)")
