"""`GET /v1/models` and `GET /v1/models/{model}`."""

from datetime import datetime
from typing import Any

from ementa.llm.errors import ModelNotPermitted, model_absent
from ementa.llm.reader import CAPABILITIES as READER_CAPABILITIES
from ementa.llm.types import ModelInfo
from ementa.serving.deps import Visit


async def list_models(visit: Visit) -> None:
    """The models that this key may ask, and the other names that they have here. The built-in reader is none of them:
    it does not converse."""
    offered = {info.name: info for info in await visit.gateway.models() if _converses(info)}
    models = [model_of(info) for info in offered.values() if visit.permits(info.name)]
    models += [
        {**model_of(offered[target]), "id": name}
        for name, target in visit.gateway.other_names(visit.caller.tenant).items()
        if target in offered and name not in offered and visit.permits(name)
    ]
    await visit.send_object({"object": "list", "data": models})


async def get_model(visit: Visit) -> None:
    """One model, by its name or another name of it."""
    name = visit.path_params["model"]
    if not visit.permits(name):
        raise ModelNotPermitted(model=name)
    info = await visit.gateway.show(name)
    if not _converses(info):
        raise model_absent(name, [model.name for model in await visit.gateway.models() if _converses(model)])
    await visit.send_object({**model_of(info), "id": name})


def model_of(info: ModelInfo) -> dict[str, Any]:
    """A model in OpenAI's words, and what else is known of it."""
    return {
        "id": info.name,
        "object": "model",
        "created": _seconds(info.modified_at),
        "owned_by": info.provider,
        "context_length": info.context_tokens,
        "capabilities": list(info.capabilities),
    }


def _converses(info: ModelInfo) -> bool:
    return info.capabilities != READER_CAPABILITIES


def _seconds(moment: str) -> int:
    try:
        return int(datetime.fromisoformat(moment).timestamp())
    except (ValueError, OverflowError):
        return 0
