"""A house with an administrator."""

from pathlib import Path

import pytest
from pydantic import SecretStr

from ementa.db.database import Database
from ementa.identity.first import ensure_first_key
from ementa.identity.settings import IdentitySettings


@pytest.fixture
def admin_key() -> str:
    return "k9-first-one-7f3a9c51e2b84d06"


@pytest.fixture
async def house(database: Database, admin_key: str, tmp_path: Path) -> Database:
    """A database whose first administrator holds `admin_key`."""
    await ensure_first_key(database, IdentitySettings(key=SecretStr(admin_key)), tmp_path)
    return database
