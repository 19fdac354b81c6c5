"""Models that the double pretends to have, of the three kinds that the service has."""

from dataclasses import dataclass
from typing import Any

CREATED = "2026-08-01T00:00:00Z"


@dataclass(frozen=True)
class DoubleModel:
    """One model. `thinking` are the types of thinking that it takes, `disabled` among them."""

    name: str
    context_tokens: int = 200_000
    max_tokens: int = 64_000
    structured: bool = True
    sampling: bool = True
    vision: bool = True
    thinking: tuple[str, ...] = ("enabled", "disabled")
    efforts: tuple[str, ...] = ()
    lifecycle: str = "active"

    def listed(self) -> dict[str, Any]:
        """An entry of `/v1/models`."""
        thinks = {name: _supported(name in self.thinking) for name in ("adaptive", "between_tools")}
        thinks |= {name: _supported(name in self.thinking) for name in ("disabled", "enabled")}
        efforts = {level: _supported(level in self.efforts) for level in ("low", "medium", "high", "xhigh", "max")}
        return {
            "type": "model",
            "id": self.name,
            "display_name": self.name.title(),
            "created_at": CREATED,
            "lifecycle": self.lifecycle,
            "line": None,
            "deprecated_at": None,
            "retires_at": None,
            "max_input_tokens": self.context_tokens,
            "max_tokens": self.max_tokens,
            "capabilities": {
                "batch": _supported(True),
                "citations": _supported(True),
                "code_execution": _supported(False),
                "context_management": {"supported": False},
                "effort": {"supported": bool(self.efforts), **efforts},
                "image_input": _supported(self.vision),
                "pdf_input": _supported(self.vision),
                "server_tools": {"supported": False},
                "structured_outputs": _supported(self.structured),
                "thinking": {"supported": bool(set(self.thinking) - {"disabled"}), "types": thinks},
            },
        }


def _supported(value: bool) -> dict[str, Any]:
    return {"supported": value}


LEVELS = ("low", "medium", "high")
DEFAULT_MODELS = (
    DoubleModel("claude-double"),
    DoubleModel(
        "claude-double-new", 1_000_000, sampling=False, thinking=("adaptive", "disabled"), efforts=(*LEVELS, "max")
    ),
    DoubleModel("claude-double-always", sampling=False, thinking=("adaptive",), efforts=LEVELS),
    DoubleModel("claude-double-old", structured=False, thinking=("disabled",), vision=False),
    DoubleModel("claude-double-gone", lifecycle="retired"),
)
