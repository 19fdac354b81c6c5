"""Keeps the keys of model servers out of what those servers say: some repeat, in an error, what they were sent."""

from collections.abc import Iterable, Sequence
from typing import Any, cast
from urllib.parse import unquote, urlsplit

from ementa.kit.errors import EmentaError
from ementa.llm.servers import ServerConfig

LEAST = 8
"""Characters of a secret that is looked for: a shorter one is part of too many words."""
_INSTEAD = "…"


def secrets_of(config: ServerConfig) -> list[str]:
    """What of a configuration nobody may see."""
    try:
        address = urlsplit(config.url)
        user, password = unquote(address.username or ""), unquote(address.password or "")
    except ValueError:
        user = password = ""
    return parts_of([config.secret, password or user])


def parts_of(values: Iterable[str]) -> list[str]:
    """The secrets in values of headers, with and without the scheme that stands before them; the longest first."""
    parts = {part.strip() for value in values for part in (value, value.partition(" ")[2])}
    return sorted((part for part in parts if len(part) >= LEAST), key=len, reverse=True)


def hide(value: Any, secrets: Sequence[str]) -> Any:
    """A JSON value without the secrets; of one that is deeper than anybody writes, nothing."""
    try:
        return _hide(value, secrets)
    except RecursionError:
        return None


def _hide(value: Any, secrets: Sequence[str]) -> Any:
    if isinstance(value, str):
        for secret in secrets:
            value = value.replace(secret, _INSTEAD)
        return value
    if isinstance(value, dict):
        return {_hide(name, secrets): _hide(inner, secrets) for name, inner in cast("dict[Any, Any]", value).items()}
    if isinstance(value, list | tuple):
        return [_hide(inner, secrets) for inner in cast("list[Any]", value)]
    return value


def hide_in(error: EmentaError, secrets: Sequence[str]) -> None:
    """Take the secrets out of all that an error says."""
    if secrets:
        error.params = {name: hide(value, secrets) for name, value in error.params.items()}
        error.details = hide(error.details, secrets)
        error.args = (error.text("en"),)
