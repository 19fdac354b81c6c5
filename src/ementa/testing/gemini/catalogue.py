"""Models that the double pretends to have, of the kinds that the service has."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class DoubleModel:
    """One model. `levels` are the levels of thinking that it takes; without any it takes a budget, from `least`."""

    name: str
    methods: tuple[str, ...] = ("generateContent", "countTokens")
    context_tokens: int = 1_048_576
    max_tokens: int = 65_536
    thinking: bool = True
    levels: tuple[str, ...] = ()
    least: int = 0
    sampling: bool = True
    tools_with_json: bool = True
    signs: bool = False
    dimensions: int = 768

    def listed(self) -> dict[str, Any]:
        """An entry of `models`."""
        entry: dict[str, Any] = {
            "name": f"models/{self.name}",
            "version": "001",
            "displayName": self.name.title(),
            "description": "A double.",
            "inputTokenLimit": self.context_tokens,
            "outputTokenLimit": self.max_tokens,
            "supportedGenerationMethods": list(self.methods),
            "temperature": 1,
            "topP": 0.95,
            "topK": 64,
            "maxTemperature": 2,
        }
        return {**entry, "thinking": True} if self.thinking else entry


_NEW = ("MINIMAL", "LOW", "MEDIUM", "HIGH")
DEFAULT_MODELS = (
    DoubleModel("gemini-2.5-double", tools_with_json=False),
    DoubleModel("gemini-2.5-double-pro", least=128),
    DoubleModel("gemini-3-double", levels=_NEW, signs=True),
    DoubleModel("gemini-3-double-pro", levels=_NEW[1:], sampling=False, signs=True),
    DoubleModel("gemini-embedding-double", ("embedContent", "batchEmbedContents"), 2048, 1, thinking=False),
    DoubleModel("gemma-double", thinking=False, context_tokens=32_768, max_tokens=8192),
    DoubleModel("imagen-double", ("predict",), 480, 8192, thinking=False),
)
