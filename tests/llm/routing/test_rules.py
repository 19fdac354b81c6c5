"""Which rule fits a request, and what it needs of a model."""

from collections.abc import Mapping
from typing import Any

import pytest

from ementa.llm.config import Conditions, Rule
from ementa.llm.errors import ModelCannotChat, ModelLacksCapability
from ementa.llm.routing.needs import needs_of, needs_of_body, require
from ementa.llm.routing.rules import Facts, names_of, targets_of
from ementa.llm.types import Caller, ChatRequest, Message, ModelInfo, Tool

PT = "Qual é o valor da nota fiscal que está em anexo?"
EN = "What is the amount of the invoice that is attached?"


def facts(text: str = PT, asked: str = "auto", caller: Caller | None = None, **changes: Any) -> Facts:
    request = ChatRequest(
        model=asked,
        messages=[Message("system", "You are the one who answers to all of it."), Message("user", text)],
        **changes,
    )
    return Facts(asked, caller or Caller(tenant="acme", api="openai.chat"), lambda: request)


def rule(name: str, *targets: str, cheapest: bool = False, **conditions: Any) -> Rule:
    return Rule(name, Conditions(**conditions), targets or (name,), cheapest)


@pytest.mark.parametrize(
    ("conditions", "fits"),
    [
        ({}, True),
        ({"models": ("auto",)}, True),
        ({"models": ("gpt-*", "au?o")}, True),
        ({"models": ("AUTO",)}, False),
        ({"tenants": ("acme", "x")}, True),
        ({"tenants": ("other",)}, False),
        ({"apis": ("openai.*",)}, True),
        ({"apis": ("ollama.*", "analysis")}, False),
        ({"languages": ("pt",)}, True),
        ({"languages": ("en", "es")}, False),
        ({"min_tokens": 20}, True),
        ({"min_tokens": 20_000}, False),
        ({"max_tokens": 20_000}, True),
        ({"max_tokens": 20}, False),
        ({"needs": ("tools",)}, False),
        ({"models": ("auto",), "tenants": ("other",)}, False),
        ({"models": ("auto",), "tenants": ("acme",), "languages": ("pt",), "max_tokens": 500}, True),
    ],
)
def test_everything_that_is_given_must_hold(conditions: dict[str, Any], fits: bool) -> None:
    assert bool(targets_of([rule("r", **conditions)], facts())) is fits


def test_the_first_that_fits_wins() -> None:
    rules = [rule("english", languages=("en",)), rule("portuguese", languages=("pt",)), rule("rest")]
    assert targets_of(rules, facts(PT)) == ("portuguese",)
    assert targets_of(rules, facts(EN)) == ("english",)
    assert targets_of(rules, facts("4711 0815")) == ("rest",)
    assert targets_of(rules, facts("Qual é o total da nota?")) == ("portuguese",)
    assert targets_of(rules, facts("Is it due?")) == ("english",)
    assert targets_of([], facts()) == ()


def test_language_is_that_of_the_last_message_of_the_user() -> None:
    messages = [Message("user", EN), Message("assistant", EN), Message("user", PT), Message("assistant", EN)]
    several = Facts("auto", Caller(), lambda: ChatRequest(model="auto", messages=messages))
    assert several.language == "pt"
    assert Facts("auto", Caller(), lambda: ChatRequest(model="auto", messages=[])).language == ""


@pytest.mark.parametrize(
    ("changes", "needs"),
    [
        ({}, set()),
        ({"tools": (Tool("f"),)}, {"tools"}),
        ({"tools": (Tool("f"),), "tool_choice": "none"}, set()),
        ({"schema": {}}, {"json"}),
        ({"any_json": True}, {"json"}),
        ({"messages": [Message("user", "?", images=("aGk=",))]}, {"vision"}),
    ],
)
def test_needs_are_read_from_the_request(changes: dict[str, Any], needs: set[str]) -> None:
    request = ChatRequest(**{"model": "m", "messages": [Message("user", "oi")], **changes})
    assert Facts("m", Caller(), lambda: request).needs == needs
    assert needs_of(request) == needs - {"json"}


PNG = {"type": "image_url", "image_url": {"url": "data:image/png;base64,aGk="}}


@pytest.mark.parametrize(
    ("body", "needs"),
    [
        ({"messages": [{"role": "user", "content": "oi"}]}, set()),
        ({"messages": [{"role": "user", "content": [{"type": "text", "text": "oi"}]}]}, set()),
        ({"messages": [{"role": "user", "content": [{"type": "text", "text": "oi"}, PNG]}]}, {"vision"}),
        ({"messages": [{"role": "user", "content": "oi", "images": ["aGk="]}]}, {"vision"}),
        ({"messages": [{"role": "user", "content": "oi", "images": []}]}, set()),
        ({"prompt": "oi", "images": ["aGk="]}, {"vision"}),
        ({"input": [{"role": "user", "content": [{"type": "input_image", "image_url": "…"}]}]}, {"vision"}),
        ({"input": "oi", "tools": [{"type": "function"}]}, {"tools"}),
        ({"tools": [], "messages": []}, set()),
        ({"tools": [{}], "tool_choice": "none"}, set()),
        ({"messages": "wrong", "input": 3, "images": None}, set()),
        ({"messages": [3, None, {"content": [None, 3]}]}, set()),
    ],
)
def test_needs_are_read_from_a_body_that_is_only_passed_on(body: Mapping[str, Any], needs: set[str]) -> None:
    assert needs_of_body(body) == needs


def test_price_bounds_and_orders() -> None:
    prices = {"dear": 90.0, "cheap": 1.0, "free": 0.0}
    bounded = rule("r", "dear", "cheap", "free", "unknown", max_cost_per_million=10.0)
    assert targets_of([bounded], facts(), prices.get) == ("cheap", "free", "unknown")
    ordered = rule("r", "dear", "unknown", "cheap", "free", cheapest=True)
    assert targets_of([ordered], facts(), prices.get) == ("free", "cheap", "dear", "unknown")
    assert targets_of([ordered], facts()) == ordered.targets
    too_dear = rule("r", "dear", max_cost_per_million=10.0)
    assert targets_of([too_dear, rule("next")], facts(), prices.get) == ("next",)


def test_texts_are_never_sent_where_nothing_can_be_done_with_them() -> None:
    rules = [rule("chats", tenants=("acme",)), rule("vectors", "minilm", languages=("pt",))]
    texts = Facts("auto", Caller(tenant="acme"), texts=[PT])
    assert targets_of(rules, texts, can=lambda name: name == "minilm") == ("minilm",)
    assert texts.tokens > 5
    assert texts.needs == set()


def test_a_name_may_exist_by_a_rule_alone() -> None:
    rules = [rule("any"), rule("special", "gemma3:1b", models=("auto-*",))]
    assert names_of(rules, "auto-pt") == ("gemma3:1b",)
    assert names_of(rules, "other") == ()


def test_nothing_is_found_out_that_no_rule_asks_for() -> None:
    def refuse() -> ChatRequest:
        raise AssertionError("the request was read for nothing")

    asked = Facts("auto", Caller(tenant="acme"), refuse)
    assert targets_of([rule("t", tenants=("x",), languages=("pt",)), rule("m", models=("auto",))], asked) == ("m",)


def test_lacking_capabilities_are_told_apart() -> None:
    info = ModelInfo("gemma3:1b", "ollama", capabilities=("completion",))
    require(info, "gemma3:1b", ("completion",))
    require(ModelInfo("x", "openai"), "x", ("completion", "tools", "vision"))  # its server does not say
    for need, words in (("vision", "não lê imagens"), ("tools", "não chama ferramentas"), ("rerank", "não reordena")):
        with pytest.raises(ModelLacksCapability) as caught:
            require(info, "gemma3:1b", (need,))
        assert words in caught.value.text("pt")
        assert caught.value.details == {"needs": need, "capabilities": ["completion"]}
    with pytest.raises(ModelCannotChat):
        require(ModelInfo("e", "ollama", capabilities=("embedding",)), "e", ("completion",))
