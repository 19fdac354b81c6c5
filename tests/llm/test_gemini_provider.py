"""The Gemini adapter: the behaviour of every provider, and what is Gemini's own."""

from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest

from ementa.kit.registry import Registry
from ementa.llm.base import Forward, Provider
from ementa.llm.servers import ServerConfig
from ementa.llm.settings import LlmSettings
from ementa.llm.transport import Transport
from ementa.testing.gemini.double import GeminiDouble
from ementa.testing.provider_content import ImageBehaviour, ThinkingBehaviour, ToolBehaviour
from ementa.testing.provider_faults import NetworkBehaviour
from ementa.testing.provider_verbs import EmbeddingBehaviour
from ementa.testing.providers import Ability, Fault, ProviderBehaviour, Received
from ementa.testing.server import free_port

MODES: dict[str, str] = {
    "absent": "not-found",
    "not-chat": "gemini-embedding-double",
    "slow-headers": "slow-headers-300",
    "status-500": "fail-before",
    "key-refused": "status-401",
    "error-mid": "fail-after-3",
    "cut-mid": "cut",
    "not-json": "broken-line",
    "endless": "loop",
}


@dataclass
class GeminiBench:
    provider: Provider
    unreachable: Provider
    double: GeminiDouble
    model: str = "gemini-2.5-double"
    abilities: dict[Ability, str] = field(
        default_factory=lambda: {
            **dict.fromkeys(("network", "tools", "images", "thinking"), "gemini-2.5-double"),
            "embed": "gemini-embedding-double",
        }
    )

    def faulty(self, fault: Fault) -> str:
        return MODES.get(fault, fault)

    def running(self) -> int:
        return self.double.stats.running

    def received(self) -> Received:
        body = self.double.stats.bodies[-1]
        generation = body["generationConfig"]
        parts = [part for content in body["contents"] for part in content["parts"]]
        declared = [tool for group in body.get("tools", ()) for tool in group["functionDeclarations"]]
        calls = [part["functionCall"] for part in parts if "functionCall" in part]
        names = {"topP": "top_p", "topK": "top_k"}
        return Received(
            temperature=generation.get("temperature"),
            stop=tuple(generation.get("stopSequences", ())),
            images=tuple(part["inlineData"]["data"] for part in parts if "inlineData" in part),
            tools=tuple(tool["name"] for tool in declared),
            calls=tuple((call["name"], call["args"]) for call in calls),
            results=tuple(p["functionResponse"]["response"]["output"] for p in parts if "functionResponse" in p),
            json=generation.get("responseMimeType") == "application/json",
            fields=frozenset(names.get(name, name) for name in (*body, *generation)),
        )

    def forward(self, model: str, text: str, *, stream: bool) -> Forward:
        raise NotImplementedError

    def due(self) -> bytes:
        raise NotImplementedError


def connect(url: str, transport: Transport, key: str) -> Provider:
    return Registry("ementa.providers").load("gemini")(
        ServerConfig("gemini", "gemini", url, key), LlmSettings(timeout_seconds=10.0), transport
    )


@pytest.fixture
def double() -> Iterator[GeminiDouble]:
    with GeminiDouble() as double:
        yield double


@pytest.fixture
def bench(double: GeminiDouble, transport: Transport) -> GeminiBench:
    nobody = connect(f"http://127.0.0.1:{free_port()}", transport, double.key)
    return GeminiBench(connect(double.url, transport, double.key), nobody, double)


class TestGemini(
    ProviderBehaviour, NetworkBehaviour, ToolBehaviour, ImageBehaviour, ThinkingBehaviour, EmbeddingBehaviour
):
    """Every provider's behaviour."""
