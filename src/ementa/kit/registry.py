"""Finds adapters by entry point, without importing those that are not used."""

from importlib.metadata import EntryPoint, entry_points
from typing import Any

from ementa.kit.errors import Unavailable


class AdapterMissing(Unavailable):
    """No adapter of that name, or a library it needs is not installed."""

    code = "ADAPTER_MISSING"
    pt = "O adaptador {name} do grupo {group} não está disponível: {cause}."
    en = "Adapter {name} of group {group} is not available: {cause}."
    retryable = False


class Registry:
    """The adapters of one entry-point group. Packages outside Ementa count only when named in `plugins`."""

    def __init__(self, group: str, plugins: frozenset[str] = frozenset()) -> None:
        self.group = group
        self._points: dict[str, EntryPoint] = {}
        for point in entry_points(group=group):
            owner = point.dist.name if point.dist else ""
            if owner != "ementa" and owner not in plugins:
                continue
            if point.name in self._points and self._points[point.name].value != point.value:
                raise RuntimeError(f"two packages claim {group}:{point.name}")
            self._points[point.name] = point

    def names(self) -> list[str]:
        """Every adapter's name, sorted; nothing is imported."""
        return sorted(self._points)

    def load(self, name: str) -> Any:
        """Import the adapter and return what its entry point names; raises `AdapterMissing`."""
        point = self._points.get(name)
        if point is None:
            known = ", ".join(self.names()) or "none"
            raise AdapterMissing(name=name, group=self.group, cause=f"unknown (known: {known})")
        try:
            return point.load()
        except ImportError as error:
            raise AdapterMissing(name=name, group=self.group, cause=str(error)) from error
