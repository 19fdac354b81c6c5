"""Ollama's routes, with its status codes, error words and forms of JSON."""

import asyncio
import base64
import binascii
import json
from typing import Any, cast

from aiohttp import web

from ementa.testing.ollama import wire
from ementa.testing.ollama.catalogue import DoubleModel, canonical_name
from ementa.testing.ollama.generation import Ask, Brain, count_tokens
from ementa.testing.ollama.library import Library
from ementa.testing.ollama.memory import Memory
from ementa.testing.ollama.modes import Mode, read_mode
from ementa.testing.ollama.stats import Stats
from ementa.testing.ollama.streaming import Writer, answer_generation
from ementa.testing.ollama.wire import Refusal

VERSION = "0.32.5"
DEFAULT_CONTEXT = 4096
_NO_EMBEDDINGS = "This server does not support embeddings. Start it with `--embeddings`"
_NO_IMAGES = "image input is not supported - hint: if this is unexpected, you may need to provide the mmproj"
_TOO_LONG = (
    "the prompt is longer than the context length currently available to the model; shorten the prompt, "
    "adjust the context length in settings, or use a model with a longer context length"
)


class Routes:
    """The routes and the state behind them."""

    def __init__(self, library: Library, memory: Memory, brain: Brain, stats: Stats) -> None:
        self.library = library
        self.stats = stats
        self._memory = memory
        self._brain = brain

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
                web.post("/api/embeddings", self.embeddings),
                web.post("/api/pull", self.pull),
                web.delete("/api/delete", self.delete),
            ]
        )
        return application

    @web.middleware
    async def _count(self, request: web.Request, handler: Any) -> web.StreamResponse:
        self.stats.requests[f"{request.method} {request.path}"] += 1
        try:
            return await handler(request)
        except Refusal as refusal:
            return wire.answer({"error": str(refusal)}, refusal.status)

    async def root(self, request: web.Request) -> web.Response:
        """What a browser sees; HEAD too."""
        return web.Response(text="Ollama is running")

    async def version(self, request: web.Request) -> web.Response:
        """`/api/version`."""
        return wire.answer({"version": VERSION})

    async def tags(self, request: web.Request) -> web.Response:
        """`/api/tags`."""
        return wire.answer({"models": self.library.listed()})

    async def running(self, request: web.Request) -> web.Response:
        """`/api/ps`."""
        entries = [
            {
                "name": loaded.name,
                "model": loaded.name,
                "size": model.size_bytes,
                "digest": model.digest,
                "details": model.details(),
                "expires_at": wire.timestamp(expires),
                "size_vram": 0,
                "context_length": loaded.context,
            }
            for loaded, expires in self._memory.listed()
            if (model := self.library.find(loaded.name))
        ]
        return wire.answer({"models": entries})

    async def show(self, request: web.Request) -> web.Response:
        """`/api/show`."""
        return wire.answer(self.library.get(_named(await _body(request))).shown())

    async def chat(self, request: web.Request) -> web.StreamResponse:
        """`/api/chat`."""
        body = await _body(request)
        return await self._answer(request, body, list(body.get("messages") or []), "chat")

    async def generate(self, request: web.Request) -> web.StreamResponse:
        """`/api/generate`."""
        body = await _body(request)
        messages: list[dict[str, Any]] = []
        if body.get("prompt"):
            messages = [{"role": "user", "content": str(body["prompt"]), "images": body.get("images") or []}]
        if messages and body.get("system"):
            messages.insert(0, {"role": "system", "content": str(body["system"])})
        return await self._answer(request, body, messages, "generate")

    async def embed(self, request: web.Request) -> web.Response:
        """`/api/embed`: vectors that depend on the words, so that similar texts are near."""
        body = await _body(request)
        model, texts = self.library.get(_named(body)), _texts(body.get("input"))
        self.stats.embed_bodies.append(body)
        loaded = await self._memory.use(model.name, 0, shift=False)
        try:
            vectors = _vectors(model, texts, body)
        finally:
            self._memory.leave(loaded, wire.read_duration(body.get("keep_alive")))
        if not texts:
            return wire.answer({"model": _named(body), "embeddings": []})
        tokens = sum(count_tokens(text) for text in texts)
        counters = {"total_duration": 14_143_917, "load_duration": 1_019_500, "prompt_eval_count": tokens}
        found = {"model": _named(body), "embeddings": vectors}
        return wire.answer(found | {name: value for name, value in counters.items() if value})

    async def embeddings(self, request: web.Request) -> web.Response:
        """`/api/embeddings`, the older form: one text, one vector."""
        body = await _body(request)
        prompt = str(body.get("prompt") or "")
        vectors = _vectors(self.library.get(_named(body)), [prompt] if prompt else [], {})
        return wire.answer({"embedding": vectors[0] if vectors else []})

    async def pull(self, request: web.Request) -> web.StreamResponse:
        """`/api/pull`."""
        body = await _body(request)
        return await self.library.pull(request, _named(body), streamed=body.get("stream", True) is not False)

    async def delete(self, request: web.Request) -> web.Response:
        """`/api/delete`."""
        name = _named(await _body(request))
        self.library.delete(name)
        self._memory.unload(canonical_name(name))
        return web.Response()

    async def _answer(
        self, request: web.Request, body: dict[str, Any], messages: list[dict[str, Any]], form: str
    ) -> web.StreamResponse:
        name = _named(body)
        model = self.library.get(name)
        self.stats.bodies.append(body)
        keep = wire.read_duration(body.get("keep_alive"))
        writer = Writer(request, self.stats, name, form, streamed=body.get("stream", True) is not False)
        if not messages and keep == 0:
            self._memory.unload(model.name)
            return wire.answer({**writer.line(done=True), "done_reason": "unload"})
        _check_abilities(body, model, name, form)
        ask = self._read(body, messages, model)
        shift = body.get("shift", True) is not False
        loaded = await self._memory.use(model.name, ask.context_tokens, shift=shift)
        try:
            if not messages:
                return wire.answer({**writer.line(done=True), "done_reason": "load"})
            return await self._generate(ask, writer)
        finally:
            self._memory.leave(loaded, keep)

    async def _generate(self, ask: Ask, writer: Writer) -> web.StreamResponse:
        self.stats.begin()
        cancelled = False
        try:
            return await answer_generation(ask, read_mode(ask.model) or Mode(), self._brain, writer)
        except (asyncio.CancelledError, ConnectionError):
            cancelled = True
            raise
        finally:
            self.stats.end(cancelled=cancelled)

    def _read(self, body: dict[str, Any], messages: list[dict[str, Any]], model: DoubleModel) -> Ask:
        options = dict(body.get("options") or {})
        context = min(int(options.get("num_ctx") or DEFAULT_CONTEXT), model.context_tokens)
        _check_images(messages, model)
        think = body.get("think")
        return Ask(
            model=_named(body),
            messages=self._fitted(messages, context, truncate=body.get("truncate", True) is not False),
            schema=_schema(body.get("format")),
            max_tokens=_limit(options.get("num_predict", -1), context),
            context_tokens=context,
            options=options,
            tools=body.get("tools") or (),
            thinks="thinking" in model.capabilities and think is not False,
        )

    def _fitted(self, messages: list[dict[str, Any]], context: int, *, truncate: bool) -> list[dict[str, Any]]:
        """The messages that fit. As Ollama does: the oldest go first and in silence, or an error when told not to."""
        tokens = [count_tokens(str(m.get("content") or "")) + 4 for m in messages]
        if sum(tokens) <= context:
            return messages
        if not truncate:
            raise Refusal(400, _TOO_LONG)
        kept = list(messages)
        while len(kept) > 1 and sum(tokens) > context:
            position = next((n for n, m in enumerate(kept[:-1]) if m.get("role") != "system"), 0)
            del kept[position], tokens[position]
            self.stats.dropped_messages += 1
        return kept


def _check_abilities(body: dict[str, Any], model: DoubleModel, name: str, form: str) -> None:
    if "completion" not in model.capabilities:
        raise Refusal(400, f'"{name}" does not support {form}')
    if body.get("think") and "thinking" not in model.capabilities:
        raise Refusal(400, f'"{name}" does not support thinking')
    if body.get("tools") and "tools" not in model.capabilities:
        raise Refusal(400, f"{model.name} does not support tools")


def _check_images(messages: list[dict[str, Any]], model: DoubleModel) -> None:
    """Base64 in its strict form, as Go's `[]byte` wants it, to a model that sees."""
    for image in (image for message in messages for image in message.get("images") or ()):
        try:
            base64.b64decode(str(image), validate=True)
        except (binascii.Error, ValueError) as error:
            raise Refusal(400, "illegal base64 data at input byte 4") from error
        if "vision" not in model.capabilities:
            raise Refusal(500, _NO_IMAGES)


async def _body(request: web.Request) -> dict[str, Any]:
    data = await request.read()
    if not data:
        raise Refusal(400, "missing request body")
    try:
        body = json.loads(data)
    except ValueError as error:
        raise Refusal(400, str(error)) from error
    if not isinstance(body, dict):
        raise Refusal(400, "json: cannot unmarshal into Go value of type api.ChatRequest")
    return cast("dict[str, Any]", body)


def _named(body: dict[str, Any]) -> str:
    return str(body.get("model") or body.get("name") or "")


def _texts(given: Any) -> list[str]:
    texts: list[Any] = ([given] if given else []) if isinstance(given, str) else list(given or [])
    if not all(isinstance(text, str) for text in texts):
        raise Refusal(400, "invalid input type")
    return texts


def _vectors(model: DoubleModel, texts: list[str], body: dict[str, Any]) -> list[list[float]]:
    if texts and "embedding" not in model.capabilities:
        raise Refusal(501, _NO_EMBEDDINGS)
    if body.get("truncate") is False and any(count_tokens(text) > model.context_tokens for text in texts):
        raise Refusal(400, "the input length exceeds the context length")
    length = min(int(body.get("dimensions") or model.embedding_length), model.embedding_length)
    return [_vector(text, length) for text in texts]


def _schema(form: Any) -> dict[str, Any] | None:
    """The schema of a request; `format: "json"` asks for any object."""
    if form == "json":
        return {"type": "object", "properties": {"resposta": {"type": "string"}}}
    return cast("dict[str, Any]", form) if isinstance(form, dict) else None


def _limit(wanted: Any, context: int) -> int:
    """Tokens of the answer at most: without a limit the context is one."""
    return min(int(wanted), context) if int(wanted) >= 0 else context


def _vector(text: str, length: int) -> list[float]:
    """A unit vector: each word adds to the places that its letters name."""
    vector = [0.0] * length
    for word in text.lower().split():
        for at in range(max(1, len(word) - 2)):
            vector[sum(ord(c) * 31**n for n, c in enumerate(word[at : at + 3])) % length] += 1.0
    norm = sum(value * value for value in vector) ** 0.5 or 1.0
    return [value / norm for value in vector]
