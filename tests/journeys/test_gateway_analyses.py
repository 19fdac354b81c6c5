"""Analyses call models too: for whoever sent the document, with the models and the budget of their key."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from people import Person
from test_with_models import ASKED, NOTE

from ementa.testing.caller import Caller
from ementa.testing.ollama.double import OllamaDouble
from ementa.testing.server import RunningServer


@contextmanager
def house(path: Path, ollama: OllamaDouble, **environment: str) -> Iterator[RunningServer]:
    quick = {"EMENTA_JOBS__RETRY_BASE_SECONDS": "0.05", "EMENTA_JOBS__RETRY_MAX_SECONDS": "0.2"}
    with RunningServer(path / "data", {"OLLAMA_HOST": ollama.url, **quick, **environment}) as server:
        yield server


@pytest.fixture
def ollama() -> Iterator[OllamaDouble]:
    with OllamaDouble() as double:
        yield double


async def ask(server: RunningServer, key: str, model: str) -> tuple[int, Any]:
    """How an analysis ends, refused at the door or later."""
    person = Person(server, key)
    try:
        status, told = await person.send(NOTE, **ASKED, Model=model)
        return (status, told) if status != 202 else await person.answer(told["id"])
    finally:
        await person.close()


def stored(server: RunningServer) -> list[Path]:
    """The files that were kept of documents."""
    return sorted(path for path in (server.data / "blobs").rglob("*") if path.is_file())


async def test_a_key_analyses_with_its_models_alone(tmp_path: Path, ollama: OllamaDouble) -> None:
    with house(tmp_path, ollama, EMENTA_ANALYSIS__ESCALATION_MODEL="qwen2:7b") as server:
        admin = Caller(server.url, server.key)
        admin.done("PUT", "/admin/aliases/grande", {"target": "qwen2:7b"})
        admin.done("PUT", "/admin/aliases/pequeno", {"target": "gemma3:1b", "fallbacks": ["qwen2:7b"]})
        key = admin.done("POST", "/admin/keys", {"name": "k", "user": "k@k", "models": ["gemma3:*", "fail-*"]})["key"]
        for model in ("qwen2:7b", "grande", "qwen2-7b"):
            status, told = await ask(server, key, model)
            assert (status, told["code"]) == (403, "MODEL_NOT_PERMITTED"), model
        assert ollama.stats.bodies == []
        assert stored(server) == []
        for model in ("gemma3:1b", "pequeno", "ementa-reader"):
            assert (await ask(server, key, model))[0] == 200
        # Where it fails neither the bigger model nor another stands in, for the key has them not.
        admin.done("PUT", "/admin/aliases/pequeno", {"target": "fail-before:1b", "fallbacks": ["qwen2:7b"]})
        status, told = await ask(server, key, "pequeno")
        assert (status, told["code"]) == (502, "MODEL_FAILED")
        assert {body["model"] for body in ollama.stats.bodies} == {"gemma3:1b", "fail-before:1b"}


async def test_their_calls_are_counted_and_end_with_the_budget(tmp_path: Path, ollama: OllamaDouble) -> None:
    with house(tmp_path, ollama) as server:
        admin = Caller(server.url, server.key)
        made = admin.done("POST", "/admin/keys", {"name": "k", "user": "k@k", "limits": {"monthly_tokens": 100_000}})
        status, answered = await ask(server, made["key"], "gemma3:1b")
        assert status == 200
        owner = Caller(server.url, made["key"])
        owner.eventually(lambda: bool(owner.done("GET", "/usage?group_by=api&group_by=key")["rows"]))
        usage = owner.done("GET", "/usage?group_by=api&group_by=key")
        (row,) = usage["rows"]
        assert (row["api"], row["key"]) == ("analysis", made["id"])
        assert row["prompt_tokens"] + row["output_tokens"] == answered["usage"]["tokens"]
        assert usage["budgets"][0]["spent"] == answered["usage"]["tokens"]

        # What is left lets the next one begin, but not end.
        limit = answered["usage"]["tokens"] + 1
        admin.done("PATCH", f"/admin/keys/{made['id']}", {"limits": {"monthly_tokens": limit}})
        asked = len(ollama.stats.bodies)
        status, told = await ask(server, made["key"], "invalid-json:1b")
        assert (status, told["code"]) == (429, "BUDGET_SPENT")
        assert len(ollama.stats.bodies) == asked + 1
        # From now on nothing begins, at this door or at the others, but what costs nothing.
        person = Person(server, made["key"])
        status, told = await person.send(NOTE, **ASKED, Model="gemma3:1b")
        assert (status, told["code"]) == (429, "BUDGET_SPENT")
        await person.close()
        assert owner.ask("POST", "/llm/generate", {"model": "gemma3:1b", "prompt": "oi"})[0] == 429
        assert len(ollama.stats.bodies) == asked + 1
        assert (await ask(server, made["key"], "ementa-reader"))[0] == 200


async def test_an_upload_with_a_model_is_one_request_of_the_minute(tmp_path: Path, ollama: OllamaDouble) -> None:
    with house(tmp_path, ollama) as server:
        admin = Caller(server.url, server.key)
        made = admin.done("POST", "/admin/keys", {"name": "k", "user": "k@k", "limits": {"requests_per_minute": 1}})
        assert (await ask(server, made["key"], "absent:1b"))[1]["code"] == "MODEL_UNAVAILABLE"  # takes nothing
        assert (await ask(server, made["key"], "gemma3:1b"))[0] == 200
        before = stored(server)
        status, told = await ask(server, made["key"], "gemma3:1b")
        assert (status, told["code"]) == (429, "RATE_LIMITED")
        form = aiohttp.FormData({"Prompt": ASKED["Prompt"], "Format-Response": ASKED["Format_Response"]})
        form.add_field("file", NOTE, filename="nota.txt")
        person = Person(server, made["key"])
        status, told = await person.call("POST", "/upload", {"Model": "gemma3:1b"}, form)
        await person.close()
        assert (status, told["code"]) == (429, "RATE_LIMITED")
        assert stored(server) == before
        assert (await ask(server, made["key"], "ementa-reader"))[0] == 200

        def told_in_trail() -> bool:
            with closing(sqlite3.connect(server.data / "ementa.db")) as database:
                keys = database.execute(
                    "SELECT DISTINCT key_id FROM audit_event WHERE action = 'model.call'"
                ).fetchall()
            return keys == [(made["id"],)]

        admin.eventually(told_in_trail)
