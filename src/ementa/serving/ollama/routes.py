"""The addresses under `/api`, as Ollama has them."""

import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from ementa.llm.errors import ModelNotPermitted, ModelsNotManaged
from ementa.llm.reader import CAPABILITIES as READER_CAPABILITIES
from ementa.llm.types import ChatRequest, EmbedRequest, EmbedResult
from ementa.serving import stewardship
from ementa.serving.deps import Door, DoorRoute, Visit
from ementa.serving.ollama import bodies, catalogue
from ementa.serving.ollama.bodies import LOAD_OPTIONS, AnyBody, ChatBody, EmbedBody, EmbeddingsBody, GenerateBody
from ementa.serving.ollama.errors import ModelMemoryReserved, OllamaRouteRefused
from ementa.serving.ollama.lines import Form, Lines
from ementa.serving.ollama.sending import answer

_NANOSECONDS = 1_000_000_000


async def chat(visit: Visit) -> None:
    """`POST /api/chat`: the next message of a conversation."""
    body = bodies.read_body(visit.body, ChatBody)
    await visit.admit(body.named)
    if body.messages:
        settings = visit.gateway.settings
        largest = (settings.max_tokens, settings.max_context_tokens)
        await _answer(visit, body, lambda: bodies.chat_request(body, *largest), "chat")
    else:
        await _load_or_unload(visit, body, "chat")


async def generate(visit: Visit) -> None:
    """`POST /api/generate`: an answer to a single prompt."""
    body = bodies.read_body(visit.body, GenerateBody)
    await visit.admit(body.named)
    if body.prompt:
        settings = visit.gateway.settings
        largest = (settings.max_tokens, settings.max_context_tokens)
        await _answer(visit, body, lambda: bodies.generate_request(body, *largest), "generate")
    else:
        await _load_or_unload(visit, body, "generate")


async def embed(visit: Visit) -> None:
    """`POST /api/embed`: one vector a text."""
    body = bodies.read_body(visit.body, EmbedBody)
    await visit.admit(body.named)
    texts = [body.input] if isinstance(body.input, str) else body.input or []
    if not any(texts):
        await visit.gateway.show(body.named)
        await visit.send_object({"model": body.named, "embeddings": []})
        return
    started = time.perf_counter()
    result = await _embed(visit, body.named, texts, body.dimensions)
    answered: dict[str, Any] = {
        "model": result.model,
        "embeddings": [list(vector) for vector in result.vectors],
        "total_duration": round((time.perf_counter() - started) * _NANOSECONDS),
    }
    if result.prompt_tokens:
        answered["prompt_eval_count"] = result.prompt_tokens
    await visit.send_object(answered)


async def embeddings(visit: Visit) -> None:
    """`POST /api/embeddings`: the vector of one text, as old clients ask for it."""
    body = bodies.read_body(visit.body, EmbeddingsBody)
    await visit.admit(body.named)
    vector: list[float] = []
    if body.prompt:
        result = await _embed(visit, body.named, [body.prompt], None)
        vector = list(result.vectors[0])
    await visit.send_object({"embedding": vector})


async def tags(visit: Visit) -> None:
    """`GET /api/tags`: the models that the key may use, and their other names. The built-in reader is none of them: it
    does not converse."""
    offered = {info.name: info for info in await visit.gateway.models() if info.capabilities != READER_CAPABILITIES}
    others = visit.gateway.other_names(visit.caller.tenant).items()
    named = {name: offered[target] for name, target in others if target in offered} | offered
    models = [catalogue.tagged(name, info) for name, info in sorted(named.items()) if visit.permits(name)]
    await visit.send_object({"models": models})


async def loaded(visit: Visit) -> None:
    """`GET /api/ps`: which of the models that the key may use are in memory."""
    infos = {info.name: info for info in await visit.gateway.models()}
    names = dict.fromkeys(name for held in (await visit.gateway.loaded()).values() for name in held)
    await visit.send_object({"models": catalogue.running(filter(visit.permits, names), infos)})


async def show(visit: Visit) -> None:
    """`POST /api/show`: what is known of a model."""
    body = bodies.read_body(visit.body, bodies.NameBody)
    if not visit.permits(body.named):
        raise ModelNotPermitted(model=body.named)
    await visit.send_object(catalogue.shown(await visit.gateway.show(body.named)))


async def pull(visit: Visit) -> None:
    """`POST /api/pull`: download a model; for administrators."""
    body = bodies.read_body(visit.body, bodies.NameBody)
    await stewardship.pull(visit, body.named, "", stream=body.stream is not False)


async def delete(visit: Visit) -> None:
    """`DELETE /api/delete`: remove a model from the server that has it; for administrators."""
    body = bodies.read_body(visit.body, bodies.NameBody)
    await stewardship.delete(visit, body.named, "")
    await visit.send_object({"status": "success"})


async def refuse(visit: Visit) -> None:
    """What Ollama does and Ementa does not."""
    raise OllamaRouteRefused(path=visit.scope["path"])


async def version(request: Request) -> Response:
    """`GET /api/version`: the Ollama whose API this is. Without a key: clients ask it before anything else."""
    del request
    return JSONResponse({"version": catalogue.VERSION})


ROUTES = (
    DoorRoute("/api/chat", Door("ollama.chat", chat), methods=["POST"]),
    DoorRoute("/api/generate", Door("ollama.generate", generate), methods=["POST"]),
    DoorRoute("/api/embed", Door("ollama.embed", embed), methods=["POST"]),
    DoorRoute("/api/embeddings", Door("ollama.embed", embeddings), methods=["POST"]),
    DoorRoute("/api/tags", Door("ollama.tags", tags), methods=["GET"]),
    DoorRoute("/api/ps", Door("ollama.ps", loaded), methods=["GET"]),
    DoorRoute("/api/show", Door("ollama.show", show), methods=["POST"]),
    DoorRoute("/api/pull", Door("ollama.pull", pull), methods=["POST"]),
    DoorRoute("/api/delete", Door("ollama.delete", delete), methods=["DELETE"]),
    *(
        DoorRoute(f"/api/{name}", Door("ollama.refused", refuse), methods=["POST"])
        for name in ("create", "copy", "push")
    ),
    Route("/api/version", version, methods=["GET"]),
)
"""In the order in which they are tried."""


async def _load_or_unload(visit: Visit, body: AnyBody, form: Form) -> None:
    """A request without a question: load the model, or with `keep_alive: 0` let it leave memory."""
    lines = Lines(form, body.named)
    if not bodies.names_zero(body.keep_alive):
        with suppress(ModelsNotManaged):  # a server that loads its models by itself has it ready
            await visit.gateway.warm(body.named)
        await visit.send(lines.nothing("load"))
        return
    if not visit.principal.is_admin:
        raise ModelMemoryReserved
    await stewardship.unload(visit, body.named)
    await visit.send(lines.nothing("unload"))


async def _answer(visit: Visit, body: AnyBody, chat_request: Callable[[], ChatRequest], form: Form) -> None:
    if not visit.principal.is_admin:
        _leave_out_memory(visit.body)
    ask = visit.asks(body.named, chat_request, stream=body.stream is not False, dialect="ollama", path=f"/api/{form}")
    if (refusal := bodies.native_only(body)) is not None:
        ask = replace(ask, untranslatable=refusal)
    await answer(visit, ask, form)


def _leave_out_memory(body: dict[str, Any]) -> None:
    """How models lie in the memory that all share is for administrators to say."""
    body.pop("keep_alive", None)
    options: dict[str, Any] | None = body.get("options")
    if options and not LOAD_OPTIONS.isdisjoint(options):
        body["options"] = {name: value for name, value in options.items() if name not in LOAD_OPTIONS}


async def _embed(visit: Visit, model: str, texts: list[str], dimensions: int | None) -> EmbedResult:
    request = EmbedRequest(model, texts, dimensions, visit.timeout_seconds, visit.caller)
    result = await visit.gateway.embed(request)
    visit.answered(result.model, result.server, upstream_ms=result.latency_ms, queue_ms=result.queue_ms)
    return result
