"""The principal: who is asking, for every request and every job."""

from dataclasses import dataclass
from enum import StrEnum

from ementa.llm.types import Caller, Limits


class Role(StrEnum):
    """What a user may do in their tenant."""

    ADMIN = "admin"
    ANALYST = "analyst"
    USER = "user"


class Scope(StrEnum):
    """What a key may be limited to. A key without scopes may do everything its user's role allows."""

    READ = "read"
    """Requests that change nothing (GET, HEAD, OPTIONS)."""
    WRITE = "write"
    """Every other request."""
    ADMIN = "admin"
    """What needs the role of administrator."""


@dataclass(frozen=True, slots=True)
class Principal:
    """Who is asking. Passed to every service that reads or writes someone's rows."""

    tenant_id: str
    user_id: str
    role: Role
    key_id: str | None = None
    scopes: frozenset[str] = frozenset()
    """Empty means everything the role allows."""
    models: tuple[str, ...] = ()
    """Patterns of the models the key may call; empty means all."""
    limits: tuple[tuple[str, Limits], ...] = ()
    """Whose limits count for the calls to models: the key's, the user's and the tenant's, as `("key:<id>", …)`."""

    @property
    def is_admin(self) -> bool:
        """Whether they administer their tenant."""
        return self.role is Role.ADMIN and self.allows(Scope.ADMIN)

    def allows(self, scope: Scope) -> bool:
        """Whether the key reaches this far."""
        return not self.scopes or scope in self.scopes


def caller_of(principal: Principal, api: str) -> Caller:
    """For whom the gateway makes the calls of a principal; `api` names the door they came by."""
    return Caller(
        tenant=principal.tenant_id,
        user=principal.user_id,
        key=principal.key_id or "",
        api=api,
        models=principal.models,
        limits=principal.limits,
    )
