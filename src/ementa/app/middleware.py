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

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ementa.app.errors import (
    BodyTimeout,
    BodyTooLarge,
    HeadersTooLarge,
    RequestMalformed,
    RouteNotFound,
    error_response,
    explain,
)
from ementa.kit.errors import EmentaError
from ementa.kit.ids import new_id
from ementa.observability import context
from ementa.observability.metrics import HttpMetrics
from ementa.settings import ServerSettings
from ementa.storage.errors import BlobTooLarge

access = logging.getLogger("ementa.access")
log = logging.getLogger(__name__)

_REQUEST_ID = re.compile(r"[A-Za-z0-9._\-]{1,64}")
_SECURITY = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
}
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
        client = scope["client"][0] if scope.get("client") else ""
        started = time.perf_counter()
        status = 0

        async def named(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = MutableHeaders(scope=message)
                headers["X-Request-Id"] = request_id
                for name, value in _SECURITY.items():
                    headers.setdefault(name, value)
            await send(message)

        with context.bound(request=request_id, client=client), self._metrics.in_progress():
            try:
                await self._app(scope, receive, named)
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
                self._tell(scope, status, time.perf_counter() - started)

    def _tell(self, scope: Scope, status: int, seconds: float) -> None:
        route = getattr(scope.get("route"), "path", "") or "unmatched"
        self._metrics.observe(scope["method"], route, status, seconds)
        access.log(
            logging.DEBUG if scope["path"] in _QUIET else logging.INFO,
            "request",
            extra={
                "method": scope["method"],
                "path": scope["path"][:500],
                "status": status,
                "time_ms": round(seconds * 1000, 1),
                "principal": scope["state"].get("user_id"),
            },
        )


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
        headers = Headers(scope=scope)
        has_body = "transfer-encoding" in headers or headers.get("content-length", "0") != "0"
        body = _Body(receive, send, self._settings, has_body, waits=headers.get("expect", "") != "")
        try:
            self._check_head(scope, headers)
            upload = is_upload(scope)
            if upload and (refused := self._refusal()) is not None:
                raise refused
            body.limit = self._limit(scope, upload=upload)
            body.too_large = (
                BlobTooLarge(limit_mb=round(self._max_upload / 1_000_000, 1))
                if upload
                else BodyTooLarge(limit=body.limit)
            )
            declared = headers.get("content-length", "")
            if declared.isdigit() and int(declared) > body.limit:
                raise body.too_large
        except EmentaError as error:
            response = error_response(error, headers.get("accept-language"), scope["path"])
            await response(scope, body.receive, body.send)
        else:
            await self._app(scope, body.receive, body.send)

    def _limit(self, scope: Scope, *, upload: bool) -> int:
        if upload:
            return self._max_upload + self._settings.form_bytes
        if scope["method"] == "POST" and scope["path"].startswith(_MODELS):
            return self._settings.max_model_body_bytes
        return self._settings.max_body_bytes

    def _check_head(self, scope: Scope, headers: Headers) -> None:
        if sum(len(name) + len(value) + 4 for name, value in headers.raw) > self._settings.max_header_bytes:
            raise HeadersTooLarge(limit=self._settings.max_header_bytes)
        if "\ufffd" in scope["path"] and b"%EF%BF%BD" not in scope.get("raw_path", b"").upper():
            cause = {"pt": "o caminho não é UTF-8", "en": "the path is not UTF-8"}
            raise RequestMalformed(cause=cause)
        if "\x00" in scope["path"]:
            raise RouteNotFound(path=scope["path"].replace("\x00", "%00")[:200])


class _Body:
    """One request's body on its way in: counted, timed, and drained when the answer comes before its end."""

    def __init__(self, receive: Receive, send: Send, settings: ServerSettings, has_body: bool, waits: bool) -> None:
        self._receive = receive
        self._send = send
        self._settings = settings
        self._complete = not has_body
        self._waits = waits
        self._received = 0
        self._started = time.monotonic()
        self._closing = False
        self.limit = 0
        self.too_large: EmentaError = BodyTooLarge(limit=0)

    async def receive(self) -> Message:
        """The next piece; raises when it is too much or takes too long. Once complete, waits for the disconnect."""
        if self._complete:
            return await self._receive()
        # A silence has its limit, and so has a trickle that never falls silent.
        slowest = self._settings.body_timeout_seconds + self._received / self._settings.min_body_bytes_per_second
        remaining = min(self._settings.body_timeout_seconds, self._started + slowest - time.monotonic())
        try:
            async with asyncio.timeout(max(remaining, 0)):
                message = await self._receive()
        except TimeoutError as error:
            raise BodyTimeout(seconds=round(time.monotonic() - self._started, 1)) from error
        self._count(message)
        if self._received > self.limit:
            raise self.too_large
        return message

    async def send(self, message: Message) -> None:
        """Send; an answer that comes before the end of the body closes the connection once it was read."""
        if message["type"] == "http.response.start" and not self._complete:
            self._closing = True
            MutableHeaders(scope=message)["Connection"] = "close"
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


def is_upload(scope: Scope) -> bool:
    """Whether the request brings a document, which may be large and needs disk and memory to be had."""
    return scope["method"] == "POST" and scope["path"] == "/upload"


def _request_id(scope: Scope) -> str:
    given: list[Any] = [value for name, value in scope["headers"] if name == b"x-request-id"]
    text = given[0].decode("latin-1") if len(given) == 1 else ""
    return text if _REQUEST_ID.fullmatch(text) else new_id()
