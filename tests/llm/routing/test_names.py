"""What a name stands for."""

import pytest

from ementa.llm.config import Alias
from ementa.llm.config_errors import AliasCircular
from ementa.llm.routing.names import LONGEST_CHAIN, MOST_MODELS, Names, spellings
from ementa.llm.settings import LlmSettings


class Known:
    """Models that servers have."""

    def __init__(self, *names: str) -> None:
        self.names = names

    def has(self, name: str) -> bool:
        return name in self.names

    def spell(self, name: str) -> str | None:
        found = [other for other in (name, *spellings(name)) if other in self.names]
        return found[0] if found else None


SERVERS = Known("qwen2:7b", "llama3.1:8b", "gemma3:1b", "all-minilm:latest", "phi-4-mini:3.8b", "org/x-1b:latest")


def names(*aliases: Alias, **settings: object) -> Names:
    return Names(LlmSettings(**settings), {alias.name: alias for alias in aliases})


@pytest.mark.parametrize(
    ("asked", "models"),
    [
        ("gemma3:1b", ["gemma3:1b"]),
        ("qwen2-7b", ["qwen2:7b"]),
        ("llama3.1-8b", ["llama3.1:8b"]),
        ("gemma3-1b", ["gemma3:1b"]),
        ("phi-4-mini-3.8b", ["phi-4-mini:3.8b"]),
        ("all-minilm", ["all-minilm:latest"]),
        ("org/x-1b", ["org/x-1b:latest"]),
        ("nobody-has:it", ["nobody-has:it"]),
        ("", [""]),
        ("-" * 5000, ["-" * 5000]),
    ],
)
def test_names_as_people_write_them(asked: str, models: list[str]) -> None:
    assert names().models_of(asked, SERVERS) == models


def test_the_settings_say_what_the_two_aliases_stand_for() -> None:
    chosen = names(qwen2_model="gemma3:1b", llama_model="qwen2-7b")
    assert chosen.models_of("qwen2-7b", SERVERS) == ["gemma3:1b"]  # though qwen2:7b is there
    assert chosen.models_of("llama3.1-8b", SERVERS) == ["gemma3:1b"]
    # A server that really calls a model so is meant rather than the settings.
    assert chosen.models_of("qwen2-7b", Known("qwen2-7b")) == ["qwen2-7b"]


def test_administrators_names_win_over_all() -> None:
    chosen = names(Alias("gemma3:1b", "qwen2:7b"), Alias("qwen2-7b", "llama3.1:8b"), Alias("auto", "gemma3-1b"))
    assert chosen.models_of("gemma3:1b", SERVERS) == ["qwen2:7b"]
    assert chosen.models_of("qwen2-7b", SERVERS) == ["llama3.1:8b"]
    assert chosen.models_of("auto", SERVERS) == ["gemma3:1b"]  # spelled as servers do, it is no alias any more


def test_fallbacks_follow_in_order_and_once() -> None:
    chosen = names(
        Alias("best", "big", ("small", "qwen2:7b")),
        Alias("big", "llama3.1:8b", ("qwen2:7b",)),
        Alias("small", "gemma3:1b", ("best",)),
    )
    assert chosen.models_of("best", SERVERS) == ["llama3.1:8b", "qwen2:7b", "gemma3:1b"]


def test_a_model_may_be_given_fallbacks_under_its_own_name() -> None:
    chosen = names(Alias("qwen2:7b", "qwen2:7b", ("gemma3:1b",)))
    assert chosen.models_of("qwen2:7b", SERVERS) == ["qwen2:7b", "gemma3:1b"]


def test_loops_are_refused_and_chains_bounded() -> None:
    loop = names(Alias("a", "b"), Alias("b", "c"), Alias("c", "a"))
    with pytest.raises(AliasCircular, match="a → b → c → a"):
        loop.models_of("a", SERVERS)
    chain = [Alias(f"n{n}", f"n{n + 1}") for n in range(50)]
    assert names(*chain).models_of(f"n{50 - LONGEST_CHAIN}", SERVERS) == ["n50"]
    with pytest.raises(AliasCircular):
        names(*chain).models_of("n0", SERVERS)
    wide = names(Alias("all", "m0", tuple(f"m{n}" for n in range(100))))
    assert wide.models_of("all", SERVERS) == [f"m{n}" for n in range(MOST_MODELS)]


def test_aliases_that_branch_do_not_explode() -> None:
    branching = [Alias(f"n{n}", "x", tuple(f"n{m}" for m in range(30) if m != n)) for n in range(30)]
    assert names(*branching).models_of("n0", SERVERS) == ["x"]


def test_aliases_can_be_listed() -> None:
    listed = names(Alias("auto", "gemma3:1b"), Alias("qwen2-7b", "big")).all_aliases()
    assert listed == {"auto": "gemma3:1b", "qwen2-7b": "big", "llama3.1-8b": "llama3.1:8b"}
