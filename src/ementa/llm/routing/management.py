"""Models on servers: downloaded, removed, loaded and unloaded by whoever runs the house."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing

from ementa.kit.errors import EmentaError
from ementa.llm.base import ManagesModels
from ementa.llm.errors import ModelsNotManaged, ServerNotNamed
from ementa.llm.hiding import hide_in
from ementa.llm.routing.directory import Directory
from ementa.llm.routing.router import Router
from ementa.llm.routing.server import Server
from ementa.llm.types import PullProgress


class Management:
    """The verbs of management over all servers of a gateway."""

    def __init__(self, router: Router) -> None:
        self._router = router

    async def pull(self, model: str, server: str = "") -> AsyncGenerator[PullProgress, None]:
        """Download a model to the server named, or to the only one that can; the last item has status `success`.

        Raises `ModelUnavailable` when nobody offers it, `ModelServerUnknown`, `ModelsNotManaged`, `ServerNotNamed`.
        """
        place = self._one(server)
        async with aclosing(_manages(place).pull(model)) as progress:
            try:
                async for item in progress:
                    yield item
            except EmentaError as error:
                hide_in(error, place.secrets)
                raise
        await self._directory.refresh(place)

    async def delete(self, model: str, server: str = "") -> None:
        """Remove a model from the server named, or from the only one that has it; raises as `pull` does."""
        name, places = await self._homes(model, server)
        if len(places) > 1:
            raise ServerNotNamed(names=", ".join(place.name for place in places))
        await _manages(places[0]).delete(name)
        places[0].looked(name, None)

    async def warm(self, model: str, server: str = "") -> None:
        """Load a model into the memory of the server named, or of all that have it; raises as `pull` does."""
        name, places = await self._homes(model, server)
        await asyncio.gather(*(_manages(place).warm(name) for place in places))
        await self._looked_at(places)

    async def unload(self, model: str, server: str = "") -> None:
        """Let a model leave the memory of the server named, or of all that have it; raises as `pull` does."""
        name, places = await self._homes(model, server)
        await asyncio.gather(*(_manages(place).unload(name) for place in places))
        await self._looked_at(places)

    async def loaded(self) -> dict[str, tuple[str, ...]]:
        """The models in memory now, by the name of the server; those that do not answer are left out."""
        states = await self._directory.check_all()
        return {server.name: health.loaded for server, health in states if health.reachable}

    @property
    def _directory(self) -> Directory:
        return self._router.directory

    def _one(self, name: str) -> Server:
        if name:
            return self._directory.get(name)
        able = [server for server in self._directory.servers if server.manages is not None]
        if len(able) != 1:
            if not able:
                raise ModelsNotManaged(name=", ".join(server.name for server in self._directory.servers))
            raise ServerNotNamed(names=", ".join(server.name for server in able))
        return able[0]

    async def _homes(self, asked: str, server: str) -> tuple[str, list[Server]]:
        """The model's name as servers have it, and those that have it and can be told what to do with it."""
        model = self._router.first_models(asked)[0]
        if server:
            return model, [self._directory.get(server)]
        places = [home.server for home in await self._directory.find(model)]
        able = [place for place in places if place.manages is not None]
        if not able:
            raise ModelsNotManaged(name=", ".join(place.name for place in places))
        return model, able

    async def _looked_at(self, places: list[Server]) -> None:
        await asyncio.gather(*map(self._directory.check, places))


def _manages(server: Server) -> ManagesModels:
    if server.manages is None:
        raise ModelsNotManaged(name=server.name)
    return server.manages
