"""A house whose GPU fills up, whose driver hangs, and whose model server falls silent: who comes in meanwhile is told,
what runs goes on, and the server is started again."""

import asyncio
import json
import os
import sqlite3
import urllib.request
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Any

import aiohttp
from people import Person, eventually

from ementa.testing.openai.catalogue import DoubleModel
from ementa.testing.openai.double import OpenAIDouble
from ementa.testing.server import RunningServer, free_port

FULL, EASY, HANGING = "full", "easy", "hanging"
LIMIT = {"EMENTA_UPKEEP__MAX_GPU_MEMORY_SHARE": "0.95"}
ASKED = {"messages": [{"role": "user", "content": "oi"}]}


class Bench:
    """A `nvidia-smi` that says what it is told to, and a command that restarts, which only notes that it was run."""

    def __init__(self, directory: Path) -> None:
        directory.mkdir()
        self._state = directory / "state"
        self.restarts = directory / "restarts"
        self.path = f"{directory}{os.pathsep}{os.environ['PATH']}"
        self.become(EASY)
        self._write(
            directory / "nvidia-smi",
            f'case "$(cat {self._state})" in\n'
            "hanging) sleep 600 ;;\n"
            'full) echo "0, 990, 1000, 100, NVIDIA H200" ;;\n'
            '*) echo "0, 100, 1000, 12, NVIDIA H200" ;;\n'
            "esac",
        )
        self.restart = directory / "restart"
        self._write(self.restart, f'echo "$@" >> {self.restarts}')

    def become(self, state: str) -> None:
        """What the GPU is from now on."""
        new = self._state.with_suffix(".new")
        new.write_text(state, encoding="ascii")
        new.replace(self._state)

    def _write(self, place: Path, body: str) -> None:
        place.write_text(f"#!/bin/sh\n{body}\n", encoding="utf-8")
        place.chmod(0o755)


@asynccontextmanager
async def house(tmp_path: Path, bench: Bench, **environment: str) -> AsyncIterator[tuple[RunningServer, Person]]:
    settings = {
        "PATH": bench.path,
        "OLLAMA_HOST": "",
        "EMENTA_LLM__OLLAMA_HOSTS": "[]",
        "EMENTA_UPKEEP__GPU_SECONDS": "0.3",
        "EMENTA_UPKEEP__WATCH_SECONDS": "0.3",
        **environment,
    }
    async with RunningServer(tmp_path / "data", settings) as server:
        person = Person(server)
        try:
            yield server, person
        finally:
            await person.close()


async def call(person: Person, path: str, body: dict[str, Any]) -> tuple[int, Any]:
    headers = {"Content-Type": "application/json", "Accept-Language": "en"}
    return await person.call("POST", path, headers, json.dumps(body))


async def dependency(person: Person, name: str) -> Any:
    _, health = await person.call("GET", "/health")
    return health["dependencies"][name]


def scraped(server: RunningServer, name: str) -> float:
    with urllib.request.urlopen(f"{server.url}/metrics", timeout=20) as answer:
        lines = answer.read().decode().splitlines()
    return next((float(line.rpartition(" ")[2]) for line in lines if line.startswith(name)), 0.0)


async def test_a_full_gpu_keeps_new_calls_out_while_what_runs_goes_on(tmp_path: Path) -> None:
    bench = Bench(tmp_path / "bench")
    model, slow = "double-chat", "delay-4000:1b"
    with OpenAIDouble([DoubleModel(model), DoubleModel(slow)]) as double:
        async with house(tmp_path, bench, **LIMIT, EMENTA_OPENAI_HOSTS=f"{double.url}/v1") as (server, person):

            async def gpu_is(state: str) -> bool:
                told = await dependency(person, "gpu")
                return told["state"] == state and bool(told["gpus"])

            await eventually(lambda: gpu_is("ok"))
            gpu = (await dependency(person, "gpu"))["gpus"][0]
            assert gpu["name"] == "NVIDIA H200"
            assert gpu["total_bytes"] == 1000 * 1024 * 1024
            assert (await call(person, "/v1/chat/completions", {"model": model, **ASKED}))[0] == 200

            running = asyncio.create_task(call(person, "/v1/chat/completions", {"model": slow, **ASKED}))
            await eventually(lambda: is_running(double))
            bench.become(FULL)
            await eventually(lambda: gpu_is("degraded"))
            status, body = await call(person, "/v1/chat/completions", {"model": model, **ASKED})
            assert (status, body["error"]["code"]) == (503, "GPU_MEMORY_LOW")
            assert "99.0 %" in body["error"]["message"]
            status, body = await call(person, "/api/chat", {"model": model, **ASKED})
            assert (status, body["code"]) == (503, "GPU_MEMORY_LOW")
            status, body = await call(person, "/v1/embeddings", {"model": model, "input": "x"})
            assert (status, body["error"]["code"]) == (503, "GPU_MEMORY_LOW")
            async with aiohttp.ClientSession() as session:
                url, key = f"{server.url}/v1/chat/completions", {"Authorization": f"Bearer {server.key}"}
                async with session.post(url, json={"model": model, **ASKED}, headers=key) as answer:
                    assert int(answer.headers["Retry-After"]) >= 1
            assert scraped(server, "ementa_gpu_memory_used_bytes") == 990 * 1024 * 1024
            assert scraped(server, 'ementa_refused_total{code="GPU_MEMORY_LOW",what="call"}') == 4
            assert (await person.call("GET", "/health/ready"))[0] == 200
            assert (await running)[0] == 200  # it was there before

            bench.become(HANGING)  # nothing is known any more, and nothing refused

            async def is_let_in() -> bool:
                return (await call(person, "/v1/chat/completions", {"model": model, **ASKED}))[0] == 200

            await eventually(is_let_in, 60)
            assert "no answer" in (await dependency(person, "gpu"))["error"]
            bench.become(EASY)
            await eventually(lambda: gpu_is("ok"), 60)


async def is_running(double: OpenAIDouble) -> bool:
    return double.stats.running > 0


async def test_a_silent_server_is_started_again_and_told(tmp_path: Path) -> None:
    bench = Bench(tmp_path / "bench")
    port = free_port()
    environment = {
        "EMENTA_OPENAI_HOSTS": f"http://127.0.0.1:{port}/v1",
        "EMENTA_LLM__HEALTH_SECONDS": "0.3",
        "EMENTA_UPKEEP__MODEL_SERVER_RESTART": f"{bench.restart} again",
    }
    async with house(tmp_path, bench, **environment) as (server, person):

        async def was_restarted() -> bool:
            return bench.restarts.exists() and (await told())["last"]["outcome"] == "done"

        async def told() -> Any:
            return (await dependency(person, "models"))["restarts"]

        await eventually(was_restarted, 60)
        with OpenAIDouble(port=port):  # which helped

            async def answers() -> bool:
                return (await dependency(person, "models"))["state"] == "ok"

            await eventually(answers, 60)
            assert bench.restarts.read_text(encoding="ascii") == "again\n"
            restarts = await told()
            assert restarts["counts"] == {"done": 1, "failed": 0, "timeout": 0}
            assert restarts["next_in_seconds"] > 0
            assert scraped(server, 'ementa_model_server_restarts_total{outcome="done"}') == 1
    with closing(sqlite3.connect(server.data / "ementa.db")) as trail:
        told_of = trail.execute("SELECT resource, details FROM audit_event WHERE action = 'model_server.restart'")
        ((resource, details),) = told_of.fetchall()
    assert resource
    assert json.loads(details)["outcome"] == "done"


async def test_a_process_too_large_takes_no_calls(tmp_path: Path) -> None:
    with OpenAIDouble() as double:
        environment = {"EMENTA_OPENAI_HOSTS": f"{double.url}/v1", "EMENTA_UPKEEP__MAX_RSS_BYTES": "1000000"}
        server = LivingServer(tmp_path / "data", {"OLLAMA_HOST": "", "EMENTA_LLM__OLLAMA_HOSTS": "[]", **environment})
        async with server:
            person = Person(server)

            async def refused() -> bool:
                status, body = await call(person, "/v1/chat/completions", {"model": "any", **ASKED})
                return (status, body["error"]["code"]) == (503, "MEMORY_LOW")

            await eventually(refused)
            assert (await person.call("GET", "/models"))[0] == 200
            await person.close()


class LivingServer(RunningServer):
    """A server that is waited for until it lives: this one is never ready."""

    def is_ready(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.url}/health/live", timeout=1):
                return True
        except OSError:
            return False


async def test_without_a_limit_a_full_gpu_is_only_told(tmp_path: Path) -> None:
    bench = Bench(tmp_path / "bench")
    bench.become(FULL)
    with OpenAIDouble() as double:
        async with house(tmp_path, bench, EMENTA_OPENAI_HOSTS=f"{double.url}/v1") as (_, person):

            async def seen() -> bool:
                return bool((await dependency(person, "gpu"))["gpus"])

            await eventually(seen)
            assert (await dependency(person, "gpu"))["state"] == "ok"
            model = next(iter(double.routes.models))
            assert (await call(person, "/v1/chat/completions", {"model": model, **ASKED}))[0] == 200
