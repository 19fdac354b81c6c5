"""The routes of an OpenAI-compatible server, with its status codes and error words."""

import asyncio
import base64
import json
from array import array
from collections.abc import Sequence
from typing import Any, cast

from aiohttp import web

from ementa.testing.hosted import scripted
from ementa.testing.ollama.answers import split_words
from ementa.testing.ollama.generation import Ask, Brain, count_tokens
from ementa.testing.ollama.modes import Mode, read_mode
from ementa.testing.ollama.stats import Stats
from ementa.testing.openai import faults
from ementa.testing.openai.catalogue import DoubleModel, Flavour, listing, lmstudio_listing
from ementa.testing.openai.checks import Refusal, check, context_error, prompt_tokens, text_of
from ementa.testing.openai.streaming import Writer, error

MOST_TEXTS = 256
JSON_ANSWER = {"type": "object", "properties": {"resposta": {"type": "string"}}}


class Routes:
    """The routes and the state behind them."""

    def __init__(
        self, models: Sequence[DoubleModel], brain: Brain, stats: Stats, *, key: str, flavour: Flavour
    ) -> None:
        self.models = {model.name: model for model in models}
        self.stats = stats
        self.written = b""
        """The bytes of the last answer."""
        self._brain = brain
        self._key = key
        self._flavour: Flavour = flavour

    def application(self) -> web.Application:
        """The web application."""
        application = web.Application(client_max_size=256 * 1024 * 1024, middlewares=[self._door])
        routes = [
            web.get("/v1/models", self.list_models),
            web.post("/v1/chat/completions", self.chat),
            web.post("/v1/completions", self.complete),
            web.post("/v1/embeddings", self.embed),
        ]
        if self._flavour in ("vllm", "llamacpp"):
            routes.append(web.post("/v1/rerank", self.rerank))
        if self._flavour == "lmstudio":
            routes.append(web.get("/api/v0/models", self.list_lmstudio))
        application.add_routes(routes)
        return application

    @web.middleware
    async def _door(self, request: web.Request, handler: Any) -> web.StreamResponse:
        self.stats.requests[f"{request.method} {request.path}"] += 1
        if self._key and request.headers.get("Authorization") != f"Bearer {self._key}":
            return error(Refusal("Incorrect API key provided.", None, "invalid_api_key", 401), self._flavour)
        try:
            return await handler(request)
        except Refusal as refusal:
            return error(refusal, self._flavour)
        except web.HTTPNotFound:
            return self._no_such_path(request)

    def _no_such_path(self, request: web.Request) -> web.Response:
        where = f"{request.method} {request.path}"
        if self._flavour == "lmstudio":
            return web.json_response({"error": f"Unexpected endpoint or method. ({where})"})
        if self._flavour == "openai":
            return error(Refusal(f"Invalid URL ({where})", status=404), self._flavour)
        return web.json_response({"detail": "Not Found"}, status=404)

    async def list_models(self, request: web.Request) -> web.Response:
        """`/v1/models`."""
        return web.json_response(listing(self.models, self._flavour))

    async def list_lmstudio(self, request: web.Request) -> web.Response:
        """`/api/v0/models`."""
        return web.json_response(lmstudio_listing(self.models))

    async def chat(self, request: web.Request) -> web.StreamResponse:
        """`/v1/chat/completions`."""
        body = await _body(request)
        return await self._generate(request, body, cast("list[dict[str, Any]]", body.get("messages") or []))

    async def complete(self, request: web.Request) -> web.StreamResponse:
        """`/v1/completions`."""
        body = await _body(request)
        prompt = body.setdefault("prompt", "")
        prompt = "\n".join(cast("list[str]", prompt)) if isinstance(prompt, list) else str(prompt)
        return await self._generate(request, body, [{"role": "user", "content": prompt}])

    async def embed(self, request: web.Request) -> web.Response:
        """`/v1/embeddings`: vectors that depend on the words, as floats or base64."""
        body = await _body(request)
        model = self._get(str(body.get("model", "")))
        if model.kind != "embedding":
            raise self._cannot_embed()
        given: Any = body.get("input")
        texts: list[str] = [given] if isinstance(given, str) else list(given or [])
        if not texts:
            raise Refusal("Invalid 'input': empty array.", "input", "empty_array")
        if len(texts) > MOST_TEXTS:
            raise Refusal("Invalid 'input': array too long.", "input", "array_above_max_length")
        form = body.get("encoding_format", "float")
        if form not in ("float", "base64"):
            raise Refusal(f"Invalid value: '{form}'.", "encoding_format", "invalid_value")
        vectors = [vector_of(text, int(body.get("dimensions") or model.dimensions)) for text in texts]
        tokens = sum(count_tokens(text) for text in texts)
        data = [
            {"object": "embedding", "index": index, "embedding": _encoded(vector) if form == "base64" else list(vector)}
            for index, vector in enumerate(vectors)
        ]
        usage = {"prompt_tokens": tokens, "total_tokens": tokens}
        return web.json_response({"object": "list", "data": data, "model": model.name, "usage": usage})

    async def rerank(self, request: web.Request) -> web.Response:
        """`/v1/rerank`, the best first, as vLLM and Jina have it."""
        body = await _body(request)
        model = self._get(str(body.get("model", "")))
        if model.kind != "rerank":
            raise Refusal("The model does not support Rerank (Score) API")
        documents = [str(document) for document in body["documents"]]
        query = split_words(str(body["query"]))
        scored = [(len(query & split_words(text)) / (len(query) or 1), index) for index, text in enumerate(documents)]
        ranked = sorted(scored, key=lambda pair: -pair[0])[: int(body.get("top_n") or len(documents))]
        results = [
            {"index": index, "document": {"text": documents[index]}, "relevance_score": score}
            for score, index in ranked
        ]
        tokens = sum(count_tokens(text) for text in documents)
        return web.json_response(
            {"id": "rerank-double", "model": model.name, "usage": {"total_tokens": tokens}, "results": results}
        )

    async def _generate(
        self, request: web.Request, body: dict[str, Any], messages: list[dict[str, Any]]
    ) -> web.StreamResponse:
        name = str(body.get("model", ""))
        model = self._get(name)
        self.stats.bodies.append(body)
        self.stats.begin()
        cancelled = False
        try:
            special = await faults.answer(name, request)
            if special is not None:
                return special
            check(body, model, self._flavour)
            needed = prompt_tokens(messages)
            if needed > model.context_tokens:
                raise context_error(needed, model, self._flavour)
            return await self._write(request, body, messages, model)
        except (asyncio.CancelledError, ConnectionError):
            cancelled = True
            raise
        finally:
            self.stats.end(cancelled=cancelled)

    async def _write(
        self, request: web.Request, body: dict[str, Any], messages: list[dict[str, Any]], model: DoubleModel
    ) -> web.StreamResponse:
        mode = read_mode(model.name) or Mode()
        writer = Writer(request, body, model, mode, self._flavour)
        ask = _ask(body, messages, model)
        try:
            return await scripted(mode, writer, lambda: writer.answer(ask, self._brain, _called(body, messages)))
        finally:
            self.written = bytes(writer.written)

    def _get(self, name: str) -> DoubleModel:
        if not name:
            raise Refusal("you must provide a model parameter")
        scripted_model = DoubleModel(name) if read_mode(name) or faults.is_special(name) else None
        model = self.models.get(name) or scripted_model
        if model is None:
            words = "The model `{}` does not exist." if self._flavour != "lmstudio" else 'Model "{}" not found.'
            raise Refusal(words.format(name), "model", "model_not_found", 404)
        return model

    def _cannot_embed(self) -> Refusal:
        if self._flavour == "openai":
            return Refusal("You are not allowed to generate embeddings from this model", status=403)
        if self._flavour == "llamacpp":
            words = "This server does not support embeddings. Start it with `--embeddings`"
            return Refusal(words, None, "not_supported_error", 501)
        return Refusal("The model does not support Embeddings API")


def vector_of(text: str, length: int) -> "array[float]":
    """A unit vector: each word adds to the places that its letters name."""
    values = [0.0] * length
    for word in text.lower().split():
        for at in range(max(1, len(word) - 2)):
            values[sum(ord(c) * 31**n for n, c in enumerate(word[at : at + 3])) % length] += 1.0
    norm = sum(value * value for value in values) ** 0.5 or 1.0
    return array("f", [value / norm for value in values])


def _encoded(vector: "array[float]") -> str:
    return base64.b64encode(vector.tobytes()).decode()


def _ask(body: dict[str, Any], messages: list[dict[str, Any]], model: DoubleModel) -> Ask:
    form: dict[str, Any] = body.get("response_format") or {}
    schema = JSON_ANSWER if form.get("type") == "json_object" else form.get("json_schema", {}).get("schema")
    limit = body.get("max_completion_tokens") or body.get("max_tokens") or model.context_tokens
    return Ask(
        model=model.name,
        messages=[{**message, "content": text_of(message.get("content"))} for message in messages],
        schema=schema,
        max_tokens=int(limit),
        context_tokens=model.context_tokens,
        options={"stop": body.get("stop")},
    )


def _called(body: dict[str, Any], messages: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The tools that are called: none after a result; the one that must be; those that the question names."""
    tools = cast("list[dict[str, Any]]", body.get("tools") or [])
    choice: Any = body.get("tool_choice", "auto")
    if isinstance(choice, dict):
        return [tool for tool in tools if tool["function"]["name"] == choice["function"]["name"]]
    if not tools or choice == "none" or messages[-1].get("role") == "tool":
        return []
    words = split_words(text_of(messages[-1].get("content")))
    named = [tool for tool in tools if split_words(str(tool["function"]["name"])) & words]
    several = body.get("parallel_tool_calls") is not False
    return named if named and several else [*named, *tools][:1]


async def _body(request: web.Request) -> dict[str, Any]:
    try:
        body = json.loads(await request.read())
    except ValueError as problem:
        raise Refusal("We could not parse the JSON body of your request.") from problem
    if not isinstance(body, dict):
        raise Refusal("We could not parse the JSON body of your request.")
    return cast("dict[str, Any]", body)
