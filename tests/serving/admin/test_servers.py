"""Model servers added, changed, asked and removed over HTTP; their secrets go in and never come out."""

import sqlite3
from pathlib import Path
from typing import Any

import pytest

from ementa.llm.checks import list_kinds
from ementa.testing.caller import Caller
from ementa.testing.ollama.double import OllamaDouble
from ementa.testing.server import RunningServer

SECRET = "sk-never-to-be-seen-7f3a9c51e2b84d06"


@pytest.fixture
def stored(admin: Caller, ollama: OllamaDouble, request: pytest.FixtureRequest) -> Any:
    """A server that was added, with a secret."""
    body = {"name": f"gpu {request.node.name}"[:100], "kind": "ollama", "url": ollama.url, "secret": SECRET}
    return admin.done("POST", "/admin/servers", body)


def test_a_server_is_added_used_changed_and_removed(admin: Caller, ollama: OllamaDouble) -> None:
    made = admin.done("POST", "/admin/servers", {"name": "gpu", "kind": "ollama", "url": ollama.url})
    assert (made["name"], made["has_secret"], made["enabled"], made["problem"]) == ("gpu", False, True, None)
    admin.eventually(lambda: "gemma3:1b" in admin.models())
    assert admin.done("GET", f"/admin/servers/{made['id']}")["id"] == made["id"]
    assert admin.done("GET", "/admin/servers/gpu")["id"] == made["id"]

    changed = admin.done("PATCH", "/admin/servers/gpu", {"models": ["nomic-embed-text:latest"]})
    assert changed["models"] == ["nomic-embed-text:latest"]
    changed = admin.done("PATCH", "/admin/servers/gpu", {"name": "gpu 2", "enabled": False})
    assert (changed["id"], changed["name"], changed["models"]) == (made["id"], "gpu 2", ["nomic-embed-text:latest"])
    admin.eventually(lambda: "gemma3:1b" not in admin.models())

    assert admin.ask("DELETE", "/admin/servers/gpu%202") == (204, None)
    assert admin.refused("GET", f"/admin/servers/{made['id']}") == (404, "MODEL_SERVER_NOT_FOUND")
    assert admin.refused("DELETE", f"/admin/servers/{made['id']}") == (404, "MODEL_SERVER_NOT_FOUND")


def test_the_servers_of_the_settings_are_listed_before_those_added(admin: Caller, stored: Any) -> None:
    page = admin.done("GET", "/admin/servers?limit=1")
    assert page["servers"][0]["id"] is None
    assert {"ementa", "ollama@127.0.0.1:1"} <= {server["name"] for server in page["servers"]}
    names = [server["name"] for server in page["servers"]]
    while page["next"]:
        page = admin.done("GET", f"/admin/servers?limit=1&cursor={page['next']}")
        assert all(server["id"] for server in page["servers"])
        names += [server["name"] for server in page["servers"]]
    assert stored["name"] in names
    assert len(names) == len(set(names))
    taken = {"name": "ollama@127.0.0.1:1", "kind": "ollama", "url": "http://127.0.0.1:2"}
    assert admin.refused("POST", "/admin/servers", taken) == (409, "NAME_TAKEN")


def test_a_secret_never_comes_out(admin: Caller, stored: Any, server: RunningServer, data: Path) -> None:
    assert stored["has_secret"] is True
    admin.done("PATCH", f"/admin/servers/{stored['id']}", {"options": {"think": "low"}})
    admin.done("POST", f"/admin/servers/{stored['id']}/test")
    for answer in (stored, admin.done("GET", "/admin/servers"), admin.done("GET", f"/admin/servers/{stored['id']}")):
        assert SECRET not in str(answer)
    hidden = SECRET.encode()
    for path in [*data.rglob("*"), server.log]:
        if path.is_file():
            assert hidden not in path.read_bytes(), f"the secret is in {path.name}"
    assert (data / "secret.key").stat().st_mode & 0o777 == 0o600


def test_a_secret_is_not_sent_to_another_address_unasked(admin: Caller, stored: Any) -> None:
    path = f"/admin/servers/{stored['id']}"
    assert admin.refused("PATCH", path, {"url": "http://127.0.0.1:9"}) == (409, "SECRET_REQUIRED")
    assert admin.done("PATCH", path, {"url": stored["url"]})["has_secret"] is True
    assert admin.done("PATCH", path, {"url": "http://127.0.0.1:9", "secret": "another"})["has_secret"] is True
    assert admin.done("PATCH", path, {"secret": ""})["has_secret"] is False
    assert admin.done("PATCH", path, {"url": "http://127.0.0.1:8"})["url"] == "http://127.0.0.1:8"


def test_a_server_is_really_asked(admin: Caller, stored: Any) -> None:
    said = admin.done("POST", f"/admin/servers/{stored['id']}/test")
    assert said["reachable"] is True
    assert said["problem"] is None
    assert "gemma3:1b" in said["models"]
    admin.done("PATCH", f"/admin/servers/{stored['id']}", {"url": "http://127.0.0.1:1", "secret": ""})
    said = admin.done("POST", f"/admin/servers/{stored['id']}/test")
    assert said["reachable"] is False
    assert said["models"] == []
    assert said["problem"]["code"] == "SERVER_UNREACHABLE"
    assert said["problem"]["error"].startswith(f"Não foi possível falar com o servidor {stored['name']}: ")
    path = f"/admin/servers/{stored['id']}/test"
    _, said = admin.ask("POST", path, **{"Accept-Language": "en"})
    assert said["problem"]["error"].startswith(f"The server {stored['name']} could not be spoken to: ")


def test_rows_that_cannot_be_used_say_so_and_leave_the_others_alone(admin: Caller, stored: Any, data: Path) -> None:
    with sqlite3.connect(data / "ementa.db") as database:
        database.execute("UPDATE model_server SET secret = x'0102' WHERE id = ?", (stored["id"],))
        database.execute(
            "INSERT INTO model_server SELECT 'odd', 'odd', 'unheard-of', url, NULL, models, options, 1, created_at,"
            " updated_at FROM model_server WHERE id = ?",
            (stored["id"],),
        )
    database.close()
    admin.done("PUT", "/admin/aliases/anything", {"target": "gemma3:1b"})  # a change, so that all is read again
    said = admin.done("GET", f"/admin/servers/{stored['id']}")
    assert said["problem"]["code"] == "SECRET_UNREADABLE"
    assert admin.done("GET", "/admin/servers/odd")["problem"]["code"] == "MODEL_SERVER_KIND_UNKNOWN"
    for name, code in (("odd", "MODEL_SERVER_KIND_UNKNOWN"), (stored["id"], "SECRET_UNREADABLE")):
        said = admin.done("POST", f"/admin/servers/{name}/test")
        assert (said["reachable"], said["problem"]["code"]) == (False, code)
    assert admin.done("PATCH", f"/admin/servers/{stored['id']}", {"secret": "given again"})["problem"] is None
    admin.ask("DELETE", "/admin/servers/odd")


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"kind": "unheard-of"}, "MODEL_SERVER_KIND_UNKNOWN"),
        ({"kind": "reader"}, "MODEL_SERVER_KIND_UNKNOWN"),
        ({"url": "ftp://host"}, "MODEL_HOST_INVALID"),
        ({"url": "http://"}, "MODEL_HOST_INVALID"),
        ({"url": "http://user:password@host"}, "MODEL_SERVER_ADDRESS_INVALID"),
        ({"url": "host:8000", "kind": "openai"}, "MODEL_SERVER_ADDRESS_INVALID"),
        ({"url": "../model.gguf", "kind": "llamacpp"}, "MODEL_SERVER_ADDRESS_INVALID"),
        ({"url": "/etc/passwd", "kind": "llamacpp"}, "MODEL_SERVER_ADDRESS_INVALID"),
        ({"url": ""}, "REQUEST_INVALID"),
        ({"name": " "}, "NAME_INVALID"),
        ({"name": "ementa-reader"}, "NAME_INVALID"),
        ({"name": "a\nb"}, "REQUEST_INVALID"),
        ({"name": 7}, "REQUEST_INVALID"),
        ({"models": "gemma3:1b"}, "REQUEST_INVALID"),
        ({"options": {"headers": {"Authorization": "x"}}}, "REQUEST_INVALID"),
        ({"options": {"x": float("nan")}}, "REQUEST_INVALID"),
        ({"enabled": "yes"}, "REQUEST_INVALID"),
        ({"surprise": 1}, "REQUEST_INVALID"),
    ],
)
def test_what_makes_no_sense_is_refused(admin: Caller, body: dict[str, Any], code: str) -> None:
    whole = {"name": "refused", "kind": "ollama", "url": "http://127.0.0.1:1", **body}
    assert admin.refused("POST", "/admin/servers", whole) == (422, code)
    assert admin.refused("GET", "/admin/servers/refused")[0] == 404


def test_every_kind_that_can_be_added_is_told(admin: Caller) -> None:
    kinds = admin.done("GET", "/admin/servers/kinds")["kinds"]
    assert kinds == list_kinds()
    assert {"anthropic", "gemini", "llamacpp", "ollama", "openai"} <= set(kinds)
    assert "reader" not in kinds
