"""What may be configured: names, addresses and rules that make sense, refused with the reason when they do not."""

from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath
from urllib.parse import urlsplit

import msgspec

from ementa.kit.registry import Registry
from ementa.llm.config import Conditions
from ementa.llm.config_errors import (
    AliasCircular,
    NameInvalid,
    RuleInvalid,
    ServerAddressInvalid,
    ServerKindUnknown,
)
from ementa.llm.hosts import parse_host
from ementa.llm.reader import READER

_BUILT_IN = "reader"
_PATHS = frozenset({"llamacpp"})
"""Kinds whose address is the path of a file."""
_DEFAULT_PORT = frozenset({"ollama"})
"""Kinds whose address may leave out scheme and port."""


def list_kinds(plugins: frozenset[str] = frozenset()) -> list[str]:
    """The kinds of server that can be added; nothing is imported."""
    return [name for name in Registry("ementa.providers", plugins).names() if name != _BUILT_IN]


def require_kind(kind: str, plugins: frozenset[str] = frozenset()) -> None:
    """Raise `ServerKindUnknown` unless a server of that kind can be added."""
    known = list_kinds(plugins)
    if kind not in known:
        raise ServerKindUnknown(kind=kind, known=", ".join(known))


def require_name(name: str) -> None:
    """Raise `NameInvalid` for a name that no header, path or log line could carry, or that is ours."""
    if not name or not name.isprintable() or name != name.strip():
        cause = {
            "pt": "está vazio, ou tem espaços em volta ou caracteres invisíveis",
            "en": "it is empty, or has spaces around it or invisible characters",
        }
    elif name == READER:
        cause = {"pt": "é o do leitor embutido", "en": "it is that of the built-in reader"}
    else:
        return
    raise NameInvalid(name=repr(name), cause=cause)


def check_url(kind: str, url: str) -> str:
    """The address as it is stored; raises `ServerAddressInvalid`, `ModelHostInvalid`.

    Administrators may name hosts of the inner network: that is where model servers live. Nobody else names any.
    """
    written = url.strip()
    if kind in _PATHS:
        path = PurePosixPath(written)
        if path.is_absolute() and path.suffix == ".gguf" and ".." not in path.parts and written.isprintable():
            return written
        cause = {
            "pt": "deve ser o caminho absoluto de um arquivo .gguf neste servidor",
            "en": "it must be the absolute path of a .gguf file on this server",
        }
        raise ServerAddressInvalid(cause=cause)
    if "://" not in written and kind not in _DEFAULT_PORT:
        raise ServerAddressInvalid(
            cause={"pt": "escreva-o com http:// ou https://", "en": "write it with http:// or https://"}
        )
    parsed = parse_host(written)
    if urlsplit(parsed).username is not None:
        cause = {
            "pt": "não ponha usuário e senha no endereço, que todos veem; use o segredo",
            "en": "do not put a user and password into the address, which is shown; use the secret",
        }
        raise ServerAddressInvalid(cause=cause)
    return parsed


def require_straight(name: str, target: str, fallbacks: Sequence[str], others: Mapping[str, Sequence[str]]) -> None:
    """Raise `AliasCircular` when the alias `name` would lead back to itself. `others` are the aliases there are, each
    with all that it stands for. One whose target is its own name only adds fallbacks to the model of that name."""
    ways = {**others, name: fallbacks if fallbacks and target == name else (target, *fallbacks)}
    reached: set[str] = set()
    open_ways: list[tuple[str, ...]] = [(name,)]
    while open_ways:
        way = open_ways.pop()
        for following in ways.get(way[-1], ()):
            if following == name:
                raise AliasCircular(way=" → ".join((*way, name)))
            if following not in reached:
                reached.add(following)
                open_ways.append((*way, following))


def check_conditions(conditions: Conditions) -> dict[str, object]:
    """The conditions as they are stored; raises `RuleInvalid` when nothing could satisfy them."""
    if conditions.max_tokens and conditions.min_tokens > conditions.max_tokens:
        cause = {"pt": "min_tokens passa de max_tokens", "en": "min_tokens is above max_tokens"}
        raise RuleInvalid(cause=cause)
    return {name: value for name, value in msgspec.to_builtins(conditions).items() if value}
