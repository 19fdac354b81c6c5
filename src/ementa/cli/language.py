"""The language of the command line: `--lang`, else the environment's, else Portuguese."""

import os
from typing import cast

from ementa.kit.errors import EmentaError, Language

_chosen: list[Language] = []


def set_language(chosen: str | None) -> None:
    """Remember what `--lang` says; None means what the environment says."""
    _chosen[:] = [cast("Language", chosen)] if chosen else []


def language() -> Language:
    """The language to speak."""
    if _chosen:
        return _chosen[0]
    for name in ("LC_ALL", "LC_MESSAGES", "LANG"):
        value = os.environ.get(name, "")
        if value:
            return "en" if value.lower().startswith("en") else "pt"
    return "pt"


def text(pt: str, en: str) -> str:
    """The one of two sentences that fits."""
    return pt if language() == "pt" else en


def say(error: EmentaError) -> str:
    """An error's sentence."""
    return error.text(language())
