"""Which engines and options read a document: the part of the cache key that makes old results invalid."""

import hashlib
from functools import lru_cache
from importlib.metadata import PackageNotFoundError, version

from ementa.extraction.settings import ExtractionSettings

READING = 2
"""Raise it with every change of ours that makes documents come out differently."""

_LIBRARIES = (
    "pypdfium2",
    "tesserocr",
    "pillow",
    "zxing-cpp",
    "lxml",
    "python-calamine",
    "olefile",
    "selectolax",
)


def engine_version(settings: ExtractionSettings, plugins: frozenset[str] = frozenset()) -> str:
    """A short name of everything that decides how a file comes out: `ementa-1-3f9a62c1d0b7`."""
    return f"ementa-{READING}-{_fingerprint(settings.ocr_languages, settings.tessdata, tuple(sorted(plugins)))}"


@lru_cache(maxsize=8)
def _fingerprint(languages: str, tessdata: str, plugins: tuple[str, ...]) -> str:
    parts = [languages, tessdata]
    for library in (*_LIBRARIES, *plugins):
        try:
            parts.append(f"{library}={version(library)}")
        except PackageNotFoundError:
            parts.append(f"{library}=absent")
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:12]
