"""Ollama's routes, with its status codes, error words and forms of JSON."""

import asyncio
import json
from datetime import UTC, datetime, timedelta
from typing import Any, cast

from aiohttp import web

from ementa.testing.ollama.catalogue import DoubleModel, canonical_name
from ementa.testing.ollama.generation import Ask, Brain, count_tokens
from ementa.testing.ollama.modes import Mode, read_mode
from ementa.testing.ollama.stats import Stats
from ementa.testing.ollama.streaming import Writer, answer_generation

VERSION = "0.32.5"
DEFAULT_CONTEXT = 4096


class Routes:
    """The routes and the state behind them."""

    def __init__(
        self, models: tuple[DoubleModel, ...], brain: Brain, stats: Stats, *, lists_capabilities: bool
    ) -> None:
        self.models = {model.name: model for model in models}
        self.stats = stats
        self._brain = brain
        self._lists_capabilities = lists_capabilities
        self._loaded: dict[str, int] = {}

    def application(self) -> web.Application:
        """The web application."""
        application = web.Application(client_max_size=256 * 1024 * 1024, middlewares=[self._count])
        application.add_routes(
            [
                web.get("/", self.root),
                web.get("/api/version", self.version),
                web.get("/api/tags", self.tags),
                web.get("/api/ps", self.running),
                web.post("/api/show", self.show),
                web.post("/api/chat", self.chat),
                web.post("/api/generate", self.generate),
                web.post("/api/embed", self.embed),
                web.post("/api/pull", self.pull),
                web.delete("/api/delete", self.delete),
            ]
        )
        return application

    @web.middleware
    async def _count(self, request: web.Request, handler: Any) -> web.StreamResponse:
        self.stats.requests[f"{request.method} {request.path}"] += 1
        return await handler(request)

    async def root(self, request: web.Request) -> web.Response:
        """What a browser sees; HEAD too."""
        return web.Response(text="Ollama is running")

    async def version(self, request: web.Request) -> web.Response:
        """`/api/version`."""
        return web.json_response({"version": VERSION})

    async def tags(self, request: web.Request) -> web.Response:
        """`/api/tags`."""
        listed = [m.listed(with_capabilities=self._lists_capabilities) for m in self.models.values()]
        return web.json_response({"models": listed})

    async def running(self, request: web.Request) -> web.Response:
        """`/api/ps`."""
        expires = (datetime.now(UTC) + timedelta(minutes=5)).isoformat()
        entries = [
            {
                "name": name,
                "model": name,
                "size": model.size_bytes,
                "digest": model.digest,
                "details": model.details(),
                "expires_at": expires,
                "size_vram": 0,
                "context_length": context,
            }
            for name, context in self._loaded.items()
            if (model := self._find(name))
        ]
        return web.json_response({"models": entries})

    async def show(self, request: web.Request) -> web.Response:
        """`/api/show`."""
        body = await _body(request)
        name = str(body.get("model") or body.get("name") or "")
        return web.json_response(self._get(name).shown())

    async def chat(self, request: web.Request) -> web.StreamResponse:
        """`/api/chat`."""
        body = await _body(request)
        return await self._answer(request, body, list(body.get("messages") or []), "chat")

    async def generate(self, request: web.Request) -> web.StreamResponse:
        """`/api/generate`."""
        body = await _body(request)
        messages = [{"role": "user", "content": str(body["prompt"])}] if body.get("prompt") else []
        if messages and body.get("system"):
            messages.insert(0, {"role": "system", "content": str(body["system"])})
        return await self._answer(request, body, messages, "generate")

    async def embed(self, request: web.Request) -> web.Response:
        """`/api/embed`: vectors that depend on the words, so that similar texts are near."""
        body = await _body(request)
        name = str(body.get("model", ""))
        model = self._get(name)
        given = body.get("input", [])
        texts = [given] if isinstance(given, str) else list(given)
        if not all(isinstance(text, str) for text in texts):
            raise _error(400, "invalid input type")
        vectors = [_vector(text, int(body.get("dimensions") or model.embedding_length)) for text in texts]
        tokens = sum(count_tokens(text) for text in texts)
        return web.json_response(
            {"model": name, "embeddings": vectors, **({"prompt_eval_count": tokens} if tokens else {})}
        )

    async def pull(self, request: web.Request) -> web.StreamResponse:
        """`/api/pull`, with progress; the model is there when it ends."""
        body = await _body(request)
        name = canonical_name(str(body.get("model") or body.get("name") or ""))
        streamed = body.get("stream", True)
        if name.startswith("not-found"):
            lines: list[dict[str, Any]] = [{"error": "pull model manifest: file does not exist"}]
        else:
            lines = _pull_lines(DoubleModel(name))
            self.models.setdefault(name, DoubleModel(name))
        if not streamed or "error" in lines[0]:
            return web.json_response(lines[-1], status=500 if "error" in lines[-1] else 200)
        response = web.StreamResponse(headers={"Content-Type": "application/x-ndjson"})
        await response.prepare(request)
        for line in lines:
            await response.write(json.dumps(line).encode() + b"\n")
            await asyncio.sleep(0)
        return response

    async def delete(self, request: web.Request) -> web.Response:
        """`/api/delete`."""
        body = await _body(request)
        name = str(body.get("model") or body.get("name") or "")
        if self.models.pop(canonical_name(name), None) is None:
            raise _error(404, f"model '{name}' not found")
        return web.Response()

    async def _answer(
        self, request: web.Request, body: dict[str, Any], messages: list[dict[str, Any]], form: str
    ) -> web.StreamResponse:
        name = str(body.get("model", ""))
        model = self._get(name)
        _check_abilities(body, model, name, form)
        self.stats.bodies.append(body)
        writer = Writer(request, name, form, streamed=body.get("stream", True) is not False)
        options = dict(body.get("options") or {})
        context = min(int(options.get("num_ctx", DEFAULT_CONTEXT)), model.context_tokens)
        self._load(name, context)
        if not messages:
            return web.json_response({**writer.line("", done=True), "done_reason": "load"})
        ask = Ask(
            model=name,
            messages=self._fitted(messages, context, truncate=body.get("truncate", True) is not False),
            schema=_schema(body.get("format")),
            max_tokens=_limit(options.get("num_predict", -1), context),
            context_tokens=context,
            options=options,
        )
        self.stats.begin()
        cancelled = False
        try:
            return await answer_generation(ask, read_mode(name) or Mode(), self._brain, writer)
        except (asyncio.CancelledError, ConnectionError):
            cancelled = True
            raise
        finally:
            self.stats.end(cancelled=cancelled)

    def _fitted(self, messages: list[dict[str, Any]], context: int, *, truncate: bool) -> list[dict[str, Any]]:
        """The messages that fit. As Ollama does: the oldest go first and in silence, or an error when told not to."""
        tokens = [count_tokens(str(m.get("content", ""))) + 4 for m in messages]
        if sum(tokens) <= context:
            return messages
        if not truncate:
            raise _error(
                400,
                "the prompt is longer than the context length currently available to the model; shorten the prompt, "
                "adjust the context length in settings, or use a model with a longer context length",
            )
        kept = list(messages)
        while len(kept) > 1 and sum(tokens) > context:
            position = next((n for n, m in enumerate(kept[:-1]) if m.get("role") != "system"), 0)
            del kept[position], tokens[position]
            self.stats.dropped_messages += 1
        return kept

    def _load(self, name: str, context: int) -> None:
        if self._loaded.get(name) != context:
            self._loaded[name] = context
            self.stats.loads += 1

    def _find(self, name: str) -> DoubleModel | None:
        canonical = canonical_name(name)
        if canonical in self.models:
            return self.models[canonical]
        return DoubleModel(canonical) if read_mode(name) else None

    def _get(self, name: str) -> DoubleModel:
        if not name:
            raise _error(400, "model is required")
        model = self._find(name)
        if model is None:
            raise _error(404, f"model '{name}' not found")
        return model


def _check_abilities(body: dict[str, Any], model: DoubleModel, name: str, form: str) -> None:
    if "completion" not in model.capabilities:
        raise _error(400, f'"{name}" does not support {form}')
    if body.get("tools") and "tools" not in model.capabilities:
        raise _error(400, f"{name} does not support tools")
    if body.get("think") and "thinking" not in model.capabilities:
        raise _error(400, f'"{name}" does not support thinking')


def _error(status: int, message: str) -> web.HTTPException:
    kinds: dict[int, type[web.HTTPException]] = {400: web.HTTPBadRequest, 404: web.HTTPNotFound}
    return kinds[status](text=json.dumps({"error": message}), content_type="application/json")


async def _body(request: web.Request) -> dict[str, Any]:
    data = await request.read()
    if not data:
        raise _error(400, "missing request body")
    try:
        body = json.loads(data)
    except ValueError as error:
        raise _error(400, str(error)) from error
    if not isinstance(body, dict):
        raise _error(400, "json: cannot unmarshal into Go value of type api.ChatRequest")
    return cast("dict[str, Any]", body)


def _schema(form: Any) -> dict[str, Any] | None:
    """The schema of a request; `format: "json"` asks for any object."""
    if form == "json":
        return {"type": "object", "properties": {"resposta": {"type": "string"}}}
    return cast("dict[str, Any]", form) if isinstance(form, dict) else None


def _limit(wanted: Any, context: int) -> int:
    """Tokens of the answer at most: without a limit the context is one."""
    return min(int(wanted), context) if int(wanted) >= 0 else context


def _pull_lines(model: DoubleModel) -> list[dict[str, Any]]:
    digest, total = f"sha256:{model.digest}", 100_000
    progress = [
        {"status": f"pulling {model.digest[:12]}", "digest": digest, "total": total}
        | ({"completed": done} if done else {})
        for done in range(0, total + 1, 25_000)
    ]
    ends = ("verifying sha256 digest", "writing manifest", "success")
    return [{"status": "pulling manifest"}, *progress, *({"status": end} for end in ends)]


def _vector(text: str, length: int) -> list[float]:
    """A unit vector: each word adds to the places that its letters name."""
    vector = [0.0] * length
    for word in text.lower().split():
        for at in range(max(1, len(word) - 2)):
            vector[sum(ord(c) * 31**n for n, c in enumerate(word[at : at + 3])) % length] += 1.0
    norm = sum(value * value for value in vector) ** 0.5 or 1.0
    return [value / norm for value in vector]
