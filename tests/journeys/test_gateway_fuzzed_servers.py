"""Model servers of every kind whose answers are right but for one value, which may be anything that JSON can say."""

import json
import random
import re
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from ementa.testing.anthropic.double import AnthropicDouble
from ementa.testing.caller import Caller
from ementa.testing.gemini.double import GeminiDouble
from ementa.testing.loopback import Loopback
from ementa.testing.ollama.double import OllamaDouble
from ementa.testing.openai.double import OpenAIDouble
from ementa.testing.server import RunningServer

CALLS = 500
ODD: list[Any] = [
    None, True, False, 0, -1, 1.5, 1e308, 10**30, "", "x", "\x00", "é" * 50, [], {}, [[]], [None], {"a": None},
    [1, "x", {}], "<half>", "<nan>", "<long>", "<deep 200>", "<deep 600>", "<deep 5000>", "<gone>",
]  # fmt: skip
"""What JSON's writers do not write is put in afterwards."""
WRITTEN = {
    '"<half>"': '"\\ud800"',
    '"<nan>"': "NaN",
    '"<long>"': "9" * 400,
    **{f'"<deep {levels}>"': "[" * levels + "]" * levels for levels in (200, 600, 5000)},
}
LINE = re.compile(rb"^(data: ?)?(\{.*\}|\[.*\])\s*$")


class Spoiler:
    """Passes everything on to a double, and spoils a value of what comes back."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.on = False

    def application(self, target: str) -> web.Application:
        async def handle(request: web.Request) -> web.Response:
            headers = {name: value for name, value in request.headers.items() if name.lower() != "host"}
            url, body = target + request.path_qs, await request.read()
            async with (
                aiohttp.ClientSession() as session,
                session.request(request.method, url, data=body, headers=headers) as answer,
            ):
                data = await answer.read()
                kind = answer.headers.get("Content-Type", "")
            if self.on and not (request.method == "GET" or request.path.endswith("/show")):
                data = self.spoil(data)
            return web.Response(status=answer.status, body=data, headers={"Content-Type": kind})

        application = web.Application(client_max_size=10**8)
        application.router.add_route("*", "/{path:.*}", handle)
        return application

    def spoil(self, data: bytes) -> bytes:
        """A line in three, or the only one."""
        lines = data.split(b"\n")
        share = 0.3 if len(lines) > 2 else 1.0
        return b"\n".join(self.spoil_line(line) if self.random.random() < share else line for line in lines)

    def spoil_line(self, line: bytes) -> bytes:
        found = LINE.match(line)
        if found is None:
            return line
        holder: list[Any] = [json.loads(found[2])]
        places = list(places_of(holder))
        parent, name = self.random.choice(places)
        value = self.random.choice(ODD)
        if value == "<gone>" and isinstance(parent, dict):
            del parent[name]
        else:
            parent[name] = value
        text = json.dumps(holder[0])
        for mark, written in WRITTEN.items():
            text = text.replace(mark, written)
        return (found[1] or b"") + text.encode()


def places_of(value: Any) -> Iterator[tuple[Any, Any]]:
    """Every value inside, by what holds it and where."""
    names = value.keys() if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ()
    for name in list(names):
        yield value, name
        yield from places_of(value[name])


TOOL = {"type": "function", "function": {"name": "f", "parameters": {"type": "object", "properties": {}}}}
SAID = [{"role": "user", "content": "use a ferramenta f, por favor"}]
ASKED: list[tuple[str, dict[str, Any]]] = [
    ("/v1/chat/completions", {"messages": SAID}),
    ("/v1/chat/completions", {"messages": SAID, "tools": [TOOL]}),
    ("/v1/responses", {"input": "oi"}),
    ("/api/chat", {"messages": SAID}),
    ("/api/chat", {"messages": SAID, "tools": [TOOL]}),
    ("/llm/generate", {"prompt": "oi"}),
    ("/v1/embeddings", {"input": ["a", "b"]}),
]


@pytest.fixture
def spoiler() -> Spoiler:
    return Spoiler(20261121)


@pytest.fixture
def house(tmp_path: Path, spoiler: Spoiler) -> Iterator[RunningServer]:
    with ExitStack() as stack:
        ollama, openai = stack.enter_context(OllamaDouble()), stack.enter_context(OpenAIDouble())
        anthropic, gemini = stack.enter_context(AnthropicDouble()), stack.enter_context(GeminiDouble())

        def spoilt(url: str) -> str:
            return stack.enter_context(Loopback(lambda: spoiler.application(url))).url

        environment = {
            "OLLAMA_HOST": spoilt(ollama.url),
            "EMENTA_OPENAI_HOSTS": f"{spoilt(openai.url)}/v1",
            "ANTHROPIC_BASE_URL": spoilt(anthropic.url),
            "ANTHROPIC_API_KEY": anthropic.key,
            "GEMINI_BASE_URL": spoilt(gemini.url),
            "GEMINI_API_KEY": gemini.key,
            "EMENTA_LLM__REQUESTS_PER_MINUTE": "0",
            "EMENTA_LLM__CACHE": "off",
            "TIMEOUT": "60",
        }
        yield stack.enter_context(RunningServer(tmp_path / "data", environment))


async def test_one_odd_value_is_an_answer_or_an_error_of_the_server(house: RunningServer, spoiler: Spoiler) -> None:
    models: dict[str, list[str]] = {}
    for model in Caller(house.url, house.key).done("GET", "/models")["models"]:
        models.setdefault(model["provider"], []).append(model["name"])
    models.pop("ementa")
    assert len(models) == 4
    spoiler.on = True
    ended = dict.fromkeys(models, 0)
    async with aiohttp.ClientSession(headers={"Key": house.key}) as http:
        for _ in range(CALLS):
            provider = spoiler.random.choice(list(models))
            path, body = spoiler.random.choice(ASKED)
            asked = {"model": spoiler.random.choice(models[provider]), **body}
            if path not in ("/llm/generate", "/v1/embeddings"):
                asked["stream"] = spoiler.random.random() < 0.5
            async with http.post(house.url + path, json=asked) as answer:
                data = await answer.read()
                ended[provider] += answer.status == 200
            assert answer.status != 500, (asked, data)
            assert b"INTERNAL" not in data, (asked, data)
    assert min(ended.values()) > CALLS / 50  # it was not all refused
    assert "Traceback" not in house.log.read_text()
