"""Keys, users and limits over HTTP: who may make what, shown once, gone at once."""

import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from ementa.testing.caller import Caller
from ementa.testing.server import RunningServer

LIMITS = {"requests_per_minute": 7, "tokens_per_minute": None, "monthly_tokens": 1000, "monthly_cost": 2.5}


def held(server: RunningServer, made: Any) -> Caller:
    return Caller(server.url, made["key"])


def test_a_key_is_shown_once_and_does_what_it_may(admin: Caller, server: RunningServer) -> None:
    asked = {"name": "loja", "user": "ana@loja", "scopes": ["read"], "models": ["gemma3:*"], "limits": LIMITS}
    made = admin.done("POST", "/admin/keys", asked)
    assert made["key"].startswith(made["prefix"])
    assert (made["user"]["email"], made["user"]["role"]) == ("ana@loja", "user")
    assert (made["scopes"], made["models"], made["limits"]) == (["read"], ["gemma3:*"], LIMITS)
    ana = held(server, made)
    ana.done("GET", "/queue")
    assert ana.refused("DELETE", "/queue/x") == (403, "SCOPE_MISSING")
    for path in ("/admin/keys", f"/admin/keys/{made['id']}", "/admin/users"):
        assert made["key"] not in str(admin.done("GET", path))
    for name in (made["id"], made["prefix"], "loja"):
        assert admin.done("GET", f"/admin/keys/{name}")["id"] == made["id"]
    assert admin.done("GET", "/admin/keys")["keys"][0]["id"] == made["id"]
    assert made["key"] not in server.log.read_text()


def test_a_revoked_key_is_refused_at_once_here(admin: Caller, server: RunningServer) -> None:
    made = admin.done("POST", "/admin/keys", {"name": "doomed", "user": "d@d"})
    person = held(server, made)
    person.done("GET", "/queue")
    assert admin.done("DELETE", f"/admin/keys/{made['id']}")["state"] == "revoked"
    assert person.refused("GET", "/queue") == (401, "UNAUTHENTICATED")
    assert admin.refused("DELETE", f"/admin/keys/{made['id']}") == (404, "KEY_NOT_FOUND")
    assert admin.refused("PATCH", f"/admin/keys/{made['id']}", {"name": "x"}) == (404, "KEY_NOT_FOUND")
    assert admin.done("GET", f"/admin/keys/{made['id']}")["state"] == "revoked"


def test_a_key_expires(admin: Caller, server: RunningServer) -> None:
    soon = (datetime.now(UTC) + timedelta(seconds=4)).isoformat()
    made = admin.done("POST", "/admin/keys", {"name": "brief", "user": "b@b", "expires_at": soon})
    person = held(server, made)
    person.done("GET", "/queue")
    deadline = time.monotonic() + 30
    while person.ask("GET", "/queue")[0] != 401:
        assert time.monotonic() < deadline
        time.sleep(0.2)
    assert admin.done("GET", f"/admin/keys/{made['id']}")["state"] == "expired"
    admin.done("PATCH", f"/admin/keys/{made['id']}", {"expires_at": None})
    person.done("GET", "/queue")


def test_a_key_is_changed_in_force_at_once(admin: Caller, server: RunningServer) -> None:
    made = admin.done("POST", "/admin/keys", {"name": "change", "user": "c@c", "scopes": ["read"], "limits": LIMITS})
    person = held(server, made)
    assert person.refused("POST", "/upload")[0] == 403
    changed = admin.done("PATCH", f"/admin/keys/{made['id']}", {"scopes": ["read", "write"], "models": ["m"]})
    assert (changed["scopes"], changed["models"], changed["limits"]) == (["read", "write"], ["m"], LIMITS)
    assert person.refused("POST", "/upload")[0] == 422
    changed = admin.done("PATCH", f"/admin/keys/{made['id']}", {"limits": None, "models": []})
    assert set(changed["limits"].values()) == {None}
    assert changed["models"] == []


def test_a_key_is_replaced_by_one_that_may_the_same(admin: Caller, server: RunningServer) -> None:
    made = admin.done("POST", "/admin/keys", {"name": "turn", "user": "t@t", "models": ["m"], "limits": LIMITS})
    following = admin.done("POST", f"/admin/keys/{made['id']}/rotate", {"grace_seconds": 600})
    assert following["key"] != made["key"]
    assert (following["name"], following["models"], following["limits"]) == ("turn", ["m"], LIMITS)
    held(server, made).done("GET", "/queue")
    held(server, following).done("GET", "/queue")
    assert admin.done("GET", "/admin/keys/turn")["id"] == following["id"]
    last = admin.done("POST", "/admin/keys/turn/rotate", {})
    assert held(server, following).ask("GET", "/queue")[0] == 401
    held(server, last).done("GET", "/queue")


def test_the_key_of_the_environment_is_changed_there(admin: Caller) -> None:
    first = next(key for key in admin.done("GET", "/admin/keys?limit=200")["keys"] if key["name"] == "EMENTA_KEY")
    assert first["prefix"] == ""
    for method, path, body in (("DELETE", "", None), ("PATCH", "", {"name": "x"}), ("POST", "/rotate", {})):
        assert admin.refused(method, f"/admin/keys/{first['id']}{path}", body) == (409, "KEY_IS_CONFIGURED")


@pytest.mark.parametrize(
    ("body", "refusal"),
    [
        ({"expires_at": "2020-01-01T00:00:00Z"}, (422, "KEY_EXPIRY_PAST")),
        ({"expires_at": "2090-01-01T00:00:00"}, (422, "REQUEST_INVALID")),
        ({"expires_at": 4102444800}, (422, "REQUEST_INVALID")),
        ({"user": "nobody"}, (422, "REQUEST_INVALID")),
        ({"scopes": ["everything"]}, (422, "REQUEST_INVALID")),
        ({"role": "root"}, (422, "REQUEST_INVALID")),
        ({"limits": {"requests_per_minute": -1}}, (422, "REQUEST_INVALID")),
        ({"limits": {"requests_per_minute": 1.5}}, (422, "REQUEST_INVALID")),
        ({"limits": {"per_day": 1}}, (422, "REQUEST_INVALID")),
        ({"name": ""}, (422, "REQUEST_INVALID")),
        ({"key": "chosen-by-myself"}, (422, "REQUEST_INVALID")),
    ],
)
def test_a_key_that_makes_no_sense_is_refused(admin: Caller, body: Any, refusal: tuple[int, str]) -> None:
    assert admin.refused("POST", "/admin/keys", {"name": "x", "user": "x@x", **body}) == refusal


def test_a_known_user_keeps_their_role(admin: Caller) -> None:
    admin.done("POST", "/admin/keys", {"name": "r1", "user": "r@r", "role": "analyst"})
    refusal = admin.refused("POST", "/admin/keys", {"name": "r2", "user": "r@r", "role": "admin"})
    assert refusal == (409, "ROLE_DIFFERS")
    assert admin.done("POST", "/admin/keys", {"name": "r2", "user": "r@r"})["user"]["role"] == "analyst"


def test_users_are_listed_and_limited(admin: Caller) -> None:
    made = admin.done("POST", "/admin/keys", {"name": "u", "user": "u@u"})
    for name in ("u@u", made["user"]["id"]):
        assert admin.done("PUT", f"/admin/users/{name}/limits", LIMITS)["limits"] == LIMITS
    users = {user["email"]: user for user in admin.done("GET", "/admin/users?limit=200")["users"]}
    assert users["u@u"]["limits"] == LIMITS
    assert set(admin.done("PUT", "/admin/users/u@u/limits", {})["limits"].values()) == {None}
    assert admin.refused("PUT", "/admin/users/nobody@u/limits", LIMITS) == (404, "USER_NOT_FOUND")


def test_tenants_are_limited(admin: Caller) -> None:
    assert admin.done("PUT", "/admin/tenant/limits", LIMITS)["limits"] == LIMITS
    tenants = admin.done("GET", "/admin/tenants")["tenants"]
    assert next((tenant["name"], tenant["limits"]) for tenant in tenants) == ("default", LIMITS)
    assert set(admin.done("PUT", "/admin/tenant/limits?tenant=default", {})["limits"].values()) == {None}
    assert admin.refused("PUT", "/admin/tenant/limits?tenant=nobody", {}) == (404, "TENANT_NOT_FOUND")
