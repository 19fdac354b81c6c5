"""Models in Ollama's form, whatever kind of server has them."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

from ementa.kit import clock
from ementa.llm.types import ModelInfo
from ementa.serving.ollama.lines import timestamp

VERSION = "0.32.5"
"""The Ollama whose API this is. Clients look at it to know what they may use."""
_UNKNOWN_TIME = timestamp(datetime(1970, 1, 1, tzinfo=UTC))
_KEPT = timedelta(minutes=5)


def tagged(name: str, info: ModelInfo) -> dict[str, Any]:
    """An entry of `/api/tags`."""
    return {
        "name": name,
        "model": name,
        "modified_at": info.modified_at or _UNKNOWN_TIME,
        "size": info.size_bytes,
        "digest": info.digest,
        "details": {**_details(info), "context_length": info.context_tokens},
        "capabilities": list(info.capabilities),
    }


def shown(info: ModelInfo) -> dict[str, Any]:
    """The answer of `/api/show`. The family is the kind of server: more of a model's inside is not known to all."""
    return {
        "license": "",
        "modelfile": f"FROM {info.name}\n",
        "parameters": "",
        "template": "",
        "details": _details(info),
        "model_info": {
            "general.architecture": info.provider,
            "general.basename": info.name,
            f"{info.provider}.context_length": info.context_tokens,
        },
        "capabilities": list(info.capabilities),
        "modified_at": info.modified_at or _UNKNOWN_TIME,
    }


def running(names: Iterable[str], infos: dict[str, ModelInfo]) -> list[dict[str, Any]]:
    """The entries of `/api/ps`. Servers say no more than which models are loaded; when they leave is their affair."""
    entries: list[dict[str, Any]] = []
    for name in names:
        info = infos.get(name) or ModelInfo(name=name, provider="")
        entries.append(
            {
                "name": name,
                "model": name,
                "size": info.size_bytes,
                "digest": info.digest,
                "details": _details(info),
                "expires_at": timestamp(clock.now() + _KEPT),
                "size_vram": 0,
                "context_length": info.context_tokens,
            }
        )
    return entries


def _details(info: ModelInfo) -> dict[str, Any]:
    return {
        "parent_model": "",
        "format": "gguf" if info.provider in ("ollama", "llamacpp") else "",
        "family": info.provider,
        "families": [info.provider],
        "parameter_size": info.parameter_size,
        "quantization_level": info.quantization,
    }
