"""What keys, users and tenants are called, for reports that hold their ids."""

from collections.abc import Collection
from typing import Any, Literal

from sqlalchemy import Select, select

from ementa.db.database import ReadSession
from ementa.identity.models import ApiKey, Tenant, User

_SELECTS: dict[str, Select[str, str]] = {
    "key": select(ApiKey.id, ApiKey.name),
    "user": select(User.id, User.email),
    "tenant": select(Tenant.id, Tenant.name),
}
_IDS: dict[str, Any] = {"key": ApiKey.id, "user": User.id, "tenant": Tenant.id}
_AT_ONCE = 500


async def list_names(
    session: ReadSession, kind: Literal["key", "user", "tenant"], ids: Collection[str]
) -> dict[str, str]:
    """Names of keys, e-mails of users or names of tenants, by id; those that are gone are left out."""
    wanted = sorted(set(ids) - {""})
    found: dict[str, str] = {}
    for start in range(0, len(wanted), _AT_ONCE):
        statement = _SELECTS[kind].where(_IDS[kind].in_(wanted[start : start + _AT_ONCE]))
        found.update((row[0], row[1]) for row in await session.execute(statement))
    return found
