"""Models that the double pretends to have, listed as each kind of server lists them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

Flavour = Literal["vllm", "openai", "llamacpp", "lmstudio", "bare"]
CREATED = 1_785_542_400


@dataclass(frozen=True)
class DoubleModel:
    """One model. A `thinking` one thinks unless told not to."""

    name: str
    context_tokens: int = 32_768
    kind: Literal["chat", "embedding", "rerank"] = "chat"
    thinking: bool = False
    vision: bool = True
    dimensions: int = 384

    @property
    def reasons(self) -> bool:
        """Whether sampling cannot be set, as of OpenAI's models that reason."""
        return self.name.startswith(("o3", "o4", "gpt-5"))


DEFAULT_MODELS = (
    DoubleModel("double-chat"),
    DoubleModel("double-thinking", thinking=True),
    DoubleModel("o4-double", 200_000),
    DoubleModel("gpt-4o-double", 128_000),
    DoubleModel("double-embedding", 8192, "embedding"),
    DoubleModel("text-embedding-double", 8192, "embedding"),
    DoubleModel("double-rerank", 8192, "rerank"),
)


def listing(models: Mapping[str, DoubleModel], flavour: Flavour) -> dict[str, Any]:
    """The answer of `GET /v1/models`."""
    entries: dict[Flavour, Callable[[DoubleModel], dict[str, Any]]] = {
        "vllm": _vllm,
        "openai": lambda model: _bare(model, "system"),
        "llamacpp": _llamacpp,
        "lmstudio": lambda model: _bare(model, "organization_owner"),
        "bare": lambda model: {"id": model.name, "object": "model"},
    }
    answer: dict[str, Any] = {"object": "list", "data": [entries[flavour](model) for model in models.values()]}
    if flavour == "llamacpp":
        answer["models"] = [_second(model) for model in models.values()]
    return answer


def lmstudio_listing(models: Mapping[str, DoubleModel]) -> dict[str, Any]:
    """The answer of LM Studio's `GET /api/v0/models`."""
    kinds = {"chat": "vlm", "embedding": "embeddings", "rerank": "embeddings"}
    entries = [
        {
            "id": model.name,
            "object": "model",
            "type": kinds[model.kind],
            "publisher": "double",
            "arch": "qwen2_vl",
            "compatibility_type": "gguf",
            "quantization": "Q4_K_M",
            "state": "loaded" if model.kind == "chat" else "not-loaded",
            "max_context_length": model.context_tokens,
            **({"loaded_context_length": 4096} if model.kind == "chat" else {}),
            "capabilities": ["tool_use"] if model.kind == "chat" else [],
        }
        for model in models.values()
    ]
    return {"object": "list", "data": entries}


def _bare(model: DoubleModel, owner: str) -> dict[str, Any]:
    return {"id": model.name, "object": "model", "created": CREATED, "owned_by": owner}


def _vllm(model: DoubleModel) -> dict[str, Any]:
    return {
        **_bare(model, "vllm"),
        "root": f"org/{model.name}",
        "parent": None,
        "max_model_len": model.context_tokens,
        "permission": [{"id": "modelperm-1", "object": "model_permission", "allow_sampling": True}],
    }


def _llamacpp(model: DoubleModel) -> dict[str, Any]:
    meta = {"vocab_type": 1, "n_vocab": 32_000, "n_ctx": model.context_tokens, "n_ctx_train": 131_072, "size": 498_944}
    modalities = ["text", "image"] if model.vision else ["text"]
    return {
        **_bare(model, "llamacpp"),
        "aliases": [model.name],
        "tags": [],
        "architecture": {"input_modalities": modalities, "output_modalities": ["text"]},
        "meta": {**meta, "ftype": "Q4_K_M"},
    }


def _second(model: DoubleModel) -> dict[str, Any]:
    return {"name": model.name, "model": model.name, "type": "model", "capabilities": ["completion"], "details": {}}
