"""`/admin/aliases`: other names for models, and what to try when one fails."""

from typing import Annotated

from fastapi import APIRouter, Response
from pydantic import BaseModel, Field

from ementa.db.deps import ReadSessionDep
from ementa.identity.deps import HouseAdminDep
from ementa.llm import service
from ementa.llm.models import ModelAlias
from ementa.serving.admin.deps import DeskDep
from ementa.serving.admin.forms import (
    PRINTABLE,
    Body,
    Cursor,
    Instant,
    Limit,
    ModelName,
    ModelPath,
    cut_page,
    next_cursor,
    read_cursor,
)

router = APIRouter(prefix="/admin/aliases", tags=["admin"])


class AliasBody(Body):
    """What a name stands for."""

    target: Annotated[ModelName, Field(description="A model, or another alias.")]
    fallbacks: list[ModelName] = Field(default=[], max_length=20, description="Tried in this order when it fails.")
    description: Annotated[str, Field(max_length=1000, pattern=PRINTABLE)] = ""


class AliasRead(BaseModel):
    """Another name for a model."""

    name: str
    target: str
    fallbacks: list[str]
    description: str
    updated_at: Instant


class AliasPage(BaseModel):
    """A page of aliases, by name."""

    aliases: list[AliasRead]
    next: Annotated[str | None, Field(description="Cursor of the next page; null on the last.")]


@router.get("")
async def list_aliases(
    _principal: HouseAdminDep, session: ReadSessionDep, cursor: Cursor = None, limit: Limit = 50
) -> AliasPage:
    """The aliases that were added; those of the settings are not among them."""
    after = read_cursor(cursor) or ""
    rows, last = cut_page(await service.list_aliases(session, after=after, limit=limit + 1), limit)
    return AliasPage(aliases=[_told(row) for row in rows], next=next_cursor(last.name if last else None))


@router.get("/{alias:path}", responses={404: {}})
async def get_alias(_principal: HouseAdminDep, session: ReadSessionDep, alias: ModelPath) -> AliasRead:
    """One alias."""
    return _told(await service.get_alias(session, alias))


@router.put("/{alias:path}", responses={409: {}})
async def put_alias(principal: HouseAdminDep, desk: DeskDep, alias: ModelPath, body: AliasBody) -> AliasRead:
    """Let a name stand for a model, whatever it stood for before."""
    async with desk.configuring(principal, "alias.put") as act:
        row = await service.put_alias(act.session, alias, body.target, body.fallbacks, body.description)
        act.to(f"model_alias:{alias}", target=row.target, fallbacks=row.fallbacks)
    return _told(row)


@router.delete("/{alias:path}", status_code=204, responses={404: {}})
async def remove_alias(principal: HouseAdminDep, desk: DeskDep, alias: ModelPath) -> Response:
    """Remove an alias."""
    async with desk.configuring(principal, "alias.remove") as act:
        await service.remove_alias(act.session, alias)
        act.to(f"model_alias:{alias}")
    return Response(status_code=204)


def _told(row: ModelAlias) -> AliasRead:
    return AliasRead(
        name=row.name,
        target=row.target,
        fallbacks=row.fallbacks,
        description=row.description,
        updated_at=row.updated_at,
    )
