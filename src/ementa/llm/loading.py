"""The stored configuration as the gateway takes it. What cannot be used is left out, and the reason kept."""

import asyncio
from collections.abc import Collection, Mapping
from typing import Any

import msgspec

from ementa.db.database import ReadSession
from ementa.db.secrets import SecretBox
from ementa.kit.errors import EmentaError
from ementa.llm import queries
from ementa.llm.config import Alias, Conditions, GatewayConfig, Price, Rule
from ementa.llm.config_errors import NameInvalid, RuleInvalid, ServerKindUnknown, ServerUnusable
from ementa.llm.models import ModelAlias, ModelServer, RoutingRule
from ementa.llm.servers import ServerConfig
from ementa.llm.service import secret_owner


class Stored(msgspec.Struct, frozen=True):
    """One reading of the configuration."""

    revision: int = -1
    config: GatewayConfig = GatewayConfig()
    problems: Mapping[str, EmentaError] = {}
    """Why a row was left out, by its id."""


async def load_config(session: ReadSession, box: SecretBox, kinds: Collection[str]) -> Stored:
    """All that is stored and enabled. `kinds` are those that there is a provider for."""
    # First, so that a change that comes in between is read again rather than missed.
    revision = await queries.revision(session)
    problems: dict[str, EmentaError] = {}
    servers: list[ServerConfig] = []
    for row in await queries.list_servers(session):
        try:
            if row.enabled:
                servers.append(await read_server(row, box, kinds))
        except EmentaError as error:
            problems[row.id] = error
    rules: list[Rule] = []
    for row in await queries.list_rules(session):
        try:
            if row.enabled:
                rules.append(_read_rule(row))
        except EmentaError as error:
            problems[row.id] = error
    aliases: dict[str, Alias] = {}
    for row in await queries.list_aliases(session):
        try:
            aliases[row.name] = _read_alias(row)
        except EmentaError as error:
            problems[row.name] = error
    prices = tuple(
        Price(row.model, row.input_per_million, row.output_per_million, row.watts)
        for row in await queries.list_prices(session)
    )
    return Stored(revision, GatewayConfig(tuple(servers), aliases, tuple(rules), prices), problems)


async def read_server(row: ModelServer, box: SecretBox, kinds: Collection[str]) -> ServerConfig:
    """A stored server with its secret in clear; raises `ServerKindUnknown`, `SecretUnreadable`."""
    if row.kind not in kinds:
        raise ServerKindUnknown(kind=row.kind, known=", ".join(kinds))
    secret = await asyncio.to_thread(box.unseal, row.secret, secret_owner(row)) if row.secret else ""
    try:
        models, options = msgspec.convert(row.models, tuple[str, ...]), msgspec.convert(row.options, dict[str, Any])
    except msgspec.ValidationError as error:
        raise ServerUnusable(details={"cause": str(error)}, name=row.name) from error
    return ServerConfig(row.kind, row.name, row.url, secret, models, options)


def _read_alias(row: ModelAlias) -> Alias:
    try:
        fallbacks = msgspec.convert(row.fallbacks, tuple[str, ...])
    except msgspec.ValidationError as error:
        cause = {"pt": f"alternativas ilegíveis: {error}", "en": f"unreadable fallbacks: {error}"}
        raise NameInvalid(name=row.name, cause=cause) from error
    return Alias(row.name, row.target, fallbacks, row.description)


def _read_rule(row: RoutingRule) -> Rule:
    try:
        conditions = msgspec.convert(row.conditions, Conditions)
        targets = msgspec.convert(row.targets, tuple[str, ...])
    except msgspec.ValidationError as error:
        cause: Any = {"pt": f"ilegível: {error}", "en": f"unreadable: {error}"}
        raise RuleInvalid(cause=cause) from error
    return Rule(row.name, conditions, targets, row.cheapest)
