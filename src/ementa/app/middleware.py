"""What every request passes through, outermost first: `Outermost` (request id, access log, security headers, the last
resort for exceptions), then `Gate` (limits of headers and body, slow bodies, uploads refused when resources are low).

Pure ASGI: three `BaseHTTPMiddleware` cost four times as much per request.
"""

import asyncio
import logging
import re
import time
from collections.abc import Callable
from typing import Any

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ementa.app.errors import (
    BodyTimeout,
    BodyTooLarge,
    HeadersTooLarge,
    RequestMalformed,
    RouteNotFound,
    ServerStopping,
    error_response,
    explain,
)
from ementa.kit.errors import EmentaError
from ementa.kit.ids import new_id
from ementa.kit.stepping import Step
from ementa.observability import context
from ementa.observability.logging import redact, tell
from ementa.observability.metrics import HttpMetrics
from ementa.settings import ServerSettings
from ementa.storage.errors import BlobTooLarge

access = logging.getLogger("ementa.access")
log = logging.getLogger(__name__)

_REQUEST_ID = re.compile(r"[A-Za-z0-9._\-]{1,64}")
_SECURITY = (
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"cache-control", b"no-store"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
    (b"cross-origin-resource-policy", b"same-origin"),
)
"""What every answer carries unless it says otherwise itself."""
_QUIET = frozenset({"/health/live", "/health/ready", "/metrics"})
"""Paths that machines poll: their access lines are DEBUG."""
_MODELS = ("/v1/", "/api/", "/llm/")
"""Where requests to models come in."""


class Outermost:
    """Names each request, times it, logs one line about it, and turns what nobody handled into the error form."""

    def __init__(self, app: ASGIApp, metrics: HttpMetrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, _briefly(scope, send))
            return
        request_id = _request_id(scope)
        scope.setdefault("state", {})["request_id"] = request_id
        line: dict[str, Any] = {}
        context.request_line.set(line)  # the task is this request's own
        client = scope["client"][0] if scope.get("client") else ""
        started = time.perf_counter()
        status = 0

        async def named(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                given = message.get("headers", ())
                names = {name for name, _ in given}
                message["headers"] = [
                    *given,
                    (b"x-request-id", request_id.encode("ascii")),
                    *(header for header in _SECURITY if header[0] not in names),
                ]
            await send(message)

        self._metrics.begin()
        with context.bound(request=request_id, client=client):
            try:
                await self._app(scope, receive, named)
            except asyncio.CancelledError:
                # Nobody else cancels a request: the time for those that still run when the server ends is over.
                if not status:
                    await error_response(ServerStopping(), Headers(scope=scope).get("accept-language"), scope["path"])(
                        scope, receive, named
                    )
            except Exception as error:
                if status:
                    log.exception("failed after the answer had begun")
                    raise
                explained = explain(error, method=scope["method"], path=scope["path"])
                if explained.code == EmentaError.code:
                    log.exception("unexpected error", extra={"method": scope["method"], "path": scope["path"]})
                await error_response(explained, Headers(scope=scope).get("accept-language"), scope["path"])(
                    scope, receive, named
                )
            finally:
                context.request_line.set(None)  # what goes on afterwards tells of itself
                self._tell(scope, status, time.perf_counter() - started, line)

    def _tell(self, scope: Scope, status: int, seconds: float, line: dict[str, Any]) -> None:
        route = getattr(scope.get("route"), "path", "") or "unmatched"
        self._metrics.end(scope["method"], route, status, seconds)
        told = {
            "method": scope["method"],
            "path": route if route == scope["path"] else redact(scope["path"][:500]),
            "status": status,
            "time_ms": round(seconds * 1000, 1),
            "principal": scope["state"].get("user_id"),
            **line,  # what a call to a model says of itself
        }
        tell(access, logging.DEBUG if scope["path"] in _QUIET else logging.INFO, "request", told)


def _briefly(scope: Scope, send: Send) -> Send:
    """Of a start that failed for a reason we can explain, the log tells the reason and not the way to it."""

    async def told(message: Message) -> None:
        if message["type"] == "lifespan.startup.failed":
            error = explain(scope["app"].state.startup_error or EmentaError(), method="", path="")
            if error.code != EmentaError.code:
                message = {**message, "message": f"{error.text('en')} [{error.code}]"}
        await send(message)

    return told


class Gate:
    """Keeps what comes in within bounds. What it refuses leaves as an `EmentaError`; `Outermost` tells the client."""

    def __init__(
        self,
        app: ASGIApp,
        settings: ServerSettings,
        max_upload_bytes: int,
        refusal: Callable[[], EmentaError | None],
    ) -> None:
        """`refusal` says why no upload can be taken now, or None."""
        self._app = app
        self._settings = settings
        self._max_upload = max_upload_bytes
        self._refusal = refusal

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Check what is known before the body, then watch the body as it is read."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        head = _Head(scope)
        body = _Body(receive, send, self._settings, head)
        try:
            self._check_head(scope, head)
            if is_upload(scope):
                if (refused := self._refusal()) is not None:
                    raise refused
                body.limit = self._max_upload + self._settings.form_bytes
                body.too_large = self._file_too_large
            else:
                body.limit = self._limit(scope)
            if head.length > body.limit:
                raise body.too_large(body.limit)
        except EmentaError as error:
            response = error_response(error, Headers(scope=scope).get("accept-language"), scope["path"])
            await response(scope, body.receive, body.send)
        else:
            await self._app(scope, body.receive, body.send)

    def _file_too_large(self, _limit: int) -> EmentaError:
        return BlobTooLarge(limit_mb=round(self._max_upload / 1_000_000, 1))

    def _limit(self, scope: Scope) -> int:
        if scope["method"] == "POST" and scope["path"].startswith(_MODELS):
            return self._settings.max_model_body_bytes
        return self._settings.max_body_bytes

    def _check_head(self, scope: Scope, head: "_Head") -> None:
        if head.size > self._settings.max_header_bytes:
            raise HeadersTooLarge(limit=self._settings.max_header_bytes)
        if "\ufffd" in scope["path"] and b"%EF%BF%BD" not in scope.get("raw_path", b"").upper():
            cause = {"pt": "o caminho não é UTF-8", "en": "the path is not UTF-8"}
            raise RequestMalformed(cause=cause)
        if "\x00" in scope["path"]:
            raise RouteNotFound(path=scope["path"].replace("\x00", "%00")[:200])


class _Head:
    """What the headers say of the request's size, read in one pass."""

    __slots__ = ("has_body", "length", "size", "waits")

    def __init__(self, scope: Scope) -> None:
        self.size = 0
        """Of all headers together."""
        self.length = 0
        """Of the body, as declared."""
        self.has_body = False
        self.waits = False
        """Whether the client waits for our leave to send its body."""
        for name, value in scope["headers"]:
            self.size += len(name) + len(value) + 4
            if name == b"content-length":
                self.has_body = self.has_body or value != b"0"
                self.length = int(value) if value.isdigit() else 0
            elif name == b"transfer-encoding":
                self.has_body = True
            elif name == b"expect":
                self.waits = value != b""


class _Body:
    """One request's body on its way in: counted, timed, and drained when the answer comes before its end."""

    __slots__ = (
        "_closing", "_complete", "_receive", "_received", "_send", "_settings", "_started", "_waits", "limit",
        "too_large",
    )  # fmt: skip

    def __init__(self, receive: Receive, send: Send, settings: ServerSettings, head: _Head) -> None:
        self._receive = receive
        self._send = send
        self._settings = settings
        self._complete = not head.has_body
        self._waits = head.waits
        self._received = 0
        self._started = time.monotonic()
        self._closing = False
        self.limit = 0
        self.too_large: Callable[[int], EmentaError] = _body_too_large  # nothing of our own: that would be a ring

    async def receive(self) -> Message:
        """The next piece; raises when it is too much or takes too long. Once complete, waits for the disconnect."""
        if self._complete:
            return await self._receive()
        # A silence has its limit, and so has a trickle that never falls silent.
        slowest = self._settings.body_timeout_seconds + self._received / self._settings.min_body_bytes_per_second
        remaining = min(self._settings.body_timeout_seconds, self._started + slowest - time.monotonic())
        step = Step(self._receive())
        if step.run():  # it was there already, as it mostly is; a timer would cost more than reading it
            message = step.value
        else:
            try:
                async with asyncio.timeout(max(remaining, 0)):
                    message = await step
            except TimeoutError as error:
                raise BodyTimeout(seconds=round(time.monotonic() - self._started, 1)) from error
        self._count(message)
        if self._received > self.limit:
            raise self.too_large(self.limit)
        return message

    async def send(self, message: Message) -> None:
        """Send; an answer that comes before the end of the body closes the connection once it was read."""
        if message["type"] == "http.response.start" and not self._complete:
            self._closing = True
            message["headers"] = [*message.get("headers", ()), (b"connection", b"close")]
        if self._closing and message["type"] == "http.response.body" and not message.get("more_body", False):
            await self._send({**message, "more_body": True})
            await self._drain()
            message = {"type": "http.response.body", "body": b"", "more_body": False}
        await self._send(message)

    async def _drain(self) -> None:
        """Read on for a moment: closing a connection with unread data would make the client lose the answer."""
        if self._waits:
            return  # the client waited for our leave to send its body, and does not get it
        most = self._received + self._settings.drain_bytes
        try:
            async with asyncio.timeout(self._settings.drain_seconds):
                while not self._complete and self._received < most:
                    self._count(await self._receive())
        except TimeoutError:
            return

    def _count(self, message: Message) -> None:
        self._received += len(message.get("body", b""))
        if message["type"] == "http.disconnect" or not message.get("more_body", False):
            self._complete = True


def _body_too_large(limit: int) -> EmentaError:
    return BodyTooLarge(limit=limit)


def is_upload(scope: Scope) -> bool:
    """Whether the request brings a document, which may be large and needs disk and memory to be had."""
    return scope["method"] == "POST" and scope["path"] == "/upload"


def _request_id(scope: Scope) -> str:
    given: list[Any] = [value for name, value in scope["headers"] if name == b"x-request-id"]
    text = given[0].decode("latin-1") if len(given) == 1 else ""
    return text if _REQUEST_ID.fullmatch(text) else new_id()
