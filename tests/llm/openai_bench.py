"""An OpenAI-compatible provider beside its double, for the suites."""

import json
from dataclasses import dataclass, field
from typing import Any

from ementa.kit.registry import Registry
from ementa.llm.base import Forward
from ementa.llm.providers.openai import OpenAIProvider
from ementa.llm.servers import ServerConfig
from ementa.llm.settings import LlmSettings
from ementa.llm.transport import Transport
from ementa.testing.openai.double import OpenAIDouble
from ementa.testing.providers import Ability, Fault, Received

MODES: dict[str, str] = {
    "absent": "not-found",
    "not-chat": "double-embedding",
    "slow-headers": "slow-headers-300",
    "busy": "busy",
    "status-500": "fail-before",
    "key-refused": "status-401",
    "error-mid": "fail-after-3",
    "cut-mid": "cut",
    "not-json": "broken-line",
    "endless": "loop",
}
ABILITIES: dict[Ability, str] = {
    "network": "double-chat",
    "tools": "double-chat",
    "images": "double-chat",
    "thinking": "double-thinking",
    "embed": "double-embedding",
    "rerank": "double-rerank",
    "forward": "double-chat",
}


@dataclass
class OpenAIBench:
    provider: OpenAIProvider
    unreachable: OpenAIProvider
    double: OpenAIDouble
    model: str = "double-chat"
    abilities: dict[Ability, str] = field(default_factory=lambda: dict(ABILITIES))

    def faulty(self, fault: Fault) -> str:
        return MODES.get(fault, fault)

    def running(self) -> int:
        return self.double.stats.running

    def received(self) -> Received:
        body = self.double.stats.bodies[-1]
        messages: list[dict[str, Any]] = body["messages"]
        parts = [part for message in messages for part in message["content"] or [] if isinstance(part, dict)]
        urls = [part["image_url"]["url"] for part in parts if part["type"] == "image_url"]
        functions = [call["function"] for message in messages for call in message.get("tool_calls", ())]
        return Received(
            temperature=body.get("temperature"),
            stop=tuple(body.get("stop", ())),
            images=tuple(url.partition("base64,")[2] for url in urls),
            tools=tuple(tool["function"]["name"] for tool in body.get("tools", ())),
            calls=tuple((function["name"], json.loads(function["arguments"])) for function in functions),
            results=tuple(message["content"] for message in messages if message["role"] == "tool"),
            json=body.get("response_format", {}).get("type") == "json_object",
            fields=frozenset(body),
        )

    def forward(self, model: str, text: str, *, stream: bool) -> Forward:
        body: dict[str, Any] = {"model": model, "messages": [{"role": "user", "content": text}]}
        return Forward("/chat/completions", body | ({"stream": True} if stream else {}), model, stream)

    def due(self) -> bytes:
        """Without the event of the counts, which nobody but us asked for."""
        events = self.double.written.split(b"\n\n")
        return b"\n\n".join(event for event in events if b'"choices":[]' not in event)


def connect(url: str, transport: Transport, secret: str = "", **options: Any) -> OpenAIProvider:
    server = ServerConfig("openai", "teste", url, secret, options=options)
    return Registry("ementa.providers").load("openai")(server, LlmSettings(timeout_seconds=10.0), transport)
