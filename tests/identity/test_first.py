"""The first key: configured, made, changed, never a default."""

import asyncio
from pathlib import Path

import pytest
from pydantic import SecretStr

from ementa.db.database import Database
from ementa.identity.errors import KeyTooWeak
from ementa.identity.first import ensure_first_key
from ementa.identity.keyring import Keyring
from ementa.identity.settings import IdentitySettings
from ementa.kit.errors import Unauthenticated


def with_key(key: str) -> IdentitySettings:
    return IdentitySettings(key=SecretStr(key))


async def is_accepted(database: Database, key: str) -> bool:
    try:
        principal = await Keyring(database, IdentitySettings()).authenticate(key, "test")
    except Unauthenticated:
        return False
    assert principal.is_admin
    return True


async def test_with_nothing_configured_a_random_key_is_made_once(database: Database, tmp_path: Path) -> None:
    first = await ensure_first_key(database, IdentitySettings(), tmp_path)
    assert first.is_new
    assert first.path == tmp_path / "admin.key"
    assert first.path.stat().st_mode & 0o777 == 0o600
    key = first.path.read_text().strip()
    assert len(key) > 40
    assert await is_accepted(database, key)

    again = await ensure_first_key(database, IdentitySettings(), tmp_path)
    assert (again.path, again.is_new) == (first.path, False)
    assert first.path.read_text().strip() == key


async def test_a_lost_file_is_no_reason_to_lock_anybody_out(database: Database, tmp_path: Path) -> None:
    first = await ensure_first_key(database, IdentitySettings(), tmp_path)
    assert first.path is not None
    key = first.path.read_text().strip()
    first.path.unlink()
    again = await ensure_first_key(database, IdentitySettings(), tmp_path)
    assert (again.path, again.is_new) == (None, False)
    assert await is_accepted(database, key)


async def test_a_changed_key_replaces_the_one_before(database: Database, tmp_path: Path) -> None:
    old, new = "k1-7f3a9c51e2b84d06-old", "k2-7f3a9c51e2b84d06-new"
    await ensure_first_key(database, with_key(old), tmp_path)
    assert await is_accepted(database, old)
    await ensure_first_key(database, with_key(new), tmp_path)
    assert await is_accepted(database, new)
    assert not await is_accepted(database, old)
    await ensure_first_key(database, with_key(old), tmp_path)
    assert await is_accepted(database, old)
    assert not await is_accepted(database, new)


async def test_a_configured_key_replaces_the_random_one_and_its_file(database: Database, tmp_path: Path) -> None:
    made = await ensure_first_key(database, IdentitySettings(), tmp_path)
    assert made.path is not None
    random = made.path.read_text().strip()
    await ensure_first_key(database, with_key("k3-7f3a9c51e2b84d06-own"), tmp_path)
    assert not made.path.exists()
    assert not await is_accepted(database, random)


async def test_a_weak_key_keeps_the_server_from_starting(database: Database, tmp_path: Path) -> None:
    with pytest.raises(KeyTooWeak):
        await ensure_first_key(database, with_key("changeme"), tmp_path)
    assert not await is_accepted(database, "changeme")


async def test_two_servers_starting_at_once_agree(database: Database, tmp_path: Path) -> None:
    settings = with_key("k4-7f3a9c51e2b84d06-two")
    await asyncio.gather(*(ensure_first_key(database, settings, tmp_path) for _ in range(4)))
    assert await is_accepted(database, "k4-7f3a9c51e2b84d06-two")
