"""PDF on PDFium: its text layer with boxes, and pages as pictures for OCR."""

from collections.abc import Generator
from contextlib import contextmanager
from ctypes import byref
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pypdfium2
import pypdfium2.raw as pdfium

from ementa.extraction.base import Context, Reading
from ementa.extraction.errors import FileCorrupt, FileEncrypted, TooManyPages, TooManyWords
from ementa.extraction.extractors.pdf_objects import Drawing, read_drawing
from ementa.extraction.extractors.pdf_words import Frame, PageText, read_words
from ementa.extraction.layout.page import lay_out
from ementa.extraction.layout.plausible import is_plausible
from ementa.extraction.types import Page

if TYPE_CHECKING:
    from PIL.Image import Image

_MOST_PIXELS = 40_000_000
_FEW_WORDS = 25
_MOSTLY_IMAGE = 0.5
_GARBAGE = 0.15
_LETTER = (612.0, 792.0)
_REASONS = {
    pdfium.FPDF_ERR_FORMAT: "not a PDF, or broken",
    pdfium.FPDF_ERR_FILE: "cannot be opened",
}


class PdfExtractor:
    """Text layer, form fields and pictures of PDF files."""

    name = "pdf"
    version = "1"

    def score(self, media_type: str, filename: str) -> int:
        """Only PDF."""
        del filename
        return 100 if media_type == "application/pdf" else 0

    def extract(self, path: Path, context: Context) -> Reading:
        """Words of every page; pages without a good text layer are named for OCR."""
        with _opened(path) as document:
            count = len(document)
            if count > context.limits.max_pages:
                raise TooManyPages(pages=count, limit=context.limits.max_pages)
            if count == 0:
                raise FileCorrupt(cause="no pages")
            forms = document.get_formtype() != pdfium.FORMTYPE_NONE
            pages: list[Page] = []
            for_ocr: list[int] = []
            for_codes: list[int] = []
            warnings: list[str] = []
            words = 0
            for number in range(1, count + 1):
                page, wants_ocr, may_have_codes = _read_page(document, number, with_annotations=forms)
                if page is None:
                    warnings.append(f"PAGE_UNREADABLE:{number}")
                    page = Page(number, *_LETTER, "empty")
                pages.append(page)
                words += len(page.words)
                if words > context.limits.max_words:
                    raise TooManyWords(limit=context.limits.max_words)
                if wants_ocr:
                    for_ocr.append(number)
                if may_have_codes:
                    for_codes.append(number)
            if len(warnings) == count:
                raise FileCorrupt(cause="no page can be read")
            if pdfium.FPDFDoc_GetAttachmentCount(document.raw) > 0:
                warnings.append("ATTACHMENTS_SKIPPED")
            return Reading(
                tuple(pages),
                _metadata(document),
                tuple(warnings),
                ocr_pages=tuple(for_ocr),
                code_pages=tuple(for_codes),
            )

    def render(self, path: Path, page: int, dpi: int, context: Context) -> "tuple[Image, float, float]":
        """The page as people see it, in greys, with form fields; fewer dots when it would pass `max_pixels`."""
        with _opened(path) as document:
            opened = document[page - 1]
            width, height = opened.get_size()
            most = min(context.limits.max_pixels, _MOST_PIXELS)
            scale = min(dpi / 72, (most / max(1.0, width * height)) ** 0.5)
            bitmap: Any = opened.render(scale=scale, grayscale=True, may_draw_forms=True)
            return bitmap.to_pil(), width, height


@contextmanager
def _opened(path: Path) -> Generator[Any]:
    try:
        # an attachment's path stands under /proc and leads to no name, which the library wants: it goes as bytes
        document = pypdfium2.PdfDocument(path if path.resolve().exists() else path.read_bytes())
    except pypdfium2.PdfiumError as error:
        code = getattr(error, "err_code", None)
        if code in (pdfium.FPDF_ERR_PASSWORD, pdfium.FPDF_ERR_SECURITY):
            raise FileEncrypted from error
        raise FileCorrupt(cause=_REASONS.get(code, "cannot be parsed") if code is not None else str(error)) from error
    try:
        if document.get_formtype() != pdfium.FORMTYPE_NONE:
            document.init_forms()
        yield document
    finally:
        document.close()


def _read_page(document: Any, number: int, *, with_annotations: bool) -> tuple[Page | None, bool, bool]:
    """The page, whether it should be OCRed, and looked at for barcodes; None when it cannot be loaded."""
    raw = pdfium.FPDF_LoadPage(document.raw, number - 1)
    if not raw:
        return None, False, False
    try:
        if with_annotations and pdfium.FPDFPage_GetAnnotCount(raw) > 0:
            raw = _flattened(document, raw, number)
        frame = _frame(raw)
        text_page = pdfium.FPDFText_LoadPage(raw)
        if not text_page:
            return None, False, False
        try:
            text = read_words(text_page, frame)
        finally:
            pdfium.FPDFText_ClosePage(text_page)
        drawing = read_drawing(raw, text.frame)
    finally:
        pdfium.FPDF_ClosePage(raw)
    width, height = text.frame.size
    turned = (text.frame.turn - frame.turn) % 360
    wants_ocr = _wants_ocr(text, drawing)
    layout = lay_out(text.words, drawing.rules)
    source = "text_layer" if layout.words else "empty"
    page = Page(
        number, width, height, source, layout.words, layout.lines, layout.blocks, layout.tables, rotation=turned
    )
    return page, wants_ocr, drawing.code


def _flattened(document: Any, raw: Any, number: int) -> Any:
    """The page with what its form fields and notes show drawn into it, so that their text counts with its place.

    The form environment first draws the fields that have a value but no appearance of their own.
    """
    form = document.formenv.raw if document.formenv is not None else None
    if form is not None:
        pdfium.FORM_OnAfterLoadPage(raw, form)
    flattened = pdfium.FPDFPage_Flatten(raw, pdfium.FLAT_NORMALDISPLAY) == pdfium.FLATTEN_SUCCESS
    if form is not None:
        pdfium.FORM_OnBeforeClosePage(raw, form)
    if not flattened:
        return raw
    pdfium.FPDF_ClosePage(raw)
    return pdfium.FPDF_LoadPage(document.raw, number - 1)


def _frame(raw: Any) -> Frame:
    box = pdfium.FS_RECTF()
    if not pdfium.FPDF_GetPageBoundingBox(raw, byref(box)) or box.right <= box.left or box.top <= box.bottom:
        return Frame(0, 0.0, 0.0, *_LETTER)
    return Frame(90 * pdfium.FPDFPage_GetRotation(raw) % 360, box.left, box.bottom, box.right, box.top)


def _wants_ocr(text: PageText, drawing: Drawing) -> bool:
    """Whether the text layer is missing, or not what the page shows."""
    if not text.words:
        return drawing.objects > 0
    if text.garbage > _GARBAGE * text.characters:
        return True
    if drawing.largest_image >= _MOSTLY_IMAGE and len(text.words) < _FEW_WORDS:
        return True  # a scan with a stamp or a footer typed over it
    if text.invisible > 0.5 and drawing.image_share < _MOSTLY_IMAGE:
        return True  # text that nobody sees, over no picture of it
    return not is_plausible([word[4] for word in text.words[:: max(1, len(text.words) // 300)]])


def _metadata(document: Any) -> dict[str, str]:
    found: dict[str, str] = document.get_metadata_dict(skip_empty=True)
    return {name.lower(): value[:500] for name, value in found.items()}
