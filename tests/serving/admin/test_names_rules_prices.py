"""Aliases, rules and prices over HTTP."""

from typing import Any

import pytest

from ementa.testing.caller import Caller


def test_an_alias_is_put_read_changed_and_removed(admin: Caller) -> None:
    path = "/admin/aliases/acme/fast%3Alatest"
    made = admin.done("PUT", path, {"target": "gemma3:1b", "fallbacks": ["qwen2:7b"], "description": "o rápido"})
    assert (made["name"], made["target"], made["fallbacks"]) == ("acme/fast:latest", "gemma3:1b", ["qwen2:7b"])
    assert admin.done("GET", path) == made
    assert admin.done("PUT", path, {"target": "qwen2:7b"})["fallbacks"] == []
    assert "acme/fast:latest" in [alias["name"] for alias in admin.done("GET", "/admin/aliases")["aliases"]]
    assert admin.ask("DELETE", path) == (204, None)
    assert admin.refused("GET", path) == (404, "MODEL_ALIAS_NOT_FOUND")
    assert admin.refused("DELETE", path) == (404, "MODEL_ALIAS_NOT_FOUND")


def test_aliases_cannot_run_in_circles(admin: Caller) -> None:
    for target in ("a", "b"):
        back = {"target": target, "fallbacks": ["a"]}
        assert admin.refused("PUT", "/admin/aliases/a", back) == (409, "MODEL_ALIAS_CIRCULAR")
    admin.done("PUT", "/admin/aliases/a", {"target": "b"})
    admin.done("PUT", "/admin/aliases/b", {"target": "m", "fallbacks": ["c"]})
    status, refusal = admin.ask(
        "PUT", "/admin/aliases/c", {"target": "m", "fallbacks": ["a"]}, **{"Accept-Language": "en"}
    )
    assert (status, refusal["code"]) == (409, "MODEL_ALIAS_CIRCULAR")
    assert "c → a → b → c" in refusal["error"]
    admin.done("PUT", "/admin/aliases/c", {"target": "m"})


def test_pages_hold_every_alias_once(admin: Caller) -> None:
    for number in range(7):
        admin.done("PUT", f"/admin/aliases/page-{number}", {"target": "m"})
    names, cursor = [], ""
    while True:
        page = admin.done("GET", f"/admin/aliases?limit=3{cursor}")
        names += [alias["name"] for alias in page["aliases"]]
        if page["next"] is None:
            break
        cursor = f"&cursor={page['next']}"
    assert len(names) == len(set(names))
    assert {f"page-{number}" for number in range(7)} <= set(names)
    assert admin.refused("GET", "/admin/aliases?cursor=nonsense!") == (422, "CURSOR_INVALID")


@pytest.fixture
def no_rules(admin: Caller) -> None:
    for rule in admin.done("GET", "/admin/rules")["rules"]:
        admin.ask("DELETE", f"/admin/rules/{rule['id']}")


@pytest.mark.usefixtures("no_rules")
def test_rules_are_added_ordered_changed_and_removed(admin: Caller) -> None:
    long = {"min_tokens": 4000, "languages": ["pt"], "needs": ["json"], "apis": ["openai.*"]}
    first = admin.done("POST", "/admin/rules", {"name": "long", "conditions": long, "targets": ["big", "gemma3:1b"]})
    assert first["conditions"] == long
    second = admin.done("POST", "/admin/rules", {"name": "rest", "targets": ["small"], "cheapest": True})
    assert [rule["name"] for rule in admin.done("GET", "/admin/rules")["rules"]] == ["long", "rest"]
    assert admin.refused("POST", "/admin/rules", {"name": "rest", "targets": ["x"]}) == (409, "NAME_TAKEN")

    ordered = admin.done("PUT", "/admin/rules/order", {"rules": ["rest", first["id"]]})
    assert [rule["name"] for rule in ordered["rules"]] == ["rest", "long"]
    for wrong in (["rest"], ["rest", "rest"], ["rest", "long", "long"], ["rest", "nothing"], []):
        refusal = admin.refused("PUT", "/admin/rules/order", {"rules": wrong})
        assert refusal == (409, "ROUTING_ORDER_INCOMPLETE")
    assert [rule["name"] for rule in admin.done("GET", "/admin/rules")["rules"]] == ["rest", "long"]

    changed = admin.done("PUT", "/admin/rules/long", {"name": "longer", "targets": ["big"], "enabled": False})
    assert (changed["id"], changed["conditions"], changed["enabled"]) == (first["id"], {}, False)
    assert admin.refused("PUT", "/admin/rules/longer", {"name": "rest", "targets": ["x"]}) == (409, "NAME_TAKEN")
    assert [rule["name"] for rule in admin.done("GET", "/admin/rules")["rules"]] == ["rest", "longer"]
    assert admin.ask("DELETE", f"/admin/rules/{second['id']}") == (204, None)
    assert admin.refused("GET", "/admin/rules/rest") == (404, "ROUTING_RULE_NOT_FOUND")


@pytest.mark.parametrize(
    "body",
    [
        {"name": "x", "targets": []},
        {"name": "x"},
        {"targets": ["m"]},
        {"name": "x", "targets": ["m"], "conditions": {"colour": "red"}},
        {"name": "x", "targets": ["m"], "conditions": {"languages": ["português"]}},
        {"name": "x", "targets": ["m"], "conditions": {"needs": ["magic"]}},
        {"name": "x", "targets": ["m"], "conditions": {"min_tokens": -1}},
        {"name": "x", "targets": ["m"], "conditions": {"min_tokens": 5, "max_tokens": 4}},
        {"name": "x", "targets": ["m"], "conditions": {"min_tokens": "5"}},
        {"name": "x", "targets": ["m"], "cheapest": 1},
    ],
)
def test_a_rule_that_makes_no_sense_is_refused(admin: Caller, body: dict[str, Any]) -> None:
    assert admin.refused("POST", "/admin/rules", body)[0] == 422


def test_prices_are_given_and_forgotten(admin: Caller) -> None:
    path = "/admin/prices/hf.co/acme/big%3AQ4"
    made = admin.done("PUT", path, {"input_per_million": 1.5, "output_per_million": 6})
    assert (made["model"], made["input_per_million"], made["output_per_million"]) == ("hf.co/acme/big:Q4", 1.5, 6)
    assert made["currency"] == "BRL"
    assert admin.done("GET", path) == made
    assert admin.done("PUT", path, {"watts": 350})["output_per_million"] == 0
    assert made["model"] in [price["model"] for price in admin.done("GET", "/admin/prices")["prices"]]
    for wrong in ({"input_per_million": -1}, {"watts": "many"}, {"input_per_million": float("inf")}):
        assert admin.refused("PUT", path, wrong) == (422, "REQUEST_INVALID")
    assert admin.ask("DELETE", path) == (204, None)
    assert admin.refused("GET", path) == (404, "MODEL_PRICE_NOT_FOUND")
