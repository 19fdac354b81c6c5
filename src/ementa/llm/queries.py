"""Reading what administrators configured."""

from collections.abc import Sequence

from sqlalchemy import func, or_, select, text

from ementa.db.database import ReadSession, Session
from ementa.llm.models import GatewayRevision, ModelAlias, ModelPrice, ModelServer, RoutingRule

_REVISION = "config"


async def revision(session: ReadSession) -> int:
    """How often the configuration has changed."""
    return await session.scalar(select(GatewayRevision.number).where(GatewayRevision.name == _REVISION)) or 0


async def bump_revision(session: Session) -> None:
    """Count a change, in the transaction that makes it."""
    statement = text(
        "INSERT INTO gateway_revision (name, number) VALUES (:name, 1) "
        "ON CONFLICT (name) DO UPDATE SET number = gateway_revision.number + 1"
    )
    await session.execute(statement, {"name": _REVISION})


async def list_servers(session: ReadSession, *, after: str = "", limit: int | None = None) -> Sequence[ModelServer]:
    """Servers in the order in which they were added, those after the one of that id."""
    statement = select(ModelServer).where(ModelServer.id > after).order_by(ModelServer.id).limit(limit)
    return (await session.scalars(statement)).all()


async def find_server(session: ReadSession, name: str) -> ModelServer | None:
    """The server whose id or name is `name`."""
    return await session.scalar(select(ModelServer).where(or_(ModelServer.id == name, ModelServer.name == name)))


async def list_aliases(session: ReadSession, *, after: str = "", limit: int | None = None) -> Sequence[ModelAlias]:
    """Aliases by name, those after that name."""
    statement = select(ModelAlias).where(ModelAlias.name > after).order_by(ModelAlias.name).limit(limit)
    return (await session.scalars(statement)).all()


async def find_alias(session: ReadSession, name: str) -> ModelAlias | None:
    """The alias of that name."""
    return await session.get(ModelAlias, name)


async def list_rules(session: ReadSession) -> Sequence[RoutingRule]:
    """Rules in the order in which they are tried."""
    return (await session.scalars(select(RoutingRule).order_by(RoutingRule.position, RoutingRule.id))).all()


async def find_rule(session: ReadSession, name: str) -> RoutingRule | None:
    """The rule whose id or name is `name`."""
    return await session.scalar(select(RoutingRule).where(or_(RoutingRule.id == name, RoutingRule.name == name)))


async def last_position(session: ReadSession) -> int:
    """The position of the last rule; 0 when there is none."""
    return await session.scalar(select(func.max(RoutingRule.position))) or 0


async def list_prices(session: ReadSession, *, after: str = "", limit: int | None = None) -> Sequence[ModelPrice]:
    """Prices by model, those after that model."""
    statement = select(ModelPrice).where(ModelPrice.model > after).order_by(ModelPrice.model).limit(limit)
    return (await session.scalars(statement)).all()


async def find_price(session: ReadSession, model: str) -> ModelPrice | None:
    """The price of that model."""
    return await session.get(ModelPrice, model)
