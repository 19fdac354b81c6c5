"""Models that the double pretends to have, described as Ollama describes the real ones."""

import hashlib
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

MODIFIED = datetime(2026, 8, 1, 12, 0, tzinfo=UTC).isoformat()


@dataclass(frozen=True)
class DoubleModel:
    """One model."""

    name: str
    capabilities: tuple[str, ...] = ("completion",)
    context_tokens: int = 32_768
    family: str = "llama"
    parameter_size: str = "1.0B"
    quantization: str = "Q4_K_M"
    size_bytes: int = 815_319_791
    embedding_length: int = 384
    extra: dict[str, Any] = field(default_factory=dict)

    @property
    def digest(self) -> str:
        """A digest that depends on the name alone."""
        return hashlib.sha256(self.name.encode()).hexdigest()

    def details(self) -> dict[str, Any]:
        """`ModelDetails` of Ollama's API."""
        return {
            "parent_model": "",
            "format": "gguf",
            "family": self.family,
            "families": [self.family],
            "parameter_size": self.parameter_size,
            "quantization_level": self.quantization,
        }

    def listed(self, *, with_capabilities: bool = True) -> dict[str, Any]:
        """An entry of `/api/tags`. Servers before 0.31 list no capabilities."""
        entry: dict[str, Any] = {
            "name": self.name,
            "model": self.name,
            "modified_at": MODIFIED,
            "size": self.size_bytes,
            "digest": self.digest,
            "details": self.details(),
        }
        if with_capabilities:
            entry["details"]["context_length"] = self.context_tokens
            entry["capabilities"] = list(self.capabilities)
        return entry

    def shown(self) -> dict[str, Any]:
        """The answer of `/api/show`."""
        return {
            "modelfile": f"FROM {self.name}\n",
            "template": "{{ .Prompt }}",
            "details": self.details(),
            "model_info": {
                "general.architecture": self.family,
                "general.file_type": 15,
                f"{self.family}.context_length": self.context_tokens,
                f"{self.family}.embedding_length": self.embedding_length,
                **self.extra,
            },
            "capabilities": list(self.capabilities),
            "modified_at": MODIFIED,
        }


DEFAULT_MODELS = (
    DoubleModel("gemma3:1b", ("completion",), 32_768, "gemma3", "999.89M"),
    DoubleModel("qwen2:7b", ("completion", "tools"), 32_768, "qwen2", "7.6B", "Q4_0", 4_431_400_262),
    DoubleModel("llama3.1:8b", ("completion", "tools"), 131_072, "llama", "8.0B", "Q4_K_M", 4_920_753_328),
    DoubleModel("qwen3:0.6b", ("completion", "tools", "thinking"), 40_960, "qwen3", "751.63M", size_bytes=522_653_767),
    DoubleModel("gemma3:4b", ("completion", "vision"), 131_072, "gemma3", "4.3B", size_bytes=3_338_801_804),
    DoubleModel("all-minilm:latest", ("embedding",), 512, "bert", "23M", "F16", 45_960_996),
)


def canonical_name(name: str) -> str:
    """The name with its tag: Ollama takes `all-minilm` for `all-minilm:latest`."""
    last = name.rsplit("/", 1)[-1]
    return name if ":" in last else f"{name}:latest"
