"""Which models lie on which servers: what administrators manage."""

import msgspec

from ementa.llm.gateway import Gateway
from ementa.llm.types import ModelInfo


class Stocked(msgspec.Struct, frozen=True):
    """A model on one server. The same model on two servers is two of them."""

    info: ModelInfo
    server: str
    """The server's name in the gateway."""
    kind: str
    loaded: bool
    """In the server's memory now."""
    managed: bool
    """Whether the server downloads, removes, loads and unloads models when told to."""


async def list_stock(gateway: Gateway, server: str = "") -> list[Stocked]:
    """Every model of every server that answers, or of the server named, by model and server."""
    await gateway.models()  # asks those servers that nobody watches
    loaded = await gateway.loaded()
    found = [
        Stocked(info, state.name, state.config.kind, info.name in loaded.get(state.name, ()), state.manages is not None)
        for state in gateway.states()
        if not state.breaker.unreachable and server in ("", state.name)
        for info in state.models.values()
    ]
    return sorted(found, key=lambda one: (one.info.name, one.server))
