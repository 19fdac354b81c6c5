"""The door that every request to a model comes through: who asks, what they may, their limits, the body, the headers.

A `Door` is an ASGI application to be named by a route. It makes a `Visit` and hands it to the function of a dialect,
which answers through it. Nothing here goes through FastAPI's dependencies: this is the path whose cost is counted.
"""

import time
from collections.abc import Awaitable, Callable
from typing import Any

import orjson
from starlette.routing import Match, Route
from starlette.types import Message, Receive, Scope, Send

from ementa.identity.deps import identify
from ementa.identity.types import Principal, caller_of
from ementa.kit.errors import EmentaError
from ementa.kit.language import preferred_language
from ementa.llm.ask import Answer, Ask
from ementa.llm.errors import ModelNotPermitted
from ementa.llm.gateway import Gateway
from ementa.llm.types import ChatRequest
from ementa.observability.context import request_line
from ementa.serving.bodies import prompt_tokens, read_object
from ementa.serving.errors import ParameterInvalid
from ementa.serving.leaving import Presence

Headers = list[tuple[bytes, bytes]]

JSON = (b"content-type", b"application/json")
_BODILESS = frozenset({"GET", "HEAD", "OPTIONS"})
_SWITCH = {"pt": "deve ser on ou off", "en": "it must be on or off"}
_SECONDS = {"pt": "deve ser um número de segundos, 1 ou mais", "en": "it must be a number of seconds, 1 or more"}


class Visit:
    """One request to a model, by somebody known, with its body read."""

    __slots__ = (
        "_extra", "_receive", "_send", "begun", "body", "caller", "gateway", "principal", "scope", "size", "started",
        "timeout_seconds", "use_cache",
    )  # fmt: skip

    def __init__(self, scope: Scope, receive: Receive, send: Send, principal: Principal, api: str) -> None:
        self.scope = scope
        self.principal = principal
        self.gateway: Gateway = scope["app"].state.runtime.gateway
        self.caller = caller_of(principal, api)
        self.started = time.perf_counter()
        self.body: dict[str, Any] = {}
        self.size = 0
        """Bytes of the body."""
        self.timeout_seconds: float | None = None
        self.use_cache: bool | None = None
        self.begun = False
        """Whether the answer's status has been sent."""
        self._receive = receive
        self._send = send
        self._extra: Headers = []
        self._read_headers()

    @property
    def path_params(self) -> dict[str, str]:
        """The parts of the path that the route names."""
        return self.scope.get("path_params", {})

    def header(self, name: bytes) -> str:
        """A header of the request, named in small letters; empty when it did not come."""
        return next((value for given, value in self.scope["headers"] if given == name), b"").decode("latin-1")

    def told(self, error: EmentaError) -> str:
        """The sentence of an error in the language that the client reads."""
        return error.text(preferred_language(self.header(b"accept-language")))

    def permits(self, model: str) -> bool:
        """Whether the key was made for this model, by whatever name it goes."""
        return self.gateway.permits(model, self.principal.models)

    async def admit(self, model: str) -> None:
        """Let the call begin: raises `ModelNotPermitted`, that resources are low, or what the limiter raises when it is
        too much."""
        if not self.permits(model):
            raise ModelNotPermitted(model=model)
        runtime: Any = self.scope["app"].state.runtime
        if (refused := runtime.watch.call_refusal(model)) is not None:
            raise refused
        limiter: Any = getattr(runtime, "limiter", None)
        if limiter is not None:
            allowance = await limiter.admit(self.caller, prompt_tokens(self.body, self.size))
            self._extra = allowance.headers()

    def asks(
        self, model: str, chat: Callable[[], ChatRequest], *, stream: bool, dialect: str = "", path: str = ""
    ) -> Ask:
        """The question to the gateway; `dialect` and `path` say how the body may be passed on as it is."""
        return Ask(
            model=model,
            chat=chat,
            stream=stream,
            dialect=dialect,
            path=path,
            body=self.body,
            caller=self.caller,
            timeout_seconds=self.timeout_seconds,
            use_cache=self.use_cache,
        )

    def _read_headers(self) -> None:
        for name, value in self.scope["headers"]:
            if name == b"x-ementa-timeout":
                self.timeout_seconds = self._seconds(value)
            elif name == b"x-ementa-cache":
                self.use_cache = self._switch(value.strip().lower())
            elif name == b"cache-control" and self.use_cache is None:
                directives = value.lower()
                if b"no-cache" in directives or b"no-store" in directives:
                    self.use_cache = False

    def _switch(self, value: bytes) -> bool:
        if value not in (b"on", b"off"):
            raise ParameterInvalid(name="X-Ementa-Cache", cause=_SWITCH)
        return value == b"on"

    def _seconds(self, value: bytes) -> float:
        try:
            seconds = float(value)
        except ValueError:
            seconds = 0.0
        if not seconds >= 1:  # what is not a number compares as false
            raise ParameterInvalid(name="X-Ementa-Timeout", cause=_SECONDS)
        return min(seconds, self.gateway.settings.max_timeout_seconds)

    def answered_by(self, answer: Answer) -> None:
        """Tell in the headers who answers; the gateway tells the access log."""
        self.answered(
            answer.model,
            answer.server,
            queue_ms=answer.queue_ms,
            upstream_ms=answer.upstream_ms,
            cached=answer.cached,
        )

    def answered(
        self, model: str, server: str, *, upstream_ms: float, queue_ms: float = 0.0, cached: bool = False
    ) -> None:
        """The same of what is no conversation."""
        ours = (time.perf_counter() - self.started) * 1000 - queue_ms - upstream_ms
        self._extra += [
            (b"x-ementa-model", _header(model)),
            (b"x-ementa-server", _header(server)),
            (b"x-ementa-queue-ms", b"%.1f" % queue_ms),
            (b"x-ementa-overhead-ms", b"%.2f" % max(ours, 0.0)),
            (b"x-ementa-cache", b"hit" if cached else b"miss"),
        ]

    def note(self, **said: Any) -> None:
        """Say more in the request's line of the access log; never words of a prompt or an answer."""
        line = request_line.get()
        if line is not None:
            line |= said

    async def send(self, body: bytes, kind: tuple[bytes, bytes] = JSON) -> None:
        """The whole answer, with status 200."""
        headers = [kind, (b"content-length", b"%d" % len(body)), *self._extra]
        self.begun = True
        await self._send({"type": "http.response.start", "status": 200, "headers": headers})
        await self._send({"type": "http.response.body", "body": body})

    async def send_object(self, content: Any) -> None:
        """The whole answer as JSON."""
        await self.send(orjson.dumps(content))

    async def begin(self, content_type: bytes) -> None:
        """Status 200 and headers of an answer that comes in pieces."""
        headers = [(b"content-type", content_type), (b"x-accel-buffering", b"no"), *self._extra]
        self.begun = True
        await self._send({"type": "http.response.start", "status": 200, "headers": headers})

    async def piece(self, data: bytes) -> None:
        """More of an answer that has begun."""
        await self._send({"type": "http.response.body", "body": data, "more_body": True})

    async def end(self, data: bytes = b"") -> None:
        """The last of an answer that has begun."""
        await self._send({"type": "http.response.body", "body": data})

    async def read(self) -> None:
        """Read the body, which must be a JSON object within bounds."""
        chunks: list[bytes] = []
        while True:
            message: Message = await self._receive()
            if message["type"] == "http.disconnect":
                raise ClientGone
            chunks.append(message.get("body", b""))
            if not message.get("more_body", False):
                break
        data = chunks[0] if len(chunks) == 1 else b"".join(chunks)
        self.size = len(data)
        self.body = read_object(data)


class ClientGone(Exception):
    """Nobody waits for the answer any more."""


Serve = Callable[[Visit], Awaitable[None]]


class Door:
    """An ASGI application that lets visitors in and serves them by `serve`; `api` names it in the accounts."""

    def __init__(self, api: str, serve: Serve) -> None:
        self.api = api
        self._serve = serve

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request. What is raised leaves by the error table, in the form of the path."""
        principal = await identify(scope)
        visit = Visit(scope, receive, send, principal, self.api)
        try:
            if scope["method"] not in _BODILESS:
                await visit.read()
            with Presence(receive):
                await self._serve(visit)
        except ClientGone:
            return


class DoorRoute(Route):
    """A route whose template the metrics name, as they do FastAPI's own."""

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """Whether it is for this route, which is then told in the scope."""
        match, told = super().matches(scope)
        if match is not Match.NONE:
            told["route"] = self
        return match, told


def text_of(body: dict[str, Any], name: str) -> str:
    """A parameter that must be there and be a text; raises `ParameterInvalid`."""
    value = body.get(name)
    if not isinstance(value, str) or not value.strip():
        cause = {"pt": "é obrigatório e deve ser um texto", "en": "it is required and must be a string"}
        raise ParameterInvalid(name=name, cause=cause)
    return value


def flag_of(body: dict[str, Any], name: str, *, default: bool) -> bool:
    """A parameter that is true or false, or absent; raises `ParameterInvalid`."""
    value = body.get(name)
    if value is None:
        return default
    if not isinstance(value, bool):
        cause = {"pt": "deve ser true ou false", "en": "it must be true or false"}
        raise ParameterInvalid(name=name, cause=cause)
    return value


def _header(text: str) -> bytes:
    """A name fit for a header."""
    return text.encode("ascii", "replace").replace(b"\r", b"?").replace(b"\n", b"?")
