"""Who is asking, for routes: `PrincipalDep` for anybody with a key, `AdminDep` for administrators of their tenant,
`HouseAdminDep` for those of the first tenant."""

from collections.abc import Iterable
from typing import Annotated

from fastapi import Depends, Request, Security
from fastapi.security import APIKeyHeader, HTTPAuthorizationCredentials, HTTPBearer
from starlette.types import Scope as HttpScope

from ementa.identity import queries
from ementa.identity.errors import AdminRequired, CredentialRepeated, HouseAdminRequired, ScopeMissing
from ementa.identity.keyring import Keyring
from ementa.identity.types import Principal, Role, Scope
from ementa.kit.errors import Unauthenticated

# Both only say in the OpenAPI document how to send a key; `get_principal` reads the headers itself, repeated ones too.
_key_header = APIKeyHeader(name="Key", auto_error=False, description="Chave de API / API key")
_bearer = HTTPBearer(auto_error=False, description="Chave de API / API key")

_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
_MAX_CHARS = 512


async def get_principal(
    request: Request,
    _key: Annotated[str | None, Security(_key_header)],
    _token: Annotated[HTTPAuthorizationCredentials | None, Security(_bearer)],
) -> Principal:
    """Who is asking, by the header `Key` or by `Authorization: Bearer`; raises `Unauthenticated`, `ScopeMissing`."""
    return await identify(request.scope)


async def identify(scope: HttpScope) -> Principal:
    """The same for a bare request of ASGI, which costs a fraction of a route with dependencies."""
    keyring: Keyring = scope["app"].state.keyring
    client = scope["client"][0] if scope.get("client") else ""
    principal = await keyring.authenticate(_read_key(scope["headers"]), client)
    scope.setdefault("state", {})["user_id"] = principal.user_id  # the access log names it
    needed = Scope.READ if scope["method"] in _SAFE else Scope.WRITE
    if not principal.allows(needed):
        raise ScopeMissing(scope=needed.value)
    return principal


PrincipalDep = Annotated[Principal, Depends(get_principal)]


async def get_admin(principal: PrincipalDep) -> Principal:
    """Who is asking, if they administer their tenant; raises `AdminRequired`, `ScopeMissing`."""
    if principal.role is not Role.ADMIN:
        raise AdminRequired
    if not principal.is_admin:
        raise ScopeMissing(scope=Scope.ADMIN.value)
    return principal


def _read_key(headers: Iterable[tuple[bytes, bytes]]) -> str:
    keys: list[bytes] = []
    tokens: list[bytes] = []
    for name, value in headers:
        if name == b"key":
            keys.append(value)
        elif name == b"authorization":
            tokens.append(value)
    if len(keys) > 1:
        raise CredentialRepeated(name="Key")
    if not keys:
        if len(tokens) > 1:
            raise CredentialRepeated(name="Authorization")
        kind, _, value = (tokens[0] if tokens else b"").partition(b" ")
        keys = [value] if kind.lower() == b"bearer" else []
    key = keys[0].decode("latin-1").strip() if keys else ""
    if not 0 < len(key) <= _MAX_CHARS:
        raise Unauthenticated
    return key


AdminDep = Annotated[Principal, Depends(get_admin)]


async def get_house_admin(request: Request, principal: AdminDep) -> Principal:
    """Who is asking, if they administer the first tenant, whose administrators manage what all tenants share: model
    servers, names, rules, prices. Raises `HouseAdminRequired`, `AdminRequired`, `ScopeMissing`."""
    name: str = request.app.state.keyring.settings.tenant
    async with request.app.state.database.read() as session:
        tenant = await queries.find_tenant(session, name)
    if tenant is None or tenant.id != principal.tenant_id:
        raise HouseAdminRequired(tenant=name)
    return principal


HouseAdminDep = Annotated[Principal, Depends(get_house_admin)]
