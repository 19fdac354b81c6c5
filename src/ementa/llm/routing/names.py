"""What a name stands for: aliases, those of administrators first, and the ways in which people spell models."""

from collections.abc import Mapping
from typing import Protocol

from ementa.llm.config import Alias
from ementa.llm.config_errors import AliasCircular
from ementa.llm.settings import LlmSettings

LONGEST_CHAIN = 8
"""Aliases of aliases that are followed."""
MOST_MODELS = 5
"""Models that one request may be tried on."""
_LONGEST_NAME = 200


class Models(Protocol):
    """The models that servers are known to have."""

    def has(self, name: str) -> bool:
        """Whether a server has a model of exactly this name."""
        ...

    def spell(self, name: str) -> str | None:
        """The name as a server writes it, or None when none is known to have the model."""
        ...


class Names:
    """The names in force."""

    def __init__(self, settings: LlmSettings, stored: Mapping[str, Alias]) -> None:
        """`stored` are the administrators', which win over models and over the settings' own."""
        self._stored = stored
        built_in = {"qwen2-7b": settings.qwen2_model, "llama3.1-8b": settings.llama_model}
        self._built_in = {name: Alias(name, target) for name, target in built_in.items()}

    def models_of(self, asked: str, models: Models) -> list[str]:
        """The models to try for a name, in order, at least one; a name that nobody knows stands for itself.

        Raises `AliasCircular` when an alias leads back to itself or through too many others.
        """
        if asked not in self._stored and models.has(asked):
            return [asked]
        found: dict[str, None] = {}
        self._follow(asked, models, (), found, set())
        return list(found)[:MOST_MODELS]

    def all_aliases(self) -> dict[str, str]:
        """Every alias and what it stands for at first."""
        return {alias.name: alias.target for alias in self.described()}

    def described(self) -> list[Alias]:
        """The same with what administrators say of them."""
        every = {**self._built_in, **self._stored}
        return [alias for name, alias in every.items() if name != alias.target]

    def _follow(self, name: str, models: Models, way: tuple[str, ...], found: dict[str, None], seen: set[str]) -> None:
        alias = self._stored.get(name)
        if alias is None and not models.has(name):
            alias = self._built_in.get(name)
        if alias is None:
            found[models.spell(name) or name] = None
            return
        if name in seen:
            return
        seen.add(name)
        way = (*way, name)
        if alias.target == name:  # only fallbacks were added to a model's own name
            found[models.spell(name) or name] = None
        elif alias.target in way or len(way) > LONGEST_CHAIN:
            raise AliasCircular(way=" → ".join((*way, alias.target)))
        else:
            self._follow(alias.target, models, way, found, seen)
        for fallback in alias.fallbacks:
            if fallback not in way:
                self._follow(fallback, models, way[:1], found, seen)


def spellings(name: str) -> list[str]:
    """How a server may write a name that it does not have as it was asked: with the tag `latest`, or with a colon where
    a hyphen was written."""
    last = name.rpartition("/")[2]
    if ":" in last or len(name) > _LONGEST_NAME:
        return []
    hyphens = [at for at, sign in enumerate(name) if sign == "-"]
    return [f"{name}:latest", *(f"{name[:at]}:{name[at + 1 :]}" for at in hyphens)]
