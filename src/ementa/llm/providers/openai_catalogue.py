"""Which models an OpenAI-compatible server has, from what each kind of server adds to OpenAI's bare list of names."""

import time
from collections.abc import Mapping, Sequence
from typing import Any, cast

import aiohttp
import msgspec

from ementa.kit.errors import EmentaError
from ementa.llm.errors import ModelFailed, ModelRejected
from ementa.llm.http import HttpServer, read_body
from ementa.llm.ndjson import UNREADABLE, LineBroken
from ementa.llm.providers.openai_profiles import ASSUMED_CONTEXT, Profile, profile_of
from ementa.llm.types import ModelInfo

NAME = "openai"
_CONTEXT_NAMES = ("loaded_context_length", "max_model_len", "context_length", "max_context_length", "context_window")
_TYPES: Mapping[str, tuple[str, ...]] = {
    "llm": ("completion",),
    "chat": ("completion",),
    "language": ("completion",),
    "vlm": ("completion", "vision"),
    "embedding": ("embedding",),
    "embeddings": ("embedding",),
    "rerank": ("rerank",),
}
# What servers call an ability, and what we do.
_ABILITIES = {
    "completion": "completion",
    "completion_chat": "completion",
    "tools": "tools",
    "tool_use": "tools",
    "function_calling": "tools",
    "vision": "vision",
    "multimodal": "vision",
    "reasoning": "thinking",
    "include_reasoning": "thinking",
    "embedding": "embedding",
    "embeddings": "embedding",
    "rerank": "rerank",
}


class Listing(msgspec.Struct, frozen=True):
    """What the server said of itself, and when."""

    models: Mapping[str, ModelInfo]
    profile: Profile
    loaded: tuple[str, ...] = ()
    at: float = 0.0

    @property
    def age(self) -> float:
        """Seconds since it was read."""
        return time.monotonic() - self.at


async def read_listing(
    server: HttpServer, root: HttpServer, url: str, named: Sequence[str], options: Mapping[str, Any], model: str
) -> Listing:
    """Ask the server; `root` is the same without a path. One without `/models` has those models that its configuration
    names. `model` is the one for whose sake it is asked, if there is one. Raises the errors of `llm/errors.py`."""
    try:
        answer = await server_answer(server, "/models", model)
    except ModelRejected:
        answer = {"data": [{"id": name} for name in named]}
    entries = _entries(answer)
    owner = str(entries[0].get("owned_by") or "") if entries else ""
    if owner == "organization_owner":
        entries = await _lmstudio(root, entries)
    profile = profile_of(url, owner, str(options.get("profile") or ""))
    infos = [_model(entry, profile, options) for entry in entries]
    return Listing(
        models={info.name: info for info in infos if info.name},
        profile=profile,
        loaded=tuple(str(entry["id"]) for entry in entries if _is_loaded(entry, owner)),
        at=time.monotonic(),
    )


async def server_answer(server: HttpServer, path: str, model: str) -> dict[str, Any]:
    """What a GET answers; a bare list is taken for `data` (Together)."""
    try:
        async with server.open("GET", path, None, model) as response:
            value = msgspec.json.decode(await read_body(response))
    except (LineBroken, *UNREADABLE, aiohttp.ClientPayloadError) as error:
        raise ModelFailed(model=model or path, cause=f"unreadable answer from {server.host}{path}, {error}") from error
    if isinstance(value, list):
        return {"data": value}
    if not isinstance(value, dict):
        raise ModelFailed(model=model or path, cause=f"unreadable answer from {server.host}{path}")
    return cast("dict[str, Any]", value)


async def _lmstudio(root: HttpServer, entries: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """LM Studio's own list, which says what models can do and which are loaded; the plain one when there is none."""
    try:
        return _entries(await server_answer(root, "/api/v0/models", "")) or entries
    except EmentaError:
        return entries


def _entries(answer: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The models listed. llama.cpp lists each twice, and what it can do only in the second list."""
    entries = _objects(answer.get("data")) or _objects(answer.get("models"))
    seconds = {str(entry.get("name")): entry for entry in _objects(answer.get("models"))}
    found: list[dict[str, Any]] = []
    for entry in entries:
        name = entry.get("id") or entry.get("name")
        if isinstance(name, str) and name:
            second = seconds.get(name, {})
            found.append({"capabilities": second.get("capabilities"), **entry, "id": name})
    return found


def _model(entry: Mapping[str, Any], profile: Profile, options: Mapping[str, Any]) -> ModelInfo:
    name = str(entry["id"])
    known = profile.find(name)
    context = _whole(options.get("context_tokens")) or _context(entry)
    meta = _object(entry.get("meta"))
    return ModelInfo(
        name=name,
        provider=NAME,
        context_tokens=context or (known.context_tokens if known else ASSUMED_CONTEXT),
        capabilities=_capabilities(entry) or (known.capabilities if known else ()),
        size_bytes=_whole(meta.get("size")),
        quantization=str(entry.get("quantization") or meta.get("ftype") or ""),
    )


def _context(entry: Mapping[str, Any]) -> int:
    """What one request may fill: for llama.cpp, the share of a slot before what the model was trained for."""
    meta = _object(entry.get("meta"))
    named = [entry.get(name) for name in _CONTEXT_NAMES]
    return next(
        (found for value in (*named, meta.get("n_ctx"), meta.get("n_ctx_train")) if (found := _whole(value))), 0
    )


def _capabilities(entry: Mapping[str, Any]) -> tuple[str, ...]:
    """What the server says that the model can do, in our words; empty when it says nothing."""
    found = dict.fromkeys(_TYPES.get(str(entry.get("type")), ()))
    said = entry.get("capabilities")
    if isinstance(said, dict):
        said = [name for name, has in cast("dict[str, Any]", said).items() if has]
    for name in (*_strings(said), *_strings(entry.get("supported_parameters"))):
        if name in _ABILITIES:
            found[_ABILITIES[name]] = None
    architecture = _object(entry.get("architecture"))
    if "embeddings" in _strings(architecture.get("output_modalities")):
        found["embedding"] = None
    elif found or "text" in _strings(architecture.get("output_modalities")):
        found |= dict.fromkeys(["vision"] if "image" in _strings(architecture.get("input_modalities")) else [])
        if not {"embedding", "rerank"}.intersection(found):
            found = {"completion": None, **found}
    return tuple(found)


def _is_loaded(entry: Mapping[str, Any], owner: str) -> bool:
    """vLLM and llama.cpp list what they hold; LM Studio says it of each."""
    return entry.get("state") == "loaded" or owner in ("vllm", "llamacpp", "sglang")


def _objects(value: Any) -> list[dict[str, Any]]:
    items = cast("list[Any]", value) if isinstance(value, list) else []
    return [cast("dict[str, Any]", item) for item in items if isinstance(item, dict)]


def _object(value: Any) -> dict[str, Any]:
    return cast("dict[str, Any]", value) if isinstance(value, dict) else {}


def _strings(value: Any) -> list[str]:
    items = cast("list[Any]", value) if isinstance(value, list) else []
    return [item for item in items if isinstance(item, str)]


def _whole(value: Any) -> int:
    return int(value) if isinstance(value, int | float) and 0 < value < 1e12 else 0
