"""The Anthropic adapter: the behaviour of every provider, and what is Anthropic's own."""

from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest

from ementa.kit.registry import Registry
from ementa.llm.base import Forward, Provider
from ementa.llm.servers import ServerConfig
from ementa.llm.settings import LlmSettings
from ementa.llm.transport import Transport
from ementa.testing.anthropic.double import AnthropicDouble
from ementa.testing.provider_content import ImageBehaviour, ThinkingBehaviour, ToolBehaviour
from ementa.testing.provider_faults import NetworkBehaviour
from ementa.testing.providers import Ability, Bench, Fault, ProviderBehaviour, Received
from ementa.testing.server import free_port

MODES: dict[str, str] = {
    "absent": "not-found",
    "slow-headers": "slow-headers-300",
    "status-500": "fail-before",
    "key-refused": "status-401",
    "error-mid": "fail-after-3",
    "cut-mid": "cut",
    "not-json": "broken-line",
    "endless": "loop",
}


@dataclass
class AnthropicBench:
    provider: Provider
    unreachable: Provider
    double: AnthropicDouble
    model: str = "claude-double"
    abilities: dict[Ability, str] = field(
        default_factory=lambda: dict.fromkeys(("network", "tools", "images", "thinking"), "claude-double")
    )

    def faulty(self, fault: Fault) -> str:
        return MODES.get(fault, fault)

    def running(self) -> int:
        return self.double.stats.running

    def received(self) -> Received:
        body = self.double.stats.bodies[-1]
        blocks = [block for message in body["messages"] for block in message["content"]]
        return Received(
            temperature=body.get("temperature"),
            stop=tuple(body.get("stop_sequences", ())),
            images=tuple(block["source"]["data"] for block in blocks if block["type"] == "image"),
            tools=tuple(tool["name"] for tool in body.get("tools", ())),
            calls=tuple((block["name"], block["input"]) for block in blocks if block["type"] == "tool_use"),
            results=tuple(block["content"][0]["text"] for block in blocks if block["type"] == "tool_result"),
            json="format" in body.get("output_config", {}) or "JSON" in body.get("system", ""),
            fields=frozenset(body),
        )

    def forward(self, model: str, text: str, *, stream: bool) -> Forward:
        raise NotImplementedError

    def due(self) -> bytes:
        raise NotImplementedError


def connect(url: str, transport: Transport, key: str) -> Provider:
    return Registry("ementa.providers").load("anthropic")(
        ServerConfig("anthropic", "anthropic", url, key), LlmSettings(timeout_seconds=10.0), transport
    )


@pytest.fixture
def double() -> Iterator[AnthropicDouble]:
    with AnthropicDouble() as double:
        yield double


@pytest.fixture
def bench(double: AnthropicDouble, transport: Transport) -> AnthropicBench:
    nobody = connect(f"http://127.0.0.1:{free_port()}", transport, double.key)
    return AnthropicBench(connect(double.url, transport, double.key), nobody, double)


class TestAnthropic(ProviderBehaviour, NetworkBehaviour, ToolBehaviour, ImageBehaviour, ThinkingBehaviour):
    """Every provider's behaviour."""

    async def test_model_that_does_not_write(self, bench: Bench) -> None:
        """Anthropic has none: whatever it lists writes."""
        assert all("completion" in info.capabilities for info in await bench.provider.list_models())
