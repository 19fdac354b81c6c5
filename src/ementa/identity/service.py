"""The verbs of identity: make and revoke keys, add users and tenants, tell the audit trail."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import msgspec

from ementa.db.database import ReadSession, Session
from ementa.identity import queries
from ementa.identity.audit import record_event as record_event
from ementa.identity.audit import verify_chain as verify_chain
from ementa.identity.errors import KeyNotFound, ScopeUnknown, TenantNotFound, UserNotFound
from ementa.identity.keys import PREFIX_CHARS, hash_key, new_key
from ementa.identity.models import ApiKey, Tenant, User
from ementa.identity.queries import KeyOwner
from ementa.identity.types import Principal, Role, Scope
from ementa.kit import clock
from ementa.kit.ids import new_id
from ementa.llm.types import Limits


async def ensure_tenant(session: Session, name: str) -> Tenant:
    """The tenant of that name, made when it does not exist."""
    tenant = await queries.find_tenant(session, name)
    if tenant is None:
        tenant = Tenant(id=new_id(), name=name, created_at=clock.now())
        session.add(tenant)
        await session.flush()
    return tenant


async def ensure_user(session: Session, tenant: Tenant, email: str, role: Role) -> User:
    """The tenant's user of that e-mail, made with `role` when there is none; an existing one keeps its role."""
    user = await queries.find_user(session, tenant.id, email)
    if user is None:
        user = User(id=new_id(), tenant_id=tenant.id, email=email, role=role, created_at=clock.now())
        session.add(user)
        await session.flush()
    return user


async def add_key(
    session: Session,
    user: User,
    *,
    name: str,
    scopes: Sequence[str] = (),
    models: Sequence[str] = (),
    limits: Limits | None = None,
    expires_at: datetime | None = None,
    key: str | None = None,
    bootstrap: bool = False,
) -> tuple[ApiKey, str]:
    """Give `user` a key: the record and the key itself, which is never seen again. Raises `ScopeUnknown`.

    `models` are patterns of the models it may call, none means all; `limits` None means those of the settings.
    """
    require_scopes(scopes)
    secret = key or new_key()
    record = ApiKey(
        id=new_id(),
        user_id=user.id,
        name=name[:100],
        prefix=secret[:PREFIX_CHARS] if key is None else "",  # a given key may be short: show nothing of it
        hash=hash_key(secret),
        scopes=sorted(set(scopes)),
        models=list(dict.fromkeys(models)) or None,
        limits=store_limits(limits),
        bootstrap=bootstrap,
        created_at=clock.now(),
        expires_at=expires_at,
    )
    session.add(record)
    await session.flush()
    return record, secret


def require_scopes(scopes: Sequence[str]) -> None:
    """Raise `ScopeUnknown` for a scope that there is not."""
    known = [scope.value for scope in Scope]
    for scope in scopes:
        if scope not in known:
            raise ScopeUnknown(scope=scope, known=", ".join(known))


async def list_keys(session: ReadSession) -> list[KeyOwner]:
    """Every key with its user, oldest first."""
    return await queries.list_keys(session)


async def list_keys_of(
    session: ReadSession, tenant_id: str, *, before: str | None = None, limit: int = 50
) -> list[KeyOwner]:
    """Keys of a tenant with their users, newest first, those made before the one of that id."""
    return await queries.list_keys_of(session, tenant_id, before=before, limit=limit)


async def get_key(session: ReadSession, name: str, tenant_id: str | None = None) -> KeyOwner:
    """The one key whose id, prefix or name is `name`, of that tenant or of any; raises `KeyNotFound`.

    A living key comes before revoked ones of the same name.
    """
    matching = await queries.list_keys_named(session, name, tenant_id)
    living = [owner for owner in matching if owner.key.revoked_at is None]
    if len(living or matching) != 1:
        raise KeyNotFound(name=name)
    return (living or matching)[0]


async def revoke_key(session: Session, name: str, tenant_id: str | None = None) -> KeyOwner:
    """Revoke the one living key whose id, prefix or name is `name`; raises `KeyNotFound`.

    Every process refuses it within a few seconds (`keyring.CACHE_SECONDS`).
    """
    owner = await get_key(session, name, tenant_id)
    if owner.key.revoked_at is not None:
        raise KeyNotFound(name=name)
    owner.key.revoked_at = clock.now()
    return owner


async def rotate_key(session: Session, owner: KeyOwner, grace: timedelta) -> tuple[ApiKey, str]:
    """A new key in the place of a living one, with all that it may; the old one is accepted for `grace` yet."""
    old = owner.key
    new, secret = await add_key(
        session,
        owner.user,
        name=old.name,
        scopes=old.scopes,
        models=old.models or (),
        limits=read_limits(old.limits),
        expires_at=old.expires_at,
    )
    now = clock.now()
    if grace:
        old.expires_at = min(now + grace, old.expires_at or now + grace)
        old.name = f"{old.name[:80]} (…{new.id[-12:]})"  # so that the name means the new one
    else:
        old.revoked_at = now
    await session.flush()
    return new, secret


async def list_users(session: ReadSession, tenant_id: str, *, after: str = "", limit: int = 50) -> list[User]:
    """Users of a tenant in the order of their creation, those after the one of that id."""
    return await queries.list_users(session, tenant_id, after=after, limit=limit)


async def get_user(session: ReadSession, tenant_id: str, name: str) -> User:
    """The tenant's user whose id or e-mail is `name`; raises `UserNotFound`."""
    user = await queries.find_user_named(session, tenant_id, name)
    if user is None:
        raise UserNotFound(name=name)
    return user


async def list_tenants(session: ReadSession, *, after: str = "", limit: int = 50) -> list[Tenant]:
    """Tenants in the order of their creation, those after the one of that id."""
    return await queries.list_tenants(session, after=after, limit=limit)


async def get_tenant(session: ReadSession, name: str) -> Tenant:
    """The tenant whose id or name is `name`; raises `TenantNotFound`."""
    tenant = await queries.find_tenant_named(session, name)
    if tenant is None:
        raise TenantNotFound(name=name)
    return tenant


async def find_holder(session: ReadSession, key_id: str) -> Principal | None:
    """Who spoke through a key, for work that was accepted from them: the key may have ended since."""
    owner = await queries.find_key_of_id(session, key_id)
    return to_principal(owner) if owner else None


def to_principal(owner: KeyOwner) -> Principal:
    """Who speaks through a key, with everybody's limits that count for its calls."""
    key, user, tenant = owner.key, owner.user, owner.tenant
    limits = [(f"key:{key.id}", read_limits(key.limits))]
    limits += [
        (f"{kind}:{holder.id}", read_limits(holder.limits))
        for kind, holder in (("user", user), ("tenant", tenant))
        if holder.limits
    ]
    return Principal(
        tenant_id=user.tenant_id,
        user_id=user.id,
        role=Role(user.role),
        key_id=key.id,
        scopes=frozenset(key.scopes),
        models=tuple(key.models or ()),
        limits=tuple(limits),
    )


def read_limits(stored: dict[str, Any] | None) -> Limits:
    """Limits as they were stored."""
    return msgspec.convert(stored or {}, Limits)


def store_limits(limits: Limits | None) -> dict[str, Any] | None:
    """Limits as they are stored; None when nothing is said."""
    return (msgspec.to_builtins(limits) or None) if limits else None
