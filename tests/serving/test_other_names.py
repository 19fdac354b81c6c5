"""Names that are no model's own: listed where they may be asked for, and led to a model."""

import asyncio
from collections.abc import Iterator
from typing import Any

import aiohttp
import pytest

from ementa.testing.caller import Caller
from ementa.testing.ollama.double import OllamaDouble
from ementa.testing.server import RunningServer

CHAT = "/v1/chat/completions"


@pytest.fixture(scope="module")
def admin(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Caller]:
    environment = {"EMENTA_LLM__CACHE": "off", "EMENTA_LLM__MODEL_CONCURRENCY": "1"}
    with (
        OllamaDouble() as double,
        RunningServer(tmp_path_factory.mktemp("names") / "data", {**environment, "OLLAMA_HOST": double.url}) as running,
    ):
        yield Caller(running.url, running.key)


def listed(caller: Caller) -> tuple[set[str], set[str]]:
    """The names under `/v1` and under `/api`."""
    openai = {model["id"] for model in caller.done("GET", "/v1/models")["data"]}
    return openai, {model["name"] for model in caller.done("GET", "/api/tags")["models"]}


def asked(model: str) -> Any:
    return {"model": model, "messages": [{"role": "user", "content": "Olá"}]}


def test_names_that_a_rule_spells_out_are_listed(admin: Caller) -> None:
    rules: list[tuple[str, dict[str, Any], list[str]]] = [
        ("theirs", {"models": ["auto"], "tenants": ["another"]}, ["llama3.1:8b"]),
        ("short", {"models": ["auto", "gpt-*"], "max_tokens": 500}, ["absent:1b", "qwen2-7b"]),
        ("other", {"models": ["secret"], "tenants": ["another"]}, ["gemma3:1b"]),
        ("nothing", {"models": ["hollow"]}, ["absent:1b"]),
    ]
    for name, conditions, targets in rules:
        admin.done("POST", "/admin/rules", {"name": name, "conditions": conditions, "targets": targets})
    for names in listed(admin):
        assert "auto" in names
        assert names.isdisjoint({"gpt-*", "secret", "hollow", "absent:1b"})
    models = {model["id"]: model for model in admin.done("GET", "/v1/models")["data"]}
    assert models["auto"] == {**models["qwen2:7b"], "id": "auto"}
    assert admin.done("POST", CHAT, asked("auto"))["model"] == "qwen2:7b"
    made = admin.done("POST", "/admin/keys", {"name": "gemma", "user": "g@g", "models": ["gemma3:*"]})
    for names in listed(Caller(admin.url, made["key"])):
        assert "gemma3:1b" in names
        assert "auto" not in names


def test_an_alias_may_only_add_fallbacks_to_a_model(admin: Caller) -> None:
    for name in ("gemma3:1b", "fail-before:1b"):
        made = admin.done("PUT", f"/admin/aliases/{name}", {"target": name, "fallbacks": ["llama3.1:8b"]})
        assert (made["target"], made["fallbacks"]) == (name, ["llama3.1:8b"])
    assert admin.done("POST", CHAT, asked("gemma3:1b"))["model"] == "gemma3:1b"
    assert admin.done("POST", CHAT, asked("fail-before:1b"))["model"] == "llama3.1:8b"
    assert admin.refused("PUT", "/admin/aliases/llama3.1:8b", {"target": "gemma3:1b"}) == (409, "MODEL_ALIAS_CIRCULAR")


@pytest.mark.parametrize("path", ["/v1/embeddings", "/api/embed"])
async def test_the_time_in_line_is_told_of_vectors_too(admin: Caller, path: str) -> None:
    async with aiohttp.ClientSession(admin.url, headers={"Key": admin.key}) as session:

        async def waited(number: int) -> float:
            body = {"model": "all-minilm", "input": f"texto {number}"}
            async with session.post(path, json=body) as answer:
                assert answer.status == 200, await answer.text()
                return float(answer.headers["X-Ementa-Queue-Ms"])

        assert max(await asyncio.gather(*(waited(number) for number in range(40)))) > 0
