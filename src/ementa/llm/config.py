"""What administrators configure while the gateway runs: servers, other names for models, rules of routing."""

from collections.abc import Mapping

import msgspec

from ementa.llm.servers import ServerConfig


class Alias(msgspec.Struct, frozen=True):
    """Another name for a model, and what to try when that fails."""

    name: str
    target: str
    fallbacks: tuple[str, ...] = ()
    description: str = ""


class Conditions(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """When a rule applies: everything that is given must hold."""

    models: tuple[str, ...] = ()
    """Patterns of the name that was asked for: `auto`, `gpt-*`."""
    tenants: tuple[str, ...] = ()
    """Ids of tenants."""
    apis: tuple[str, ...] = ()
    """Patterns of doors: `openai.*`, `analysis`."""
    languages: tuple[str, ...] = ()
    """Of the last message of the user: `pt`, `en`."""
    min_tokens: int = 0
    """Of the prompt, estimated."""
    max_tokens: int = 0
    """Of the prompt, estimated; 0 is no limit."""
    needs: tuple[str, ...] = ()
    """What the request uses: `tools`, `vision`, `json`."""
    max_cost_per_million: float = 0.0
    """Targets that cost more, per million tokens out, are left out; 0 is no limit."""


class Rule(msgspec.Struct, frozen=True):
    """Sends a request to the first of `targets` that can serve it."""

    name: str
    conditions: Conditions
    targets: tuple[str, ...]
    cheapest: bool = False
    """Try the targets by their price instead of in their order."""


class Price(msgspec.Struct, frozen=True):
    """What an administrator says that a model costs, in the currency of the settings."""

    model: str
    input_per_million: float = 0.0
    output_per_million: float = 0.0
    watts: float = 0.0
    """When both prices are zero: power drawn while it answers, at `kwh_price`."""


class GatewayConfig(msgspec.Struct, frozen=True):
    """What is stored. The gateway adds the servers and names of the settings; those stored come before them."""

    servers: tuple[ServerConfig, ...] = ()
    aliases: Mapping[str, Alias] = {}
    rules: tuple[Rule, ...] = ()
    """In the order in which they are tried."""
    prices: tuple[Price, ...] = ()
    """The gateway knows prices only by its `price` function; who counts costs takes them here."""
