"""How fast text and OCR come out, each against the bare engine in the same run.

PDF pages with text layer: CPU seconds of our text pass (words, boxes, lines, blocks, tables) against bare pypdfium2
(text and the box of every character). OCR: pages a second through the sandbox over all cores against bare Tesseract,
one process a core, on the same pictures with the same languages.
"""

import asyncio
import io
import json
import os
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from benchmarks.extraction.corpus import corpus_directory
from ementa.extraction.base import Context, Limits
from ementa.extraction.ocr.tessdata import find_tessdata
from ementa.extraction.reading import ocr_page
from ementa.extraction.sandbox.pool import SandboxPool
from ementa.extraction.settings import ExtractionSettings
from ementa.extraction.task import Task

_ROUNDS = 3
_DPI = 300


def run() -> dict[str, Any]:
    """Ratios; 1.0 is as fast as the bare engine. Uses the corpus when it is here, else pages drawn by itself."""
    return {"text_pass": _text_pass(), "ocr": _ocr()}


# -- text layer ------------------------------------------------------------------------------------------------------


def _text_pass() -> dict[str, Any]:
    files = _pdf_files()
    ours: list[float] = []
    bare: list[float] = []
    pages = 0
    for _ in range(_ROUNDS):  # alternating, so that a change of the machine's speed meets both
        bare.append(_cpu_of("bare", files)["cpu"])
        measured = _cpu_of("ours", files)
        ours.append(measured["cpu"])
        pages = measured["pages"]
    return {
        "pages": pages,
        "bare_pages_per_cpu_second": round(pages / min(bare), 1),
        "our_pages_per_cpu_second": round(pages / min(ours), 1),
        "ratio": round(min(bare) / min(ours), 3),
        "goal": 0.7,
    }


def _cpu_of(which: str, files: list[str]) -> dict[str, Any]:
    """Measured in a fresh process, imports not counted."""
    command = [sys.executable, "-m", "benchmarks.extraction.speed", which]
    done = subprocess.run(command, input="\n".join(files), capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


def _measure(which: str, files: list[str]) -> dict[str, Any]:
    import pypdfium2

    from ementa.extraction.extractors.pdf import PdfExtractor

    extractor = PdfExtractor()
    start, pages = time.process_time(), 0
    for file in files:
        if which == "ours":
            context = Context(limits=Limits(), filename=file, media_type="application/pdf")
            pages += len(extractor.extract(Path(file), context).pages)
            continue
        document = pypdfium2.PdfDocument(file)
        for number in range(len(document)):
            page = document[number]
            text = page.get_textpage()
            text.get_text_range()
            for index in range(text.count_chars()):
                text.get_charbox(index)
            text.close()
            page.close()
            pages += 1
        document.close()
    return {"cpu": time.process_time() - start, "pages": pages}


def _pdf_files() -> list[str]:
    directory = corpus_directory()
    if directory is not None:
        found = sorted(str(path) for path in (directory / "pdf_text").glob("*.pdf"))
        return [path for path in found if _opens(path)]
    path = Path(tempfile.mkdtemp()) / "drawn.pdf"
    path.write_bytes(_drawn_pdf(100))
    return [str(path)]


def _opens(path: str) -> bool:
    import pypdfium2

    try:
        pypdfium2.PdfDocument(path).close()
    except pypdfium2.PdfiumError:
        return False
    return True


def _drawn_pdf(pages: int) -> bytes:
    from ementa.testing.drawn_pdf import draw_pdf

    lines = [f"Linha {n}: o fornecedor entregou {n} caixas por R$ {n * 3},90 em 12/03/2026." for n in range(55)]
    return draw_pdf([[(50.0, 40.0 + 14 * n, 10.0, line) for n, line in enumerate(lines)]] * pages)


# -- OCR -------------------------------------------------------------------------------------------------------------


def _ocr() -> dict[str, Any]:
    pictures = _pictures()
    cores = len(os.sched_getaffinity(0))
    bare = ours = 0.0
    for _ in range(2):
        bare = max(bare, _bare_ocr(pictures, cores))
        ours = max(ours, asyncio.run(_our_ocr(pictures, cores)))
    cli = _bare_cli(pictures, cores)
    return {
        "pages": len(pictures),
        "cores": cores,
        "bare_tesserocr_pages_per_second": round(bare, 3),
        "tesseract_cli_pages_per_second": round(cli, 3),
        "our_pages_per_second": round(ours, 3),
        "ratio": round(ours / bare, 3),
        "ratio_to_cli": round(ours / cli, 3) if cli else None,
        "goal": 0.95,
    }


def _bare_ocr(pictures: list[str], cores: int) -> float:
    with ProcessPoolExecutor(cores, mp_context=get_context("spawn"), initializer=_load) as workers:
        list(workers.map(_warm, range(cores)))
        start = time.monotonic()
        list(workers.map(_read_bare, pictures))
        return len(pictures) / (time.monotonic() - start)


_api: Any = None


def _load() -> None:
    import tesserocr

    global _api
    os.environ["OMP_THREAD_LIMIT"] = "1"
    _api = tesserocr.PyTessBaseAPI(path=str(find_tessdata()), lang=ExtractionSettings().ocr_languages)


def _warm(_: int) -> None:
    time.sleep(0.2)


def _read_bare(picture: str) -> int:
    from PIL import Image

    with Image.open(picture) as image:
        grey = image.convert("L")
    _api.SetImageBytes(grey.tobytes(), grey.width, grey.height, 1, grey.width)
    _api.SetSourceResolution(_DPI)
    return len(_api.GetTSVText(0))


def _bare_cli(pictures: list[str], cores: int) -> float:
    from concurrent.futures import ThreadPoolExecutor
    from shutil import which

    if which("tesseract") is None:
        return 0.0
    environment = {**os.environ, "OMP_THREAD_LIMIT": "1"}

    def read(picture: str) -> None:
        command = ["tesseract", picture, "-", "-l", ExtractionSettings().ocr_languages, "tsv"]
        subprocess.run(command, capture_output=True, check=True, env=environment)

    start = time.monotonic()
    with ThreadPoolExecutor(cores) as threads:
        list(threads.map(read, pictures))
    return len(pictures) / (time.monotonic() - start)


async def _our_ocr(pictures: list[str], cores: int) -> float:
    settings = ExtractionSettings(children=cores)
    pool = SandboxPool(settings)
    name = f"{ocr_page.__module__}:{ocr_page.__name__}"
    tasks = [
        Task(
            path=picture, filename="page.png", media_type="image/png", limits=Limits(), languages=settings.ocr_languages
        )
        for picture in pictures
    ]
    try:
        await asyncio.gather(*(pool.call(name, tasks[0], 1) for _ in range(cores)))  # warm, as the bare engine is
        start = time.monotonic()
        await asyncio.gather(*(pool.call(name, task, 1) for task in tasks))
        return len(pictures) / (time.monotonic() - start)
    finally:
        await pool.close()


def _pictures() -> list[str]:
    """Pages of text as clean scans at 300 dpi."""
    import pypdfium2

    place = Path(tempfile.mkdtemp())
    document = pypdfium2.PdfDocument(io.BytesIO(_drawn_pdf(8)))
    paths: list[str] = []
    for number in range(len(document)):
        bitmap: Any = document[number].render(scale=_DPI / 72, grayscale=True)
        path = place / f"{number}.png"
        bitmap.to_pil().save(path, dpi=(_DPI, _DPI))
        paths.append(str(path))
    return paths


if __name__ == "__main__":
    if sys.argv[1:]:
        print(json.dumps(_measure(sys.argv[1], sys.stdin.read().split("\n"))))
    else:
        print(json.dumps(run(), indent=1))
