"""The models on the servers, managed over HTTP by administrators and by nobody else."""

import json
import sqlite3
import subprocess
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest

from ementa.testing.caller import Caller
from ementa.testing.ollama.double import OllamaDouble
from ementa.testing.server import RunningServer

NAME = "hf.co/casa/modelo:Q4_K_M"


@pytest.fixture(scope="module")
def first() -> Iterator[OllamaDouble]:
    with OllamaDouble() as double:
        yield double


@pytest.fixture(scope="module")
def second() -> Iterator[OllamaDouble]:
    with OllamaDouble() as double:
        yield double


@pytest.fixture(scope="module")
def server(
    first: OllamaDouble, second: OllamaDouble, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RunningServer]:
    environment = {"OLLAMA_HOST": f"{first.url},{second.url}"}
    with RunningServer(tmp_path_factory.mktemp("management") / "data", environment) as running:
        yield running
    assert "unexpected error" not in running.log.read_text(encoding="utf-8", errors="replace")


@pytest.fixture
def admin(server: RunningServer) -> Caller:
    return Caller(server.url, server.key)


@pytest.fixture
def names(first: OllamaDouble, second: OllamaDouble) -> list[str]:
    """The servers' names."""
    return [f"ollama@{double.url.partition('://')[2]}" for double in (first, second)]


def pulled(caller: Caller, body: Any) -> list[dict[str, Any]]:
    """Every line of a download."""
    request = urllib.request.Request(
        f"{caller.url}/admin/models/pull", json.dumps(body).encode(), {"Key": caller.key}, method="POST"
    )
    with urllib.request.urlopen(request, timeout=60) as answer:
        assert answer.headers["Content-Type"] == "application/x-ndjson"
        return [json.loads(line) for line in answer]


def stock(caller: Caller, server: str = "") -> dict[tuple[str, str], dict[str, Any]]:
    found = caller.done("GET", f"/admin/models?server={server}")["models"]
    return {(one["name"], one["server"]): one for one in found}


def events(server: RunningServer) -> list[tuple[str, str, str]]:
    """What the audit trail tells of models."""
    with sqlite3.connect(server.data / "ementa.db") as database:
        rows = database.execute(
            "SELECT action, resource, details FROM audit_event WHERE action LIKE 'model.%' ORDER BY seq"
        )
        return list(rows)


def test_every_model_on_every_server(admin: Caller, names: list[str]) -> None:
    found = stock(admin)
    for name in names:
        gemma = found["gemma3:1b", name]
        assert gemma["size_bytes"] == 815_319_791
        assert gemma["digest"]
        assert gemma["capabilities"] == ["completion"]
        assert gemma["managed"] is True
    assert found["ementa-reader", "ementa"]["managed"] is False
    assert {server for _, server in stock(admin, names[0])} == {names[0]}


def test_a_download_with_its_progress_and_its_end(admin: Caller, names: list[str], server: RunningServer) -> None:
    lines = pulled(admin, {"model": NAME, "server": names[0]})
    assert lines[-1] == {"status": "success"}
    counted = [line["completed"] / line["total"] for line in lines if line.get("total") and "completed" in line]
    assert counted == sorted(counted)
    assert counted[-1] == 1.0
    assert (NAME, names[0]) in stock(admin)
    assert (NAME, names[1]) not in stock(admin)
    assert admin.ask("DELETE", f"/admin/models/{NAME}")[0] == 204
    assert (NAME, names[0]) not in stock(admin)
    told = events(server)
    assert ("model.pull", f"model:{NAME}", json.dumps({"server": names[0]}, separators=(",", ":"))) in told
    assert ("model.delete", f"model:{NAME}", "null") in told


def test_where_several_would_do_one_must_be_named(admin: Caller, names: list[str]) -> None:
    assert admin.refused("POST", "/admin/models/pull", {"model": "granite:2b"}) == (409, "MODEL_SERVER_NOT_NAMED")
    assert admin.refused("DELETE", "/admin/models/gemma3:1b") == (409, "MODEL_SERVER_NOT_NAMED")
    assert admin.refused("DELETE", "/admin/models/gemma3:1b?server=nowhere") == (404, "MODEL_SERVER_UNKNOWN")


def test_memory(admin: Caller, names: list[str]) -> None:
    assert admin.ask("POST", "/admin/models/warm", {"model": "gemma3:4b", "server": names[1]})[0] == 204
    loaded = admin.done("GET", "/admin/models/loaded")["servers"]
    assert "gemma3:4b" in loaded[names[1]]
    assert "gemma3:4b" not in loaded[names[0]]
    assert stock(admin)["gemma3:4b", names[1]]["loaded"] is True
    assert admin.ask("POST", "/admin/models/unload", {"model": "gemma3:4b"})[0] == 204
    assert "gemma3:4b" not in admin.done("GET", "/admin/models/loaded")["servers"][names[1]]


def test_failures_have_their_status_or_are_the_last_line(admin: Caller, names: list[str]) -> None:
    lines = pulled(admin, {"model": "not-found:1b", "server": names[0]})
    assert lines[-1]["code"] == "MODEL_UNAVAILABLE"
    lines = pulled(admin, {"model": "fail-pull:1b", "server": names[0]})
    assert lines[0]["status"]
    assert set(lines[-1]) == {"error", "code"}
    for method, path in (("POST", "/admin/models/warm"), ("POST", "/admin/models/unload")):
        assert admin.refused(method, path, {"model": "nope:1b"}) == (404, "MODEL_NOT_STOCKED")
    assert admin.refused("DELETE", "/admin/models/hf.co/no/pe:1b") == (404, "MODEL_NOT_STOCKED")
    assert admin.refused("POST", "/admin/models/warm", {"model": "ementa-reader"}) == (422, "MODELS_NOT_MANAGED")
    for body in ({}, {"model": ""}, {"model": 3}, {"model": "x", "force": True}):
        for act in ("pull", "warm", "unload"):
            assert admin.refused("POST", f"/admin/models/{act}", body)[0] == 422


def test_hanging_up_cancels_a_download(admin: Caller, first: OllamaDouble, names: list[str]) -> None:
    body = json.dumps({"model": "slow-pull:1b", "server": names[0]})
    command = ["curl", "-sN", "-H", f"Key: {admin.key}", "-d", body, f"{admin.url}/admin/models/pull"]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as curl:
        admin.eventually(lambda: first.stats.pulling == 1)
        curl.kill()
    admin.eventually(lambda: first.stats.pulling == 0, 10)
    assert ("slow-pull:1b", names[0]) not in stock(admin)


@pytest.mark.parametrize(("role", "scopes"), [("user", []), ("analyst", []), ("admin", ["read", "write"])])
def test_only_administrators(admin: Caller, role: str, scopes: list[str]) -> None:
    asked = {"name": f"key of {role}", "user": f"{role}@example.com", "role": role, "scopes": scopes}
    other = Caller(admin.url, admin.done("POST", "/admin/keys", asked)["key"])
    act = {"model": "gemma3:1b"}
    for method, path, body in (
        ("GET", "/admin/models", None),
        ("GET", "/admin/models/loaded", None),
        ("POST", "/admin/models/pull", act),
        ("POST", "/admin/models/warm", act),
        ("POST", "/admin/models/unload", act),
        ("DELETE", "/admin/models/gemma3:1b", None),
    ):
        assert other.refused(method, path, body)[0] == 403
    for method, path in (("POST", "/api/pull"), ("DELETE", "/api/delete")):
        status, told = other.ask(method, path, act)
        assert (status, set(told)) == (403, {"error", "code"})
    status, told = other.ask("POST", "/api/generate", {"model": "gemma3:1b", "keep_alive": 0})
    assert status == 403
    assert Caller(admin.url, "wrong").refused("GET", "/admin/models")[0] == 401


def test_memory_is_for_administrators_to_say(admin: Caller, first: OllamaDouble, second: OllamaDouble) -> None:
    asked = {"name": "plain", "user": "plain@example.com", "role": "user"}
    other = Caller(admin.url, admin.done("POST", "/admin/keys", asked)["key"])

    def sent_by(caller: Caller, prompt: str) -> dict[str, Any]:
        options = {"num_gpu": 99, "num_thread": 64, "temperature": 0.5}
        body = {"model": "gemma3:1b", "prompt": prompt, "stream": False, "keep_alive": 77, "options": options}
        caller.done("POST", "/api/generate", body)
        bodies = [*first.stats.bodies, *second.stats.bodies]
        return next(body for body in bodies if body.get("prompt") == prompt)

    allowed, plain = sent_by(admin, "of an administrator"), sent_by(other, "of another")
    assert (allowed["keep_alive"], allowed["options"]["num_gpu"], allowed["options"]["num_thread"]) == (77, 99, 64)
    assert plain["keep_alive"] != 77
    assert not {"num_gpu", "num_thread"} & set(plain["options"])
    assert plain["options"]["temperature"] == 0.5


def test_models_are_listed_with_their_servers_and_other_names(admin: Caller, names: list[str]) -> None:
    admin.done("POST", "/admin/models/warm", {"model": "gemma3:4b"})
    listed = admin.done("GET", "/models")
    models = {model["name"]: model for model in listed["models"]}
    assert sorted(models["gemma3:4b"]["servers"]) == sorted(names)
    assert models["gemma3:4b"]["loaded"] is True
    assert models["ementa-reader"]["loaded"] is False
    assert models["gemma3:1b"]["digest"]
    admin.done("PUT", "/admin/aliases/rapido", {"target": "gemma3:1b", "description": "O mais rápido"})
    aliases = {alias["name"]: alias for alias in admin.done("GET", "/models")["aliases"]}
    assert aliases["rapido"] == {"name": "rapido", "target": "gemma3:1b", "description": "O mais rápido"}
    assert aliases["qwen2-7b"]["target"] == "qwen2:7b"
    assert "rapido" in {model["name"] for model in admin.done("GET", "/api/tags")["models"]}


def test_a_key_of_some_models_sees_and_asks_those(admin: Caller) -> None:
    asked = {"name": "some", "user": "some@example.com", "role": "user", "models": ["gemma3:*"]}
    other = Caller(admin.url, admin.done("POST", "/admin/keys", asked)["key"])
    names = {"gemma3:1b", "gemma3:4b"}
    assert names <= {model["name"] for model in other.done("GET", "/api/tags")["models"]} <= {*names, "rapido"}
    listed = other.done("GET", "/models")
    assert {model["name"] for model in listed["models"]} == {*names, "ementa-reader"}  # which needs no leave
    assert {alias["target"] for alias in listed["aliases"]} <= names
    assert other.ask("POST", "/api/generate", {"model": "gemma3:1b", "prompt": "oi", "stream": False})[0] == 200
    for path in ("/api/generate", "/api/show", "/api/chat", "/api/embed"):
        status, told = other.ask("POST", path, {"model": "qwen2:7b", "prompt": "oi"})
        assert (status, told["code"]) == (403, "MODEL_NOT_PERMITTED")
    assert other.refused("POST", "/llm/generate", {"model": "qwen2:7b", "prompt": "x"}) == (403, "MODEL_NOT_PERMITTED")
