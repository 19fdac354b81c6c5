"""The first key: from `EMENTA_KEY`, or random and kept in `admin.key` of the data directory. Never a default."""

import asyncio
import logging
import os
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy.exc import IntegrityError

from ementa.db.database import Database, Session
from ementa.identity import queries, service
from ementa.identity.keys import hash_key, new_key, require_strong
from ementa.identity.settings import IdentitySettings
from ementa.identity.types import Role
from ementa.kit import clock

log = logging.getLogger(__name__)

KEY_FILE = "admin.key"


@dataclass(frozen=True, slots=True)
class FirstKey:
    """Where the first administrator's key is: in a file that only its owner reads, or elsewhere (`path` None)."""

    path: Path | None
    is_new: bool


async def ensure_first_key(database: Database, settings: IdentitySettings, data: Path) -> FirstKey:
    """Make sure that somebody can use this Ementa; run at every start of the server.

    A changed `EMENTA_KEY` becomes valid and the one before is revoked. Raises `KeyTooWeak`.
    """
    configured = settings.key.get_secret_value().strip() if settings.key else ""
    if configured:
        require_strong(configured)
    try:
        return await _ensure_once(database, settings, configured, data)
    except IntegrityError:
        # Two servers of one database started at once; the second finds what the first made.
        return await _ensure_once(database, settings, configured, data)


async def _ensure_once(database: Database, settings: IdentitySettings, configured: str, data: Path) -> FirstKey:
    async with database.transaction() as session:
        if configured:
            return await _use_configured(session, settings, configured, data / KEY_FILE)
        return await _use_made(session, settings, data / KEY_FILE)


async def _use_configured(session: Session, settings: IdentitySettings, key: str, file: Path) -> FirstKey:
    digest, known = hash_key(key), False
    for record in await queries.list_bootstrap_keys(session):
        if record.hash == digest:
            known = True
            record.revoked_at = None
        elif record.revoked_at is None:
            record.revoked_at = clock.now()
            log.warning("the key of the first administrator was replaced by EMENTA_KEY", extra={"key_id": record.id})
    if not known:
        await _add(session, settings, key, "EMENTA_KEY")
    await asyncio.to_thread(file.unlink, missing_ok=True)  # what it holds is not accepted any more
    return FirstKey(None, not known)


async def _use_made(session: Session, settings: IdentitySettings, file: Path) -> FirstKey:
    stored = await asyncio.to_thread(_read, file)
    living = {record.hash for record in await queries.list_bootstrap_keys(session) if record.revoked_at is None}
    if stored and hash_key(stored) in living:
        return FirstKey(file, is_new=False)
    if await queries.count_usable_keys(session, clock.now()):
        return FirstKey(None, is_new=False)  # made elsewhere, or the file was put away: those keys go on working
    key = new_key()
    await asyncio.to_thread(
        _write, file, key
    )  # before the commit: a key that nobody can read would be worse than a file with no key
    await _add(session, settings, key, KEY_FILE)
    return FirstKey(file, is_new=True)


async def _add(session: Session, settings: IdentitySettings, key: str, name: str) -> None:
    tenant = await service.ensure_tenant(session, settings.tenant)
    user = await service.ensure_user(session, tenant, settings.admin_email, Role.ADMIN)
    await service.add_key(session, user, name=name, key=key, bootstrap=True)


def _read(file: Path) -> str:
    return file.read_text(encoding="ascii", errors="replace").strip() if file.exists() else ""


def _write(file: Path, key: str) -> None:
    temporary = file.with_suffix(".new")
    temporary.unlink(missing_ok=True)
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="ascii") as stream:
        stream.write(f"{key}\n")
        stream.flush()
        os.fsync(stream.fileno())
    temporary.replace(file)
