"""Which extractor reads a file: the registered one with the highest score."""

from functools import cache
from typing import Any, cast

from ementa.extraction.base import Extractor
from ementa.extraction.errors import MediaTypeRefused
from ementa.kit.registry import Registry


@cache
def all_extractors(plugins: frozenset[str] = frozenset()) -> tuple[Extractor, ...]:
    """One object of every registered extractor; those of outside packages only when named in `plugins`."""
    registry = Registry("ementa.extractors", plugins)
    made: list[Extractor] = []
    for name in registry.names():
        loaded: Any = registry.load(name)
        made.append(cast("Extractor", loaded() if isinstance(loaded, type) else loaded))
    return tuple(made)


def choose_extractor(media_type: str, filename: str, plugins: frozenset[str] = frozenset()) -> Extractor:
    """The extractor for this type, an outside one before ours in a tie; raises `MediaTypeRefused` without one."""

    def rank(extractor: Extractor) -> tuple[int, bool]:
        return extractor.score(media_type, filename), not type(extractor).__module__.startswith("ementa.")

    extractors = all_extractors(plugins)
    best = max(extractors, key=rank, default=None)
    if best is None or rank(best)[0] <= 0:
        raise MediaTypeRefused(found=media_type, allowed="PDF, Office, OpenDocument, HTML, e-mail, texto, imagem")
    return best
