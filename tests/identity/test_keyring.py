"""Keys looked up, remembered for seconds, revoked for good, guessed in vain."""

from datetime import timedelta

import pytest

from ementa.db.database import Database
from ementa.identity import queries, service
from ementa.identity.errors import KeyNotFound, ScopeUnknown, TooManyFailures
from ementa.identity.keyring import CACHE_SECONDS, Keyring
from ementa.identity.models import User
from ementa.identity.settings import IdentitySettings
from ementa.identity.types import Role, Scope
from ementa.kit import clock
from ementa.kit.errors import Unauthenticated
from ementa.llm.types import Limits


class Clock:
    """Time that passes when told."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


async def add_key(database: Database, email: str = "ana@empresa.br", role: Role = Role.USER, **more: object) -> str:
    async with database.transaction() as session:
        tenant = await service.ensure_tenant(session, "default")
        user = await service.ensure_user(session, tenant, email, role)
        _, secret = await service.add_key(session, user, name=email, **more)  # type: ignore[arg-type]
    return secret


async def test_a_key_speaks_for_its_user(house: Database, admin_key: str) -> None:
    secret = await add_key(house, scopes=["read"])
    principal = await Keyring(house, IdentitySettings()).authenticate(secret, "10.0.0.1")
    assert principal.role is Role.USER
    assert principal.allows(Scope.READ)
    assert not principal.allows(Scope.WRITE)
    assert not principal.is_admin
    first = await Keyring(house, IdentitySettings()).authenticate(admin_key, "10.0.0.1")
    assert first.is_admin
    assert first.tenant_id == principal.tenant_id


async def test_a_revoked_key_is_refused_once_the_memory_is_stale(house: Database) -> None:
    secret, time = await add_key(house), Clock()
    keyring = Keyring(house, IdentitySettings(), time)
    await keyring.authenticate(secret, "a")
    async with house.transaction() as session:
        await service.revoke_key(session, "ana@empresa.br")
    time.now += CACHE_SECONDS + 0.01
    with pytest.raises(Unauthenticated):
        await keyring.authenticate(secret, "a")


async def test_an_expired_key_and_a_disabled_user_are_refused(house: Database) -> None:
    expired = await add_key(house, expires_at=clock.now() - timedelta(seconds=1))
    with pytest.raises(Unauthenticated):
        await Keyring(house, IdentitySettings()).authenticate(expired, "a")
    secret = await add_key(house, email="joao@empresa.br")
    async with house.transaction() as session:
        tenant = await service.ensure_tenant(session, "default")
        user = await queries.find_user(session, tenant.id, "joao@empresa.br")
        assert user is not None
        user.disabled_at = clock.now()
    with pytest.raises(Unauthenticated):
        await Keyring(house, IdentitySettings()).authenticate(secret, "a")


async def test_guessing_is_slowed_down_but_neighbours_keep_working(house: Database, admin_key: str) -> None:
    time = Clock()
    keyring = Keyring(house, IdentitySettings(failed_keys_per_minute=5), time)
    await keyring.authenticate(admin_key, "10.0.0.1")
    for number in range(5):
        with pytest.raises(Unauthenticated):
            await keyring.authenticate(f"guess-{number}", "10.0.0.1")
    with pytest.raises(TooManyFailures) as caught:
        await keyring.authenticate("guess-6", "10.0.0.1")
    assert 0 < caught.value.params["retry_after"] <= 60
    # Another address guesses for itself; whoever was known here goes on, also when looked up again.
    with pytest.raises(Unauthenticated):
        await keyring.authenticate("guess-6", "10.0.0.2")
    time.now += CACHE_SECONDS + 1
    assert (await keyring.authenticate(admin_key, "10.0.0.1")).is_admin
    time.now += 61
    with pytest.raises(Unauthenticated):
        await keyring.authenticate("guess-7", "10.0.0.1")


async def test_memory_stays_bounded_under_a_flood_of_guesses(house: Database) -> None:
    keyring = Keyring(house, IdentitySettings(), most=20)
    for number in range(60):
        with pytest.raises(Unauthenticated):
            await keyring.authenticate(f"guess-{number}", f"10.0.0.{number}")
    assert len(keyring._remembered) == 20
    assert len(keyring._failures) == 20


async def test_a_principal_brings_its_models_and_everybodys_limits(house: Database) -> None:
    secret = await add_key(house, models=["gemma3:*", "ementa-reader"], limits=Limits(requests_per_minute=3))
    async with house.transaction() as session:
        owner = next(one for one in await service.list_keys(session) if one.key.name == "ana@empresa.br")
        owner.tenant.limits = service.store_limits(Limits(monthly_cost=12.5))
        key, user, tenant = owner.key.id, owner.user, owner.tenant.id
    keyring = Keyring(house, IdentitySettings())
    principal = await keyring.authenticate(secret, "a")
    assert principal.models == ("gemma3:*", "ementa-reader")
    assert principal.limits == (
        (f"key:{key}", Limits(requests_per_minute=3)),
        (f"tenant:{tenant}", Limits(monthly_cost=12.5)),
    )
    async with house.transaction() as session:
        changed = await session.get(User, user.id)
        assert changed is not None
        changed.limits = service.store_limits(Limits(tokens_per_minute=0, monthly_tokens=9))
    assert (await keyring.authenticate(secret, "a")).limits == principal.limits  # remembered
    keyring.forget()
    again = await keyring.authenticate(secret, "a")
    assert dict(again.limits)[f"user:{user.id}"] == Limits(tokens_per_minute=0, monthly_tokens=9)


async def test_a_key_of_which_nothing_is_said_may_call_all_models_within_the_limits_of_the_settings(
    house: Database,
) -> None:
    principal = await Keyring(house, IdentitySettings()).authenticate(await add_key(house), "a")
    assert principal.models == ()
    assert principal.limits == ((f"key:{principal.key_id}", Limits()),)


async def test_revoking_needs_exactly_one_living_key(house: Database) -> None:
    await add_key(house)
    await add_key(house)
    async with house.transaction() as session:
        with pytest.raises(KeyNotFound):
            await service.revoke_key(session, "ana@empresa.br")
        with pytest.raises(KeyNotFound):
            await service.revoke_key(session, "nobody")
        owner = next(one for one in await service.list_keys(session) if one.key.name == "ana@empresa.br")
        assert (await service.revoke_key(session, owner.key.prefix)).key.id == owner.key.id


async def test_an_unknown_scope_is_named(house: Database) -> None:
    with pytest.raises(ScopeUnknown):
        await add_key(house, scopes=["everything"])
