"""Google Gemini, by the Gemini API, always streamed. The key travels in a header, never in an address.

An address that names no version of the API is spoken to in `v1beta`: `v1` lacks the models named `…-latest` and some
previews, and gives nothing more.

What a model refuses is left out from then on, and the request sent again. Written against the documentation and the
sources of SDK 3.4; the tests run on a double that this SDK accepts, not on the service itself.
"""

import re
import time
from collections.abc import AsyncGenerator
from contextlib import aclosing
from functools import partial
from typing import Any, cast
from urllib.parse import quote

from ementa.kit.errors import EmentaError
from ementa.llm.cache import TimedCache
from ementa.llm.errors import ModelCannotChat, ModelCannotEmbed, ModelFailed, ModelRejected, model_absent
from ementa.llm.hosts import display_host
from ementa.llm.http import Deadline, HttpServer, Refused, in_short, is_model_name
from ementa.llm.providers.gemini_errors import refusal
from ementa.llm.providers.gemini_stream import Reading
from ementa.llm.providers.gemini_vectors import MOST_TEXTS, embed_body, tokens_in, vectors_in
from ementa.llm.providers.gemini_wire import NAME, Traits, build, refused_parts, traits_of
from ementa.llm.servers import ServerConfig
from ementa.llm.settings import LlmSettings
from ementa.llm.thoughts import Thoughts
from ementa.llm.tokens import estimate_tokens
from ementa.llm.transport import Transport
from ementa.llm.types import ChatDelta, ChatRequest, ChatResult, EmbedRequest, EmbedResult, ModelInfo, ServerHealth

SHOW_TTL_SECONDS = 300.0
PAGE = 1000
MOST_PAGES = 20
_VERSIONED = re.compile(r"/v\d+\w*$")


class GeminiProvider:
    """One server of Google's Gemini API."""

    name = NAME

    def __init__(self, url: str, key: str, transport: Transport, *, timeout_seconds: float) -> None:
        """`url` is a base URL from `parse_host`; `timeout_seconds` bounds a call whose request names no time."""
        headers = {"x-goog-api-key": key} if key else {}
        base = url if _VERSIONED.search(url) else f"{url}/v1beta"
        self._server = HttpServer(base, transport, refusal=self._refusal, headers=headers)
        self.host = display_host(url)
        self._timeout_seconds = timeout_seconds
        self._traits: TimedCache[str, Traits] = TimedCache(SHOW_TTL_SECONDS)
        self._without: dict[str, frozenset[str]] = {}
        self._thoughts = Thoughts()

    async def stream(self, request: ChatRequest) -> AsyncGenerator[ChatDelta | ChatResult, None]:
        """The answer piece by piece, then its `ChatResult`; raises the errors of `llm/errors.py`."""
        started = time.monotonic()
        deadline = Deadline(request.timeout_seconds or self._timeout_seconds, request.model)
        traits = await deadline.wait(self._traits_of(request.model))
        able = traits.info.capabilities
        if "completion" not in able:
            raise ModelCannotChat(model=request.model, capabilities=", ".join(able))
        without = self._without.get(request.model, frozenset())
        while True:
            body = build(request, traits, self._thoughts, without)
            reading = Reading(request, self._thoughts, self.host)
            try:
                async with aclosing(self._pieces(body, reading, deadline, request.model)) as pieces:
                    async for piece in pieces:
                        yield piece
            except ModelRejected as error:  # only before the first piece
                refused = refused_parts(body, str(error.params.get("cause", "")))
                if not refused:
                    raise
                without |= refused
                self._without[request.model] = without - {"format"}  # a schema may be refused, another taken
            else:
                yield reading.result(time.monotonic() - started)
                return

    async def embed(self, request: EmbedRequest) -> EmbedResult:
        """One vector a text, asked for a hundred at a time; raises the errors of `llm/errors.py`."""
        started = time.monotonic()
        deadline = Deadline(request.timeout_seconds or self._timeout_seconds, request.model)
        info = (await deadline.wait(self._traits_of(request.model))).info
        if "embedding" not in info.capabilities:
            raise ModelCannotEmbed(model=request.model, capabilities=", ".join(info.capabilities))
        vectors: list[list[float]] = []
        tokens = 0
        for start in range(0, len(request.texts), MOST_TEXTS):
            texts = request.texts[start : start + MOST_TEXTS]
            call = self._server.call("POST", _path(request.model, "batchEmbedContents"), embed_body(request, texts))
            answer = await deadline.wait(call)
            try:
                vectors += vectors_in(answer, len(texts), shortened=request.dimensions is not None)
            except ValueError as error:
                raise ModelFailed(model=request.model, cause=f"unreadable answer, {error}") from error
            tokens += tokens_in(answer) or sum(map(estimate_tokens, texts))
        return EmbedResult(
            vectors=vectors,
            model=request.model,
            prompt_tokens=tokens,
            latency_ms=round((time.monotonic() - started) * 1000),
            asked_model=request.model,
        )

    async def list_models(self) -> list[ModelInfo]:
        """Every model that writes or embeds; those that draw, speak or film are left out."""
        found: list[ModelInfo] = []
        token = ""
        for _ in range(MOST_PAGES):
            page = await self._server.ask("GET", f"/models?pageSize={PAGE}{token}")
            entries = cast("list[Any]", page.get("models")) if isinstance(page.get("models"), list) else []
            found += [traits_of(cast("dict[str, Any]", entry)).info for entry in entries if isinstance(entry, dict)]
            following = page.get("nextPageToken")
            if not isinstance(following, str) or not following:
                break
            token = f"&pageToken={quote(following, safe='')}"
        return [info for info in found if info.capabilities and is_model_name(info.name)]

    async def show(self, model: str) -> ModelInfo:
        """What is known of a model, believed for five minutes; raises `ModelUnavailable`."""
        return (await self._traits_of(model)).info

    async def health(self) -> ServerHealth:
        """Whether the server answers and takes our key."""
        try:
            await self._server.ask("GET", "/models?pageSize=1")
        except EmentaError as error:
            return ServerHealth(provider=self.name, host=self.host, reachable=False, error=in_short(error))
        return ServerHealth(provider=self.name, host=self.host, reachable=True)

    async def _pieces(
        self, body: dict[str, Any], reading: Reading, deadline: Deadline, model: str
    ) -> AsyncGenerator[ChatDelta, None]:
        events = self._server.events(_path(model, "streamGenerateContent?alt=sse"), body, model)
        async with aclosing(deadline.each(events)) as each:
            async for event in each:
                for piece in reading.read(event):
                    yield piece

    async def _traits_of(self, model: str) -> Traits:
        if not is_model_name(model) or ":" in model:  # which would end the name in an address
            raise model_absent(model, [])
        return await self._traits.get(model, partial(self._show, model))

    async def _show(self, model: str) -> Traits:
        return traits_of(await self._server.ask("GET", f"/models/{model}", None, model))

    def _refusal(self, model: str, refused: Refused) -> EmentaError:
        if refused.status in (400, 404):
            self._traits.forget(model)  # whatever was believed of it may no longer hold
        return refusal(self.host, model, refused)


def _path(model: str, method: str) -> str:
    return f"/models/{model}:{method}"


def connect(server: ServerConfig, settings: LlmSettings, transport: Transport) -> GeminiProvider:
    """The provider of Google Gemini, or of a server that speaks as it does."""
    return GeminiProvider(server.url, server.secret, transport, timeout_seconds=settings.timeout_seconds)
