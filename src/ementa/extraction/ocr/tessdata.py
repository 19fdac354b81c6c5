"""Where Tesseract's language data is, and which languages it holds."""

import os
from pathlib import Path

from ementa.extraction.errors import OcrUnavailable

_PLACES = (
    "/usr/share/tesseract-ocr/5/tessdata",
    "/usr/share/tesseract-ocr/4.00/tessdata",
    "/usr/share/tessdata",
    "/usr/share/tesseract/tessdata",
    "/usr/local/share/tessdata",
    "/opt/homebrew/share/tessdata",
)
_SUFFIX = ".traineddata"
ORIENTATION = "osd"
"""The data that tells which way up a page is."""


def find_tessdata(configured: str = "") -> Path:
    """The directory named in the settings, else `TESSDATA_PREFIX`, else where systems keep it.

    Raises `OcrUnavailable` when none holds a language.
    """
    prefix = os.environ.get("TESSDATA_PREFIX", "")
    places = [Path(configured)] if configured else [Path(place) for place in _PLACES]
    if prefix and not configured:
        places = [Path(prefix), Path(prefix, "tessdata"), *places]
    for place in places:
        if _names(place):
            return place
    looked_in = [str(place) for place in places]
    raise OcrUnavailable({"looked_in": looked_in}, cause=f"no language data in {looked_in[0]}")


def _names(place: Path) -> list[str]:
    if not place.is_dir():
        return []
    return sorted(path.name.removesuffix(_SUFFIX) for path in place.iterdir() if path.name.endswith(_SUFFIX))


def choose_languages(tessdata: Path, wanted: str) -> tuple[str, list[str]]:
    """Of the wanted languages (`por+eng`) those installed, joined again, and the ones that are missing.

    When none is installed, whatever language there is; raises `OcrUnavailable` when there is none.
    """
    installed = _names(tessdata)
    asked = [name for name in wanted.split("+") if name]
    present = [name for name in asked if name in installed]
    missing = [name for name in asked if name not in installed]
    if not present:
        present = [name for name in installed if name != ORIENTATION][:1]
    if not present:
        raise OcrUnavailable({"installed": installed}, cause=f"{tessdata}: {wanted}")
    return "+".join(present), missing


def can_orient(tessdata: Path) -> bool:
    """Whether the data for finding a page's orientation is installed."""
    return (tessdata / f"{ORIENTATION}{_SUFFIX}").is_file()
