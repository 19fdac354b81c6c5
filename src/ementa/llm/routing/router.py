"""What every call shares: where names lead, by rules and aliases, who is told, what is remembered."""

from collections.abc import Callable, Sequence
from contextlib import suppress

from ementa.llm.calls import Observer
from ementa.llm.config import Rule
from ementa.llm.config_errors import AliasCircular
from ementa.llm.errors import ModelNotPermitted
from ementa.llm.reader import READER
from ementa.llm.routing.directory import Directory
from ementa.llm.routing.memory import Memory
from ementa.llm.routing.names import MOST_MODELS, Names
from ementa.llm.routing.permits import is_permitted
from ementa.llm.routing.rules import Facts, Price, names_of, spelled_names, targets_of
from ementa.llm.settings import LlmSettings


class Router:
    """The parts of a gateway that a call needs. `names` and `rules` are replaced while it runs."""

    def __init__(
        self,
        settings: LlmSettings,
        directory: Directory,
        *,
        observers: Sequence[Observer],
        memory: Memory,
        price: Price | None,
    ) -> None:
        self.settings = settings
        self.directory = directory
        self.observers = observers
        self.memory = memory
        self.names = Names(settings, {})
        self.rules: Sequence[Rule] = ()
        self._price = price

    def seconds(self, asked: float | None) -> float:
        """The time that a request has, when it asks for `asked`."""
        return min(asked or self.settings.timeout_seconds, self.settings.max_timeout_seconds)

    def plan(self, facts: Facts, can: Callable[[str], bool] | None = None) -> list[str]:
        """The models to try, in order, at least one.

        A rule that fits says it all: what it leaves out, such as a vendor's model, is no fallback either. Nor does one
        fit of whose targets the caller may call none. Raises `AliasCircular`, `ModelNotPermitted`.
        """
        may = facts.caller.models
        names: Sequence[str] = ()
        if self.rules:
            names = targets_of(self.rules, facts, self._cost, self._able(facts, can) if may else can)
        if not names:
            fallbacks = self.settings.fallback_models
            if not fallbacks and not may:
                return self.names.models_of(facts.asked, self.directory)
            names = [facts.asked, *(name for name in fallbacks if name != READER)]
        elif may and self._gives_all(facts.asked, may):
            may = ()  # the name stands for what the rule says
        models = dict.fromkeys(model for name in names for model in self.permitted(name, may))
        if not models:
            raise ModelNotPermitted(model=facts.asked)
        return list(models)[:MOST_MODELS]

    def permits(self, name: str, may: Sequence[str]) -> bool:
        """Whether any of the models that a name stands for, by itself or by a rule that speaks of it, may be called."""
        return any(self.permitted(one, may) for one in (name, *names_of(self.rules, name)))

    def permitted(self, name: str, may: Sequence[str]) -> list[str]:
        """Those of the models that a name stands for that match a pattern of `may`, all when it is empty.

        A name that no model has, and that `may` holds as it is, gives all that it stands for. Raises `AliasCircular`.
        """
        models = self.names.models_of(name, self.directory)
        if not may or self._gives_all(name, may):
            return models
        return [model for model in models if is_permitted(model, may)]

    def _gives_all(self, name: str, may: Sequence[str]) -> bool:
        return name in may and not self.directory.has(name)

    def _able(self, facts: Facts, can: Callable[[str], bool] | None) -> Callable[[str], bool] | None:
        """Whether a target can what `can` says, and may be called."""
        may = facts.caller.models
        if self._gives_all(facts.asked, may):
            return can
        return lambda target: bool(self.permitted(target, may)) and (can is None or can(target))

    def _cost(self, name: str) -> float | None:
        """What the model that a name stands for costs."""
        return self._price(self.names.models_of(name, self.directory)[0]) if self._price is not None else None

    def other_names(self, tenant: str) -> dict[str, str]:
        """The names that are no model's own and what each stands for at first: aliases, and those that a rule for the
        tenant spells out for a model that a server is known to have."""
        found = self.names.all_aliases()
        for name, targets in spelled_names(self.rules, tenant).items():
            if name in found or self.directory.has(name):
                continue
            with suppress(AliasCircular):  # what is wrong is said when it is called
                models = (model for target in targets for model in self.names.models_of(target, self.directory))
                if first := next(filter(self.directory.has, models), ""):
                    found[name] = first
        return found

    def first_models(self, asked: str) -> list[str]:
        """What a name stands for, without a request: by the aliases, or by a rule that speaks of it."""
        names = names_of(self.rules, asked) if not self.directory.has(asked) else ()
        models = (model for name in (names or (asked,)) for model in self.names.models_of(name, self.directory))
        return list(dict.fromkeys(models))
