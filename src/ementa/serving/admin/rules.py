"""`/admin/rules`: where requests are sent by what they are. The first rule that fits wins."""

from typing import Annotated, Any, Literal

import msgspec
from fastapi import APIRouter, Response
from pydantic import BaseModel, Field

from ementa.db.deps import ReadSessionDep
from ementa.identity.deps import HouseAdminDep
from ementa.llm import service
from ementa.llm.config import Conditions
from ementa.llm.models import RoutingRule
from ementa.serving.admin.deps import DeskDep
from ementa.serving.admin.forms import PRINTABLE, Body, Instant, ModelName, Money, Name, NamePath, Targets, Tokens

router = APIRouter(prefix="/admin/rules", tags=["admin"])

Pattern = Annotated[str, Field(min_length=1, max_length=200, pattern=PRINTABLE)]
Language = Annotated[str, Field(pattern=r"^[a-z]{2}$")]


class ConditionsBody(Body):
    """When a rule applies: everything that is given must hold."""

    models: list[Pattern] = Field(default=[], max_length=100, description="Patterns of the name asked for: `auto`.")
    tenants: list[Pattern] = Field(default=[], max_length=100, description="Ids of tenants.")
    apis: list[Pattern] = Field(default=[], max_length=50, description="Patterns of doors: `openai.*`, `analysis`.")
    languages: list[Language] = Field(default=[], max_length=20, description="Of the user's last message: `pt`.")
    min_tokens: Annotated[Tokens, Field(description="Of the prompt, estimated.")] = 0
    max_tokens: Annotated[Tokens, Field(description="Of the prompt, estimated; 0 is no limit.")] = 0
    needs: list[Literal["tools", "vision", "json"]] = Field(default=[], max_length=3)
    max_cost_per_million: Annotated[Money, Field(description="Dearer targets are left out; 0 is no limit.")] = 0.0


class RuleBody(Body):
    """A rule, whole."""

    name: Name
    conditions: ConditionsBody = Field(default_factory=ConditionsBody)
    targets: Annotated[Targets, Field(description="Models or aliases: the first that can serve it does.")]
    cheapest: Annotated[bool, Field(description="Try the targets by their price instead of in their order.")] = False
    enabled: bool = True


class OrderBody(Body):
    """Every rule, by id or name, in the order in which they shall be tried."""

    rules: Annotated[list[ModelName], Field(max_length=1000)]


class RuleRead(BaseModel):
    """A rule."""

    id: str
    name: str
    conditions: dict[str, Any]
    targets: list[str]
    cheapest: bool
    enabled: bool
    updated_at: Instant


class RuleList(BaseModel):
    """All rules, in the order in which they are tried."""

    rules: list[RuleRead]


@router.get("")
async def list_rules(_principal: HouseAdminDep, session: ReadSessionDep) -> RuleList:
    """All rules, in the order in which they are tried."""
    return RuleList(rules=[_told(row) for row in await service.list_rules(session)])


@router.post("", status_code=201, responses={409: {}})
async def add_rule(principal: HouseAdminDep, desk: DeskDep, body: RuleBody) -> RuleRead:
    """Add a rule behind the others."""
    async with desk.configuring(principal, "rule.create") as act:
        row = await service.add_rule(act.session, _draft(body))
        act.to(f"routing_rule:{row.id}", **_audited(row))
    return _told(row)


@router.put("/order", responses={409: {}})
async def order_rules(principal: HouseAdminDep, desk: DeskDep, body: OrderBody) -> RuleList:
    """Put all rules into another order."""
    async with desk.configuring(principal, "rule.order") as act:
        rows = await service.order_rules(act.session, body.rules)
        act.to("routing_rule:*", order=[row.name for row in rows])
    return RuleList(rules=[_told(row) for row in rows])


@router.get("/{rule}", responses={404: {}})
async def get_rule(_principal: HouseAdminDep, session: ReadSessionDep, rule: NamePath) -> RuleRead:
    """One rule, by its id or name."""
    return _told(await service.get_rule(session, rule))


@router.put("/{rule}", responses={404: {}, 409: {}})
async def change_rule(principal: HouseAdminDep, desk: DeskDep, rule: NamePath, body: RuleBody) -> RuleRead:
    """Replace a rule, where it stands."""
    async with desk.configuring(principal, "rule.change") as act:
        row = await service.get_rule(act.session, rule)
        await service.change_rule(act.session, row, _draft(body))
        act.to(f"routing_rule:{row.id}", **_audited(row))
    return _told(row)


@router.delete("/{rule}", status_code=204, responses={404: {}})
async def remove_rule(principal: HouseAdminDep, desk: DeskDep, rule: NamePath) -> Response:
    """Remove a rule."""
    async with desk.configuring(principal, "rule.remove") as act:
        row = await service.get_rule(act.session, rule)
        await service.remove_rule(act.session, row)
        act.to(f"routing_rule:{row.id}", name=row.name)
    return Response(status_code=204)


def _draft(body: RuleBody) -> service.RuleDraft:
    conditions = msgspec.convert(body.conditions.model_dump(), Conditions)
    return service.RuleDraft(body.name, conditions, tuple(body.targets), body.cheapest, body.enabled)


def _audited(row: RoutingRule) -> dict[str, Any]:
    return {"name": row.name, "targets": row.targets, "conditions": row.conditions, "enabled": row.enabled}


def _told(row: RoutingRule) -> RuleRead:
    return RuleRead(
        id=row.id,
        name=row.name,
        conditions=row.conditions,
        targets=row.targets,
        cheapest=row.cheapest,
        enabled=row.enabled,
        updated_at=row.updated_at,
    )
