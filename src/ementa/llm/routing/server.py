"""One model server, with what the gateway knows of it: its models, its lines, whether it answers."""

import asyncio
import math
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

import msgspec

from ementa.llm.base import Closes, Embeds, Forwards, ManagesModels, Provider, Reranks
from ementa.llm.errors import ServerUnreachable, server_unreachable
from ementa.llm.hiding import secrets_of
from ementa.llm.routing.breaker import Breaker
from ementa.llm.routing.floor import Floor
from ementa.llm.routing.line import Line
from ementa.llm.servers import ServerConfig
from ementa.llm.settings import LlmSettings
from ementa.llm.types import ModelInfo, ServerHealth

LOOK_SECONDS = 60.0
"""How long what a server said of one model is believed while nothing watches the server."""
ABSENT_SECONDS = 2.0
"""How long a server is not asked again for a model that it just said it does not have."""
LOADED_SECONDS = 300.0
"""How long a model is taken to stay loaded with the context it was last given."""
_MOST_LOOKS = 1000
_REMOTE = frozenset({"openai", "anthropic", "gemini"})
"""Kinds that batch by themselves, and whose context is their own affair."""


_PUBLIC = frozenset({"api.openai.com"})


class Look(msgspec.Struct, frozen=True):
    """What a server said when it was asked for one model; None when it has it not."""

    at: float
    info: ModelInfo | None


class Server:
    """A provider with what the gateway knows of it from use. Its `verbs` are found out once, not at each call."""

    def __init__(
        self,
        config: ServerConfig,
        provider: Provider,
        settings: LlmSettings,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.config = config
        self.name = config.name
        self.provider = provider
        self.embeds = provider if isinstance(provider, Embeds) else None
        self.reranks = provider if isinstance(provider, Reranks) else None
        self.forwards = provider if isinstance(provider, Forwards) else None
        self.manages = provider if isinstance(provider, ManagesModels) else None
        self.dialect = self.forwards.dialect if self.forwards else ""
        self.is_remote = config.kind in _REMOTE
        self.may_fetch = config.options.get("fetch_urls") is True or urlsplit(config.url).hostname in _PUBLIC
        """Whether it may be given addresses to fetch from: it stands outside, or an administrator says so."""
        self.secrets = secrets_of(config)
        self.breaker = Breaker(clock)
        self.health: ServerHealth | None = None
        """What it said last when it was asked whether it is there; `heard` sets it."""
        self.watched = False
        """Whether somebody keeps its list of models up to date."""
        self.trouble = ""
        """Why its models could not be listed last."""
        self.unreachable: ServerUnreachable | None = None
        """Why it could not be reached last."""
        self._idle = asyncio.Event()
        self._idle.set()
        self._clock = clock
        places = settings.remote_concurrency if self.is_remote else settings.model_concurrency or 1
        self._places = max(1, option(config.options, "concurrency", int, places))
        self.floor = Floor(
            option(config.options, "max_queued", int, settings.max_queued),
            option(config.options, "max_loaded_models", int, 0 if self.is_remote else settings.max_loaded_models),
            settings.swap_patience_seconds,
            clock,
        )
        self._listed: dict[str, ModelInfo] = {}
        self._listed_at = -LOOK_SECONDS
        self._was_listed = False
        self._checked_at = -math.inf
        self._looks: dict[str, Look] = {}
        self._asked: Counter[str] = Counter()
        self._contexts: dict[str, tuple[float, int]] = {}

    @property
    def is_local(self) -> bool:
        """Whether it is no server at all, but inside this process."""
        return not self.provider.host

    @property
    def requests(self) -> int:
        """Requests that wait or run."""
        return self._asked.total()

    @property
    def is_listed(self) -> bool:
        """Whether its list of models is known and fresh."""
        return self._was_listed and (self.watched or self._clock() - self._listed_at < LOOK_SECONDS)

    @property
    def models(self) -> Mapping[str, ModelInfo]:
        """The models that it was last known to have, by name."""
        return self._listed

    def heard(self, health: ServerHealth) -> None:
        """It was asked whether it is there."""
        self.health = health
        self._checked_at = self._clock()
        if health.reachable:
            self.breaker.reach()
            self.floor.observe(health.loaded)
        else:
            self.miss(server_unreachable("", [health.host], health.error))

    def offers(self, model: str) -> bool:
        """Whether its configuration lets the model be used."""
        names = self.config.models
        return not names or model in names or model.removesuffix(":latest") in names or f"{model}:latest" in names

    def know(self, infos: Sequence[ModelInfo]) -> None:
        """It listed these models."""
        self._listed = {info.name: info for info in infos if self.offers(info.name)}
        self._listed_at = self._clock()
        self._was_listed = True
        self._looks = {name: look for name, look in self._looks.items() if look.info and name not in self._listed}

    def looked(self, model: str, info: ModelInfo | None) -> None:
        """It was asked for one model."""
        if len(self._looks) >= _MOST_LOOKS:
            self._looks.clear()
        self._looks[model] = Look(self._clock(), info if info is not None and self.offers(model) else None)
        if info is None:
            self._listed.pop(model, None)

    def find(self, model: str) -> ModelInfo | None:
        """The model, when it is known to be here."""
        if self.is_listed:
            info = self._listed.get(model)
            if info is not None:
                return info
        look = self._looks.get(model)
        return look.info if look is not None and self._clock() - look.at < LOOK_SECONDS else None

    def has_said(self, model: str) -> bool:
        """Whether it is known if the model is here or not."""
        look = self._looks.get(model)
        return self.is_listed or (look is not None and self._clock() - look.at < LOOK_SECONDS)

    def lacks(self, model: str) -> bool:
        """Whether it said a moment ago that it does not have the model."""
        look = self._looks.get(model)
        return look is not None and look.info is None and self._clock() - look.at < ABSENT_SECONDS

    def line(self, model: str) -> Line:
        """The line for a model."""
        return self.floor.lines.get(model) or self.floor.line(model, self._places)

    def load(self, model: str) -> tuple[bool, bool, bool, int, int]:
        """Sort key: servers that answer first, then those with a free place, those that hold the model in memory, those
        with fewer requests for it, and with fewer for any."""
        line = self.floor.lines.get(model)
        return (
            self.breaker.is_down,
            line is not None and not line.is_free,
            not self.holds(model),
            self._asked.get(model, 0),
            self.requests,
        )

    def holds(self, model: str) -> bool:
        """Whether the model is in the server's memory, as far as is known."""
        if self.is_remote or model in self._asked:
            return True
        if self.health is not None and model in self.health.loaded:
            return True
        at, _ = self._contexts.get(model, (-math.inf, 0))
        return at > self._checked_at

    def enter(self, model: str) -> None:
        """One more request for a model, waiting or running."""
        self._asked[model] += 1
        self._idle.clear()

    def leave(self, model: str) -> None:
        """One less."""
        self._asked[model] -= 1
        if not self._asked[model]:
            del self._asked[model]
            if not self._asked:
                self._idle.set()

    def miss(self, error: ServerUnreachable) -> None:
        """It could not be reached."""
        self.unreachable = error
        self.breaker.miss()

    def why_down(self, model: str) -> ServerUnreachable:
        """Why the model cannot be had from here now."""
        details: Any = self.unreachable.details if self.unreachable else None
        cause = str(details.get("cause", "")) if isinstance(details, dict) else ""  # pyright: ignore[reportUnknownMemberType, reportUnknownArgumentType]
        return server_unreachable(model, [self.provider.host or self.name], cause or "repeated failures")

    def remember_context(self, model: str, tokens: int) -> None:
        """The model is now loaded with this context."""
        self._contexts[model] = (self._clock(), tokens)

    def loaded_context(self, model: str) -> int:
        """The context that the model was loaded with lately, 0 if unknown."""
        at, tokens = self._contexts.get(model, (-LOADED_SECONDS, 0))
        return tokens if self._clock() - at < LOADED_SECONDS else 0

    async def retire(self) -> None:
        """Close it once what runs on it has ended."""
        await self._idle.wait()
        await self.close()

    async def close(self) -> None:
        """Let go of what the provider holds."""
        if isinstance(self.provider, Closes):
            await self.provider.close()


def option(options: Mapping[str, Any], name: str, kind: type[int], otherwise: int) -> int:
    """A number among a server's options; what is no number counts as not given."""
    value = options.get(name)
    return value if isinstance(value, kind) and not isinstance(value, bool) and value >= 0 else otherwise
