"""Makes servers from what is configured, and says which of them are those that there were."""

import logging
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from ementa.kit.errors import EmentaError
from ementa.kit.registry import Registry
from ementa.llm.base import Provider, ProviderFactory
from ementa.llm.routing.server import Server
from ementa.llm.servers import ServerConfig, from_settings
from ementa.llm.settings import LlmSettings
from ementa.llm.transport import Transport

log = logging.getLogger(__name__)

GROUP = "ementa.providers"


class Builder:
    """Makes servers of every kind that there is a provider for."""

    def __init__(self, settings: LlmSettings, plugins: frozenset[str], transport: Transport) -> None:
        self._settings = settings
        self._registry = Registry(GROUP, plugins)
        self._transport = transport

    def build(self, config: ServerConfig) -> Server:
        """The server; raises `AdapterMissing` and what its provider says of its configuration."""
        factory: ProviderFactory = self._registry.load(config.kind)
        return Server(config, factory(config, self._settings, self._transport), self._settings)

    def from_settings(self) -> list[Server]:
        """The servers that the settings name; one that cannot be made is an error."""
        return [self.build(config) for config in from_settings(self._settings)]

    def merge(self, stored: Sequence[ServerConfig], fixed: Sequence[Server], current: Sequence[Server]) -> list[Server]:
        """The stored servers, then the `fixed` ones of the settings. Those of the `current` ones whose configuration
        did not change stay as they are, with their lines. One that cannot be made is left out, and the log says why."""
        running = {server.name: server for server in current}
        servers: dict[str, Server] = {}
        for config in stored:
            before = running.get(config.name)
            if before is not None and before.config == config:
                servers[config.name] = before
                continue
            try:
                servers[config.name] = self.build(config)
            except (EmentaError, ValueError, TypeError, OSError) as error:
                log.warning("model server left out", extra={"server": config.name, "cause": str(error)})
        for server in fixed:
            servers.setdefault(server.name, server)
        return list(servers.values())


def around(providers: Sequence[Provider], settings: LlmSettings) -> list[Server]:
    """Servers around providers that were made elsewhere, named by their kind."""
    servers: dict[str, Server] = {}
    for provider in providers:
        name = provider.name
        while name in servers:
            name = f"{provider.name}-{len(servers) + 1}"
        servers[name] = Server(ServerConfig(provider.name, name, provider.host), provider, settings)
    return list(servers.values())


def tell_health(server: Server) -> Mapping[str, Any]:
    """A server's state for `/health`: what it said last, its breaker, how much waits and runs."""
    health = server.health
    said: dict[str, Any] = msgspec.to_builtins(health) if health is not None else {}
    breaker = server.breaker
    waiting = sum(line.waiting for line in server.floor.lines.values())
    return {
        "name": server.name,
        "kind": server.config.kind,
        **said,
        "breaker": breaker.state,
        "retry_in_seconds": round(breaker.retry_in, 1),
        "running": server.requests - waiting,
        "waiting": waiting,
    }
