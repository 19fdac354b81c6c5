"""What administrators change is in force within seconds in every process, survives restarts, and gives nothing away."""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from ementa.testing.caller import Caller
from ementa.testing.ollama.double import OllamaDouble
from ementa.testing.openai.double import OpenAIDouble
from ementa.testing.server import RunningServer

SECRET = "sk-upstream-7f3a9c51e2b84d06-nobody-sees"
SHARED_KEY = "shared-by-all-servers-9c51e2b84d06"
CHAT = "/v1/chat/completions"


def asked(model: str, words: str = "oi") -> Any:
    return {"model": model, "messages": [{"role": "user", "content": words}], "temperature": 0}


def soon(caller: Caller, method: str, path: str, body: Any, status: int) -> Any:
    """The answer, once it has that status."""
    deadline = time.monotonic() + 20
    while True:
        told, content = caller.ask(method, path, body)
        if told == status:
            return content
        assert time.monotonic() < deadline, (told, content)
        time.sleep(0.1)


@pytest.fixture
def ollama() -> Iterator[OllamaDouble]:
    with OllamaDouble() as double:
        yield double


@pytest.fixture
def hosted() -> Iterator[OpenAIDouble]:
    """A server that wants a key."""
    with OpenAIDouble(key=SECRET) as double:
        yield double


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def house(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[Caller, Caller]]:
    """Two servers of one database."""
    with two_servers(request, tmp_path) as servers:
        yield servers


@contextmanager
def two_servers(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[Caller, Caller]]:
    environment = {"EMENTA_SECRET_KEY": SHARED_KEY}
    places = [tmp_path / "data", tmp_path / "data"]
    if request.param == "postgres":
        environment["EMENTA_DATABASE_URL"] = request.getfixturevalue("postgres_url")
        places[1] = tmp_path / "elsewhere"
    second = {**environment, "EMENTA_JOBS__EMBEDDED_WORKER": "false"}
    with RunningServer(places[0], environment) as one, RunningServer(places[1], second) as other:
        yield Caller(one.url, one.key), Caller(other.url, other.key)


def test_a_change_made_at_one_server_is_in_force_at_the_other(
    house: tuple[Caller, Caller], hosted: OpenAIDouble, ollama: OllamaDouble
) -> None:
    here, there = house
    here.done("POST", "/admin/servers", {"name": "gpu", "kind": "ollama", "url": ollama.url})
    soon(there, "POST", CHAT, asked("gemma3:1b"), 200)
    here.done("PUT", "/admin/aliases/casa", {"target": "gemma3:1b"})
    assert soon(there, "POST", CHAT, asked("casa"), 200)["choices"]
    there.done("DELETE", "/admin/aliases/casa")
    soon(here, "POST", CHAT, asked("casa"), 404)
    # A secret that was given here serves there: they share its key, not its file.
    here.done("POST", "/admin/servers", {"name": "paid", "kind": "openai", "url": f"{hosted.url}/v1", "secret": SECRET})
    model = here.done("POST", "/admin/servers/paid/test")["models"][0]
    assert there.done("POST", "/admin/servers/paid/test")["reachable"] is True
    here.done("POST", "/admin/rules", {"name": "all", "conditions": {"models": ["auto"]}, "targets": [model]})
    assert soon(there, "POST", CHAT, asked("auto"), 200)["model"] == model
    here.ask("DELETE", "/admin/servers/paid")
    soon(there, "POST", CHAT, asked("auto", "outra coisa"), 404)


def test_keys_end_at_every_server(house: tuple[Caller, Caller]) -> None:
    here, there = house
    brief = (datetime.now(UTC) + timedelta(seconds=5)).isoformat()
    doomed = here.done("POST", "/admin/keys", {"name": "doomed", "user": "d@d"})
    ending = here.done("POST", "/admin/keys", {"name": "ending", "user": "d@d", "expires_at": brief})
    for made in (doomed, ending):
        soon(Caller(there.url, made["key"]), "GET", "/queue", None, 200)
    here.done("DELETE", f"/admin/keys/{doomed['id']}")
    for made in (doomed, ending):
        soon(Caller(there.url, made["key"]), "GET", "/queue", None, 401)


def test_a_key_keeps_to_its_models_and_limits(house: tuple[Caller, Caller], ollama: OllamaDouble) -> None:
    here, _ = house
    here.done("POST", "/admin/servers", {"name": "gpu", "kind": "ollama", "url": ollama.url})
    soon(here, "POST", CHAT, asked("gemma3:1b"), 200)
    limits = {"requests_per_minute": 2}
    made = here.done("POST", "/admin/keys", {"name": "k", "user": "k@k", "models": ["gemma3:*"], "limits": limits})
    person = Caller(here.url, made["key"])
    status, refusal = person.ask("POST", CHAT, asked("qwen2:7b"))
    assert (status, refusal["error"]["ementa_code"]) == (403, "MODEL_NOT_PERMITTED")
    assert [person.ask("POST", CHAT, asked("gemma3:1b", str(n)))[0] for n in range(3)] == [200, 200, 429]
    here.done("PATCH", f"/admin/keys/{made['id']}", {"limits": {"requests_per_minute": 0}})
    assert person.ask("POST", CHAT, asked("gemma3:1b"))[0] == 200
    here.done("PUT", "/admin/users/k@k/limits", {"requests_per_minute": 1})
    assert [person.ask("POST", CHAT, asked("gemma3:1b", str(n)))[0] for n in range(2)] == [200, 429]
    here.done("PUT", "/admin/users/k@k/limits", {})
    here.done("PUT", "/admin/tenant/limits", {"requests_per_minute": 1})
    assert 429 in [person.ask("POST", CHAT, asked("gemma3:1b", str(n)))[0] for n in range(2)]


def test_a_stored_server_and_its_secret_survive_restarts_and_show_nowhere(tmp_path: Path, hosted: OpenAIDouble) -> None:
    server = RunningServer(tmp_path / "data", {"LOG_LEVEL": "DEBUG"})
    with server:
        admin = Caller(server.url, server.key)
        body = {"name": "paid", "kind": "openai", "url": f"{hosted.url}/v1", "secret": SECRET}
        admin.done("POST", "/admin/servers", body)
        model = admin.done("POST", "/admin/servers/paid/test")["models"][0]
        assert soon(admin, "POST", CHAT, asked(model), 200)["choices"]
    with server:
        assert soon(admin, "POST", CHAT, asked(model, "de novo"), 200)["choices"]
        seen = str(admin.done("GET", "/admin/servers")) + str(admin.done("GET", "/health"))
        server.kill()
    server.start()
    try:
        assert soon(admin, "POST", CHAT, asked(model, "depois da queda"), 200)["choices"]
    finally:
        server.stop()
    assert SECRET not in seen
    for path in [*(tmp_path / "data").rglob("*"), server.log]:
        if path.is_file():
            assert SECRET.encode() not in path.read_bytes(), path.name


def test_a_lost_secret_key_is_said_and_the_other_servers_go_on(
    tmp_path: Path, hosted: OpenAIDouble, ollama: OllamaDouble
) -> None:
    server = RunningServer(tmp_path / "data")
    with server:
        admin = Caller(server.url, server.key)
        body = {"name": "paid", "kind": "openai", "url": f"{hosted.url}/v1", "secret": SECRET}
        admin.done("POST", "/admin/servers", body)
        admin.done("POST", "/admin/servers", {"name": "gpu", "kind": "ollama", "url": ollama.url})
    (tmp_path / "data" / "secret.key").unlink()
    with server:
        soon(admin, "POST", CHAT, asked("gemma3:1b"), 200)
        told = admin.done("GET", "/admin/servers/paid")
        assert told["has_secret"] is True
        assert told["problem"]["code"] == "SECRET_UNREADABLE"
        assert "secret.key" in told["problem"]["error"]
        assert admin.done("GET", "/admin/servers/gpu")["problem"] is None
        assert "configuration left out" in server.log.read_text()
        assert admin.done("PATCH", "/admin/servers/paid", {"secret": SECRET})["problem"] is None
        assert admin.done("POST", "/admin/servers/paid/test")["problem"] is None


def test_a_weak_secret_key_keeps_the_server_from_starting(tmp_path: Path) -> None:
    server = RunningServer(tmp_path / "data", {"EMENTA_SECRET_KEY": "short"})
    with pytest.raises(RuntimeError, match="SECRET_KEY_WEAK"):
        server.start()


def test_idle_it_only_looks(tmp_path: Path) -> None:
    """Watching costs next to nothing, and waits for nobody at the end."""
    with RunningServer(tmp_path / "data") as server:
        Caller(server.url, server.key).done("GET", "/queue")
        ticks = os.sysconf("SC_CLK_TCK")
        before = _cpu(server.pid) / ticks
        time.sleep(4)
        assert (_cpu(server.pid) / ticks - before) / 4 < 0.1


def _cpu(pid: int) -> int:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12])
