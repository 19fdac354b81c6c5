"""The routes of the Messages API, with its status codes and error words."""

import asyncio
import json
from collections.abc import Sequence
from typing import Any, cast

from aiohttp import web

from ementa.testing.anthropic.catalogue import DoubleModel
from ementa.testing.anthropic.checks import Refusal, check
from ementa.testing.anthropic.streaming import Writer, error
from ementa.testing.hosted import scripted
from ementa.testing.ollama.generation import Ask, Brain, count_tokens
from ementa.testing.ollama.modes import Mode, read_mode
from ementa.testing.ollama.stats import Stats

VERSIONS = ("2023-06-01", "2026-10-21")


class Routes:
    """The routes and the state behind them."""

    def __init__(self, models: Sequence[DoubleModel], brain: Brain, stats: Stats, key: str) -> None:
        self.models = {model.name: model for model in models}
        self.stats = stats
        self._brain = brain
        self._key = key

    def application(self) -> web.Application:
        """The web application."""
        application = web.Application(client_max_size=64 * 1024 * 1024, middlewares=[self._door])
        application.add_routes(
            [
                web.get("/v1/models", self.list_models),
                web.get("/v1/models/{model}", self.show),
                web.post("/v1/messages", self.messages),
            ]
        )
        return application

    @web.middleware
    async def _door(self, request: web.Request, handler: Any) -> web.StreamResponse:
        self.stats.requests[f"{request.method} {request.path}"] += 1
        bearer = request.headers.get("Authorization", "").removeprefix("Bearer ")
        if self._key not in (request.headers.get("x-api-key"), bearer):
            return error(401, "invalid x-api-key")
        if request.headers.get("anthropic-version") not in VERSIONS:
            return error(400, "anthropic-version: header is required")
        try:
            return await handler(request)
        except web.HTTPNotFound:
            return error(404, "Not found")
        except web.HTTPRequestEntityTooLarge:
            return error(413, "Request exceeds the maximum size")

    async def list_models(self, request: web.Request) -> web.Response:
        """`GET /v1/models`, by pages."""
        limit = int(request.query.get("limit", "20"))
        after = request.query.get("after_id")
        names = list(self.models)
        start = names.index(after) + 1 if after else 0
        page = [self.models[name].listed() for name in names[start : start + limit]]
        return web.json_response(
            {
                "data": page,
                "has_more": start + limit < len(names),
                "first_id": page[0]["id"] if page else None,
                "last_id": page[-1]["id"] if page else None,
            }
        )

    async def show(self, request: web.Request) -> web.Response:
        """`GET /v1/models/{model}`."""
        name = request.match_info["model"]
        model = self._find(name)
        return web.json_response(model.listed()) if model else error(404, f"model: {name}")

    async def messages(self, request: web.Request) -> web.StreamResponse:
        """`POST /v1/messages`."""
        try:
            body = cast("dict[str, Any]", json.loads(await request.read()))
        except ValueError:
            return error(400, "The request body is not valid JSON")
        name = str(body.get("model", ""))
        model = self._find(name)
        if model is None:
            return error(404, f"model: {name}")
        self.stats.bodies.append(body)
        try:
            check(body, model, request.headers["anthropic-version"])
        except Refusal as refusal:
            return error(400, str(refusal))
        ask = _ask(body)
        needed = count_tokens(ask.prompt)
        if needed > model.context_tokens:
            return error(400, f"prompt is too long: {needed} tokens > {model.context_tokens} maximum")
        return await self._answer(request, body, ask, read_mode(name) or Mode())

    async def _answer(self, request: web.Request, body: dict[str, Any], ask: Ask, mode: Mode) -> web.StreamResponse:
        writer = Writer(request, body, mode)
        self.stats.begin()
        cancelled = False
        try:
            return await scripted(mode, writer, lambda: writer.answer(ask, self._brain, _called(body)))
        except (asyncio.CancelledError, ConnectionError):
            cancelled = True
            raise
        finally:
            self.stats.end(cancelled=cancelled)

    def _find(self, name: str) -> DoubleModel | None:
        return self.models.get(name) or (DoubleModel(name) if read_mode(name) else None)


def _ask(body: dict[str, Any]) -> Ask:
    messages = [{"role": "system", "content": _text(body["system"])}] if body.get("system") else []
    messages += [{"role": m["role"], "content": _text(m["content"])} for m in body["messages"]]
    form = body.get("output_config", {}).get("format")
    return Ask(
        model=body["model"],
        messages=messages,
        schema=form["schema"] if form else None,
        max_tokens=int(body["max_tokens"]),
        context_tokens=200_000,
    )


def _text(content: Any) -> str:
    if isinstance(content, str):
        return content
    blocks = cast("list[dict[str, Any]]", content)
    return "\n".join(
        str(block["text"]) if block["type"] == "text" else _text(block.get("content", "")) for block in blocks
    )


def _called(body: dict[str, Any]) -> dict[str, Any] | None:
    """The tool that is called: the one that must be, or, while nothing has come of a call, the first."""
    tools = cast("list[dict[str, Any]]", body.get("tools") or [])
    choice = body.get("tool_choice", {"type": "auto"})
    if choice["type"] == "tool":
        return next(tool for tool in tools if tool["name"] == choice["name"])
    last = body["messages"][-1]["content"]
    answered = not isinstance(last, str) and any(block["type"] == "tool_result" for block in last)
    may = choice["type"] == "any" or (choice["type"] == "auto" and not answered)
    return tools[0] if tools and may else None
