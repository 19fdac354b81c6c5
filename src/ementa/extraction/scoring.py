"""How an extractor says what it reads: by media type first, by extension only where the type says nothing."""

from collections.abc import Collection

_VAGUE = {
    "",
    "application/x-encrypted-office",
    "application/octet-stream",
    "application/zip",
    "application/x-ole-storage",
    "text/plain",
}


def score(media_type: str, filename: str, types: Collection[str], extensions: tuple[str, ...]) -> int:
    """100 for one of `types` (lower case), 60 for a vague type under one of `extensions` (with their dot), else 0."""
    kind = media_type.partition(";")[0].strip().lower()
    if kind in types:
        return 100
    return 60 if kind in _VAGUE and filename.lower().endswith(extensions) else 0
