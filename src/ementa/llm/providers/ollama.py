"""Ollama, by its native API (its `/v1` ignores `num_ctx`, `keep_alive` and `top_k`).

What its documentation does not stress, found in its source (0.32, `server/routes.go`, `llm/llama_server.go`):
an error after the first byte is a last line `{"error": …}` under status 200; counters that are zero are left out; a
model that repeats one token 30 times is stopped and the stream just ends, without its `done` line; messages that do
not fit are dropped, the oldest first, unless `truncate` is false; thinking models think unless told not to.
"""

import asyncio
import time
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing, asynccontextmanager, suppress
from typing import Any

import aiohttp

from ementa.kit.errors import EmentaError
from ementa.llm.cache import TimedCache
from ementa.llm.errors import ModelCannotChat, ModelFailed, ModelTimeout
from ementa.llm.hosts import display_host
from ementa.llm.ndjson import LineBroken, decode_object, read_lines
from ementa.llm.providers.ollama_errors import answer_error, ended_early, in_short, read_body, refusal, unreachable, why
from ementa.llm.providers.ollama_wire import (
    chat_result,
    listed_model,
    message_body,
    objects,
    shown_model,
    text_of,
)
from ementa.llm.servers import ServerConfig
from ementa.llm.settings import LlmSettings
from ementa.llm.transport import Transport
from ementa.llm.types import ChatDelta, ChatRequest, ChatResult, ModelInfo, ServerHealth

CATALOGUE_SECONDS = 10.0
"""Time for the short questions: which models, what can they do, are you there."""
SHOW_TTL_SECONDS = 300.0
DRAIN_SECONDS = 0.5
DEFAULT_CONTEXT = 4096
"""What Ollama itself would take on a machine without a large GPU; used only when a caller names none."""


class OllamaProvider:
    """One Ollama server."""

    name = "ollama"

    def __init__(self, url: str, transport: Transport, *, keep_alive: str, timeout_seconds: float) -> None:
        """`url` is a base URL from `parse_host`; `timeout_seconds` bounds a chat whose request names no time."""
        self.host = display_host(url)
        self._url = url
        self._transport = transport
        self._keep_alive = keep_alive
        self._timeout_seconds = timeout_seconds
        self._shown: TimedCache[str, ModelInfo] = TimedCache(SHOW_TTL_SECONDS)

    async def stream(self, request: ChatRequest) -> AsyncGenerator[ChatDelta | ChatResult, None]:
        """The answer piece by piece, then its `ChatResult`; raises the errors of `llm/errors.py`."""
        started = time.monotonic()
        seconds = request.timeout_seconds or self._timeout_seconds
        deadline = asyncio.get_running_loop().time() + seconds
        body = await self._chat_body(request)
        pieces: list[str] = []
        # The deadline wraps each wait, not the generator: between two pieces the consumer does other things.
        async with aclosing(self._lines("/api/chat", body, request.model)) as lines:
            while True:
                try:
                    async with asyncio.timeout_at(deadline):
                        line = await anext(lines)
                except TimeoutError as error:
                    raise ModelTimeout(model=request.model, seconds=round(seconds, 1)) from error
                except StopAsyncIteration:
                    raise ended_early(request.model) from None
                text = text_of(line)
                if text:
                    pieces.append(text)
                    yield ChatDelta(text=text)
                if line.get("done"):
                    await _drain(lines)
                    yield chat_result(request, "".join(pieces), line, time.monotonic() - started)
                    return

    async def list_models(self) -> list[ModelInfo]:
        """What `/api/tags` lists. Old servers leave capabilities and context out; `show` has them."""
        answer = await self._ask("GET", "/api/tags", None, "")
        return [listed_model(entry) for entry in objects(answer.get("models"))]

    async def show(self, model: str) -> ModelInfo:
        """What `/api/show` knows of a model, believed for five minutes; raises `ModelUnavailable`."""
        return await self._shown.get(model, lambda: self._show(model))

    async def health(self) -> ServerHealth:
        """Whether `/api/version` answers, and what `/api/ps` has in memory."""
        try:
            version = await self._ask("GET", "/api/version", None, "")
            running = await self._ask("GET", "/api/ps", None, "")
        except EmentaError as error:
            return ServerHealth(provider=self.name, host=self.host, reachable=False, error=in_short(error))
        return ServerHealth(
            provider=self.name,
            host=self.host,
            reachable=True,
            version=str(version.get("version", "")),
            loaded=tuple(str(entry.get("name", "")) for entry in objects(running.get("models"))),
        )

    async def _show(self, model: str) -> ModelInfo:
        answer = await self._ask("POST", "/api/show", {"model": model}, model)
        return shown_model(model, answer)

    async def _chat_body(self, request: ChatRequest) -> dict[str, Any]:
        info = await self.show(request.model)
        if info.capabilities and "completion" not in info.capabilities:
            raise ModelCannotChat(model=request.model, capabilities=", ".join(info.capabilities))
        options: dict[str, Any] = {
            "num_ctx": request.context_tokens or DEFAULT_CONTEXT,
            "num_predict": request.max_tokens,
            "temperature": request.temperature,
        }
        optional = {"top_p": request.top_p, "top_k": request.top_k, "seed": request.seed}
        options |= {name: value for name, value in optional.items() if value is not None}
        body: dict[str, Any] = {
            "model": request.model,
            "messages": [message_body(message) for message in request.messages],
            "stream": True,
            "options": options,
            "keep_alive": self._keep_alive,
            "truncate": False,
            "shift": False,
        }
        if request.schema is not None:
            body["format"] = request.schema
        if "thinking" in info.capabilities:
            body["think"] = False
        return body

    async def _lines(self, path: str, body: Mapping[str, Any], model: str) -> AsyncGenerator[dict[str, Any], None]:
        async with self._open("POST", path, body, model) as response:
            try:
                async with aclosing(read_lines(response.content.iter_any())) as lines:
                    async for line in lines:
                        if "error" in line:
                            raise answer_error(model, str(line["error"]))
                        yield line
            except LineBroken as error:
                raise ModelFailed(model=model, cause=f"unreadable answer, {error}") from error
            except (aiohttp.ClientError, ConnectionError) as error:
                raise ModelFailed(model=model, cause=f"the connection broke ({type(error).__name__})") from error

    async def _ask(self, method: str, path: str, body: Mapping[str, Any] | None, model: str) -> dict[str, Any]:
        """One short question and its answer, which is one JSON object."""
        try:
            async with asyncio.timeout(CATALOGUE_SECONDS), self._open(method, path, body, model) as response:
                return decode_object(await read_body(response))
        except TimeoutError as error:
            raise unreachable(model, self.host, f"no answer in {CATALOGUE_SECONDS:.0f} s") from error
        except (LineBroken, aiohttp.ClientPayloadError) as error:
            raise ModelFailed(model=model, cause=f"unreadable answer from {self.host}{path}, {error}") from error

    @asynccontextmanager
    async def _open(
        self, method: str, path: str, body: Mapping[str, Any] | None, model: str
    ) -> AsyncGenerator[aiohttp.ClientResponse, None]:
        """An answered request with status 200. Leaving early closes the connection, and so stops the model."""
        response = await self._send(method, path, body, model)
        try:
            if response.status != 200:
                error = await refusal(response, model)
                self._shown.forget(model)  # whatever was believed of it may no longer hold
                raise error
            yield response
        finally:
            response.release()

    async def _send(self, method: str, path: str, body: Mapping[str, Any] | None, model: str) -> aiohttp.ClientResponse:
        session = self._transport.session
        for last in (False, True):
            try:
                return await session.request(method, f"{self._url}{path}", json=body, allow_redirects=False)
            except aiohttp.ServerDisconnectedError as error:
                # A kept connection that the server had closed meanwhile: once more, on a new one.
                if last:
                    raise ModelFailed(model=model, cause=f"{self.host} hung up without answering") from error
            except (aiohttp.ClientConnectionError, OSError) as error:
                raise unreachable(model, self.host, why(error)) from error
            except (aiohttp.ClientError, ValueError) as error:
                raise ModelFailed(model=model, cause=f"{self.host}: {error}") from error
        raise AssertionError("unreachable")


async def _drain(lines: AsyncGenerator[dict[str, Any], None]) -> None:
    """Read to the end of the body, which follows the last line at once, so that the connection can be used again."""
    with suppress(TimeoutError, ModelFailed):
        async with asyncio.timeout(DRAIN_SECONDS):
            async for _ in lines:
                pass


def connect(server: ServerConfig, settings: LlmSettings, transport: Transport) -> OllamaProvider:
    """The provider of one Ollama server."""
    return OllamaProvider(
        server.url, transport, keep_alive=settings.keep_alive, timeout_seconds=settings.timeout_seconds
    )
