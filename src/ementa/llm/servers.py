"""Which model servers there are: from the environment, and those an administrator added."""

from collections.abc import Mapping
from typing import Any

import msgspec

from ementa.llm.hosts import display_host, parse_host
from ementa.llm.settings import LlmSettings


class ServerConfig(msgspec.Struct, frozen=True):
    """One model server. `kind` is the name of the provider's entry point."""

    kind: str
    name: str
    """Unique in this gateway; shown in answers, metrics and usage."""
    url: str = ""
    """Base URL; for `llamacpp` the path of a GGUF file."""
    secret: str = ""
    """The server's API key. Never shown, never logged."""
    models: tuple[str, ...] = ()
    """When not empty, only these models of the server are offered."""
    options: Mapping[str, Any] = {}
    """What only this kind of server knows; and, of any kind, its own `concurrency`, `max_queued` and
    `max_loaded_models` instead of those of the settings."""

    def __repr__(self) -> str:
        return f"ServerConfig({self.kind!r}, {self.name!r}, {display_host(self.url)!r})"


def from_settings(settings: LlmSettings) -> list[ServerConfig]:
    """The servers that the environment names; the same address twice counts once. Raises `ModelHostInvalid`."""
    found = [ServerConfig("reader", "ementa")]
    found += [_at("ollama", parse_host(host)) for host in settings.ollama_hosts]
    found += [_at("openai", parse_host(host)) for host in settings.openai_hosts]
    cloud = (
        ("openai", settings.openai_api_key, settings.openai_base_url),
        ("anthropic", settings.anthropic_api_key, settings.anthropic_base_url),
        ("gemini", settings.gemini_api_key, settings.gemini_base_url),
    )
    found += [_at(kind, parse_host(url), key.get_secret_value()) for kind, key, url in cloud if key]
    found += [ServerConfig("llamacpp", path.stem, str(path)) for path in settings.gguf_models]
    return list({(server.kind, server.url): server for server in reversed(found)}.values())[::-1]


def _at(kind: str, url: str, secret: str = "") -> ServerConfig:
    return ServerConfig(kind, f"{kind}@{display_host(url).partition('://')[2]}", url, secret)
