"""`/admin/prices`: what models cost, where the published prices do not say or the house pays another."""

from typing import Annotated

from fastapi import APIRouter, Response
from pydantic import BaseModel, Field

from ementa.db.deps import ReadSessionDep
from ementa.identity.deps import HouseAdminDep
from ementa.llm import service
from ementa.llm.config import Price
from ementa.llm.models import ModelPrice
from ementa.serving.admin.deps import DeskDep
from ementa.serving.admin.forms import (
    Body,
    Cursor,
    Instant,
    Limit,
    ModelPath,
    Money,
    cut_page,
    next_cursor,
    read_cursor,
)

router = APIRouter(prefix="/admin/prices", tags=["admin"])


class PriceBody(Body):
    """What a model costs, in the currency of the settings."""

    input_per_million: Annotated[Money, Field(description="Per million tokens of prompt.")] = 0.0
    output_per_million: Annotated[Money, Field(description="Per million tokens of answer.")] = 0.0
    watts: Annotated[Money, Field(description="When both are zero: power drawn while it answers, at `kwh_price`.")] = (
        0.0
    )


class PriceRead(BaseModel):
    """What a model costs, in `currency`."""

    model: str
    input_per_million: float
    output_per_million: float
    watts: float
    currency: str
    updated_at: Instant


class PricePage(BaseModel):
    """A page of prices, by model."""

    prices: list[PriceRead]
    next: Annotated[str | None, Field(description="Cursor of the next page; null on the last.")]


@router.get("")
async def list_prices(
    _principal: HouseAdminDep, session: ReadSessionDep, desk: DeskDep, cursor: Cursor = None, limit: Limit = 50
) -> PricePage:
    """The prices that were given; published ones are used where none was."""
    after = read_cursor(cursor) or ""
    rows, last = cut_page(await service.list_prices(session, after=after, limit=limit + 1), limit)
    currency = desk.gateway.settings.currency
    return PricePage(prices=[_told(row, currency) for row in rows], next=next_cursor(last.model if last else None))


@router.get("/{model:path}", responses={404: {}})
async def get_price(_principal: HouseAdminDep, session: ReadSessionDep, desk: DeskDep, model: ModelPath) -> PriceRead:
    """The price that was given for a model."""
    return _told(await service.get_price(session, model), desk.gateway.settings.currency)


@router.put("/{model:path}")
async def put_price(principal: HouseAdminDep, desk: DeskDep, model: ModelPath, body: PriceBody) -> PriceRead:
    """Say what a model costs from now on. Calls already made keep the cost they were given."""
    async with desk.configuring(principal, "price.put") as act:
        row = await service.put_price(act.session, Price(model, **body.model_dump()))
        act.to(f"model_price:{model}", **body.model_dump())
    return _told(row, desk.gateway.settings.currency)


@router.delete("/{model:path}", status_code=204, responses={404: {}})
async def remove_price(principal: HouseAdminDep, desk: DeskDep, model: ModelPath) -> Response:
    """Forget the price that was given for a model."""
    async with desk.configuring(principal, "price.remove") as act:
        await service.remove_price(act.session, model)
        act.to(f"model_price:{model}")
    return Response(status_code=204)


def _told(row: ModelPrice, currency: str) -> PriceRead:
    return PriceRead(
        model=row.model,
        input_per_million=row.input_per_million,
        output_per_million=row.output_per_million,
        watts=row.watts,
        currency=currency,
        updated_at=row.updated_at,
    )
