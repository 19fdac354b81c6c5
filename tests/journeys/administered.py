"""Addresses of administration, and things to administer, for whoever tries them all."""

from ementa.testing.caller import Caller
from ementa.testing.server import RunningServer

OPERATIONS = [
    ("get", "/admin/servers"),
    ("post", "/admin/servers"),
    ("get", "/admin/servers/kinds"),
    ("get", "/admin/servers/{server}"),
    ("patch", "/admin/servers/{server}"),
    ("post", "/admin/servers/{server}/test"),
    ("delete", "/admin/servers/{server}"),
    ("get", "/admin/aliases"),
    ("put", "/admin/aliases/{alias}"),
    ("get", "/admin/aliases/{alias}"),
    ("delete", "/admin/aliases/{alias}"),
    ("get", "/admin/rules"),
    ("post", "/admin/rules"),
    ("put", "/admin/rules/order"),
    ("get", "/admin/rules/{rule}"),
    ("put", "/admin/rules/{rule}"),
    ("delete", "/admin/rules/{rule}"),
    ("get", "/admin/prices"),
    ("put", "/admin/prices/{model}"),
    ("get", "/admin/prices/{model}"),
    ("delete", "/admin/prices/{model}"),
    ("get", "/admin/keys"),
    ("post", "/admin/keys"),
    ("get", "/admin/keys/{key}"),
    ("patch", "/admin/keys/{key}"),
    ("post", "/admin/keys/{key}/rotate"),
    ("delete", "/admin/keys/{key}"),
    ("get", "/admin/users"),
    ("put", "/admin/users/{user}/limits"),
    ("get", "/admin/tenants"),
    ("put", "/admin/tenant/limits"),
]


def make_things(server: RunningServer) -> dict[str, str]:
    """One thing of each kind, by the name of the parameter that names it."""
    admin = Caller(server.url, server.key)
    there = admin.done("POST", "/admin/servers", {"name": "known", "kind": "ollama", "url": "http://127.0.0.1:1"})
    admin.done("PUT", "/admin/aliases/known", {"target": "gemma3:1b"})
    rule = admin.done("POST", "/admin/rules", {"name": "known", "conditions": {"models": ["auto"]}, "targets": ["x"]})
    admin.done("PUT", "/admin/prices/known", {"input_per_million": 1})
    key = admin.done("POST", "/admin/keys", {"name": "known", "user": "known@house"})
    return {
        "server": there["id"],
        "alias": "known",
        "rule": rule["id"],
        "model": "known",
        "key": key["name"],
        "user": "known@house",
    }
