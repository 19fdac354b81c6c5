"""Anthropic, by its Messages API (and servers that speak it), always streamed.

It is spoken to in version 2023-06-01: the next one, 2026-10-21, refuses `temperature` for every model, which models
before Opus 4.7 still heed. What a model refuses is left out from then on, and the request sent again. Written against
the documentation and the types of SDK 2.11; the tests run on a double that this SDK accepts, not on the service itself.
"""

import time
from collections.abc import AsyncGenerator
from contextlib import aclosing
from functools import partial
from typing import Any, cast

from ementa.kit.errors import EmentaError
from ementa.llm.cache import TimedCache
from ementa.llm.errors import ModelRejected, model_absent
from ementa.llm.http import Deadline, HttpServer, Refused, drain, in_short, is_model_name
from ementa.llm.providers.anthropic_errors import refusal
from ementa.llm.providers.anthropic_stream import Reading
from ementa.llm.providers.anthropic_wire import NAME, Built, Traits, build, refused_parts, traits_of
from ementa.llm.servers import ServerConfig
from ementa.llm.settings import LlmSettings
from ementa.llm.thoughts import Thoughts
from ementa.llm.transport import Transport
from ementa.llm.types import ChatDelta, ChatRequest, ChatResult, ModelInfo, ServerHealth

VERSION = "2023-06-01"
SHOW_TTL_SECONDS = 300.0
PAGE = 1000
MOST_PAGES = 20
LASTING = frozenset({"temperature", "top_p", "top_k", "thinking", "effort"})
"""Refusals that are the model's. One of a schema is that schema's."""


class AnthropicProvider:
    """One server of Anthropic's API."""

    name = NAME

    def __init__(self, url: str, key: str, transport: Transport, *, timeout_seconds: float) -> None:
        """`url` is a base URL from `parse_host`; `timeout_seconds` bounds a chat whose request names no time."""
        headers = {"x-api-key": key, "anthropic-version": VERSION} if key else {"anthropic-version": VERSION}
        self._server = HttpServer(url, transport, refusal=self._refusal, headers=headers)
        self.host = self._server.host
        self._timeout_seconds = timeout_seconds
        self._traits: TimedCache[str, Traits] = TimedCache(SHOW_TTL_SECONDS)
        self._without: dict[str, frozenset[str]] = {}
        self._thoughts = Thoughts()

    async def stream(self, request: ChatRequest) -> AsyncGenerator[ChatDelta | ChatResult, None]:
        """The answer piece by piece, then its `ChatResult`; raises the errors of `llm/errors.py`."""
        started = time.monotonic()
        deadline = Deadline(request.timeout_seconds or self._timeout_seconds, request.model)
        traits = await deadline.wait(self._traits_of(request.model))
        without = self._without.get(request.model, frozenset())
        while True:
            built = build(request, traits, self._thoughts, without)
            reading = Reading(request, built, self._thoughts, self.host)
            try:
                async with aclosing(self._pieces(built, reading, deadline)) as pieces:
                    async for piece in pieces:
                        yield piece
            except ModelRejected as error:  # only before the first piece
                refused = refused_parts(built.body, str(error.params.get("cause", "")))
                if not refused:
                    raise
                without |= refused
                self._without[request.model] = without & LASTING
            else:
                yield reading.result(time.monotonic() - started)
                return

    async def list_models(self) -> list[ModelInfo]:
        """Every model that the key may use and that is not retired."""
        found: list[ModelInfo] = []
        after = ""
        for _ in range(MOST_PAGES):
            page = await self._server.ask("GET", f"/v1/models?limit={PAGE}{after}")
            entries = cast("list[Any]", page.get("data")) if isinstance(page.get("data"), list) else []
            models = [cast("dict[str, Any]", entry) for entry in entries if isinstance(entry, dict)]
            found += [traits_of(entry).info for entry in models if entry.get("lifecycle") != "retired"]
            last = page.get("last_id")
            if not page.get("has_more") or not isinstance(last, str) or not is_model_name(last):
                break
            after = f"&after_id={last}"
        return [info for info in found if is_model_name(info.name)]

    async def show(self, model: str) -> ModelInfo:
        """What is known of a model, believed for five minutes; raises `ModelUnavailable`."""
        return (await self._traits_of(model)).info

    async def health(self) -> ServerHealth:
        """Whether the server answers and takes our key."""
        try:
            await self._server.ask("GET", "/v1/models?limit=1")
        except EmentaError as error:
            return ServerHealth(provider=self.name, host=self.host, reachable=False, error=in_short(error))
        return ServerHealth(provider=self.name, host=self.host, reachable=True)

    async def _pieces(self, built: Built, reading: Reading, deadline: Deadline) -> AsyncGenerator[ChatDelta, None]:
        events = self._server.events("/v1/messages", built.body, str(built.body["model"]))
        async with aclosing(deadline.each(events)) as each:
            async for event in each:
                piece = reading.read(event)
                if piece is not None:
                    yield piece
                if reading.done:
                    await drain(each)
                    return
        raise reading.ended_early()

    async def _traits_of(self, model: str) -> Traits:
        if not is_model_name(model):
            raise model_absent(model, [])
        return await self._traits.get(model, partial(self._show, model))

    async def _show(self, model: str) -> Traits:
        return traits_of(await self._server.ask("GET", f"/v1/models/{model}", None, model))

    def _refusal(self, model: str, refused: Refused) -> EmentaError:
        if refused.status in (400, 404):
            self._traits.forget(model)  # whatever was believed of it may no longer hold
        return refusal(self.host, model, refused)


def connect(server: ServerConfig, settings: LlmSettings, transport: Transport) -> AnthropicProvider:
    """The provider of Anthropic, or of a server that speaks as it does."""
    url = server.url.removesuffix("/v1")  # as addresses of other servers end
    return AnthropicProvider(url, server.secret, transport, timeout_seconds=settings.timeout_seconds)
