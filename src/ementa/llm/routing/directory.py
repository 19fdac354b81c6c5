"""Which server has which model. What is known is told at once; what is not, the servers are asked for."""

import asyncio
import logging
from collections.abc import Sequence

import msgspec

from ementa.kit.errors import EmentaError
from ementa.llm.errors import (
    ModelFailed,
    ModelServerUnknown,
    ModelUnavailable,
    ServerUnreachable,
    model_absent,
    server_unreachable,
)
from ementa.llm.routing.names import spellings
from ementa.llm.routing.server import Server
from ementa.llm.types import ModelInfo, ServerHealth

log = logging.getLogger(__name__)

LIST_SECONDS = 3.0
"""How long a list of models, or whether it is there, waits for a server that hangs."""
SHOWS_AT_ONCE = 8


class Home(msgspec.Struct, frozen=True):
    """A server that has a model, and what it says of it."""

    server: Server
    info: ModelInfo


class Directory:
    """All servers, those of administrators first."""

    def __init__(self, servers: Sequence[Server]) -> None:
        self.servers = list(servers)

    def get(self, name: str) -> Server:
        """The server of that name; raises `ModelServerUnknown`."""
        for server in self.servers:
            if server.name == name:
                return server
        raise ModelServerUnknown(name=name, known=", ".join(server.name for server in self.servers))

    def has(self, name: str) -> bool:
        """Whether a server is known to have a model of exactly this name."""
        return any(server.find(name) is not None for server in self.servers)

    def spell(self, name: str) -> str | None:
        """The name as a server writes it, or None when none is known to have the model."""
        if self.has(name):
            return name
        found = [other for other in spellings(name) if self.has(other)]
        return found[0] if len(found) == 1 or (found and found[0].endswith(":latest")) else None

    def find_now(self, model: str) -> list[Home]:
        """Every server that has the model, the least busy first; empty when that is not known without asking."""
        homes: list[Home] = []
        unknown = False
        for server in self.servers:
            info = server.find(model)
            if info is not None:
                homes.append(Home(server, info))
            elif not (server.watched or server.breaker.is_down or server.has_said(model)):
                unknown = True
        if unknown:
            return []
        if len(homes) > 1:
            homes.sort(key=lambda home: home.server.load(model))
        return homes

    async def find(self, model: str) -> list[Home]:
        """The same, asking the servers for what is not known; at least one.

        Raises `ModelUnavailable`: absent, or nobody answers; or how the servers failed to say.
        """
        homes = self.find_now(model)
        if homes:
            return homes
        failures = await asyncio.gather(*(self._look(server, model) for server in self.servers))
        found = ((server, server.find(model)) for server in self.servers)
        homes = [Home(server, info) for server, info in found if info is not None]
        if homes:
            return sorted(homes, key=lambda home: home.server.load(model))
        raise next((error for error in failures if error is not None), None) or await self.explain(model)

    async def list_models(self) -> list[ModelInfo]:
        """Every model once, by name. Asks those servers that nobody watches."""
        await asyncio.gather(*(self.refresh(server) for server in self.servers if not self._is_current(server)))
        found: dict[str, ModelInfo] = {}
        for server in reversed(self.servers):
            if not server.breaker.unreachable and server.is_listed:
                found.update(server.models)
        return sorted(found.values(), key=lambda info: info.name)

    async def refresh(self, server: Server, seconds: float = LIST_SECONDS) -> None:
        """Ask a server for its models. One that fails keeps those that it was known to have, while it is watched."""
        try:
            async with asyncio.timeout(seconds):
                listed = await server.provider.list_models()
                known = await self._completed(server, [info for info in listed if server.offers(info.name)])
        except ServerUnreachable as error:
            server.miss(error)
        except TimeoutError:
            _note(server, "no answer in time")
        except EmentaError as error:
            _note(server, str(error))
        else:
            server.trouble = ""
            server.breaker.reach()
            server.know(known)

    async def check(self, server: Server, seconds: float = LIST_SECONDS) -> ServerHealth:
        """Ask a server whether it is there, and remember what it says."""
        provider = server.provider
        try:
            async with asyncio.timeout(seconds):
                health = await provider.health()
        except TimeoutError:
            health = ServerHealth(provider.name, provider.host, reachable=False, error=f"no answer in {seconds:.0f} s")
        server.heard(health)
        return health

    async def check_all(self) -> list[tuple[Server, ServerHealth]]:
        """The same of every server that is not inside this process."""
        remote = [server for server in self.servers if not server.is_local]
        return list(zip(remote, await asyncio.gather(*map(self.check, remote)), strict=True))

    async def explain(self, model: str) -> ModelUnavailable:
        """Why nobody has the model: all are silent, or those that answer do not have it."""
        remote = [server for server in self.servers if not server.is_local]
        states = await asyncio.gather(*map(self._state, remote))
        silent = [health.host for health in states if not health.reachable]
        if len(silent) == len(states):
            cause = next((health.error for health in states), "")
            return server_unreachable(model, silent, cause)
        return model_absent(model, [info.name for info in await self.list_models()], silent)

    async def _state(self, server: Server) -> ServerHealth:
        """How the server is: as it was last seen, when it is watched and was there."""
        health = server.health
        return health if server.watched and health is not None and health.reachable else await self.check(server)

    def _is_current(self, server: Server) -> bool:
        return server.watched and (server.is_listed or server.health is not None)

    async def _look(self, server: Server, model: str) -> EmentaError | None:
        """Ask one server for one model; a failure to say is returned."""
        others = (other for other in self.servers if other is not server and not other.is_local)
        if server.breaker.is_down and any(not other.breaker.is_down for other in others):
            return None
        if server.lacks(model):
            return None
        if not server.offers(model):
            server.looked(model, None)
            return None
        try:
            server.looked(model, await server.provider.show(model))
        except ServerUnreachable as error:
            server.miss(error)
            return None
        except ModelUnavailable:
            server.looked(model, None)
        except EmentaError as error:
            return error
        server.breaker.reach()
        return None

    async def _completed(self, server: Server, infos: Sequence[ModelInfo]) -> list[ModelInfo]:
        """Listed models with the capabilities that old servers give only by `show`, asked once for each model."""
        slots = asyncio.Semaphore(SHOWS_AT_ONCE)

        async def complete(info: ModelInfo) -> ModelInfo:
            if info.capabilities:
                return info
            known = server.models.get(info.name)
            if known is not None and known.capabilities and known.digest == info.digest:
                shown = known
            else:
                try:
                    async with slots:
                        shown = await server.provider.show(info.name)
                except (ModelUnavailable, ModelFailed):
                    return info
            return msgspec.structs.replace(info, capabilities=shown.capabilities, context_tokens=shown.context_tokens)

        return list(await asyncio.gather(*map(complete, infos)))


def _note(server: Server, cause: str) -> None:
    """Say once that a server does not list its models."""
    if cause != server.trouble:
        server.trouble = cause
        log.warning("cannot list models", extra={"server": server.name, "cause": cause})
