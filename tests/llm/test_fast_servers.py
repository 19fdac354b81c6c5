"""The model servers for benchmarks answer what real clients understand."""

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from ementa.kit.registry import Registry
from ementa.llm.base import Forward, Provider, collect
from ementa.llm.hosts import parse_host
from ementa.llm.servers import ServerConfig
from ementa.llm.settings import LlmSettings
from ementa.llm.transport import Transport
from ementa.testing.providers import ask, every

WORDS = " palavra" * 5


@contextmanager
def fast(kind: str, *options: str) -> Iterator[str]:
    command = [sys.executable, "-m", f"ementa.testing.{kind}.fast", "--chunks", "5", *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield process.stdout.readline().strip()
        finally:
            process.send_signal(signal.SIGTERM)
            assert process.wait(10) == 0


def provider(kind: str, url: str, transport: Transport) -> Provider:
    return Registry("ementa.providers").load(kind)(ServerConfig(kind, kind, parse_host(url)), LlmSettings(), transport)


@pytest.mark.parametrize("options", [(), ("--delay-ms", "2")], ids=["burst", "one at a time"])
@pytest.mark.parametrize("kind", ["ollama", "openai"])
async def test_its_answers_are_understood(kind: str, options: tuple[str, ...], transport: Transport) -> None:
    with fast(kind, *options) as url:
        server = provider(kind, url, transport)
        (model,) = await server.list_models()
        *pieces, result = await every(server, ask(model.name))
        assert len(pieces) == 5
        assert (result.text, result.prompt_tokens, result.output_tokens) == (WORDS, 12, 5)
        assert (await server.health()).reachable


@pytest.mark.parametrize(
    ("kind", "path"), [("ollama", "/api/chat"), ("ollama", "/api/generate"), ("openai", "/chat/completions")]
)
async def test_its_answers_pass_through(kind: str, path: str, transport: Transport) -> None:
    with fast(kind) as url:
        server = provider(kind, url, transport)
        (model,) = await server.list_models()
        for stream in (True, False):
            body = {"model": model.name, "messages": [{"role": "user", "content": "oi"}], "stream": stream}
            async with server.forward(Forward(path, body, model.name, stream)) as answer:
                data = b"".join([chunk async for chunk in answer.chunks])
            assert data.count(b"palavra") == 5
            assert (answer.usage().prompt_tokens, answer.usage().output_tokens) == (12, 5)
        assert (await collect(server.stream(ask(model.name)))).finish == "stop"
