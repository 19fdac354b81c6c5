"""A key made for some models reaches no other, by whatever name, rule or fallback."""

import pytest
from tests.llm.routing.fakes import Fake, House, Verbs, ask, read, unreachable

from ementa.llm.config import Alias, Conditions, GatewayConfig, Rule
from ementa.llm.errors import ModelNotPermitted, ModelUnavailable, ServerUnreachable
from ementa.llm.routing.permits import is_permitted, is_within
from ementa.llm.types import Caller, EmbedRequest, RerankRequest

ALIASES = {
    "grande": Alias("grande", "big:1b"),
    "casa": Alias("casa", "small:1b", ("grande",)),
    "chain": Alias("chain", "grande"),
    "gone": Alias("gone", "missing:1b", ("big:1b",)),
    "small-looking": Alias("small-looking", "big:1b"),
    "round": Alias("round", "about"),
    "about": Alias("about", "round"),
}
RULES = (
    Rule("auto", Conditions(models=("auto",)), ("big:1b", "small:1b")),
    Rule("virtual", Conditions(models=("virtual",)), ("big:1b",)),
    Rule("redirect", Conditions(models=("small:*",), languages=("pt",)), ("big:1b",)),
)


def by(*may: str) -> Caller:
    return Caller(tenant="t", user="u", models=may)


@pytest.mark.parametrize(
    ("may", "asked", "answers"),
    [
        ((), "grande", "big:1b"),
        (("big:*",), "grande", "big:1b"),
        (("small:*",), "small:1b", "small:1b"),  # and not where the rule would send it
        (("small:*",), "big:1b", ""),
        (("small:*",), "grande", ""),
        (("small:*",), "chain", ""),
        (("small:*",), "casa", "small:1b"),
        (("small:*",), "auto", "small:1b"),
        (("other:*",), "auto", ""),
        (("small:*", "auto"), "auto", "big:1b"),
        (("auto*", "small:*"), "auto", "small:1b"),
        (("vir*",), "virtual", ""),
        (("virtual",), "virtual", "big:1b"),
        (("grande",), "grande", "big:1b"),
        (("grande",), "chain", ""),
        (("gran*",), "grande", ""),
        (("small*",), "small-looking", ""),
        (("SMALL:1B",), "small:1b", ""),
        (("small:1b",), "SMALL:1B", ""),
        (("latest",), "latest", "latest:latest"),
        (("latest:latest",), "latest", "latest:latest"),
        (("latest",), "latest:latest", "latest:latest"),
        (("small:1b",), "*", ""),
        (("small:1b",), "s*", ""),
        (("small:1b",), "[s]mall:1b", ""),
        (("small:1b",), "small:1b ", ""),
        (("small:1b",), "small:1b\x00", ""),
        (("small:1b",), "x/../small:1b", ""),
    ],
)
async def test_who_may_ask_what(may: tuple[str, ...], asked: str, answers: str) -> None:
    async with House(Fake("small:1b", "big:1b", "latest:latest"), fallback_models=("big:1b",)) as house:
        await house.gateway.models()
        await house.gateway.apply(GatewayConfig(aliases=ALIASES, rules=RULES))
        question = ask(asked, "Qual é o valor da nota que está em anexo?", dialect="", caller=by(*may))
        assert house.gateway.permits(asked, may) or not answers
        if answers:
            await read(house, question)
            assert house.last.model == answers
        else:
            with pytest.raises((ModelNotPermitted, ModelUnavailable)):
                await read(house, question)
            assert house.last.attempts == 1
            assert house.last.model == ""


@pytest.mark.parametrize("asked", ["small:1b", "casa"])
async def test_no_fallback_leads_further(asked: str) -> None:
    small, big = Fake("small:1b", plan=[unreachable()]), Fake("big:1b", name="other")
    async with House(small, big, fallback_models=("big:1b",)) as house:
        await house.gateway.models()
        await house.gateway.apply(GatewayConfig(aliases=ALIASES))
        with pytest.raises(ServerUnreachable):
            await read(house, ask(asked, dialect="", caller=by("small:1b")))
        assert big.requests == []
        assert await read(house, ask(asked, dialect="", caller=by("small:1b", "big:1b"))) == "ok"
        assert house.last.model == "big:1b"


async def test_vectors_and_ranks_too() -> None:
    async with House(Verbs("small:1b", "big:1b")) as house:
        await house.gateway.models()
        await house.gateway.apply(GatewayConfig(aliases=ALIASES))
        with pytest.raises(ModelNotPermitted):
            await house.gateway.embed(EmbedRequest("grande", ["a"], caller=by("small:1b")))
        with pytest.raises(ModelNotPermitted):
            await house.gateway.rerank(RerankRequest("grande", "a", ["b"], caller=by("small:1b")))


async def test_a_name_that_leads_nowhere_spoils_no_list() -> None:
    async with House(Fake("small:1b")) as house:
        await house.gateway.apply(GatewayConfig(aliases=ALIASES))
        assert house.gateway.permits("round", ()) is True
        assert house.gateway.permits("round", ("small:1b",)) is False


@pytest.mark.parametrize(
    ("pattern", "may", "within"),
    [
        ("a:1", ("a:*",), True),
        ("a:*", ("a:*",), True),
        ("a:1*", ("b", "a:*"), True),
        ("a?", ("a?",), True),
        ("*", ("a:*",), False),
        ("*", ("?",), False),
        ("a*", ("a:*",), False),
        ("[a:]1b", ("*a:*",), False),
        ("x", ("[xy]",), False),  # it is, but that is not worth finding out
    ],
)
def test_which_patterns_go_no_further(pattern: str, may: tuple[str, ...], within: bool) -> None:
    assert is_within(pattern, may) is within


def test_a_model_without_a_tag_is_the_latest() -> None:
    assert is_permitted("llama3", ["llama3:latest"])
    assert is_permitted("llama3:latest", ["llama3"])
    assert not is_permitted("llama3:8b", ["llama3", "llama3:latest"])


def test_the_built_in_reader_is_everybody_s() -> None:
    assert is_permitted("ementa-reader", ["llama3"])
    assert not is_permitted("ementa-reader:8b", ["llama3"])
