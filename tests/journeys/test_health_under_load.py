"""Heavy and hostile documents in the queue: the server keeps answering, keeps its memory, and every document ends."""

import asyncio
import io
import struct
import zipfile
import zlib

import pytest
from benchmarks.server import corpus
from benchmarks.server.watching import Watch
from people import Person
from PIL import Image, ImageDraw, ImageFont

from ementa.extraction.settings import ExtractionSettings
from ementa.testing.drawn_pdf import draw_pdf
from ementa.testing.server import RunningServer

ASKED = {"Prompt": "Extraia o CNPJ", "Format_Response": '{"cnpj": ""}', "Model": "ementa-reader"}
GENEROUS_SECONDS = 5.0
"""A server that hangs answers much later than this; a busy machine that runs tests, hardly."""
SERVER_BYTES = 500_000_000
OUR_FAULT = {"INTERNAL", "EXTRACTION_FAILED", "EXTRACTION_CRASHED", "JOB_TIMEOUT", "WORKER_LOST"}


async def test_the_server_answers_while_it_reads_the_worst(server: RunningServer, clerk: Person) -> None:
    with Watch(server) as watch:
        outcomes = dict(await asyncio.gather(*(outcome(clerk, name, data) for name, data in nasty().items())))
    told = watch.report()
    print(told, outcomes)
    assert told["health_failures"] == 0
    assert told["health_max_seconds"] < GENEROUS_SECONDS
    assert watch.server_bytes < SERVER_BYTES
    assert watch.child_bytes < ExtractionSettings().memory_bytes
    assert not OUR_FAULT & set(outcomes.values())
    assert outcomes["many.pdf"] == outcomes["large.png"] == "done"
    assert outcomes["bomb.docx"] == "DECOMPRESSION_BOMB"
    assert outcomes["huge.png"] == "TOO_MANY_PIXELS"
    assert outcomes["deep.html"] == outcomes["deep.json"] == "TOO_DEEP"


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_the_server_answers_while_it_reads_the_whole_corpus() -> None:
    if corpus.corpus_directory() is None:
        pytest.skip("no corpus: set EMENTA_TEST_DATA to the directory that holds documents/manifest.json")
    told = corpus.run()
    print(told)
    assert told["server_survived"]
    assert told["our_fault"] == told["hung"] == []
    assert told["unexpected_errors_logged"] == told["health_failures"] == 0
    assert told["health_max_seconds"] < GENEROUS_SECONDS
    assert told["child_share_of_limit"] < 1


async def outcome(clerk: Person, name: str, data: bytes) -> tuple[str, str]:
    """The document's name and how it ended: its status, or the code of its error."""
    status, accepted = await clerk.send(data, **ASKED, Filename=name)
    if status != 202:
        assert 400 <= status < 500, accepted
        return name, accepted["code"]
    status, answer = await clerk.answer(accepted["id"])
    return name, answer["status"] if status == 200 else answer["code"]


def nasty() -> dict[str, bytes]:
    line = "CNPJ 11.222.333/0001-81 e mais palavras para ler nesta linha"
    pages = [[(50.0, 60.0 + 14 * row, 10.0, f"{line} {page}.{row}") for row in range(40)] for page in range(100)]
    html = "<div>" * 50_000 + "CNPJ 11.222.333/0001-81" + "</div>" * 50_000
    return {
        "many.pdf": draw_pdf(pages),
        "large.png": written_page(),
        "bomb.docx": zip_bomb(),
        "huge.png": empty_png(30_000, 30_000),
        "deep.html": html.encode(),
        "long.csv": b"a;b;c\n" + b"1;2;3\n" * 10_000,
        "open.xml": b"<a>" * 10_000,
        "broken.pdf": b"%PDF-1.7\n" + b"1 0 obj << /Length 99999999 >> stream\n" * 500,
        "cut.jpg": jpeg()[:3000],
        "deep.json": b"[" * 100_000 + b"]" * 100_000,
        "noise.txt": bytes(range(1, 256)) * 2000,
    }


def written_page() -> bytes:
    """A page of text, for Tesseract to chew on."""
    page = Image.new("L", (1600, 1200), 255)
    draw = ImageDraw.Draw(page)
    font = ImageFont.load_default(44)
    for row in range(16):
        draw.text((120, 80 + row * 64), f"Linha {row:02d}  CNPJ 11.222.333/0001-81  valor R$ {row * 137}", 0, font)
    return saved(page, "PNG")


def jpeg() -> bytes:
    return saved(Image.effect_noise((800, 800), 90), "JPEG")


def saved(picture: Image.Image, form: str) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, form)
    return buffer.getvalue()


def zip_bomb() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("[Content_Types].xml", b"<Types/>")
        with archive.open("word/document.xml", "w", force_zip64=True) as part:
            for _ in range(1200):
                part.write(b" " * 1_000_000)
    return buffer.getvalue()


def empty_png(width: int, height: int) -> bytes:
    """A picture of nine hundred million pixels in a hundred kilobytes."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    packer = zlib.compressobj(9)
    row = bytes(1 + width // 8)
    data = b"".join(packer.compress(row) for _ in range(height)) + packer.flush()
    head = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", data) + chunk(b"IEND", b"")
