"""Which server has which model, how busy it is, and whether it answers."""

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import msgspec

from ementa.kit.errors import EmentaError
from ementa.llm.base import Provider
from ementa.llm.errors import ModelFailed, ModelUnavailable, ServerUnreachable, model_absent, server_unreachable
from ementa.llm.types import ModelInfo, ServerHealth

log = logging.getLogger(__name__)

DOWN_SECONDS = 5.0
"""How long a server that did not answer is left alone while another answers; doubles each time that it fails again."""
MOST_DOWN_SECONDS = 80.0
LIST_SECONDS = 3.0
"""How long a list of models waits for a server that hangs: it is then told without that server's."""
LOADED_SECONDS = 300.0
"""How long a model is taken to stay loaded with the context it was last given."""


class Server:
    """A provider with what the gateway knows of it from use."""

    def __init__(self, provider: Provider, clock: Callable[[], float] = time.monotonic) -> None:
        self.provider = provider
        self._clock = clock
        self._down_until = 0.0
        self._failures = 0
        self._asked: Counter[str] = Counter()
        self._lines: dict[str, asyncio.Semaphore] = {}
        self._contexts: dict[str, tuple[float, int]] = {}

    @property
    def is_down(self) -> bool:
        """Whether it failed to answer a moment ago."""
        return self._clock() < self._down_until

    def mark_down(self) -> None:
        """It did not answer."""
        self._down_until = self._clock() + min(DOWN_SECONDS * 2**self._failures, MOST_DOWN_SECONDS)
        self._failures = min(self._failures + 1, 10)

    def mark_up(self) -> None:
        """It answered."""
        self._down_until = 0.0
        self._failures = 0

    def load(self, model: str) -> tuple[bool, int, int]:
        """Sort key: servers that answer first, then those with fewer requests for this model, then for any."""
        return self.is_down, self._asked[model], self._asked.total()

    def line(self, model: str, places: int) -> asyncio.Semaphore:
        """The line for a model, first come first served, `places` at once."""
        return self._lines.setdefault(model, asyncio.Semaphore(places))

    @contextmanager
    def counted(self, model: str) -> Generator[None]:
        """Counts a request, waiting or running."""
        self._asked[model] += 1
        try:
            yield
        finally:
            self._asked[model] -= 1
            if not self._asked[model]:
                del self._asked[model]
                self._lines.pop(model, None)

    def remember_context(self, model: str, tokens: int) -> None:
        """The model is now loaded with this context."""
        self._contexts[model] = (self._clock(), tokens)

    def loaded_context(self, model: str) -> int:
        """The context that the model was loaded with lately, 0 if unknown."""
        at, tokens = self._contexts.get(model, (0.0, 0))
        return tokens if self._clock() - at < LOADED_SECONDS else 0


@dataclass(frozen=True, slots=True)
class Home:
    """A server that has a model, and what it says of it."""

    server: Server
    info: ModelInfo


class Directory:
    """All servers."""

    def __init__(self, providers: Sequence[Provider]) -> None:
        self.servers = [Server(provider) for provider in providers]

    async def find(self, model: str) -> list[Home]:
        """Every server that has the model, at least one, the least busy first.

        Raises `ModelUnavailable`: absent, or nobody answers.
        """
        answers = await asyncio.gather(*(self._look(server, model) for server in self.servers))
        pairs = zip(self.servers, answers, strict=True)
        homes = [Home(server, answer) for server, answer in pairs if isinstance(answer, ModelInfo)]
        if homes:
            return sorted(homes, key=lambda home: home.server.load(model))
        failure = next((answer for answer in answers if isinstance(answer, EmentaError)), None)
        raise failure or await self.explain(model)

    async def list_models(self) -> list[ModelInfo]:
        """Every model once, by name."""
        lists = await asyncio.gather(*(self._list(server) for server in self.servers))
        found = {info.name: info for infos in reversed(lists) for info in infos}
        return sorted(found.values(), key=lambda info: info.name)

    async def check(self) -> list[ServerHealth]:
        """Ask every server whether it is there."""
        return list(await asyncio.gather(*(s.provider.health() for s in self.servers if s.provider.host)))

    async def explain(self, model: str) -> ModelUnavailable:
        """Why nobody has the model: all are silent, or those that answer do not have it."""
        remote = [server for server in self.servers if server.provider.host]
        health = await self.check()
        silent = [state.host for state in health if not state.reachable]
        if len(silent) == len(remote):
            cause = next((state.error for state in health), "")
            return server_unreachable(model, silent, cause)
        return model_absent(model, [info.name for info in await self.list_models()], silent)

    async def _look(self, server: Server, model: str) -> ModelInfo | EmentaError | None:
        """What a server says of a model: itself, a failure to say, or None when it has it not or does not answer."""
        if server.is_down and any(not other.is_down and other.provider.host for other in self.servers):
            return None
        try:
            info = await server.provider.show(model)
        except ServerUnreachable:
            server.mark_down()
            return None
        except ModelUnavailable:
            server.mark_up()
            return None
        except EmentaError as error:
            return error
        server.mark_up()
        return info

    async def _list(self, server: Server) -> list[ModelInfo]:
        try:
            async with asyncio.timeout(LIST_SECONDS):
                listed = await server.provider.list_models()
        except ServerUnreachable:
            server.mark_down()
            return []
        except TimeoutError:
            log.warning("cannot list models", extra={"server": server.provider.host, "cause": "no answer in time"})
            return []
        except EmentaError as error:
            log.warning("cannot list models", extra={"server": server.provider.host, "cause": str(error)})
            return []
        return list(await asyncio.gather(*(self._completed(server, info) for info in listed)))

    async def _completed(self, server: Server, info: ModelInfo) -> ModelInfo:
        """A listed model with the capabilities that old servers give only by `show`."""
        if info.capabilities:
            return info
        try:
            shown = await server.provider.show(info.name)
        except (ModelUnavailable, ModelFailed):
            return info
        return msgspec.structs.replace(info, capabilities=shown.capabilities, context_tokens=shown.context_tokens)
