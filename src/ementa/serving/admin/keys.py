"""`/admin/keys`: the API keys of one's own tenant. A key is shown once, when it is made; later only how it begins."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Annotated, Literal

from fastapi import APIRouter
from pydantic import BaseModel, Field

from ementa.db.database import Session
from ementa.db.deps import ReadSessionDep
from ementa.identity import service
from ementa.identity.deps import AdminDep
from ementa.identity.errors import KeyExpiryPast, KeyIsConfigured, KeyNotFound, RoleDiffers, ScopeMissing, UserDisabled
from ementa.identity.keys import hash_key
from ementa.identity.models import User
from ementa.identity.service import KeyOwner
from ementa.identity.types import Principal, Role, Scope
from ementa.kit import clock
from ementa.llm.errors import ModelNotPermitted
from ementa.llm.routing.permits import is_within
from ementa.serving.admin.deps import Act, Desk, DeskDep
from ementa.serving.admin.forms import (
    Body,
    Cursor,
    GivenInstant,
    Instant,
    Limit,
    LimitsBody,
    ModelNames,
    Name,
    NamePath,
    cut_page,
    next_cursor,
    read_cursor,
    told_limits,
)

router = APIRouter(prefix="/admin/keys", tags=["admin"])

Email = Annotated[str, Field(max_length=254, pattern=r"^[^\s@\x00-\x1f\x7f]+@[^\s@\x00-\x1f\x7f]+$")]
Scopes = Annotated[list[Literal["read", "write", "admin"]], Field(max_length=3)]
KeyState = Literal["active", "expired", "revoked", "disabled"]


class KeyCreate(Body):
    """A key to be made."""

    name: Annotated[Name, Field(description="To recognise it by.")]
    user: Annotated[Email | None, Field(description="E-mail of its owner, made when new. Null: yourself.")] = None
    role: Annotated[Literal["admin", "analyst", "user"] | None, Field(description="Of a new owner; null: user.")] = None
    scopes: Scopes = Field(default=[], description="What it is limited to; empty: all that its owner's role allows.")
    models: ModelNames = Field(default=[], description="Patterns of the models it may call; empty: all.")
    limits: LimitsBody = Field(default_factory=LimitsBody)
    expires_at: Annotated[GivenInstant | None, Field(description="Null: never.")] = None


class KeyChange(Body):
    """What shall be different. What is absent stays as it is; so does a null `name`, `scopes` or `models`."""

    name: Name | None = None
    scopes: Scopes | None = None
    models: ModelNames | None = None
    limits: Annotated[LimitsBody | None, Field(description="Null: those of the settings again.")] = None
    expires_at: Annotated[GivenInstant | None, Field(description="Null: never.")] = None


class KeyRotate(Body):
    """How the old key goes."""

    grace_seconds: Annotated[int, Field(ge=0, le=30 * 86_400, description="How long it is accepted yet.")] = 0


class KeyUser(BaseModel):
    """The owner of a key."""

    id: str
    email: str
    role: str


class KeyRead(BaseModel):
    """A key, never its value."""

    id: str
    name: str
    prefix: Annotated[str, Field(description="How it begins; empty for one that was given by the configuration.")]
    user: KeyUser
    scopes: list[str]
    models: list[str]
    limits: LimitsBody
    state: KeyState
    created_at: Instant
    expires_at: Instant | None
    revoked_at: Instant | None


class KeyMade(KeyRead):
    """A key that was just made, with its value."""

    key: Annotated[str, Field(description="Shown this once: keep it safe.")]


class KeyPage(BaseModel):
    """A page of keys, newest first."""

    keys: list[KeyRead]
    next: Annotated[str | None, Field(description="Cursor of the next page; null on the last.")]


@router.get("")
async def list_keys(principal: AdminDep, session: ReadSessionDep, cursor: Cursor = None, limit: Limit = 50) -> KeyPage:
    """The keys of your tenant, newest first, revoked and expired ones too."""
    before = read_cursor(cursor)
    owners = await service.list_keys_of(session, principal.tenant_id, before=before, limit=limit + 1)
    rows, last = cut_page(owners, limit)
    return KeyPage(keys=[_told(row) for row in rows], next=next_cursor(last.key.id if last else None))


@router.post("", status_code=201, responses={409: {}})
async def add_key(principal: AdminDep, desk: DeskDep, body: KeyCreate) -> KeyMade:
    """Make a key, and show it this once."""
    _require_reach(principal, body.scopes)
    _require_models(principal, body.models)
    _require_future(body.expires_at)
    async with desk.permitting(principal, "key.create") as act:
        user = await _owner(act.session, principal, body)
        record, secret = await service.add_key(
            act.session,
            user,
            name=body.name,
            scopes=body.scopes,
            models=body.models,
            limits=body.limits.to_limits(),
            expires_at=body.expires_at,
        )
        owner = await service.get_key(act.session, record.id)
        _audit(act, owner)
    return KeyMade(**_told(owner).model_dump(), key=secret)


@router.get("/{key}", responses={404: {}})
async def get_key(principal: AdminDep, session: ReadSessionDep, key: NamePath) -> KeyRead:
    """One key, by its id, by how it begins or by its name when only one has it."""
    return _told(await service.get_key(session, key, principal.tenant_id))


@router.patch("/{key}", responses={404: {}, 409: {}})
async def change_key(principal: AdminDep, desk: DeskDep, key: NamePath, body: KeyChange) -> KeyRead:
    """Change what a key may. Every process knows within seconds."""
    if body.scopes is not None:
        _require_reach(principal, body.scopes)
    if body.models is not None:
        _require_models(principal, body.models)
    _require_future(body.expires_at)
    async with desk.permitting(principal, "key.change") as act:
        owner = await _living(act.session, principal, desk, key)
        _change(owner, body)
        _audit(act, owner, changed=sorted(body.model_fields_set))
    return _told(owner)


@router.delete("/{key}", responses={404: {}, 409: {}})
async def revoke_key(principal: AdminDep, desk: DeskDep, key: NamePath) -> KeyRead:
    """Revoke a key. Every process refuses it within seconds."""
    async with desk.permitting(principal, "key.revoke") as act:
        owner = await _living(act.session, principal, desk, key)
        owner.key.revoked_at = clock.now()
        act.to(f"api_key:{owner.key.id}", name=owner.key.name)
    return _told(owner)


@router.post("/{key}/rotate", status_code=201, responses={404: {}, 409: {}})
async def rotate_key(principal: AdminDep, desk: DeskDep, key: NamePath, body: KeyRotate) -> KeyMade:
    """Make a new key that may what this one may, and let this one go, at once or after a while."""
    async with desk.permitting(principal, "key.rotate") as act:
        old = await _living(act.session, principal, desk, key)
        _require_reach(principal, old.key.scopes)
        _require_models(principal, old.key.models or ())
        record, secret = await service.rotate_key(act.session, old, timedelta(seconds=body.grace_seconds))
        owner = await service.get_key(act.session, record.id)
        _audit(act, owner, replaces=old.key.id, grace_seconds=body.grace_seconds)
    return KeyMade(**_told(owner).model_dump(), key=secret)


def _require_reach(principal: Principal, scopes: Sequence[str]) -> None:
    """Nobody makes a key that reaches further than the one they hold."""
    every = {scope.value for scope in Scope}
    for scope in sorted(set(scopes or every) - (principal.scopes or every)):
        raise ScopeMissing(scope=scope)


def _require_models(principal: Principal, models: Sequence[str]) -> None:
    """The same of models: none means all."""
    if principal.models:
        for pattern in models or ("*",):
            if not is_within(pattern, principal.models):
                raise ModelNotPermitted(model=pattern)


def _require_future(expires_at: datetime | None) -> None:
    if expires_at is not None and expires_at <= clock.now():
        raise KeyExpiryPast


async def _owner(session: Session, principal: Principal, body: KeyCreate) -> User:
    if body.user is None:
        return await service.get_user(session, principal.tenant_id, principal.user_id)
    tenant = await service.get_tenant(session, principal.tenant_id)
    user = await service.ensure_user(session, tenant, body.user, Role(body.role or Role.USER))
    if body.role is not None and user.role != body.role:
        raise RoleDiffers(name=user.email, role=user.role)
    if user.disabled_at is not None:
        raise UserDisabled(name=user.email)
    return user


async def _living(session: Session, principal: Principal, desk: Desk, name: str) -> KeyOwner:
    """A key that may be changed or revoked here."""
    owner = await service.get_key(session, name, principal.tenant_id)
    if owner.key.revoked_at is not None:
        raise KeyNotFound(name=name)
    if desk.first_key and owner.key.hash == hash_key(desk.first_key):
        raise KeyIsConfigured
    return owner


def _change(owner: KeyOwner, body: KeyChange) -> None:
    key = owner.key
    if body.name is not None:
        key.name = body.name
    if body.scopes is not None:
        key.scopes = sorted(set(body.scopes))
    if body.models is not None:
        key.models = list(dict.fromkeys(body.models)) or None
    if "limits" in body.model_fields_set:
        key.limits = service.store_limits(body.limits.to_limits() if body.limits else None)
    if "expires_at" in body.model_fields_set:
        key.expires_at = body.expires_at


def _audit(act: Act, owner: KeyOwner, **more: object) -> None:
    key = owner.key
    act.to(
        f"api_key:{key.id}",
        name=key.name,
        user=owner.user.email,
        scopes=key.scopes,
        models=key.models or [],
        limits=key.limits or {},
        expires_at=clock.rfc3339(key.expires_at) if key.expires_at else None,
        **more,
    )


def _state(owner: KeyOwner) -> KeyState:
    if owner.key.revoked_at is not None:
        return "revoked"
    if owner.user.disabled_at is not None:
        return "disabled"
    return "expired" if owner.key.expires_at is not None and owner.key.expires_at <= clock.now() else "active"


def _told(owner: KeyOwner) -> KeyRead:
    key, user = owner.key, owner.user
    return KeyRead(
        id=key.id,
        name=key.name,
        prefix=key.prefix,
        user=KeyUser(id=user.id, email=user.email, role=user.role),
        scopes=key.scopes,
        models=key.models or [],
        limits=told_limits(key.limits),
        state=_state(owner),
        created_at=key.created_at,
        expires_at=key.expires_at,
        revoked_at=key.revoked_at,
    )
