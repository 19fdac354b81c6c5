"""Goes through models and servers until one answers.

A server is tried once for one request, `ATTEMPTS` servers for one model, `MOST_ATTEMPTS` in all: nobody else retries,
so a fault is never multiplied. Another server of the same model is asked when the first could not be reached, failed
or is full; another model also when the first was too slow. A request that is at fault itself is tried nowhere else.
"""

import logging
import time
from collections.abc import Sequence
from typing import Generic, Protocol, TypeVar

from ementa.kit.errors import EmentaError
from ementa.kit.limits import Limit
from ementa.llm.errors import (
    ModelBusy,
    ModelCannotChat,
    ModelFailed,
    ModelKeyRefused,
    ModelLacksCapability,
    ModelQueueFull,
    ModelTimeout,
    ModelUnavailable,
    ServerUnreachable,
)
from ementa.llm.hiding import hide_in
from ementa.llm.routing.account import Call
from ementa.llm.routing.directory import Directory, Home
from ementa.llm.routing.line import Line
from ementa.llm.routing.needs import require
from ementa.llm.routing.server import Server
from ementa.llm.types import ModelInfo

log = logging.getLogger(__name__)

ATTEMPTS = 2
MOST_ATTEMPTS = 4
_WORTH_ANOTHER_SERVER = (ServerUnreachable, ModelFailed, ModelBusy, ModelQueueFull, ModelKeyRefused)
_WORTH_ANOTHER_MODEL = (
    ModelUnavailable,
    ModelBusy,
    ModelQueueFull,
    ModelFailed,
    ModelTimeout,
    ModelKeyRefused,
    ModelLacksCapability,
)
P = TypeVar("P")
T = TypeVar("T")
Done = TypeVar("Done", covariant=True)


class Lease:
    """A place at a server, for one model. `release` it when the answer has ended."""

    __slots__ = ("_line", "_since", "info", "model", "server")

    def __init__(self, server: Server, info: ModelInfo, model: str, line: Line) -> None:
        self.server = server
        self.info = info
        self.model = model
        self._line: Line | None = line
        self._since = time.perf_counter()

    @property
    def seconds(self) -> float:
        """Since the place was taken."""
        return time.perf_counter() - self._since

    def release(self) -> None:
        """Let the next one in. Safe to call twice."""
        line, self._line = self._line, None
        if line is not None:
            self.server.leave(self.model)
            self.server.floor.leave(line, self.seconds)


class Work(Protocol[P, Done]):
    """What is to be done at whichever server it is."""

    def prepare(self, server: Server, info: ModelInfo) -> P:
        """Make the request for this server and model; raises what is wrong with it, before it waits in any line."""
        ...

    async def run(self, lease: Lease, prepared: P, seconds: float) -> Done:
        """Send it. Returns once nothing can be tried elsewhere; `seconds` are left until then."""
        ...


class Tries(Generic[P, T]):
    """The tries of one request."""

    def __init__(
        self, directory: Directory, call: Call, work: Work[P, T], *, needs: frozenset[str], seconds: float, fresh: bool
    ) -> None:
        """`seconds` are those of one model, its line included. `fresh`: the answer comes in pieces, and has so much for
        the first of them whatever the time in line; whoever reads the rest judges the server by it."""
        self._directory = directory
        self._call = call
        self._work = work
        self._needs = needs
        self._seconds = seconds
        self._fresh = fresh

    async def first(self, models: Sequence[str]) -> tuple[Lease, T]:
        """What the first model that can gives, and the place it holds. Raises the error of the first model when no
        other helped."""
        errors: list[EmentaError] = []
        left_alone: list[tuple[str, list[Home]]] = []
        for model in models:
            if self._call.attempts >= MOST_ATTEMPTS:
                break
            try:
                homes = self._directory.find_now(model) or await self._directory.find(model)
                usable = [home for home in homes if not home.server.breaker.is_down]
                if usable or len(models) == 1:
                    return await self._from_any(model, usable or homes)
                left_alone.append((model, homes))
                raise homes[0].server.why_down(model)
            except ModelCannotChat:
                if not errors:
                    raise  # the model that was asked for; a fallback that cannot is merely passed over
            except _WORTH_ANOTHER_MODEL as error:
                _note(model, error)
                errors.append(error)
        for model, homes in left_alone[:1]:  # nothing else helped: perhaps it is back
            try:
                return await self._from_any(model, homes)
            except _WORTH_ANOTHER_MODEL as error:
                _note(model, error)
        try:
            raise errors[0]
        finally:
            errors.clear()  # they hold this frame, which holds them: so would all that a broken answer left there

    async def _from_any(self, model: str, homes: Sequence[Home]) -> tuple[Lease, T]:
        failures: list[EmentaError] = []
        able = 0
        for home in homes:
            try:
                able += 1
                return await self._from(home, model)
            except ModelLacksCapability as error:
                able -= 1
                failures.append(error)  # this server has it in another form; nothing was sent
            except _WORTH_ANOTHER_SERVER as error:
                failures.append(error)
            except ModelUnavailable as error:
                # It was removed from that server since we last looked.
                home.server.looked(model, None)
                failures.append(error)
            if able == ATTEMPTS:
                break
        failure = next((error for error in failures if not isinstance(error, ModelLacksCapability)), failures[0])
        try:
            if type(failure) is ModelUnavailable:
                raise await self._directory.explain(model) from failure
            raise failure
        finally:
            del failure, failures

    async def _from(self, home: Home, model: str) -> tuple[Lease, T]:
        server, info = home.server, home.info
        require(info, model, self._needs)
        prepared = self._work.prepare(server, info)
        queued = self._call.queued
        lease = await self._place(server, info, model)
        try:
            seconds = self._seconds
            if not self._fresh and self._call.queued > queued:
                seconds = max(seconds - (self._call.queued - queued), 0.001)
            return lease, await self._served(lease, prepared, seconds)
        except BaseException:
            lease.release()
            raise

    async def _place(self, server: Server, info: ModelInfo, model: str) -> Lease:
        """A place for the model, waited for in line when there is none."""
        line = server.line(model)
        server.enter(model)
        if not server.floor.enter_now(line):
            since = time.perf_counter()
            caller = self._call.caller
            try:
                with Limit(self._seconds):
                    await server.floor.enter(line, caller.tenant, caller.user)
            except TimeoutError as error:
                server.leave(model)
                raise ModelBusy(details={"waited_seconds": self._seconds}, model=model) from error
            except BaseException:
                server.leave(model)
                raise
            finally:
                self._call.queued += time.perf_counter() - since
        return Lease(server, info, model, line)

    async def _served(self, lease: Lease, prepared: P, seconds: float) -> T:
        server, breaker = lease.server, lease.server.breaker
        breaker.begin()
        self._call.send(lease.model, server.provider.name, server.name)
        try:
            with Limit(seconds):
                done = await self._work.run(lease, prepared, seconds)
        except TimeoutError as error:
            breaker.settle()
            raise ModelTimeout(model=lease.model, seconds=round(self._seconds, 1)) from error
        except BaseException as error:
            judge(server, error)
            raise
        if self._fresh:  # of an answer in pieces only the first is here
            breaker.reach()
            breaker.settle()
        else:
            breaker.succeed()
        return done


def judge(server: Server, error: BaseException) -> None:
    """What an error says of the server, whose secrets it tells nobody from now on."""
    if isinstance(error, EmentaError):
        hide_in(error, server.secrets)
    if isinstance(error, ServerUnreachable):
        server.miss(error)
    elif isinstance(error, ModelFailed):
        server.breaker.fail()
    elif isinstance(error, ModelBusy | ModelTimeout | ModelKeyRefused) or not isinstance(error, EmentaError):
        server.breaker.settle()
    else:
        server.breaker.succeed()  # it refused this request, as it should


def _note(model: str, error: EmentaError) -> None:
    log.warning("model failed", extra={"model": model, "code": error.code, "cause": str(error)})
