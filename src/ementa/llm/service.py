"""What administrators configure while the gateway runs: model servers, other names for models, rules, prices.

Each change counts up `gateway_revision` in its own transaction, by which every process notices it (`watch.py`). That
comes first: on PostgreSQL it makes two changes at once wait for each other, so what one checks the other cannot undo.
"""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from ementa.db.database import ReadSession, Session
from ementa.db.errors import SecretUnreadable
from ementa.db.secrets import SecretBox
from ementa.kit import clock
from ementa.kit.ids import new_id
from ementa.llm import checks, queries
from ementa.llm.config import Conditions, Price
from ementa.llm.config_errors import (
    AliasNotFound,
    NameTaken,
    OrderIncomplete,
    PriceNotFound,
    RuleNotFound,
    SecretRequired,
    ServerNotFound,
)
from ementa.llm.models import ModelAlias, ModelPrice, ModelServer, RoutingRule


class ServerDraft(msgspec.Struct, frozen=True):
    """A server to be added, or what an existing one shall become."""

    name: str
    kind: str
    url: str
    secret: str | None = None
    """None leaves it as it is; empty removes it."""
    models: tuple[str, ...] = ()
    options: Mapping[str, Any] = {}
    enabled: bool = True


class RuleDraft(msgspec.Struct, frozen=True):
    """A rule to be added, or what an existing one shall become."""

    name: str
    conditions: Conditions
    targets: tuple[str, ...]
    cheapest: bool = False
    enabled: bool = True


def secret_owner(server: ModelServer) -> str:
    """What the secret of a server is sealed for."""
    return f"model_server:{server.id}"


async def list_servers(session: ReadSession, *, after: str = "", limit: int | None = None) -> Sequence[ModelServer]:
    """Stored servers in the order in which they were added, those after the one of that id."""
    return await queries.list_servers(session, after=after, limit=limit)


async def get_server(session: ReadSession, name: str) -> ModelServer:
    """The stored server whose id or name is `name`; raises `ServerNotFound`."""
    server = await queries.find_server(session, name)
    if server is None:
        raise ServerNotFound(name=name)
    return server


async def add_server(session: Session, box: SecretBox, draft: ServerDraft, reserved: Sequence[str] = ()) -> ModelServer:
    """Store a server; `reserved` are the names of those that the settings give.

    Raises `NameTaken`, `NameInvalid`, `ServerAddressInvalid`, `ModelHostInvalid`. That the kind exists is checked by
    whoever knows the plugins (`checks.require_kind`).
    """
    await queries.bump_revision(session)
    url = checks.check_url(draft.kind, draft.url)
    await _require_free(session, draft.name, reserved)
    now = clock.now()
    server = ModelServer(
        id=new_id(),
        name=draft.name,
        kind=draft.kind,
        url=url,
        models=list(draft.models),
        options=dict(draft.options),
        enabled=draft.enabled,
        created_at=now,
        updated_at=now,
    )
    server.secret = await _seal(box, server, draft.secret)
    session.add(server)
    await session.flush()
    return server


async def change_server(
    session: Session, box: SecretBox, server: ModelServer, draft: ServerDraft, reserved: Sequence[str] = ()
) -> None:
    """Make a stored server what `draft` says; its kind stays. Raises as `add_server`, and `SecretRequired` when the
    address changes and a stored secret would silently go to another place."""
    await queries.bump_revision(session)
    url = checks.check_url(server.kind, draft.url)
    if draft.name != server.name:
        await _require_free(session, draft.name, reserved)
    if url != server.url and server.secret is not None and draft.secret is None:
        raise SecretRequired
    server.name, server.url, server.enabled = draft.name, url, draft.enabled
    server.models, server.options = list(draft.models), dict(draft.options)
    if draft.secret is not None:
        server.secret = await _seal(box, server, draft.secret)
    server.updated_at = clock.now()
    await session.flush()


async def remove_server(session: Session, server: ModelServer) -> None:
    """Forget a stored server, its secret too."""
    await queries.bump_revision(session)
    await session.delete(server)
    await session.flush()


async def renew_secrets(session: Session, box: SecretBox) -> int:
    """Encrypt anew what was encrypted with a key that has been replaced; how many. What cannot be read stays."""
    renewed = 0
    for server in await queries.list_servers(session):
        if server.secret is None or not await asyncio.to_thread(box.is_old, server.secret):
            continue
        try:
            secret = await asyncio.to_thread(box.unseal, server.secret, secret_owner(server))
        except SecretUnreadable:
            continue  # told where it is used
        server.secret = await _seal(box, server, secret)
        renewed += 1
    return renewed


async def list_aliases(session: ReadSession, *, after: str = "", limit: int | None = None) -> Sequence[ModelAlias]:
    """Aliases by name, those after that name."""
    return await queries.list_aliases(session, after=after, limit=limit)


async def get_alias(session: ReadSession, name: str) -> ModelAlias:
    """The alias of that name; raises `AliasNotFound`."""
    alias = await queries.find_alias(session, name)
    if alias is None:
        raise AliasNotFound(name=name)
    return alias


async def put_alias(
    session: Session, name: str, target: str, fallbacks: Sequence[str] = (), description: str = ""
) -> ModelAlias:
    """Let `name` stand for `target`, whatever it stood for before. Raises `NameInvalid`, `AliasCircular`."""
    await queries.bump_revision(session)
    checks.require_name(name)
    others = {one.name: (one.target, *one.fallbacks) for one in await queries.list_aliases(session)}
    checks.require_straight(name, target, fallbacks, others)
    alias = await session.merge(
        ModelAlias(name=name, target=target, fallbacks=list(fallbacks), description=description, updated_at=clock.now())
    )
    await session.flush()
    return alias


async def remove_alias(session: Session, name: str) -> None:
    """Forget an alias; raises `AliasNotFound`."""
    await queries.bump_revision(session)
    await session.delete(await get_alias(session, name))
    await session.flush()


async def list_rules(session: ReadSession) -> Sequence[RoutingRule]:
    """Rules in the order in which they are tried."""
    return await queries.list_rules(session)


async def get_rule(session: ReadSession, name: str) -> RoutingRule:
    """The rule whose id or name is `name`; raises `RuleNotFound`."""
    rule = await queries.find_rule(session, name)
    if rule is None:
        raise RuleNotFound(name=name)
    return rule


async def add_rule(session: Session, draft: RuleDraft) -> RoutingRule:
    """Add a rule behind the others. Raises `NameTaken`, `NameInvalid`, `RuleInvalid`."""
    await queries.bump_revision(session)
    checks.require_name(draft.name)
    if await queries.find_rule(session, draft.name) is not None:
        raise NameTaken(name=draft.name)
    rule = RoutingRule(id=new_id(), position=await queries.last_position(session) + 1)
    _fill_rule(rule, draft)
    session.add(rule)
    await session.flush()
    return rule


async def change_rule(session: Session, rule: RoutingRule, draft: RuleDraft) -> None:
    """Make a rule what `draft` says, where it stands. Raises as `add_rule`."""
    await queries.bump_revision(session)
    if draft.name != rule.name:
        checks.require_name(draft.name)
        if await queries.find_rule(session, draft.name) is not None:
            raise NameTaken(name=draft.name)
    _fill_rule(rule, draft)
    await session.flush()


async def remove_rule(session: Session, rule: RoutingRule) -> None:
    """Forget a rule."""
    await queries.bump_revision(session)
    await session.delete(rule)
    await session.flush()


async def order_rules(session: Session, names: Sequence[str]) -> Sequence[RoutingRule]:
    """Try the rules in this order from now on; each is named by id or name, exactly once, or `OrderIncomplete`."""
    await queries.bump_revision(session)
    rules = {rule.id: rule for rule in await queries.list_rules(session)}
    by_name = {rule.name: rule.id for rule in rules.values()}
    ids = [name if name in rules else by_name.get(name) for name in names]
    if sorted(one or "" for one in ids) != sorted(rules):
        raise OrderIncomplete(names=", ".join(by_name))
    ordered = [rules[one] for one in ids if one is not None]
    for position, rule in enumerate(ordered, 1):
        rule.position = position
    await session.flush()
    return ordered


async def list_prices(session: ReadSession, *, after: str = "", limit: int | None = None) -> Sequence[ModelPrice]:
    """Prices by model, those after that model."""
    return await queries.list_prices(session, after=after, limit=limit)


async def get_price(session: ReadSession, model: str) -> ModelPrice:
    """What was said that a model costs; raises `PriceNotFound`."""
    price = await queries.find_price(session, model)
    if price is None:
        raise PriceNotFound(name=model)
    return price


async def put_price(session: Session, price: Price) -> ModelPrice:
    """Say what a model costs from now on. Raises `NameInvalid`."""
    await queries.bump_revision(session)
    checks.require_name(price.model)
    stored = await session.merge(ModelPrice(updated_at=clock.now(), **msgspec.structs.asdict(price)))
    await session.flush()
    return stored


async def remove_price(session: Session, model: str) -> None:
    """Forget what was said; raises `PriceNotFound`."""
    await queries.bump_revision(session)
    await session.delete(await get_price(session, model))
    await session.flush()


async def _require_free(session: Session, name: str, reserved: Sequence[str]) -> None:
    checks.require_name(name)
    if name in reserved or await queries.find_server(session, name) is not None:
        raise NameTaken(name=name)


async def _seal(box: SecretBox, server: ModelServer, secret: str | None) -> bytes | None:
    return await asyncio.to_thread(box.seal, secret, secret_owner(server)) if secret else None


def _fill_rule(rule: RoutingRule, draft: RuleDraft) -> None:
    rule.name, rule.cheapest, rule.enabled = draft.name, draft.cheapest, draft.enabled
    rule.conditions = checks.check_conditions(draft.conditions)
    rule.targets = list(draft.targets)
    rule.updated_at = clock.now()
