"""Reading tenants, users and keys."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, or_, select

from ementa.db.database import ReadSession
from ementa.identity.models import ApiKey, Tenant, User


@dataclass(frozen=True, slots=True)
class KeyOwner:
    """A key with the user and tenant it speaks for."""

    key: ApiKey
    user: User
    tenant: Tenant


_OWNERS = select(ApiKey, User, Tenant).join(User, User.id == ApiKey.user_id).join(Tenant, Tenant.id == User.tenant_id)


async def find_key(session: ReadSession, digest: str) -> KeyOwner | None:
    """The key of that hash, whatever its state."""
    row = (await session.execute(_OWNERS.where(ApiKey.hash == digest))).one_or_none()
    return KeyOwner(*row) if row else None


async def find_key_of_id(session: ReadSession, key_id: str) -> KeyOwner | None:
    """The key of that id, whatever its state."""
    row = (await session.execute(_OWNERS.where(ApiKey.id == key_id))).one_or_none()
    return KeyOwner(*row) if row else None


async def list_keys(session: ReadSession) -> list[KeyOwner]:
    """Every key, oldest first."""
    statement = _OWNERS.order_by(ApiKey.created_at, ApiKey.id)
    return [KeyOwner(*row) for row in await session.execute(statement)]


async def list_keys_of(session: ReadSession, tenant_id: str, *, before: str | None, limit: int) -> list[KeyOwner]:
    """Keys of a tenant, newest first, those made before the one of that id."""
    statement = _OWNERS.where(Tenant.id == tenant_id).order_by(ApiKey.id.desc()).limit(limit)
    if before is not None:
        statement = statement.where(ApiKey.id < before)
    return [KeyOwner(*row) for row in await session.execute(statement)]


async def list_keys_named(session: ReadSession, name: str, tenant_id: str | None = None) -> list[KeyOwner]:
    """Keys whose id, prefix or name is `name`, of that tenant or of any."""
    statement = _OWNERS.where(or_(ApiKey.id == name, ApiKey.prefix == name, ApiKey.name == name))
    if tenant_id is not None:
        statement = statement.where(Tenant.id == tenant_id)
    return [KeyOwner(*row) for row in await session.execute(statement)]


async def list_users(session: ReadSession, tenant_id: str, *, after: str, limit: int) -> list[User]:
    """Users of a tenant in the order of their creation, those after the one of that id."""
    statement = select(User).where(User.tenant_id == tenant_id, User.id > after).order_by(User.id).limit(limit)
    return list(await session.scalars(statement))


async def find_user_named(session: ReadSession, tenant_id: str, name: str) -> User | None:
    """The tenant's user whose id or e-mail is `name`."""
    same = or_(User.id == name, User.email == name)
    return await session.scalar(select(User).where(User.tenant_id == tenant_id, same))


async def find_tenant_named(session: ReadSession, name: str) -> Tenant | None:
    """The tenant whose id or name is `name`."""
    return await session.scalar(select(Tenant).where(or_(Tenant.id == name, Tenant.name == name)))


async def list_bootstrap_keys(session: ReadSession) -> list[ApiKey]:
    """The keys of the first administrator that configuration or the first start made, revoked ones too."""
    return list(await session.scalars(select(ApiKey).where(ApiKey.bootstrap)))


async def count_usable_keys(session: ReadSession, now: datetime) -> int:
    """Keys that would be accepted now."""
    statement = (
        select(func.count())
        .select_from(ApiKey)
        .join(User, User.id == ApiKey.user_id)
        .where(ApiKey.revoked_at.is_(None), User.disabled_at.is_(None))
        .where(ApiKey.expires_at.is_(None) | (ApiKey.expires_at > now))
    )
    return await session.scalar(statement) or 0


async def find_tenant(session: ReadSession, name: str) -> Tenant | None:
    """The tenant of that name."""
    return await session.scalar(select(Tenant).where(Tenant.name == name))


async def find_user(session: ReadSession, tenant_id: str, email: str) -> User | None:
    """The tenant's user of that e-mail."""
    return await session.scalar(select(User).where(User.tenant_id == tenant_id, User.email == email))


async def list_tenants(session: ReadSession, *, after: str, limit: int) -> list[Tenant]:
    """Tenants in the order of their creation, those after the one of that id."""
    return list(await session.scalars(select(Tenant).where(Tenant.id > after).order_by(Tenant.id).limit(limit)))
