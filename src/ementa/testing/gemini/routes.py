"""The routes of the Gemini API, with its status codes and error words."""

import asyncio
import hashlib
import json
from collections.abc import Sequence
from typing import Any, cast

from aiohttp import web

from ementa.testing.gemini.catalogue import DoubleModel
from ementa.testing.gemini.checks import Refusal, check
from ementa.testing.gemini.streaming import Writer, error
from ementa.testing.hosted import scripted
from ementa.testing.ollama.generation import Ask, Brain, count_tokens
from ementa.testing.ollama.modes import Mode, read_mode
from ementa.testing.ollama.stats import Stats

MOST_TEXTS = 100
_FREE = frozenset(("args", "response", "responseJsonSchema", "parametersJsonSchema"))


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
                web.get("/{version:v1|v1beta}/models", self.list_models),
                web.get("/{version:v1|v1beta}/models/{model}", self.show),
                web.post("/{version:v1|v1beta}/models/{model:[^/:]+}:{method}", self.call),
            ]
        )
        return application

    @web.middleware
    async def _door(self, request: web.Request, handler: Any) -> web.StreamResponse:
        self.stats.requests[f"{request.method} {request.path}"] += 1
        if "key" in request.query:
            return error(400, "A key in an address ends up in logs: send x-goog-api-key")
        given = request.headers.get("x-goog-api-key")
        if given is None:
            return error(403, "Method doesn't allow unregistered callers (callers without established identity).")
        if given != self._key:
            return error(400, "API key not valid. Please pass a valid API key.", "API_KEY_INVALID")
        try:
            return await handler(request)
        except web.HTTPNotFound:
            return web.Response(status=404, text="<html><title>Error 404 (Not Found)!!1</title></html>")

    async def list_models(self, request: web.Request) -> web.Response:
        """`GET models`, by pages."""
        size = min(int(request.query.get("pageSize", "50")), 1000)
        start = int(request.query.get("pageToken") or 0)
        names = list(self.models)[start : start + size]
        answer: dict[str, Any] = {"models": [self.models[name].listed() for name in names]}
        if start + size < len(self.models):
            answer["nextPageToken"] = str(start + size)
        return web.json_response(answer)

    async def show(self, request: web.Request) -> web.Response:
        """`GET models/{model}`."""
        name = request.match_info["model"]
        model = self._find(name)
        return web.json_response(model.listed()) if model else _absent(name)

    async def call(self, request: web.Request) -> web.StreamResponse:
        """`POST models/{model}:{method}`."""
        name, method = request.match_info["model"], request.match_info["method"]
        model = self._find(name)
        if model is None:
            return _absent(name)
        try:
            body = cast("dict[str, Any]", _in_camel_case(json.loads(await request.read())))
        except ValueError:
            return error(400, "Invalid JSON payload received. Unexpected token.")
        known = {"generateContent": self._generate, "streamGenerateContent": self._generate}
        answer = {**known, "batchEmbedContents": self._embed}.get(method)
        listed = {"streamGenerateContent": "generateContent"}.get(method, method)
        if answer is None or listed not in model.methods:
            return error(404, f"models/{name} is not found for API version v1beta, or is not supported for {method}.")
        return await answer(request, body, model)

    async def _generate(self, request: web.Request, body: dict[str, Any], model: DoubleModel) -> web.StreamResponse:
        if request.match_info["method"] == "streamGenerateContent" and request.query.get("alt") != "sse":
            return error(400, "The double streams by alt=sse alone")
        self.stats.bodies.append(body)
        try:
            check(body, model)
        except Refusal as refusal:
            return error(400, str(refusal))
        ask = _ask(body, model)
        needed = count_tokens(ask.prompt)
        if needed > model.context_tokens:
            limit = model.context_tokens
            return error(
                400, f"The input token count ({needed}) exceeds the maximum number of tokens allowed ({limit})."
            )
        mode = read_mode(model.name) or Mode()
        writer = Writer(request, body, model, mode)
        self.stats.begin()
        cancelled = False
        try:
            return await scripted(mode, writer, lambda: writer.answer(ask, self._brain, _called(body)))
        except (asyncio.CancelledError, ConnectionError):
            cancelled = True
            raise
        finally:
            self.stats.end(cancelled=cancelled)

    async def _embed(self, request: web.Request, body: dict[str, Any], model: DoubleModel) -> web.StreamResponse:
        requests = cast("list[dict[str, Any]]", body.get("requests", []))
        self.stats.embed_bodies.append(body)
        if not 0 < len(requests) <= MOST_TEXTS:
            return error(400, "* BatchEmbedContentsRequest.requests: at most 100 requests can be in one batch")
        if any(one["model"] != f"models/{model.name}" for one in requests):
            return error(400, "* BatchEmbedContentsRequest.requests.model: unexpected model")
        texts = [" ".join(part["text"] for part in one["content"]["parts"]) for one in requests]
        sizes = [int(one.get("outputDimensionality", model.dimensions)) for one in requests]
        vectors = [{"values": _vector(text, size)} for text, size in zip(texts, sizes, strict=True)]
        tokens = sum(map(count_tokens, texts))
        return web.json_response({"embeddings": vectors, "usageMetadata": {"promptTokenCount": tokens}})

    def _find(self, name: str) -> DoubleModel | None:
        return self.models.get(name) or (DoubleModel(name) if read_mode(name) else None)


def _in_camel_case(value: Any) -> Any:
    """A body with its own names in the one case that the double reads; the service takes both, and its SDK mixes them.
    What clients name themselves stays as it is."""
    if isinstance(value, list):
        return [_in_camel_case(inner) for inner in cast("list[Any]", value)]
    if not isinstance(value, dict):
        return value
    read: dict[str, Any] = {}
    for name, inner in cast("dict[str, Any]", value).items():
        first, *rest = name.split("_")
        ours = first + "".join(map(str.title, rest))
        read[ours] = inner if ours in _FREE else _in_camel_case(inner)
    return read


def _absent(name: str) -> web.Response:
    return error(404, f"models/{name} is not found for API version v1beta, or is not supported for generateContent.")


def _ask(body: dict[str, Any], model: DoubleModel) -> Ask:
    system = body.get("systemInstruction")
    messages = [{"role": "system", "content": _text(system["parts"])}] if system else []
    messages += [
        {"role": content.get("role", "user"), "content": _text(content["parts"])} for content in body["contents"]
    ]
    generation = body.get("generationConfig", {})
    schema = generation.get("responseJsonSchema")
    if schema is None and generation.get("responseMimeType") == "application/json":
        schema = {"type": "object", "properties": {"resposta": {"type": "string"}}}
    return Ask(
        model=model.name,
        messages=messages,
        schema=schema,
        max_tokens=int(generation.get("maxOutputTokens", model.max_tokens)),
        context_tokens=model.context_tokens,
    )


def _text(parts: list[dict[str, Any]]) -> str:
    texts = [str(part["text"]) for part in parts if "text" in part]
    return "\n".join(
        [*texts, *(str(part["functionResponse"]["response"]) for part in parts if "functionResponse" in part)]
    )


def _called(body: dict[str, Any]) -> dict[str, Any] | None:
    """The tool that is called: one that must be, or, while nothing has come of a call, the first."""
    groups = cast("list[dict[str, Any]]", body.get("tools") or [])
    tools = [cast("dict[str, Any]", tool) for group in groups for tool in group["functionDeclarations"]]
    calling = body.get("toolConfig", {}).get("functionCallingConfig", {})
    names = calling.get("allowedFunctionNames")
    if names:
        return next(tool for tool in tools if tool["name"] in names)
    answered = any("functionResponse" in part for part in body["contents"][-1]["parts"])
    mode = calling.get("mode", "AUTO")
    return tools[0] if tools and (mode == "ANY" or (mode == "AUTO" and not answered)) else None


def _vector(text: str, length: int) -> list[float]:
    """The beginning of a long vector that the words decide; not of length one, as the service's shortened ones."""
    vector = [0.001] * length
    for word in text.lower().split():
        vector[hashlib.sha256(word.encode()).digest()[0] % length] += 1.0
    return vector
