import asyncio
import hashlib
import io
import os
import shutil
import signal
from pathlib import Path
from typing import Any

import pytest
from benchmarks.extraction import corpus
from PIL import Image, ImageDraw, ImageFont

from ementa.extraction.errors import (
    ExtractionCrashed,
    ExtractionOutOfMemory,
    ExtractionTimeout,
    FileCorrupt,
    OcrUnavailable,
    TooManyPages,
    TooManyPixels,
    TooManyWords,
)
from ementa.extraction.sandbox.pool import SandboxPool
from ementa.extraction.service import cache_key, extract
from ementa.extraction.settings import ExtractionSettings
from ementa.extraction.types import Extraction
from ementa.storage.filesystem import FilesystemStore
from ementa.testing.drawn_pdf import draw_pdf

needs_ocr = pytest.mark.skipif(shutil.which("tesseract") is None, reason="Tesseract is not installed")

SENTENCES = [
    "Nota fiscal de prestação de serviços",
    "Fornecedor Comercial Estrela do Sul",
    "CNPJ 11.222.333/0001-81",
    "Valor total R$ 1.234,56",
    "Data de emissão 12/03/2026",
]


def scan(turn: int = 0, skew: float = 0.0, mode: str = "L", size: int = 46) -> Image.Image:
    image = Image.new("L", (1654, 2339), 255)
    draw = ImageDraw.Draw(image)
    font = ImageFont.load_default(size)
    for number in range(20):
        draw.text((140, 140 + number * 2 * size), SENTENCES[number % 5], fill=0, font=font)
    if skew:
        image = image.rotate(skew, Image.Resampling.BICUBIC, fillcolor=255)
    if turn:
        image = image.rotate(turn, expand=True)
    return image.convert(mode)


def saved(image: Image.Image, path: Path, **options: Any) -> Path:
    image.save(path, dpi=(200, 200), **options)
    return path


class Reader:
    """Extracts as the product does, with everything that the tests may change at hand."""

    def __init__(self, pool: SandboxPool, store: FilesystemStore, settings: ExtractionSettings) -> None:
        self.pool, self.store, self.settings = pool, store, settings
        self.progress: list[float] = []

    async def __call__(self, path: Path, scope: str = "tenant") -> Extraction:
        async def tell(share: float) -> None:
            self.progress.append(share)

        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        return await extract(
            path,
            filename=path.name,
            sha256=digest,
            scope=scope,
            store=self.store,
            pool=self.pool,
            settings=self.settings,
            progress=tell,
        )


@pytest.fixture
def reader(pool: SandboxPool, store: FilesystemStore, settings: ExtractionSettings) -> Reader:
    return Reader(pool, store, settings)


def changed(reader: Reader, **changes: Any) -> Reader:
    return Reader(reader.pool, reader.store, reader.settings.model_copy(update=changes))


async def test_a_pdf_with_text_is_read_and_its_language_told(reader: Reader, tmp_path: Path) -> None:
    path = tmp_path / "a.pdf"
    path.write_bytes(
        draw_pdf([[(50.0, 80 + 20.0 * n, 10.0, f"o valor da nota {n} não é para a empresa")] for n in range(3)])
    )
    read = await reader(path)
    assert (read.media_type, len(read.pages), read.language) == ("application/pdf", 3, "pt")
    assert read.pages[2].text == "o valor da nota 2 não é para a empresa"
    assert reader.progress[-1] == 1.0


async def test_the_same_content_is_read_once_within_a_scope(reader: Reader, tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("uma linha")
    first = await reader(path)
    await reader.pool.close()  # from here on nothing could be read
    assert await reader(path) == first
    with pytest.raises(Exception, match="could not be started"):
        await reader(path, scope="another")


@pytest.mark.parametrize(("scope", "digest"), [("../x", "0" * 64), ("t", "../../etc/passwd"), ("", "0" * 64)])
def test_keys_are_never_made_of_anything_else(scope: str, digest: str) -> None:
    with pytest.raises(ValueError, match="key"):
        cache_key(scope, digest, "text/plain", "e")


@needs_ocr
@pytest.mark.parametrize(("turn", "skew"), [(0, 0.0), (0, 3.0), (90, 0.0), (180, 0.0)])
async def test_scans_are_read_however_they_lie(reader: Reader, tmp_path: Path, turn: int, skew: float) -> None:
    read = await reader(saved(scan(turn, skew), tmp_path / "scan.png"))
    page = read.pages[0]
    assert page.source == "ocr"
    assert page.rotation == turn % 360  # turned counter-clockwise above, so as much clockwise to stand upright
    for part in ("11.222.333/0001-81", "1.234,56", "12/03/2026", "Fornecedor"):
        assert page.text.count(part) >= 3, page.text
    assert (round(page.width), round(page.height)) == (595, 842)
    word = next(word for word in page.words if word.text == "CNPJ")
    if not skew:
        assert word.box[0] == pytest.approx(140 * 72 / 200, abs=3)
        assert word.box[1] == pytest.approx((140 + 2 * 92 + 13) * 72 / 200, abs=4)


@needs_ocr
@pytest.mark.parametrize("mode", ["RGB", "RGBA", "P", "1", "CMYK", "LA", "I;16"])
async def test_every_kind_of_picture_is_read(reader: Reader, tmp_path: Path, mode: str) -> None:
    image = scan(mode="L")
    if mode == "RGBA":
        image = Image.merge("RGBA", [Image.new("L", image.size, 0)] * 3 + [image.point([255 - v for v in range(256)])])
    elif mode == "I;16":
        image = image.convert("I").point(lambda value: value * 257).convert("I;16")
    else:
        image = image.convert(mode)
    read = await reader(saved(image, tmp_path / ("a.tif" if mode in ("CMYK", "I;16", "LA") else "a.png")))
    assert "11.222.333/0001-81" in read.text


@needs_ocr
async def test_every_page_of_a_tiff_and_the_scanned_pages_of_a_mixed_pdf(reader: Reader, tmp_path: Path) -> None:
    path = saved(scan(), tmp_path / "a.tiff", save_all=True, append_images=[scan(size=40)])
    read = await reader(path)
    assert [page.source for page in read.pages] == ["ocr", "ocr"]
    picture = scan()
    typed = [
        (50.0, 100 + 14.0 * n, 10.0, "esta página tem o seu próprio texto e não precisa de nada") for n in range(5)
    ]
    mixed = tmp_path / "mixed.pdf"
    mixed.write_bytes(draw_pdf([[], typed], pictures=[(*picture.size, picture.tobytes())]))
    read = await reader(mixed)
    assert [page.source for page in read.pages] == ["ocr", "text_layer"]
    assert "Fornecedor" in read.pages[0].text


@needs_ocr
async def test_an_absent_language_is_a_warning_and_no_data_at_all_is_an_error(reader: Reader, tmp_path: Path) -> None:
    path = saved(scan(), tmp_path / "a.png")
    read = await changed(reader, ocr_languages="xxx+eng")(path)
    assert "OCR_LANGUAGE_MISSING:xxx" in read.warnings
    with pytest.raises(OcrUnavailable) as caught:
        await changed(reader, tessdata=str(tmp_path))(path)
    assert "apt install tesseract-ocr tesseract-ocr-por" in caught.value.text("en")


@needs_ocr
async def test_codes_are_read_from_pictures_and_from_drawings(reader: Reader, tmp_path: Path) -> None:
    import segno

    code = segno.make("00020126580014br.gov.bcb.pix", error="m")
    buffer = io.BytesIO()
    code.save(buffer, kind="png", scale=8, border=4)
    image = scan()
    image.paste(Image.open(buffer).convert("L"), (1000, 1200))
    read = await reader(saved(image, tmp_path / "a.png"))
    assert [(c.format, c.text) for c in read.pages[0].barcodes] == [("QRCode", "00020126580014br.gov.bcb.pix")]
    squares = "".join(
        f"{300 + 3 * x} {600 - 3 * y} 3 3 re f\n"
        for y, row in enumerate(code.matrix)
        for x, dark in enumerate(row)
        if dark
    )
    path = tmp_path / "a.pdf"
    path.write_bytes(draw_pdf([[(50.0, 100.0, 10.0, "Pague com Pix")]], drawing=[squares]))
    read = await reader(path)
    assert [c.text for c in read.pages[0].barcodes] == ["00020126580014br.gov.bcb.pix"]
    assert read.pages[0].barcodes[0].box[0] == pytest.approx(300, abs=6)


async def test_one_page_that_cannot_be_read_is_named_and_the_rest_is_kept(reader: Reader, tmp_path: Path) -> None:
    typed = [(50.0, 100.0, 10.0, "uma página com texto")]
    path = tmp_path / "a.pdf"
    path.write_bytes(draw_pdf([[], typed], pictures=[(10, 10, bytes(100))]))
    read = await changed(reader, tessdata=str(tmp_path))(path)
    assert "PAGE_FAILED:1:OCR_UNAVAILABLE" in read.warnings
    assert read.pages[1].text == "uma página com texto"


async def test_cancelling_ends_the_work(reader: Reader, tmp_path: Path) -> None:
    task = asyncio.create_task(reader(saved(scan(), tmp_path / "a.png")))
    await asyncio.sleep(0.5)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert reader.pool.resident_bytes() < 200_000_000


# -- hostile files ---------------------------------------------------------------------------------------------------


async def test_a_picture_of_900_megapixels_is_refused_unread(reader: Reader, tmp_path: Path) -> None:
    path = tmp_path / "huge.png"
    Image.new("1", (30_000, 30_000)).save(path)
    assert path.stat().st_size < 1_000_000
    with pytest.raises(TooManyPixels):
        await reader(path)


async def test_a_pdf_of_50_000_pages_is_refused_soon(reader: Reader, tmp_path: Path) -> None:
    path = tmp_path / "long.pdf"
    path.write_bytes(draw_pdf([[]] * 50_000))
    with pytest.raises(TooManyPages):
        await reader(path)


async def test_a_page_of_a_million_signs_ends_in_words_or_in_a_limit(reader: Reader, tmp_path: Path) -> None:
    path = tmp_path / "dense.pdf"
    lines = [(1.0, 1.0 + n * 0.84, 0.8, f"abcdef{n:03} " * 100) for n in range(1000)]
    path.write_bytes(draw_pdf([lines]))
    try:
        read = await changed(reader, timeout_seconds=50.0)(path)
    except (ExtractionTimeout, ExtractionOutOfMemory, TooManyWords):
        return
    assert len(read.pages[0].words) > 10_000


@pytest.mark.parametrize("name", ["a.png", "a.jpg", "a.tif", "a.webp", "a.gif", "a.bmp"])
@pytest.mark.parametrize("keep", [0.3, 0.01])
async def test_truncated_pictures_say_so_or_give_what_is_left(
    reader: Reader, tmp_path: Path, name: str, keep: float
) -> None:
    path = saved(scan(mode="RGB").resize((413, 585)), tmp_path / name)
    data = path.read_bytes()
    path.write_bytes(data[: max(24, int(len(data) * keep))])
    try:
        await reader(path)
    except FileCorrupt:
        return


async def test_a_child_killed_in_the_middle_is_a_clear_error_and_the_next_file_is_read(
    reader: Reader, tmp_path: Path
) -> None:
    path = tmp_path / "a.pdf"
    path.write_bytes(draw_pdf([[(1.0, 1.0 + n * 0.5, 0.4, "abcdefghi " * 50) for n in range(1000)]] * 5))
    victim = await reader.pool.call("ementa.testing.misbehaviour:process_id")
    task = asyncio.create_task(reader(path))
    await asyncio.sleep(0.2)
    os.kill(victim, signal.SIGKILL)
    with pytest.raises(ExtractionCrashed):
        await task
    path.write_bytes(draw_pdf([[(50.0, 100.0, 10.0, "tudo bem")]]))
    assert (await reader(path)).text == "tudo bem"


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_every_file_of_the_corpus_ends_as_done_or_with_a_code_of_its_own() -> None:
    if corpus.corpus_directory() is None:
        pytest.skip("no corpus: set EMENTA_TEST_DATA")
    report = corpus.run()
    assert report["our_fault"] == []
    assert report["slowest_seconds"] < 60
