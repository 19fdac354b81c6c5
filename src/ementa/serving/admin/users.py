"""`/admin/users` and `/admin/tenants`: who there is, and how much they may ask of models."""

from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from ementa.db.deps import ReadSessionDep
from ementa.identity import service
from ementa.identity.deps import AdminDep, HouseAdminDep
from ementa.identity.models import Tenant, User
from ementa.serving.admin.deps import DeskDep
from ementa.serving.admin.forms import (
    PRINTABLE,
    Cursor,
    Instant,
    Limit,
    LimitsBody,
    NamePath,
    cut_page,
    next_cursor,
    read_cursor,
    told_limits,
)

router = APIRouter(prefix="/admin", tags=["admin"])

TenantQuery = Annotated[
    str | None,
    Query(min_length=1, max_length=100, pattern=PRINTABLE, description="Id or name; yours when absent."),
]


class UserRead(BaseModel):
    """A user of your tenant."""

    id: str
    email: str
    role: str
    limits: Annotated[LimitsBody, Field(description="Of all the user's keys together.")]
    created_at: Instant
    disabled_at: Instant | None


class UserPage(BaseModel):
    """A page of users, oldest first."""

    users: list[UserRead]
    next: Annotated[str | None, Field(description="Cursor of the next page; null on the last.")]


class TenantRead(BaseModel):
    """A tenant."""

    id: str
    name: str
    limits: Annotated[LimitsBody, Field(description="Of all its users together.")]
    created_at: Instant


class TenantPage(BaseModel):
    """A page of tenants, oldest first."""

    tenants: list[TenantRead]
    next: Annotated[str | None, Field(description="Cursor of the next page; null on the last.")]


@router.get("/users")
async def list_users(
    principal: AdminDep, session: ReadSessionDep, cursor: Cursor = None, limit: Limit = 50
) -> UserPage:
    """The users of your tenant, oldest first."""
    after = read_cursor(cursor) or ""
    found = await service.list_users(session, principal.tenant_id, after=after, limit=limit + 1)
    rows, last = cut_page(found, limit)
    return UserPage(users=[_user(row) for row in rows], next=next_cursor(last.id if last else None))


@router.put("/users/{user}/limits", responses={404: {}})
async def limit_user(principal: AdminDep, desk: DeskDep, user: NamePath, body: LimitsBody) -> UserRead:
    """Say how much a user, by id or e-mail, may ask of models, by all their keys together."""
    async with desk.permitting(principal, "user.limits") as act:
        row = await service.get_user(act.session, principal.tenant_id, user)
        row.limits = service.store_limits(body.to_limits())
        act.to(f"user:{row.id}", email=row.email, limits=row.limits or {})
    return _user(row)


@router.get("/tenants")
async def list_tenants(
    _principal: HouseAdminDep, session: ReadSessionDep, cursor: Cursor = None, limit: Limit = 50
) -> TenantPage:
    """The tenants, oldest first. Only for administrators of the first one."""
    after = read_cursor(cursor) or ""
    rows, last = cut_page(await service.list_tenants(session, after=after, limit=limit + 1), limit)
    return TenantPage(tenants=[_tenant(row) for row in rows], next=next_cursor(last.id if last else None))


@router.put("/tenant/limits", responses={404: {}})
async def limit_tenant(
    principal: HouseAdminDep, desk: DeskDep, body: LimitsBody, tenant: TenantQuery = None
) -> TenantRead:
    """Say how much a tenant may ask of models, by all its users together. Only for administrators of the first one: a
    tenant does not set its own bounds."""
    async with desk.permitting(principal, "tenant.limits") as act:
        row = await service.get_tenant(act.session, tenant or principal.tenant_id)
        row.limits = service.store_limits(body.to_limits())
        act.to(f"tenant:{row.id}", name=row.name, limits=row.limits or {})
    return _tenant(row)


def _user(row: User) -> UserRead:
    return UserRead(
        id=row.id,
        email=row.email,
        role=row.role,
        limits=told_limits(row.limits),
        created_at=row.created_at,
        disabled_at=row.disabled_at,
    )


def _tenant(row: Tenant) -> TenantRead:
    return TenantRead(id=row.id, name=row.name, limits=told_limits(row.limits), created_at=row.created_at)
