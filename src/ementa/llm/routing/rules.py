"""Rules of administrators: which models serve a request, by who asks what."""

from collections.abc import Callable, Sequence
from fnmatch import fnmatchcase
from functools import cached_property

from ementa.kit.language_guess import guess_language
from ementa.llm.config import Conditions, Rule
from ementa.llm.routing.needs import needs_of
from ementa.llm.tokens import estimate_prompt, estimate_tokens
from ementa.llm.types import Caller, ChatRequest

_SIGNS = frozenset("*?[")
"""Of patterns."""
Price = Callable[[str], float | None]
"""What a million tokens out of a model cost, in the currency of the settings; None when nobody knows."""
_LEAST_LANGUAGE = 0.3
"""Words that tell a language, shared ones counting in part: a question may have one only. A rule that guesses wrong now
and then still answers."""


class Facts:
    """What rules may ask of a request; each is found out only when a rule does."""

    def __init__(
        self, asked: str, caller: Caller, chat: Callable[[], ChatRequest] | None = None, texts: Sequence[str] = ()
    ) -> None:
        """Of a conversation (`chat`), or of texts to be embedded or ranked."""
        self.asked = asked
        self.caller = caller
        self._chat = chat
        self._texts = texts

    @cached_property
    def language(self) -> str:
        """Of the last message of the user, or of the first text: ISO 639-1, or empty."""
        texts = self._texts
        if self._chat is not None:
            texts = [message.content for message in self._chat().messages if message.role == "user"][-1:]
        return guess_language(texts[0], _LEAST_LANGUAGE) if texts else ""

    @cached_property
    def tokens(self) -> int:
        """Of the prompt, estimated."""
        if self._chat is not None:
            return estimate_prompt(self._chat().messages)
        return sum(map(estimate_tokens, self._texts))

    @cached_property
    def needs(self) -> frozenset[str]:
        """`tools`, `vision`, `json`."""
        if self._chat is None:
            return frozenset()
        request = self._chat()
        json = {"json"} if request.schema is not None or request.any_json else set[str]()
        return needs_of(request) | json


def targets_of(
    rules: Sequence[Rule], facts: Facts, price: Price | None = None, can: Callable[[str], bool] | None = None
) -> tuple[str, ...]:
    """The targets of the first rule that fits, in the order in which they are tried; none when no rule does.

    A rule whose targets are all too dear does not fit, nor one of whose targets none `can` do what is asked.
    """
    for rule in rules:
        if not _fits(rule.conditions, facts):
            continue
        targets = _affordable(rule, price)
        if can is not None:
            targets = [target for target in targets if can(target)]
        if targets:
            return tuple(targets)
    return ()


def names_of(rules: Sequence[Rule], asked: str) -> tuple[str, ...]:
    """The targets of the first rule that speaks of this very name: a name may exist by a rule alone."""
    for rule in rules:
        if rule.conditions.models and _any_fits(asked, rule.conditions.models):
            return rule.targets
    return ()


def spelled_names(rules: Sequence[Rule], tenant: str) -> dict[str, tuple[str, ...]]:
    """The names, not patterns, that rules for a tenant speak of, each with the targets of the first that does."""
    found: dict[str, tuple[str, ...]] = {}
    for rule in rules:
        wanted = rule.conditions
        if not wanted.tenants or tenant in wanted.tenants:
            for name in wanted.models:
                if _SIGNS.isdisjoint(name):
                    found.setdefault(name, rule.targets)
    return found


def _fits(wanted: Conditions, facts: Facts) -> bool:
    caller = facts.caller
    return (
        (not wanted.models or _any_fits(facts.asked, wanted.models))
        and (not wanted.tenants or caller.tenant in wanted.tenants)
        and (not wanted.apis or _any_fits(caller.api, wanted.apis))
        and (not wanted.needs or facts.needs.issuperset(wanted.needs))
        and (not wanted.min_tokens or facts.tokens >= wanted.min_tokens)
        and (not wanted.max_tokens or facts.tokens <= wanted.max_tokens)
        and (not wanted.languages or facts.language in wanted.languages)
    )


def _any_fits(name: str, patterns: Sequence[str]) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in patterns)


def _affordable(rule: Rule, price: Price | None) -> list[str]:
    """A model whose price nobody knows is never too dear, and comes last among the cheapest."""
    limit = rule.conditions.max_cost_per_million
    if price is None or not (limit or rule.cheapest):
        return list(rule.targets)
    costs = {target: price(target) for target in rule.targets}
    targets = [target for target in rule.targets if not limit or (costs[target] or 0.0) <= limit]
    if rule.cheapest:
        targets.sort(key=lambda target: (costs[target] is None, costs[target] or 0.0))
    return targets
