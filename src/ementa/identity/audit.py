"""The audit trail: one row an event, each carrying the hash of the one before.

Whoever changes or removes a row breaks the chain from there on, which `verify_chain` finds. Events are written in the
transaction of what they tell, one writer at a time: SQLite has one writer anyway; on PostgreSQL an advisory lock held
to the commit orders them, so record the event as the last thing in the transaction.
"""

import hashlib
import json
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import select, text

from ementa.db.database import ReadSession, Session
from ementa.identity.models import AuditEvent
from ementa.identity.types import Principal
from ementa.kit import clock
from ementa.observability import context

_LOCK = 0x656D656E7461_01
_GENESIS = "0" * 64


async def record_event(
    session: Session, principal: Principal | None, action: str, resource: str, details: Any = None
) -> None:
    """Add an event to the trail, inside the caller's transaction and as its last statement.

    `principal` is None for what the system does by itself. `details` is any JSON value; never put secrets, prompts or
    document text in it. Address and request id come from the request being served.
    """
    await session.flush()
    if session.get_bind().dialect.name == "postgresql":
        await session.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
    last = (
        await session.execute(select(AuditEvent.seq, AuditEvent.hash).order_by(AuditEvent.seq.desc()).limit(1))
    ).one_or_none()
    event = AuditEvent(
        seq=last.seq + 1 if last else 1,
        tenant_id=principal.tenant_id if principal else None,
        user_id=principal.user_id if principal else None,
        key_id=principal.key_id if principal else None,
        action=action[:50],
        resource=resource[:200],
        details=json.dumps(details, ensure_ascii=True, sort_keys=True, separators=(",", ":")),
        ip=context.client_address.get()[:64],
        request_id=context.request_id.get()[:64],
        at=clock.now(),
        prev_hash=last.hash if last else _GENESIS,
    )
    event.hash = _hash(event)
    session.add(event)
    await session.flush()


async def verify_chain(session: ReadSession) -> int | None:
    """The number of the first event that was changed, or follows a removed one; None when the trail is whole.

    Removal of the newest events shows only against a copy of their hash kept elsewhere.
    """
    expected_seq, expected_hash = 1, _GENESIS
    async for event in await session.stream_scalars(select(AuditEvent).order_by(AuditEvent.seq)):
        if (event.seq, event.prev_hash, event.hash) != (expected_seq, expected_hash, _hash(event)):
            return event.seq
        expected_seq, expected_hash = event.seq + 1, event.hash
    return None


def _hash(event: AuditEvent) -> str:
    fields = (
        event.seq, event.prev_hash, event.tenant_id, event.user_id, event.key_id, event.action, event.resource,
        event.details, event.ip, event.request_id, _instant(event.at),
    )  # fmt: skip
    return hashlib.sha256(json.dumps(fields, ensure_ascii=True, separators=(",", ":")).encode()).hexdigest()


def _instant(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="microseconds")
