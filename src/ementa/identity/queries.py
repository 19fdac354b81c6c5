"""Reading tenants, users and keys."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select

from ementa.db.database import ReadSession
from ementa.identity.models import ApiKey, Tenant, User


@dataclass(frozen=True, slots=True)
class KeyOwner:
    """A key with the user and tenant it speaks for."""

    key: ApiKey
    user: User


async def find_key(session: ReadSession, digest: str) -> KeyOwner | None:
    """The key of that hash, whatever its state."""
    statement = select(ApiKey, User).join(User, User.id == ApiKey.user_id).where(ApiKey.hash == digest)
    row = (await session.execute(statement)).one_or_none()
    return KeyOwner(row[0], row[1]) if row else None


async def list_keys(session: ReadSession) -> list[KeyOwner]:
    """Every key, oldest first."""
    statement = select(ApiKey, User).join(User, User.id == ApiKey.user_id).order_by(ApiKey.created_at, ApiKey.id)
    return [KeyOwner(key, user) for key, user in await session.execute(statement)]


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
