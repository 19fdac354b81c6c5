"""Who may administer: nobody without the role, no key without the scope, no tenant the house's own things."""

import asyncio
import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ementa.db.database import Database
from ementa.db.settings import DatabaseSettings
from ementa.identity import service as identity
from ementa.identity.types import Role
from ementa.testing.caller import Caller
from ementa.testing.server import RunningServer

SHARED = [
    ("GET", "/admin/servers", None),
    ("GET", "/admin/servers/kinds", None),
    ("POST", "/admin/servers", {"name": "x", "kind": "ollama", "url": "http://127.0.0.1:1"}),
    ("GET", "/admin/servers/x", None),
    ("PATCH", "/admin/servers/x", {"enabled": False}),
    ("DELETE", "/admin/servers/x", None),
    ("POST", "/admin/servers/x/test", None),
    ("GET", "/admin/aliases", None),
    ("GET", "/admin/aliases/x", None),
    ("PUT", "/admin/aliases/x", {"target": "m"}),
    ("DELETE", "/admin/aliases/x", None),
    ("GET", "/admin/rules", None),
    ("POST", "/admin/rules", {"name": "x", "targets": ["m"]}),
    ("GET", "/admin/rules/x", None),
    ("PUT", "/admin/rules/x", {"name": "x", "targets": ["m"]}),
    ("PUT", "/admin/rules/order", {"rules": []}),
    ("DELETE", "/admin/rules/x", None),
    ("GET", "/admin/prices", None),
    ("GET", "/admin/prices/x", None),
    ("PUT", "/admin/prices/x", {}),
    ("DELETE", "/admin/prices/x", None),
    ("GET", "/admin/tenants", None),
    ("PUT", "/admin/tenant/limits", {}),
]
OWN = [
    ("GET", "/admin/keys", None),
    ("POST", "/admin/keys", {"name": "x", "user": "x@x"}),
    ("GET", "/admin/keys/x", None),
    ("PATCH", "/admin/keys/x", {"name": "y"}),
    ("DELETE", "/admin/keys/x", None),
    ("POST", "/admin/keys/x/rotate", {}),
    ("GET", "/admin/users", None),
    ("PUT", "/admin/users/x@x/limits", {}),
]


def make_key(data: Path, house: str, email: str, role: Role, *scopes: str) -> str:
    """A key of somebody of that house, made beside the running server."""

    async def make() -> str:
        database = Database(DatabaseSettings(), data)
        try:
            async with database.transaction() as session:
                tenant = await identity.ensure_tenant(session, house)
                user = await identity.ensure_user(session, tenant, email, role)
                return (await identity.add_key(session, user, name=email, scopes=scopes))[1]
        finally:
            await database.close()

    return asyncio.run(make())


@pytest.fixture(scope="module")
def foreign(server: RunningServer) -> Iterator[Caller]:
    return Caller(server.url, make_key(server.data, "other", "chief@other", Role.ADMIN))


@pytest.fixture(scope="module")
def clerk(server: RunningServer) -> Iterator[Caller]:
    return Caller(server.url, make_key(server.data, "default", "clerk@default", Role.ANALYST))


@pytest.fixture(scope="module")
def narrow(server: RunningServer) -> Iterator[Caller]:
    return Caller(server.url, make_key(server.data, "default", "boss@default", Role.ADMIN, "read", "write"))


@pytest.mark.parametrize(("method", "path", "body"), [*SHARED, *OWN])
def test_only_administrators_with_a_key_for_it_may(
    server: RunningServer, clerk: Caller, narrow: Caller, method: str, path: str, body: Any
) -> None:
    assert clerk.refused(method, path, body) == (403, "ADMIN_REQUIRED")
    assert narrow.refused(method, path, body) == (403, "SCOPE_MISSING")
    assert Caller(server.url, "wrong-key").refused(method, path, body) == (401, "UNAUTHENTICATED")


@pytest.mark.parametrize(("method", "path", "body"), SHARED)
def test_what_all_share_is_managed_by_the_first_tenant(foreign: Caller, method: str, path: str, body: Any) -> None:
    assert foreign.refused(method, path, body) == (403, "HOUSE_ADMIN_REQUIRED")


def test_a_tenant_sees_its_own_keys_and_users_only(admin: Caller, foreign: Caller) -> None:
    mine = admin.done("POST", "/admin/keys", {"name": "ours", "user": "somebody@default"})
    theirs = foreign.done("POST", "/admin/keys", {"name": "theirs", "user": "somebody@default"})
    assert theirs["user"]["id"] != mine["user"]["id"]
    assert mine["id"] not in str(foreign.done("GET", "/admin/keys"))
    assert theirs["id"] not in str(admin.done("GET", "/admin/keys"))
    assert mine["user"]["id"] not in str(foreign.done("GET", "/admin/users"))
    assert foreign.refused("GET", f"/admin/keys/{mine['id']}") == (404, "KEY_NOT_FOUND")
    assert foreign.refused("DELETE", f"/admin/keys/{mine['id']}") == (404, "KEY_NOT_FOUND")
    assert foreign.refused("POST", f"/admin/keys/{mine['id']}/rotate", {}) == (404, "KEY_NOT_FOUND")
    assert foreign.refused("PUT", f"/admin/users/{mine['user']['id']}/limits", {}) == (404, "USER_NOT_FOUND")


def test_nobody_makes_a_key_that_reaches_further_than_their_own(server: RunningServer) -> None:
    chief = Caller(server.url, make_key(server.data, "default", "half@default", Role.ADMIN, "write", "admin"))
    asked = {"name": "x", "user": "half@default"}
    assert chief.refused("POST", "/admin/keys", asked) == (403, "SCOPE_MISSING")
    assert chief.refused("POST", "/admin/keys", {**asked, "scopes": ["read"]}) == (403, "SCOPE_MISSING")
    made = chief.done("POST", "/admin/keys", {**asked, "scopes": ["write"]})
    path = f"/admin/keys/{made['id']}"
    assert chief.refused("PATCH", path, {"scopes": []}) == (403, "SCOPE_MISSING")
    assert chief.done("PATCH", path, {"scopes": ["admin"]})["scopes"] == ["admin"]


def test_nor_one_for_more_models(server: RunningServer, admin: Caller) -> None:
    asked = {"name": "few", "user": "few@default", "role": "admin"}
    made = admin.done("POST", "/admin/keys", {**asked, "models": ["gemma3:*"]})
    wide = admin.done("POST", "/admin/keys", {**asked, "name": "wide"})
    chief = Caller(server.url, made["key"])
    refused = (403, "MODEL_NOT_PERMITTED")
    assert chief.refused("POST", "/admin/keys", {"name": "x", "user": "x@x"}) == refused
    assert chief.refused("POST", "/admin/keys", {"name": "x", "user": "x@x", "models": ["gemma3:1b", "*"]}) == refused
    for models in ([], ["qwen2:7b"], ["gemma3*"]):
        assert chief.refused("PATCH", f"/admin/keys/{made['id']}", {"models": models}) == refused
    assert chief.refused("POST", f"/admin/keys/{wide['id']}/rotate", {}) == refused
    assert chief.done("POST", "/admin/keys", {"name": "x", "user": "x@x", "models": ["gemma3:1b"]})["key"]
    assert chief.done("PATCH", f"/admin/keys/{made['id']}", {"models": ["gemma3:?b"]})["models"] == ["gemma3:?b"]


def test_every_act_is_in_the_trail_without_secrets(admin: Caller, data: Path) -> None:
    secret = "sk-not-in-the-trail-91b2"
    made = admin.done(
        "POST", "/admin/servers", {"name": "told", "kind": "ollama", "url": "http://127.0.0.1:1", "secret": secret}
    )
    admin.done("PATCH", "/admin/servers/told", {"secret": f"{secret}2"})
    key = admin.done("POST", "/admin/keys", {"name": "told", "user": "t@t", "models": ["m"]})
    admin.done("PUT", "/admin/aliases/told", {"target": "m"})
    admin.ask("DELETE", "/admin/servers/told")
    connection = sqlite3.connect(data / "ementa.db")
    rows = connection.execute(
        "SELECT action, resource, user_id, key_id, details FROM audit_event ORDER BY seq"
    ).fetchall()
    connection.close()
    told = {(row[0], row[1]) for row in rows}
    assert {
        ("server.create", f"model_server:{made['id']}"),
        ("server.change", f"model_server:{made['id']}"),
        ("server.remove", f"model_server:{made['id']}"),
        ("key.create", f"api_key:{key['id']}"),
        ("alias.put", "model_alias:told"),
    } <= told
    assert all(row[2] and row[3] for row in rows if row[0].startswith(("server.", "alias.", "key.")))
    details = next(json.loads(row[4]) for row in rows if row[1] == f"api_key:{key['id']}")
    assert (details["name"], details["user"], details["models"]) == ("told", "t@t", ["m"])
    assert secret not in str(rows)
    assert key["key"] not in str(rows)


def test_what_is_refused_leaves_no_trace(admin: Caller, data: Path) -> None:
    def count() -> int:
        connection = sqlite3.connect(data / "ementa.db")
        found: int = connection.execute("SELECT count(*) FROM audit_event").fetchone()[0]
        connection.close()
        return found

    admin.done("PUT", "/admin/aliases/there", {"target": "back"})
    before = count()
    assert admin.refused("DELETE", "/admin/servers/nothing")[0] == 404
    assert admin.refused("PUT", "/admin/aliases/back", {"target": "there"})[0] == 409
    assert count() == before
