"""The accounts of a real server: a call is limited, counted, priced, audited, and told to whom it concerns."""

import csv
import io
import json
import re
import sqlite3
import urllib.error
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest

from ementa.testing.caller import Caller
from ementa.testing.ollama.double import OllamaDouble
from ementa.testing.server import RunningServer

CHAT = {"model": "gemma3:1b", "messages": [{"role": "user", "content": "Olá"}], "max_tokens": 20}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    with OllamaDouble() as double:
        environment = {"OLLAMA_HOST": double.url, "EMENTA_LLM__CACHE": "off"}
        with RunningServer(tmp_path_factory.mktemp("usage") / "data", environment) as running:
            yield running


@pytest.fixture
def admin(server: RunningServer) -> Caller:
    return Caller(server.url, server.key)


def person(server: RunningServer, admin: Caller, name: str, **limits: Any) -> Caller:
    made = admin.done("POST", "/admin/keys", {"name": f"{name}'s", "user": f"{name}@house", "limits": limits})
    return Caller(server.url, made["key"])


def raw(caller: Caller, path: str, body: Any = None, **headers: str) -> tuple[int, Any, bytes]:
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(caller.url + path, data, {"Key": caller.key, **headers})
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status, answer.headers, answer.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.headers, error.read()


def test_a_call_is_in_the_accounts_of_whoever_made_it(server: RunningServer, admin: Caller) -> None:
    admin.done("PUT", "/admin/prices/gemma3:1b", {"input_per_million": 1e6, "output_per_million": 2e6})
    ana = person(server, admin, "ana", monthly_cost=1000.0)
    answer = ana.done("POST", "/v1/chat/completions", CHAT)
    used = answer["usage"]
    cost = used["prompt_tokens"] + 2.0 * used["completion_tokens"]
    ana.eventually(lambda: ana.done("GET", "/usage")["totals"]["calls"] == 1)
    own = ana.done("GET", "/usage?group_by=day&group_by=model&group_by=key")
    [row] = own["rows"]
    assert (row["model"], row["key_name"], row["calls"], row["failed"]) == ("gemma3:1b", "ana's", 1, 0)
    assert (row["prompt_tokens"], row["output_tokens"]) == (used["prompt_tokens"], used["completion_tokens"])
    assert row["cost"] == cost
    assert re.fullmatch(r"\d{4}-\d\d-\d\d", row["day"])
    assert own["currency"] == "BRL"
    [budget] = own["budgets"]
    assert (budget["of"], budget["unit"], budget["limit"], budget["spent"]) == ("key", "BRL", 1000.0, cost)
    assert budget["remaining"] == 1000.0 - cost
    house = admin.done("GET", "/admin/usage?group_by=user&group_by=status")
    told = {row["user_name"]: row for row in house["rows"]}
    assert told["ana@house"]["cost"] == cost
    assert admin.done("GET", "/usage")["totals"]["calls"] == 0  # the administrator's own
    assert admin.done("GET", f"/admin/usage?user={told['ana@house']['user']}&model=other")["totals"]["calls"] == 0
    with sqlite3.connect(server.data / "ementa.db") as database:
        [(count,)] = database.execute("SELECT count(*) FROM audit_event WHERE action = 'model.call'")
    assert count == 1


def test_limits_are_told_in_headers_and_refusals(server: RunningServer, admin: Caller) -> None:
    bia = person(server, admin, "bia", requests_per_minute=2)
    for left in (1, 0):
        status, headers, _ = raw(bia, "/v1/chat/completions", CHAT)
        assert status == 200
        assert headers["RateLimit-Policy"] == '"key-requests";q=2;w=60'
        assert headers["RateLimit"].startswith(f'"key-requests";r={left};t=')
        assert (headers["x-ratelimit-limit-requests"], headers["x-ratelimit-remaining-requests"]) == ("2", str(left))
    status, headers, content = raw(bia, "/v1/chat/completions", CHAT)
    assert (status, json.loads(content)["error"]["code"]) == (429, "rate_limit_exceeded")
    assert 1 <= int(headers["Retry-After"]) <= 120
    assert headers["x-ratelimit-remaining-requests"] == "0"
    status, content = bia.ask("POST", "/api/chat", {**CHAT, "stream": False})
    assert status == 429
    assert "minuto" in content["error"]
    assert bia.done("GET", "/usage")  # what asks no model is not limited


def test_a_spent_budget_is_refused_and_shows(server: RunningServer, admin: Caller) -> None:
    eva = person(server, admin, "eva", monthly_tokens=1)
    eva.done("POST", "/v1/chat/completions", CHAT)
    status, headers, content = raw(eva, "/v1/chat/completions", CHAT)
    assert (status, json.loads(content)["error"]["code"]) == (429, "insufficient_quota")
    assert 1 <= int(headers["Retry-After"]) <= 31 * 86_400
    [budget] = eva.done("GET", "/usage")["budgets"]
    assert (budget["limit"], budget["remaining"]) == (1, 0)


def test_csv(server: RunningServer, admin: Caller) -> None:
    zoe = person(server, admin, "=zoe")
    zoe.done("POST", "/v1/chat/completions", CHAT)
    zoe.eventually(lambda: zoe.done("GET", "/usage")["totals"]["calls"] == 1)
    for path, headers in (
        ("/admin/usage?group_by=user&format=csv", {}),
        ("/admin/usage?group_by=user", {"Accept": "text/csv"}),
    ):
        status, headers_told, content = raw(admin, path, **headers)
        assert status == 200
        assert headers_told["Content-Type"] == "text/csv; charset=utf-8"
        assert headers_told["X-Ementa-Truncated"] == "false"
        rows = list(csv.DictReader(io.StringIO(content.decode())))
        assert "'=zoe@house" in {row["user_name"] for row in rows}
    own = list(csv.DictReader(io.StringIO(raw(zoe, "/usage?format=csv")[2].decode())))
    assert [row["calls"] for row in own] == ["1"]


def test_tenants_are_seen_by_the_first_ones_administrators_only(server: RunningServer, admin: Caller) -> None:
    everything = admin.done("GET", "/admin/usage?tenant=*&group_by=tenant")
    assert everything["totals"]["calls"] >= admin.done("GET", "/admin/usage")["totals"]["calls"]
    assert admin.refused("GET", "/admin/usage?tenant=nobody") == (404, "TENANT_NOT_FOUND")
    plain = person(server, admin, "plain")
    assert plain.refused("GET", "/admin/usage") == (403, "ADMIN_REQUIRED")


@pytest.mark.parametrize(
    "query",
    [
        "group_by=colour",
        "from=yesterday",
        "from=2026-01-01T00:00:00",
        "from=2026-02-01&to=2026-01-01",
        "from=2024-01-01&to=2026-01-01",
        "from=0001-01-01T00:00:00%2B14:00",
        "to=9999-12-31T23:59:59-14:00",
        "group_by=hour&from=2026-01-01&to=2026-03-01",
        "limit=0",
        "limit=99999",
        "model=%00",
        "colour=red",
        "format=xml",
        "group_by=day&group_by=model&group_by=user&group_by=key&group_by=api",
    ],
)
def test_what_makes_no_sense_is_refused(admin: Caller, query: str) -> None:
    assert admin.refused("GET", f"/admin/usage?{query}")[0] == 422


def test_every_metric_of_the_gateway_is_scraped(admin: Caller) -> None:
    text = raw(admin, "/metrics")[2].decode()
    for name in (
        "ementa_llm_calls_total{",
        "ementa_llm_server_up{",
        "ementa_usage_spool_bytes",
        "ementa_disk_free_bytes",
    ):
        assert f"\n{name}" in text
