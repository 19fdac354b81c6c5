"""Any server that speaks as OpenAI does: vLLM, LM Studio, text-generation-webui, llama.cpp's server, OpenAI itself.

The address ends where `/chat/completions` begins. One without a path gets `/v1`, which every such server has (vLLM and
LM Studio have nothing else); the option `exact_url` keeps it as it is for the few that have none. A user name or
password in it is the key. How servers differ is data in `openai_profiles`; their words for failures are in
`openai_errors`.
"""

import asyncio
import time
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, aclosing
from functools import partial
from typing import Any, TypeVar

import aiohttp

from ementa.kit.errors import EmentaError
from ementa.llm.base import Forward
from ementa.llm.errors import ModelFailed, ModelRejected, model_absent
from ementa.llm.http import CATALOGUE_SECONDS, Deadline, HttpServer, chunks_of, drain, in_short, read_body, unreachable
from ementa.llm.ndjson import UNREADABLE, LineBroken
from ementa.llm.providers.openai_address import origin_of, split_address
from ementa.llm.providers.openai_catalogue import NAME, Listing, read_listing
from ementa.llm.providers.openai_errors import answer_error, ended_early, error_in, refusal, unreadable
from ementa.llm.providers.openai_events import Assembly, Chunk, decode_chunk
from ementa.llm.providers.openai_forward import COUNTED_PATHS, Opened, PassedOn, PassingOn, longest_silence, with_counts
from ementa.llm.providers.openai_profiles import OTHER, Profile
from ementa.llm.providers.openai_vectors import (
    Scores,
    decode_scores,
    decode_vectors,
    rerank_body,
    scores_in,
    vectors_in,
)
from ementa.llm.providers.openai_wire import Refusals, chat_body
from ementa.llm.servers import ServerConfig
from ementa.llm.settings import LlmSettings
from ementa.llm.sse import read_events
from ementa.llm.transport import Transport
from ementa.llm.types import (
    ChatDelta,
    ChatRequest,
    ChatResult,
    EmbedRequest,
    EmbedResult,
    ModelInfo,
    RerankRequest,
    RerankResult,
    ServerHealth,
)

LISTING_SECONDS = 300.0
ABSENT_SECONDS = 5.0
"""How old a list may be that a model is missing from, before it is read again."""
TEXTS_AT_ONCE = 256
"""Texts in one request for embeddings; OpenAI takes 2,048, and some servers far fewer."""
T = TypeVar("T")


class OpenAIProvider:
    """One OpenAI-compatible server."""

    dialect = "openai"

    def __init__(self, server: ServerConfig, settings: LlmSettings, transport: Transport, *, name: str = NAME) -> None:
        """`server.url` as in the module's text; `server.secret` is its key; `name` is told in answers. Options:
        `exact_url`, `context_tokens` (for models that do not say theirs), `texts_at_once`, `profile` (how to speak to
        it: `openai`, `vllm`, `sglang`, `llamacpp` or `other`, where its address and models do not tell)."""
        self.name = name
        self._url, headers = split_address(server)
        self._transport = transport
        self._settings = settings
        self._named = server.models
        self._server_name = server.name
        self._options = server.options
        explain = partial(refusal, self._url)
        self._server = HttpServer(self._url, transport, refusal=explain, headers=headers)
        self._root = HttpServer(origin_of(self._url), transport, refusal=explain, headers=headers)
        self.host = self._server.host
        self._listing: Listing | None = None
        self._listing_lock = asyncio.Lock()
        self._refused = Refusals()

    async def stream(self, request: ChatRequest) -> AsyncGenerator[ChatDelta | ChatResult, None]:
        """The answer piece by piece, then its `ChatResult`; raises the errors of `llm/errors.py`."""
        started = time.monotonic()
        seconds = request.timeout_seconds or self._settings.timeout_seconds
        deadline = Deadline(seconds, request.model)
        profile = await deadline.wait(self._profile(request.model))
        assembly = Assembly()
        begun = False
        while True:
            body = chat_body(request, profile, self._refused.by(request.model))
            try:
                async with aclosing(self._chunks(body, request.model)) as chunks:
                    async for chunk in deadline.each(chunks):
                        begun = True
                        delta = assembly.take(chunk)
                        if delta is not None:
                            yield delta
                break
            except ModelRejected as error:
                if begun or not self._refused.learn(error, body, request.model):
                    raise
        if not assembly.is_complete:
            raise ended_early(request.model)
        result = self._result(request, assembly, started)
        if result.tool_calls:
            yield ChatDelta(tool_calls=result.tool_calls)
        yield result

    def forward(self, call: Forward) -> AbstractAsyncContextManager[PassedOn]:
        """Pass a request on as it is, asking for the counts of tokens where the client did not."""
        seconds = call.timeout_seconds or self._settings.timeout_seconds
        limit = None
        if call.stream:
            limit = longest_silence(seconds, self._transport.session.timeout.sock_connect)
        return PassingOn(partial(self._open, call, limit), call, seconds, partial(answer_error, self.host, call.model))

    async def embed(self, request: EmbedRequest) -> EmbedResult:
        """One vector a text, as 32-bit floats; raises the errors of `llm/errors.py`."""
        started = time.monotonic()
        texts, step = list(request.texts), int(self._options.get("texts_at_once") or TEXTS_AT_ONCE)
        deadline = Deadline(request.timeout_seconds or self._settings.timeout_seconds, request.model)
        vectors: list[Sequence[float]] = []
        tokens = 0
        for at in range(0, len(texts), step):
            part = texts[at : at + step]
            body: dict[str, Any] = {"model": request.model, "input": part, "encoding_format": "base64"}
            if request.dimensions is not None:
                body["dimensions"] = request.dimensions
            answer = await deadline.wait(self._ask("/embeddings", body, request.model, decode_vectors))
            vectors += self._checked(request.model, partial(vectors_in, answer, len(part)))
            tokens += answer.usage.as_usage().prompt_tokens if answer.usage else 0
        lengths = {len(vector) for vector in vectors}
        if request.dimensions and lengths - {request.dimensions}:  # llama.cpp ignores the field in silence
            raise ModelRejected(model=request.model, cause=f"its vectors have {max(lengths)} dimensions, always")
        return EmbedResult(
            vectors=vectors,
            model=request.model,
            prompt_tokens=tokens,
            latency_ms=round((time.monotonic() - started) * 1000),
            asked_model=request.model,
            provider=self.name,
            server=self._server_name,
        )

    async def rerank(self, request: RerankRequest) -> RerankResult:
        """One score a document, in their order; raises the errors of `llm/errors.py`."""
        started = time.monotonic()
        deadline = Deadline(request.timeout_seconds or self._settings.timeout_seconds, request.model)
        answer = Scores(results=[])
        if request.documents:
            answer = await deadline.wait(self._ask("/rerank", rerank_body(request), request.model, decode_scores))
        return RerankResult(
            scores=self._checked(request.model, partial(scores_in, answer, len(request.documents))),
            model=request.model,
            prompt_tokens=answer.usage.as_usage().prompt_tokens if answer.usage else 0,
            latency_ms=round((time.monotonic() - started) * 1000),
            asked_model=request.model,
            provider=self.name,
            server=self._server_name,
        )

    async def list_models(self) -> list[ModelInfo]:
        """What `/models` lists, now. A server without it has the models that its configuration names."""
        return list((await self._list(0.0)).models.values())

    async def show(self, model: str) -> ModelInfo:
        """What is known of a model, believed for five minutes; raises `ModelUnavailable`."""
        listing = await self._list(LISTING_SECONDS, model)
        if model not in listing.models:
            listing = await self._list(ABSENT_SECONDS, model)
        if model not in listing.models:
            raise model_absent(model, list(listing.models))
        return listing.models[model]

    async def health(self) -> ServerHealth:
        """Whether `/models` answers, and what the server holds, when it says so."""
        try:
            listing = await self._list(0.0)
        except EmentaError as error:
            return ServerHealth(provider=self.name, host=self.host, reachable=False, error=in_short(error))
        return ServerHealth(provider=self.name, host=self.host, reachable=True, loaded=listing.loaded)

    async def _open(self, call: Forward, limit: aiohttp.ClientTimeout | None) -> tuple[Opened, aiohttp.ClientResponse]:
        """The answer to a request passed on, and what lets go of it."""
        body = call.body
        if call.stream and call.path in COUNTED_PATHS and "stream_options" not in self._refused.by(call.model):
            body = with_counts(body)
        opened = self._server.open("POST", call.path, body, call.model, limit)
        try:
            return opened, await opened.__aenter__()
        except ModelRejected as error:
            if body is call.body or not self._refused.learn(error, {"stream_options": None}, call.model):
                raise
        return await self._open(call, limit)

    def _result(self, request: ChatRequest, assembly: Assembly, started: float) -> ChatResult:
        usage = assembly.counts.as_usage()
        return ChatResult(
            text=assembly.text,
            model=request.model,
            prompt_tokens=usage.prompt_tokens,
            output_tokens=usage.output_tokens,
            latency_ms=round((time.monotonic() - started) * 1000),
            finish=assembly.finish,
            asked_model=request.model,
            thinking=assembly.thinking,
            tool_calls=assembly.calls(),
            provider=self.name,
            server=self._server_name,
        )

    async def _profile(self, model: str) -> Profile:
        """How to speak to the server. One that does not list its models may chat all the same."""
        try:
            return (await self._list(LISTING_SECONDS, model)).profile
        except ModelFailed:
            return OTHER

    async def _list(self, oldest: float, model: str = "") -> Listing:
        """The server's models, read no longer ago than that many seconds; asked because of `model`."""
        known = self._listing
        if known is not None and known.age <= oldest:
            return known
        async with self._listing_lock:
            if self._listing is known or self._listing is None or self._listing.age > oldest:
                try:
                    async with asyncio.timeout(CATALOGUE_SECONDS):
                        self._listing = await read_listing(
                            self._server, self._root, self._url, self._named, self._options, model
                        )
                except TimeoutError as error:
                    raise unreachable(model, self.host, f"no answer in {CATALOGUE_SECONDS:.0f} s") from error
            return self._listing

    async def _chunks(self, body: dict[str, Any], model: str) -> AsyncGenerator[Chunk, None]:
        """The events of an answer up to `[DONE]`. A server that answers in one piece gives one event."""
        try:
            async with self._server.open("POST", "/chat/completions", body, model) as response:
                if response.content_type == "application/json":
                    data = await read_body(response)
                    if error := error_in(data):
                        raise answer_error(self.host, model, error)
                    yield self._chunk(data, model)
                    return
                async with aclosing(read_events(chunks_of(response))) as events:
                    async for event in events:
                        if event.data.startswith(b"[DONE]"):
                            await drain(events)
                            return
                        yield self._chunk(event.data, model)
        except LineBroken as error:
            raise unreadable(model, error) from error
        except (aiohttp.ClientError, ConnectionError) as error:
            raise ModelFailed(model=model, cause=f"the connection broke ({type(error).__name__})") from error

    def _chunk(self, data: bytes, model: str) -> Chunk:
        try:
            chunk = decode_chunk(data)
        except UNREADABLE as error:
            raise unreadable(model, error) from error
        if chunk.error and (not chunk.choices or chunk.choices[0].finish_reason == "error"):
            raise answer_error(self.host, model, {"error": chunk.error})
        return chunk

    async def _ask(self, path: str, body: dict[str, Any], model: str, decode: Callable[[bytes], T]) -> T:
        """A question with one answer; asked again without a field that the server refuses."""
        while True:
            sent = {name: value for name, value in body.items() if name not in self._refused.by(model)}
            try:
                async with self._server.open("POST", path, sent, model) as response:
                    data = await read_body(response)
                if error := error_in(data):
                    raise answer_error(self.host, model, error)
                return decode(data)
            except ModelRejected as error:
                if not self._refused.learn(error, sent, model):
                    raise
            except (LineBroken, *UNREADABLE, aiohttp.ClientError) as error:
                raise unreadable(model, error) from error

    def _checked(self, model: str, read: Callable[[], T]) -> T:
        try:
            return read()
        except ValueError as error:
            raise unreadable(model, error) from error


def connect(server: ServerConfig, settings: LlmSettings, transport: Transport) -> OpenAIProvider:
    """The provider of one OpenAI-compatible server."""
    return OpenAIProvider(server, settings, transport)
