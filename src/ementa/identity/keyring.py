"""Who holds the key of a request: looked up in the database, remembered for seconds, guesses slowed down.

One `Keyring` a process. Nothing is written per request: a row updated at each use is what slows others down.
"""

import asyncio
import hmac
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from ementa.db.database import Database
from ementa.identity import queries
from ementa.identity.errors import TooManyFailures
from ementa.identity.keys import hash_key
from ementa.identity.service import to_principal
from ementa.identity.settings import IdentitySettings
from ementa.identity.types import Principal
from ementa.kit import clock
from ementa.kit.errors import Unauthenticated

V = TypeVar("V")

CACHE_SECONDS = 2.0
"""How long an answer is remembered: a revoked key may be accepted that much longer."""
_WINDOW_SECONDS = 60.0


@dataclass(slots=True)
class _Remembered:
    principal: Principal | None
    until: float


@dataclass(slots=True)
class _Failures:
    count: int
    since: float


class Keyring:
    """Checks keys. Memory is bounded whatever is thrown at it."""

    def __init__(
        self,
        database: Database,
        settings: IdentitySettings,
        monotonic: Callable[[], float] = time.monotonic,
        *,
        most: int = 10_000,
    ) -> None:
        """At most `most` keys and `most` addresses are remembered, those seen last."""
        self._database = database
        self.settings = settings
        self._monotonic = monotonic
        self._most = most
        self._remembered: OrderedDict[str, _Remembered] = OrderedDict()
        self._failures: OrderedDict[str, _Failures] = OrderedDict()
        self._searches: dict[str, asyncio.Task[_Remembered]] = {}

    async def authenticate(self, key: str, client: str) -> Principal:
        """Who holds `key`; raises `Unauthenticated`, or `TooManyFailures` when `client` has guessed too often."""
        digest = hash_key(key)
        now = self._monotonic()
        remembered = self._remembered.get(digest)
        # Someone behind the same address as a guesser keeps working: a key that was good is looked up again.
        if remembered is None or remembered.principal is None:
            self._refuse_guessers(client, now)
        if remembered is None or remembered.until <= now:
            remembered = await self._look_up(digest)
        if remembered.principal is None:
            self._count_failure(client, now)
            raise Unauthenticated
        return remembered.principal

    def forget(self) -> None:
        """Look every key up again at its next use: one was just changed or revoked in this process."""
        for remembered in self._remembered.values():
            remembered.until = 0.0

    async def _look_up(self, digest: str) -> _Remembered:
        """Once for all who ask at the same time: when a busy key's time is over, they all do."""
        search = self._searches.get(digest)
        if search is None:
            search = self._searches[digest] = asyncio.create_task(self._search(digest))
            search.add_done_callback(lambda _: self._searches.pop(digest, None))
        return await asyncio.shield(search)

    async def _search(self, digest: str) -> _Remembered:
        until = self._monotonic() + CACHE_SECONDS
        remembered = _Remembered(await self._find(digest), until)
        _put(self._remembered, digest, remembered, self._most)
        return remembered

    async def _find(self, digest: str) -> Principal | None:
        async with self._database.read() as session:
            owner = await queries.find_key(session, digest)
        if owner is None or not hmac.compare_digest(owner.key.hash, digest):
            return None
        expired = owner.key.expires_at is not None and owner.key.expires_at <= clock.now()
        if expired or owner.key.revoked_at is not None or owner.user.disabled_at is not None:
            return None
        return to_principal(owner)

    def _refuse_guessers(self, client: str, now: float) -> None:
        failures = self._failures.get(client)
        if failures is None or failures.count < self.settings.failed_keys_per_minute:
            return
        remaining = failures.since + _WINDOW_SECONDS - now
        if remaining > 0:
            raise TooManyFailures(retry_after=max(1, round(remaining)))

    def _count_failure(self, client: str, now: float) -> None:
        failures = self._failures.get(client)
        if failures is None or now - failures.since >= _WINDOW_SECONDS:
            _put(self._failures, client, _Failures(1, now), self._most)
        else:
            failures.count += 1


def _put(cache: OrderedDict[str, V], name: str, value: V, limit: int) -> None:
    cache[name] = value
    cache.move_to_end(name)
    while len(cache) > limit:
        cache.popitem(last=False)
