"""Documents made by hand for the tests: the fewest bytes that a reader must accept."""

import io
import struct
import zipfile
from collections.abc import Mapping
from html import escape
from pathlib import Path

from ementa.extraction.base import Context, Limits
from ementa.extraction.choice import all_extractors

W = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
R = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
A = "http://schemas.openxmlformats.org/drawingml/2006/main"
P = "http://schemas.openxmlformats.org/presentationml/2006/main"
S = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
RELS = "http://schemas.openxmlformats.org/package/2006/relationships"
DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
PPTX = "application/vnd.openxmlformats-officedocument.presentationml.presentation"
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


def extractor(name: str):
    """The registered extractor of that name."""
    return next(one for one in all_extractors() if one.name == name)


def context(filename: str, media_type: str, **limits: int) -> Context:
    return Context(Limits(**limits), filename, media_type)


def read(name: str, path: Path, media_type: str = "", **limits: int):
    """What the extractor reads of a file."""
    return extractor(name).extract(path, context(path.name, media_type, **limits))


def text_of(reading) -> str:
    return "\f".join(page.text for page in reading.pages)


def pack(members: Mapping[str, str | bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def relations(*entries: tuple[str, str, str]) -> str:
    inner = "".join(
        f'<Relationship Id="{key}" Type="http://x/relationships/{kind}" Target="{target}"/>'
        for key, kind, target in entries
    )
    return f'<Relationships xmlns="{RELS}">{inner}</Relationships>'


def paragraph(text: str, properties: str = "") -> str:
    return f'<w:p><w:pPr>{properties}</w:pPr><w:r><w:t xml:space="preserve">{escape(text)}</w:t></w:r></w:p>'


def docx(body: str, parts: Mapping[str, str] | None = None, rels: tuple[tuple[str, str, str], ...] = ()) -> bytes:
    return pack(
        {
            "_rels/.rels": relations(("r1", "officeDocument", "word/document.xml")),
            "word/_rels/document.xml.rels": relations(*rels),
            "word/document.xml": f'<w:document xmlns:w="{W}" xmlns:r="{R}"><w:body>{body}</w:body></w:document>',
            **(parts or {}),
        }
    )


def sheet(rows: str) -> str:
    return f'<worksheet xmlns="{S}"><sheetData>{rows}</sheetData></worksheet>'


def xlsx(sheets: Mapping[str, str], hidden: frozenset[str] = frozenset()) -> bytes:
    listed = "".join(
        f'<sheet name="{escape(name)}" sheetId="{at}" r:id="r{at}" '
        f'state="{"hidden" if name in hidden else "visible"}"/>'
        for at, name in enumerate(sheets, 1)
    )
    members = {
        "[Content_Types].xml": "<Types/>",
        "_rels/.rels": relations(("r1", "officeDocument", "xl/workbook.xml")),
        "xl/workbook.xml": f'<workbook xmlns="{S}" xmlns:r="{R}"><sheets>{listed}</sheets></workbook>',
        "xl/_rels/workbook.xml.rels": relations(
            *((f"r{at}", "worksheet", f"worksheets/sheet{at}.xml") for at in range(1, len(sheets) + 1)),
            ("s", "styles", "styles.xml"),
        ),
        "xl/styles.xml": f'<styleSheet xmlns="{S}"><cellXfs><xf numFmtId="0"/><xf numFmtId="14"/></cellXfs>'
        "</styleSheet>",
    }
    for at, content in enumerate(sheets.values(), 1):
        members[f"xl/worksheets/sheet{at}.xml"] = content
    return pack(members)


def inline(cell: str, text: str) -> str:
    return f'<c r="{cell}" t="inlineStr"><is><t xml:space="preserve">{escape(text)}</t></is></c>'


def pptx(slides: list[str], notes: Mapping[int, str] | None = None) -> bytes:
    listed = "".join(f'<p:sldId id="{255 + at}" r:id="r{at}"/>' for at in range(1, len(slides) + 1))
    members: dict[str, str] = {
        "_rels/.rels": relations(("r1", "officeDocument", "ppt/presentation.xml")),
        "ppt/presentation.xml": f'<p:presentation xmlns:p="{P}" xmlns:r="{R}"><p:sldIdLst>{listed}</p:sldIdLst>'
        "</p:presentation>",
        "ppt/_rels/presentation.xml.rels": relations(
            *((f"r{at}", "slide", f"slides/slide{at}.xml") for at in range(1, len(slides) + 1))
        ),
    }
    for at, shapes in enumerate(slides, 1):
        members[f"ppt/slides/slide{at}.xml"] = _slide("sld", shapes)
        if notes and at in notes:
            members[f"ppt/slides/_rels/slide{at}.xml.rels"] = relations(
                ("n", "notesSlide", f"../notesSlides/notesSlide{at}.xml")
            )
            members[f"ppt/notesSlides/notesSlide{at}.xml"] = _slide("notes", shape(notes[at], "body"))
    return pack(members)


def _slide(name: str, shapes: str) -> str:
    return (
        f'<p:{name} xmlns:p="{P}" xmlns:a="{A}" xmlns:r="{R}"><p:cSld><p:spTree>{shapes}</p:spTree></p:cSld></p:{name}>'
    )


def shape(text: str, kind: str = "") -> str:
    holder = f'<p:ph type="{kind}"/>' if kind else ""
    lines = "".join(f"<a:p><a:r><a:t>{escape(line)}</a:t></a:r></a:p>" for line in text.split("\n"))
    return f"<p:sp><p:nvSpPr><p:nvPr>{holder}</p:nvPr></p:nvSpPr><p:txBody>{lines}</p:txBody></p:sp>"


def odf(kind: str, body: str, styles: str = "", extra: Mapping[str, str] | None = None) -> bytes:
    spaces = " ".join(
        f'xmlns:{name}="urn:oasis:names:tc:opendocument:xmlns:{name}:1.0"'
        for name in ("office", "text", "table", "style", "drawing", "presentation")
    )
    content = (
        f'<office:document-content {spaces} xmlns:draw="urn:oasis:names:tc:opendocument:xmlns:drawing:1.0" '
        f'xmlns:fo="urn:oasis:names:tc:opendocument:xmlns:xsl-fo-compatible:1.0">'
        f"<office:automatic-styles>{styles}</office:automatic-styles>"
        f"<office:body><office:{kind}>{body}</office:{kind}></office:body></office:document-content>"
    )
    return pack({"mimetype": f"application/vnd.oasis.opendocument.{kind}", "content.xml": content, **(extra or {})})


# OLE compound files, [MS-CFB]: streams of at least 4,096 bytes, so that no small-stream table is needed --------------
_FREE, _END, _FAT = 0xFFFF_FFFF, 0xFFFF_FFFE, 0xFFFF_FFFD


def ole(streams: Mapping[str, bytes], pad: bytes = b"\0") -> bytes:
    """A compound file with these streams at its root; short ones are filled up with `pad`."""
    data = {name: content.ljust(4096, pad) for name, content in streams.items()}
    sectors: list[bytes] = []
    chain: list[int] = []
    starts: dict[str, int] = {}
    for name, content in data.items():
        starts[name] = len(sectors)
        parts = [content[at : at + 512].ljust(512, pad) for at in range(0, len(content), 512)]
        sectors += parts
        chain += [*range(starts[name] + 1, starts[name] + len(parts)), _END]
    directory = _directory(data, starts)
    first_directory = len(sectors)
    parts = [directory[at : at + 512] for at in range(0, len(directory), 512)]
    sectors += parts
    chain += [*range(first_directory + 1, first_directory + len(parts)), _END]
    tables = 1
    while (len(chain) + tables) > tables * 128:
        tables += 1
    first_table = len(sectors)
    chain += [_FAT] * tables
    chain += [_FREE] * (tables * 128 - len(chain))
    table = struct.pack(f"<{len(chain)}I", *chain)
    header = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 16 + struct.pack("<HHHHH6x", 0x3E, 3, 0xFFFE, 9, 6)
    header += struct.pack("<IIIIIIIII", 0, tables, first_directory, 0, 4096, _END, 0, _END, 0)
    places = [*range(first_table, first_table + tables), *([_FREE] * (109 - tables))]
    return header + struct.pack("<109I", *places) + b"".join(sectors) + table


def _directory(data: Mapping[str, bytes], starts: Mapping[str, int]) -> bytes:
    """The entries as one chain of right siblings, sorted as the format asks."""
    names = sorted(data, key=lambda name: (len(name), name.upper()))
    entries = [_entry("Root Entry", 5, _FREE, 1 if names else _FREE, _END, 0)]
    for at, name in enumerate(names, 1):
        right = at + 1 if at < len(names) else _FREE
        entries.append(_entry(name, 2, right, _FREE, starts[name], len(data[name])))
    while len(entries) % 4:
        entries.append(struct.pack("<64xHBBIII36xIQ", 0, 0, 1, _FREE, _FREE, _FREE, 0, 0))
    return b"".join(entries)


def _entry(name: str, kind: int, right: int, child: int, start: int, size: int) -> bytes:
    encoded = name.encode("utf-16-le") + b"\0\0"
    return encoded.ljust(64, b"\0") + struct.pack(
        "<HBBIII36xIQ", len(encoded), kind, 1, _FREE, right, child, start, size
    )


def doc(text: str, flags: int = 0, version: int = 0xC1) -> bytes:
    """A Word 97 file of one piece of UTF-16 text."""
    encoded = text.encode("utf-16-le")
    units = len(encoded) // 2
    pieces = struct.pack("<II", 0, units) + struct.pack("<HIH", 0, 2048, 0)
    clx = b"\x02" + struct.pack("<I", len(pieces)) + pieces
    stream = bytearray(2048)
    struct.pack_into("<HH", stream, 0, 0xA5EC, version)
    struct.pack_into("<H", stream, 0x0A, flags)
    struct.pack_into("<i", stream, 0x4C, units)
    struct.pack_into("<II", stream, 0x1A2, 0, len(clx))
    return ole({"WordDocument": bytes(stream) + encoded, "0Table": clx})


def record(kind: int, data: bytes, instance: int = 0, *, container: bool = False) -> bytes:
    return struct.pack("<HHI", instance << 4 | (0xF if container else 0), kind, len(data)) + data


def ppt(slides: list[str]) -> bytes:
    """A PowerPoint 97 file whose slides each have one text box."""
    stream = b""
    offsets: list[int] = []
    for text in slides:
        box = record(3999, struct.pack("<I", 4)) + record(4000, text.encode("utf-16-le"))
        drawing = record(0xF004, record(0xF00D, box, container=True), container=True)
        slide = record(1006, record(1036, drawing, container=True), container=True)
        offsets.append(len(stream))
        stream += slide
    listed = b"".join(record(1011, struct.pack("<I8xI4x", at + 2, 256 + at)) for at in range(len(slides)))
    document = record(1000, record(4080, listed, container=True), container=True)
    offsets.insert(0, len(stream))
    stream += document
    directory = len(stream)
    stream += record(6002, struct.pack("<I", 1 | len(offsets) << 20) + struct.pack(f"<{len(offsets)}I", *offsets))
    edit = len(stream)
    stream += record(4085, struct.pack("<IIIIIII", 0, 0, 0, directory, 1, 0, 0))
    user = record(4086, struct.pack("<III", 20, 0xE391C05F, edit))
    return ole({"PowerPoint Document": stream, "Current User": user})


def msg(subject: str, body: str, sender: str = "Ana") -> bytes:
    def wide(text: str) -> bytes:
        return text.encode("utf-16-le")

    return ole(
        {
            "__properties_version1.0": b"",
            "__substg1.0_0037001F": wide(subject),
            "__substg1.0_1000001F": wide(body),
            "__substg1.0_0C1A001F": wide(sender),
        }
    )
