"""Settings of text extraction."""

from ementa.kit.settings import Section


class ExtractionSettings(Section):
    """Limits of what is read and how. Sizes in bytes, times in seconds."""

    max_upload_bytes: int = 100_000_000
    """Largest file accepted."""
    extensions: tuple[str, ...] = (
        "pdf", "png", "jpg", "jpeg", "tif", "tiff", "bmp", "webp", "gif",
        "doc", "docx", "xls", "xlsx", "xlsm", "ppt", "pptx", "odt", "ods", "odp", "rtf",
        "csv", "tsv", "html", "htm", "eml", "msg", "txt", "md", "json", "xml",
    )  # fmt: skip
    """Extensions accepted; the content must match them."""
    max_pages: int = 2000
    """Pages of one document."""
    max_pixels: int = 100_000_000
    """Pixels of one image or rendered page."""
    max_decompressed_bytes: int = 1_000_000_000
    """Everything inside a zip-based format (Office, OpenDocument), decompressed."""
    max_depth: int = 4
    """Attachments inside attachments."""
    timeout_seconds: float = 300.0
    """Wall clock for one document's text pass; each OCRed page has `page_timeout_seconds`."""
    page_timeout_seconds: float = 60.0
    """Wall clock for the OCR of one page."""
    memory_bytes: int = 1_500_000_000
    """Address space of a child process beyond what it needs to start."""
    cpu_seconds: int = 300
    """CPU time of one task in a child process."""
    children: int | None = None
    """Child processes; empty means one a core."""
    tasks_per_child: int = 200
    """A child is replaced after this many tasks."""
    recycle_bytes: int = 500_000_000
    """A child is replaced after a task that leaves it with more resident memory than this."""
    idle_seconds: float = 60.0
    """An unused child is ended after this long, to give its memory back."""
    ocr_languages: str = "por+eng"
    """Tesseract languages, joined by `+`."""
    tessdata: str = ""
    """Directory of Tesseract's `.traineddata` files; empty means where the system keeps them."""
