"""Ollama, by its native API (its `/v1` ignores `num_ctx`, `keep_alive` and `top_k`).

What its documentation does not stress, found in its source (0.32, `server/routes.go`, `server/sched.go`,
`llm/llama_server.go`): an error after the first byte is a last line `{"error": …}` under status 200; counters that are
zero are left out; a model that repeats one token 30 times is stopped and the stream just ends, without its `done` line;
messages that do not fit are dropped, the oldest first, unless `truncate` is false; thinking models think unless told
not to; a model is loaded again when `num_ctx` or `shift` of a request differ from those it was loaded with.
"""

import asyncio
import time
from collections.abc import AsyncGenerator
from contextlib import aclosing, asynccontextmanager, suppress
from typing import Any

import aiohttp

from ementa.kit.errors import EmentaError
from ementa.llm.base import Forward, Forwarded
from ementa.llm.cache import TimedCache
from ementa.llm.errors import ModelCannotChat, ModelCannotEmbed, ModelContextExceeded, ModelFailed
from ementa.llm.http import DRAIN_SECONDS, HttpServer, Refused, in_short
from ementa.llm.ndjson import LineBroken, LineReader
from ementa.llm.providers import ollama_models as models
from ementa.llm.providers.ollama_answer import Gathering
from ementa.llm.providers.ollama_errors import READ_ERRORS, ended_early, read_error, refusal
from ementa.llm.providers.ollama_forward import Passing, forward_body, option, read_whole
from ementa.llm.providers.ollama_memory import Contexts
from ementa.llm.providers.ollama_wire import chat_body, headers_of, listed_model, objects, shown_model, whole
from ementa.llm.servers import ServerConfig
from ementa.llm.settings import LlmSettings
from ementa.llm.transport import Transport
from ementa.llm.types import (
    ChatDelta,
    ChatRequest,
    ChatResult,
    EmbedRequest,
    EmbedResult,
    ModelInfo,
    PullProgress,
    ServerHealth,
)

SHOW_TTL_SECONDS = 300.0
ORDER_SECONDS = 30.0
"""Time to delete or unload a model."""
PULL_SILENCE_SECONDS = 300.0
"""Longest silence of a download: Ollama tells nothing while it verifies what it has."""
DEFAULT_CONTEXT = 4096
"""What Ollama itself would take on a machine without a large GPU; used only when a caller names none."""


class OllamaProvider:
    """One Ollama server."""

    name = "ollama"
    dialect = "ollama"

    def __init__(self, server: ServerConfig, settings: LlmSettings, transport: Transport) -> None:
        """`settings.timeout_seconds` bounds a call that names no time."""
        self._server = HttpServer(server.url, transport, refusal=self._refusal, headers=headers_of(server))
        self.host = self._server.host
        self._transport = transport
        self._settings = settings
        self._shown: TimedCache[str, ModelInfo] = TimedCache(SHOW_TTL_SECONDS)
        self._contexts = Contexts()

    async def stream(self, request: ChatRequest) -> AsyncGenerator[ChatDelta | ChatResult, None]:
        """The answer piece by piece, then its `ChatResult`; raises the errors of `llm/errors.py`."""
        info = await self.show(request.model)
        if info.capabilities and "completion" not in info.capabilities:
            raise ModelCannotChat(model=request.model, capabilities=", ".join(info.capabilities))
        context = request.context_tokens or DEFAULT_CONTEXT
        thinks = "thinking" in info.capabilities
        body = chat_body(request, context, self._settings.keep_alive, can_think=thinks)
        gathering, reader = Gathering(request), LineReader()
        limit = self._limit(total=request.timeout_seconds or self._settings.timeout_seconds)
        async with self._server.open("POST", "/api/chat", body, request.model, limit) as response:
            self._contexts.remember(request.model, context)
            content = response.content
            ended = False
            while gathering.result is None and not ended:
                # One timer a request, aiohttp's own: it runs while somebody waits for bytes, not between two pieces,
                # where the consumer does other things.
                try:
                    chunk = await content.readany()
                    lines = reader.feed(chunk) if chunk else reader.finish()
                except READ_ERRORS as error:
                    raise read_error(request.model, error, limit) from error
                ended = not chunk
                for line in lines:
                    delta = _taken(gathering, line, request.model)
                    if delta is not None:
                        yield delta
            if gathering.result is None:
                raise ended_early(request.model)
            await _drain(content)
            yield gathering.result

    async def list_models(self) -> list[ModelInfo]:
        """What `/api/tags` lists. Old servers leave capabilities and context out; `show` has them."""
        answer = await self._server.ask("GET", "/api/tags")
        return [listed_model(entry) for entry in objects(answer.get("models"))]

    async def show(self, model: str) -> ModelInfo:
        """What `/api/show` knows of a model, believed for five minutes; raises `ModelUnavailable`."""
        return await self._shown.get(model, lambda: self._show(model))

    async def health(self) -> ServerHealth:
        """Whether `/api/version` answers, and what `/api/ps` has in memory."""
        try:
            version = await self._server.ask("GET", "/api/version")
            running = objects((await self._server.ask("GET", "/api/ps")).get("models"))
        except EmentaError as error:
            return ServerHealth(provider=self.name, host=self.host, reachable=False, error=in_short(error))
        for entry in running:
            if size := whole(entry.get("context_length")):
                self._contexts.remember(str(entry.get("name", "")), size)
        return ServerHealth(
            provider=self.name,
            host=self.host,
            reachable=True,
            version=str(version.get("version", "")),
            loaded=tuple(str(entry.get("name", "")) for entry in running),
        )

    async def embed(self, request: EmbedRequest) -> EmbedResult:
        """One vector a text. A text longer than the model's context raises `ModelContextExceeded`."""
        started = time.monotonic()
        info = await self.show(request.model)
        if info.capabilities and "embedding" not in info.capabilities:
            raise ModelCannotEmbed(model=request.model, capabilities=", ".join(info.capabilities))
        body: dict[str, Any] = {
            "model": request.model,
            "truncate": False,
            "keep_alive": self._settings.keep_alive,
            "options": {"num_ctx": self._room(info)},
        }
        if request.dimensions:
            body["dimensions"] = request.dimensions
        limit = self._limit(total=request.timeout_seconds or self._settings.timeout_seconds)
        vectors: list[list[float]] = []
        tokens = 0
        for start in range(0, len(request.texts), models.BATCH):
            batch = list(request.texts[start : start + models.BATCH])
            found = await models.embed(self._server, body, batch, limit)
            vectors += found.embeddings
            tokens += whole(found.prompt_eval_count)
        return EmbedResult(
            vectors=vectors,
            model=request.model,
            prompt_tokens=tokens,
            latency_ms=round((time.monotonic() - started) * 1000),
            asked_model=request.model,
            provider=self.name,
        )

    @asynccontextmanager
    async def forward(self, call: Forward) -> AsyncGenerator[Forwarded]:
        """`/api/chat` and `/api/generate` as they came, with a bounded context; see `base.Forwards`."""
        seconds = call.timeout_seconds or self._settings.timeout_seconds
        limit = (
            self._limit(total=self._settings.max_timeout_seconds, silence=seconds)
            if call.stream
            else self._limit(total=seconds)
        )
        sizes = self._sizes(call, self._room(await self.show(call.model)))
        for size in sizes:
            body = forward_body(call, size, self._settings.max_tokens, self._settings.keep_alive)
            entered = False
            try:
                async with self._server.open("POST", call.path, body, call.model, limit) as response:
                    self._contexts.remember(call.model, size)
                    answer = (
                        Passing(response, call.model, limit)
                        if call.stream
                        else await read_whole(response, call.model, limit)
                    )
                    entered = True
                    yield answer
                    return
            except ModelContextExceeded:
                if entered or size == sizes[-1]:
                    raise

    async def pull(self, model: str) -> AsyncGenerator[PullProgress, None]:
        """Download a model, with its progress; raises `ModelUnavailable` when nobody offers it."""
        limit = self._limit(silence=PULL_SILENCE_SECONDS)
        async with aclosing(models.pull(self._server, model, limit)) as steps:
            async for step in steps:
                if step.status == "success":
                    self._shown.forget(model)
                yield step

    async def delete(self, model: str) -> None:
        """Remove a model from the server's disk; raises `ModelUnavailable`."""
        limit = self._limit(total=ORDER_SECONDS)
        await models.order(self._server, "DELETE", "/api/delete", {"model": model}, limit)
        self._shown.forget(model)
        self._contexts.forget(model)

    async def warm(self, model: str) -> None:
        """Load a model, with the context it had or the one that most requests want."""
        info = await self.show(model)
        size = self._contexts.size(model) or min(DEFAULT_CONTEXT, self._room(info))
        body: dict[str, Any] = {"model": model, "keep_alive": self._settings.keep_alive}
        limit = self._limit(total=self._settings.max_timeout_seconds)
        if info.capabilities and "completion" not in info.capabilities:
            body |= {"input": [], "options": {"num_ctx": self._room(info)}}
            await models.order(self._server, "POST", "/api/embed", body, limit)
            return
        body |= {"stream": False, "shift": False, "options": {"num_ctx": size}}
        await models.order(self._server, "POST", "/api/generate", body, limit)
        self._contexts.remember(model, size)

    async def unload(self, model: str) -> None:
        """Let a model leave memory."""
        body = {"model": model, "keep_alive": 0, "stream": False}
        await models.order(self._server, "POST", "/api/generate", body, self._limit(total=ORDER_SECONDS))
        self._contexts.forget(model)

    async def _show(self, model: str) -> ModelInfo:
        return shown_model(model, await self._server.ask("POST", "/api/show", {"model": model}, model))

    def _sizes(self, call: Forward, room: int) -> tuple[int, ...]:
        """The context to ask for: the client's own within bounds, no less than is loaded already; or one by estimate,
        then all there may be."""
        if own := option(call.body, "num_ctx"):
            return (min(max(own, self._contexts.size(call.model)), room),)
        answer = option(call.body, "num_predict") or self._settings.max_tokens
        size = self._contexts.fitting(call.model, call.body, answer, room)
        return (size,) if size >= room else (size, room)

    def _room(self, info: ModelInfo) -> int:
        """The largest context that the model and the settings allow."""
        return min(info.context_tokens, self._settings.max_context_tokens)

    def _limit(self, total: float | None = None, silence: float | None = None) -> aiohttp.ClientTimeout:
        connect = self._transport.session.timeout.sock_connect
        return aiohttp.ClientTimeout(total=total, sock_connect=connect, sock_read=silence)

    def _refusal(self, model: str, refused: Refused) -> EmentaError:
        self._shown.forget(model)  # whatever was believed of it may no longer hold
        return refusal(model, self.host, refused)


def _taken(gathering: Gathering, line: bytes, model: str) -> ChatDelta | None:
    try:
        return gathering.take(line)
    except LineBroken as error:
        raise ModelFailed(model=model, cause=f"unreadable answer, {error}") from error


async def _drain(content: aiohttp.StreamReader) -> None:
    """Read to the end of the body, which follows the last line at once, so that the connection can be used again."""
    if content.at_eof():
        return
    with suppress(TimeoutError, aiohttp.ClientError, ConnectionError):
        async with asyncio.timeout(DRAIN_SECONDS):
            while await content.readany():
                pass


def connect(server: ServerConfig, settings: LlmSettings, transport: Transport) -> OllamaProvider:
    """The provider of one Ollama server."""
    return OllamaProvider(server, settings, transport)
