"""Which model servers share this machine with us."""

from collections.abc import Collection
from ipaddress import ip_address
from urllib.parse import urlsplit

from ementa.kit.errors import EmentaError
from ementa.llm.gateway import Gateway
from ementa.llm.routing.server import Server


class LocalServers:
    """Those of a gateway."""

    def __init__(self, gateway: Gateway, names: Collection[str]) -> None:
        """`names` are the settings' `local_servers`."""
        self._gateway = gateway
        self._names = frozenset(names)

    def list_servers(self) -> list[Server]:
        """The servers of this machine, without what is inside this process."""
        return [server for server in self._gateway.states() if not server.is_local and self._is_here(server)]

    def run(self, model: str) -> bool:
        """Whether only this machine is known to have a model, by any name that it goes by."""
        try:
            name = self._gateway.resolve(model)
        except EmentaError:
            return False  # the call itself says what is wrong
        homes = [server for server in self._gateway.states() if server.find(name) is not None]
        return bool(homes) and all(server.is_local or self._is_here(server) for server in homes)

    def _is_here(self, server: Server) -> bool:
        return server.name in self._names if self._names else is_loopback(server.provider.host)


def is_loopback(url: str) -> bool:
    """Whether an address leads back to this machine for certain."""
    try:
        name = urlsplit(url if "://" in url else f"//{url}").hostname or ""
        return name == "localhost" or ip_address(name).is_loopback
    except ValueError:
        return False
