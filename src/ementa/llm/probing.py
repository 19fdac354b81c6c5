"""Asks a model server that is being configured whether it answers, apart from the gateway and what it remembers."""

import asyncio
import inspect
import time

import msgspec

from ementa.kit.errors import EmentaError
from ementa.kit.registry import Registry
from ementa.llm.base import Provider
from ementa.llm.config_errors import ServerSilent
from ementa.llm.servers import ServerConfig
from ementa.llm.settings import LlmSettings
from ementa.llm.transport import Transport

PROBE_SECONDS = 10.0
"""Longest that a test may take."""


class Finding(msgspec.Struct, frozen=True):
    """What a server said."""

    reachable: bool
    """Whether it answers at all."""
    version: str = ""
    models: tuple[str, ...] = ()
    error: EmentaError | None = None
    """Why it is of no use as it is: it does not answer, or refuses the secret."""
    latency_ms: int = 0


async def probe(server: ServerConfig, settings: LlmSettings, plugins: frozenset[str] = frozenset()) -> Finding:
    """Really ask the server for its health and its models. Never raises for a server that fails; `AdapterMissing` when
    its kind cannot be loaded."""
    factory = Registry("ementa.providers", plugins).load(server.kind)
    transport = Transport(settings.connect_timeout_seconds)
    started = time.monotonic()
    try:
        async with asyncio.timeout(PROBE_SECONDS):
            finding = await _ask(server.name, factory(server, settings, transport))
    except TimeoutError:
        cause = {"pt": f"nada em {PROBE_SECONDS:.0f} s", "en": f"nothing within {PROBE_SECONDS:.0f} s"}
        finding = Finding(reachable=False, error=ServerSilent(name=server.name, cause=cause))
    except EmentaError as error:
        finding = Finding(reachable=False, error=error)
    except (ValueError, TypeError, OSError) as error:  # what a provider says of a configuration that it cannot use
        finding = Finding(reachable=False, error=ServerSilent(name=server.name, cause=str(error)))
    finally:
        await transport.close()
    return msgspec.structs.replace(finding, latency_ms=round((time.monotonic() - started) * 1000))


async def _ask(name: str, provider: Provider) -> Finding:
    try:
        health = await provider.health()
        if not health.reachable:
            return Finding(reachable=False, error=ServerSilent(name=name, cause=health.error.rstrip(".")))
        try:
            models = await provider.list_models()
        except EmentaError as error:
            return Finding(reachable=True, version=health.version, error=error)
        names = tuple(sorted(model.name for model in models))
        return Finding(reachable=True, version=health.version, models=names)
    finally:
        closed = getattr(provider, "close", lambda: None)()
        if inspect.isawaitable(closed):
            await closed
