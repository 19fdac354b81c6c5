"""What every provider over HTTP does alike: it sends, waits no longer than allowed, reads no more than is sane, lets go
of the connection when its own caller leaves, and says in our words what went wrong.
"""

import asyncio
import json
import os
import re
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager, aclosing, suppress
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import partial
from io import BytesIO
from math import ceil
from typing import Any, TypeVar, cast

import aiohttp
import msgspec
from yarl import URL

from ementa.kit.errors import EmentaError
from ementa.kit.limits import Limit
from ementa.llm.errors import (
    ModelBusy,
    ModelFailed,
    ModelKeyRefused,
    ModelRejected,
    ModelTimeout,
    ServerUnreachable,
    model_absent,
    server_unreachable,
)
from ementa.llm.hiding import hide, parts_of
from ementa.llm.hosts import display_host
from ementa.llm.ndjson import UNREADABLE, LineBroken, decode_object
from ementa.llm.sse import Event, read_events
from ementa.llm.transport import Transport

MAX_BODY_BYTES = 32 * 1024 * 1024
CATALOGUE_SECONDS = 10.0
"""Time for the short questions: which models, what can they do, are you there."""
DRAIN_SECONDS = 0.5
LONGEST_CAUSE = 500
MOST_RETRY_SECONDS = 3600
_MOST_URLS = 100
_LARGE_BYTES = 512 * 1024
"""A body beyond this is sent in parts, between which others have their turn."""
_NAME = re.compile(r"\w[\w.@:+-]{0,199}", re.ASCII)
T = TypeVar("T")


class Refused(msgspec.Struct, frozen=True):
    """An answer with a status other than 200."""

    status: int
    message: str
    """The server's own words, shortened, without our key should they repeat it."""
    body: Mapping[str, Any] = {}
    """What it said as JSON; empty when it was none."""
    retry_after: int | None = None
    """Seconds after which it wants to be asked again."""


Refusal = Callable[[str, Refused], EmentaError]
"""What a refusal means, of a call to the model named (empty when none was)."""


class HttpServer:
    """One model server and how to speak to it."""

    def __init__(
        self, url: str, transport: Transport, *, refusal: Refusal, headers: Mapping[str, str] | None = None
    ) -> None:
        """`url` is a base URL from `parse_host`; `headers` go with every request and are taken to be secret."""
        self.host = display_host(url)
        self._url = url
        self._transport = transport
        self._refusal = refusal
        given = {name: value.strip() for name, value in (headers or {}).items()}
        self._secrets = parts_of(given.values())
        # Never compressed: a proxy that compresses a stream holds its pieces back.
        self._headers = {"Accept-Encoding": "identity", **given}
        self._json_headers = {**self._headers, "Content-Type": "application/json"}
        self._urls: dict[str, URL] = {}

    def open(
        self, method: str, path: str, body: Any = None, model: str = "", timeout: aiohttp.ClientTimeout | None = None
    ) -> AbstractAsyncContextManager[aiohttp.ClientResponse]:
        """An answered request with status 200; leaving it early closes the connection, and so stops the model.

        `path` is encoded already. `timeout`, when given, replaces the transport's. Raises what the refusal means,
        `ServerUnreachable`, `ModelTimeout` or `ModelFailed`.
        """
        return _Opened(self, partial(self._send, method, path, body, model, timeout), model)

    async def explain(self, response: aiohttp.ClientResponse, model: str) -> EmentaError:
        """What an answer of another status than 200 means."""
        return self._refusal(model, await self._refused(response))

    async def ask(self, method: str, path: str, body: Any = None, model: str = "") -> dict[str, Any]:
        """One short question and its answer, which is one JSON object."""
        try:
            async with asyncio.timeout(CATALOGUE_SECONDS):
                return await self.call(method, path, body, model)
        except TimeoutError as error:
            raise unreachable(model, self.host, f"no answer in {CATALOGUE_SECONDS:.0f} s") from error

    async def call(self, method: str, path: str, body: Any = None, model: str = "") -> dict[str, Any]:
        """The same without a limit of time of its own."""
        try:
            async with self.open(method, path, body, model) as response:
                return decode_object(await read_body(response))
        except (LineBroken, aiohttp.ClientPayloadError) as error:
            raise ModelFailed(model=model, cause=f"unreadable answer from {self.host}{path}, {error}") from error

    async def events(self, path: str, body: Any, model: str) -> AsyncGenerator[Event, None]:
        """The server-sent events that answer a POST. Raises `ModelFailed` when they break off."""
        async with self.open("POST", path, body, model) as response:
            try:
                async with aclosing(read_events(chunks_of(response))) as events:
                    async for event in events:
                        yield event
            except LineBroken as error:
                raise ModelFailed(model=model, cause=f"unreadable answer, {error}") from error
            except (aiohttp.ClientError, ConnectionError) as error:
                raise ModelFailed(model=model, cause=f"the connection broke ({type(error).__name__})") from error

    async def _send(
        self, method: str, path: str, body: Any, model: str, timeout: aiohttp.ClientTimeout | None
    ) -> aiohttp.ClientResponse:
        data = None if body is None else encode(body)
        headers = self._headers if data is None else self._json_headers
        url = self._urls.get(path) or self._url_of(path)
        session = self._transport.session
        for last in (False, True):
            try:
                return await session.request(
                    method,
                    url,
                    data=data if data is None or len(data) <= _LARGE_BYTES else BytesIO(data),
                    headers=headers,
                    allow_redirects=False,
                    timeout=timeout or session.timeout,
                )
            except aiohttp.ConnectionTimeoutError as error:
                raise unreachable(model, self.host, why(error)) from error
            except TimeoutError as error:
                raise too_slow(model, limit_of(timeout)) from error
            except aiohttp.ClientConnectorError as error:
                raise unreachable(model, self.host, why(error)) from error
            except (aiohttp.ServerDisconnectedError, aiohttp.ClientOSError) as error:
                # A kept connection that the server had closed meanwhile: once more, on a new one.
                if last:
                    raise ModelFailed(model=model, cause=f"{self.host} hung up without answering") from error
            except (aiohttp.ClientConnectionError, OSError) as error:
                raise unreachable(model, self.host, why(error)) from error
            except (aiohttp.ClientError, ValueError) as error:
                raise ModelFailed(model=model, cause=f"{self.host}: {self._short(str(error))}") from error
        raise AssertionError("unreachable")

    def _url_of(self, path: str) -> URL:
        """Kept, with what it knows of itself by then: most calls go to one of a few addresses."""
        if len(self._urls) >= _MOST_URLS:
            self._urls.clear()
        url = self._urls[path] = URL(f"{self._url}{path}", encoded=True)
        return url

    async def _refused(self, response: aiohttp.ClientResponse) -> Refused:
        body: dict[str, Any] = {}
        try:
            data = await read_body(response)
        except (aiohttp.ClientError, LineBroken) as error:
            message = f"HTTP {response.status} ({type(error).__name__})"
        else:
            body = hide(_object_in(data), self._secrets) or {}
            message = said_in(body) or f"HTTP {response.status} {data.decode('utf-8', 'replace').strip()}".strip()
        return Refused(response.status, self._short(message), body, _retry_after(response.headers))

    def _short(self, message: str) -> str:
        return short(hide(message, self._secrets))


class _Opened:
    """An answer while it is read. A class, for as a generator it would cost as much as sending the request."""

    __slots__ = ("_model", "_response", "_send", "_server")

    def __init__(self, server: HttpServer, send: Callable[[], Awaitable[aiohttp.ClientResponse]], model: str) -> None:
        self._server = server
        self._send = send
        self._model = model
        self._response: aiohttp.ClientResponse | None = None

    async def __aenter__(self) -> aiohttp.ClientResponse:
        response = self._response = await self._send()
        if response.status != 200:
            try:
                raise await self._server.explain(response, self._model)
            finally:
                response.release()
        return response

    async def __aexit__(self, *_: object) -> None:
        if self._response is not None:
            self._response.release()


class Deadline:
    """Until when a model may take to answer. Raises `ModelTimeout`."""

    def __init__(self, seconds: float, model: str) -> None:
        """Counts from now."""
        self._at = asyncio.get_running_loop().time() + seconds
        self._seconds = seconds
        self._model = model

    async def wait(self, answer: Awaitable[T]) -> T:
        """What comes of `answer`, in time."""
        try:
            with Limit(self._at - asyncio.get_running_loop().time()):
                return await answer
        except TimeoutError as error:
            raise ModelTimeout(model=self._model, seconds=round(self._seconds, 1)) from error

    async def each(self, items: AsyncGenerator[T, None]) -> AsyncGenerator[T, None]:
        """Every item, each in time. It wraps the waits and not the loop: between two pieces the reader does other
        things. `items` is closed whatever happens."""
        async with aclosing(items):
            while True:
                try:
                    item = await self.wait(anext(items))
                except StopAsyncIteration:
                    return
                yield item


async def drain(items: AsyncGenerator[Any, None]) -> None:
    """Read to the end of a body, which follows its last words at once, so that the connection can be used again."""
    with suppress(TimeoutError, EmentaError):
        async with asyncio.timeout(DRAIN_SECONDS):
            async for _ in items:
                pass


async def chunks_of(response: aiohttp.ClientResponse) -> AsyncGenerator[bytes, None]:
    """The body as it comes; raises aiohttp's errors."""
    try:
        while chunk := await response.content.readany():
            yield chunk
    except RuntimeError as error:  # so aiohttp says that its session was closed meanwhile
        raise aiohttp.ClientConnectionError(str(error)) from error


async def read_body(response: aiohttp.ClientResponse) -> bytes:
    """The whole body; raises `LineBroken` beyond the limit."""
    body = bytearray()
    async with aclosing(chunks_of(response)) as chunks:
        async for chunk in chunks:
            body += chunk
            if len(body) > MAX_BODY_BYTES:
                body.clear()  # the traceback may live on for a while
                raise LineBroken(f"longer than {MAX_BODY_BYTES} bytes")
    return bytes(body)


def encode(body: Any) -> bytes:
    """A body as JSON. Half a surrogate pair, which broken files put into text, is written as the escape that it is."""
    try:
        return msgspec.json.encode(body)
    except UnicodeEncodeError:
        return json.dumps(body).encode()


def status_error(model: str, host: str, refused: Refused) -> EmentaError:
    """What a status alone says, when the server's words said nothing more."""
    status, cause = refused.status, refused.message
    if status in (401, 403):
        return ModelKeyRefused(details={"status": status}, host=host, cause=cause)
    if status == 404:
        return model_absent(model, []) if model else ModelRejected(details={"status": 404}, model=host, cause=cause)
    if status in (429, 503, 529):
        return busy(model, cause, refused)
    if 300 <= status < 500:
        return ModelRejected(details={"status": status}, model=model, cause=cause)
    return ModelFailed(details={"status": status}, model=model, cause=cause)


def busy(model: str, cause: str, refused: Refused | None = None) -> ModelBusy:
    """The server has too much to do; it may have said until when."""
    details: dict[str, Any] = {"cause": cause}
    if refused is None:
        return ModelBusy(details=details, model=model)
    details["status"] = refused.status
    if refused.retry_after is None:
        return ModelBusy(details=details, model=model)
    return ModelBusy(details=details, model=model, retry_after=refused.retry_after)


def limit_of(timeout: aiohttp.ClientTimeout | None) -> float:
    """Seconds for the whole, or for a silence; 0 when nothing is limited."""
    return (timeout.total or timeout.sock_read or 0.0) if timeout else 0.0


def too_slow(model: str, seconds: float) -> ModelTimeout:
    """The time of a request is over."""
    return ModelTimeout(model=model, seconds=round(seconds, 1))


def unreachable(model: str, host: str, cause: str) -> ServerUnreachable:
    """The server at `host` does not answer."""
    return server_unreachable(model, [host], cause)


def why(error: BaseException) -> str:
    """A connection's failure in a few words that need no translation of ours."""
    if isinstance(error, TimeoutError):
        return "timeout"
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        return str(error.certificate_error)
    if isinstance(error, aiohttp.ClientConnectorError):
        number = error.os_error.errno
        return os.strerror(number) if number and number > 0 else str(error.os_error)
    return str(error) or type(error).__name__


def in_short(error: EmentaError) -> str:
    """The cause alone, for a list of servers and their state."""
    details: object = error.details
    cause = cast("dict[str, Any]", details).get("cause") if isinstance(details, dict) else None
    return str(cause or error)


def short(message: str) -> str:
    """A server's words, no longer than an error message should be."""
    return message if len(message) <= LONGEST_CAUSE else f"{message[:LONGEST_CAUSE]}…"


def said_in(body: Mapping[str, Any]) -> str:
    """The words of an error in any of the usual forms: `{"error": {"message": …}}`, `{"error": …}`, `{"detail": …}`."""
    for name in ("error", "message", "detail"):
        value = body.get(name)
        if isinstance(value, dict):
            value = cast("dict[str, Any]", value).get("message")
        if isinstance(value, str) and value:
            return value
    return ""


def is_model_name(name: str) -> bool:
    """Whether a name may stand in a path; any other cannot be the name of a hosted model."""
    return _NAME.fullmatch(name) is not None


def _object_in(data: bytes) -> dict[str, Any]:
    try:
        value = msgspec.json.decode(data)
    except UNREADABLE:
        return {}
    if isinstance(value, list):  # some of Google's errors
        value = next(iter(cast("list[Any]", value)), None)
    return cast("dict[str, Any]", value) if isinstance(value, dict) else {}


def _retry_after(headers: Mapping[str, str]) -> int | None:
    value = headers.get("retry-after", "").strip()
    try:
        seconds = float(value)
    except ValueError:
        try:
            seconds = (parsedate_to_datetime(value) - datetime.now(UTC)).total_seconds()
        except (ValueError, TypeError):
            return None
    return whole_seconds(seconds)


def whole_seconds(seconds: float) -> int | None:
    """Seconds to wait as a client may be told: whole, at least one, not absurd."""
    if seconds != seconds:
        return None
    return ceil(min(max(1.0, seconds), MOST_RETRY_SECONDS))
