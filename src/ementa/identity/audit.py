"""The audit trail: one row an event, each carrying the hash of the one before.

Whoever changes or removes a row breaks the chain from there on, which `verify_chain` finds. Events are written in the
transaction of what they tell, one writer at a time: SQLite has one writer anyway; on PostgreSQL an advisory lock held
to the commit orders them, so record the event as the last thing in the transaction.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import msgspec
from sqlalchemy import select, text

from ementa.db.bulk import insert_rows
from ementa.db.database import ReadSession, Session
from ementa.identity.models import AuditEvent
from ementa.identity.types import Principal
from ementa.kit import clock
from ementa.observability import context

_LOCK = 0x656D656E7461_01
_GENESIS = "0" * 64
_canonical = json.JSONEncoder(ensure_ascii=True, sort_keys=True, separators=(",", ":")).encode
_HASHED = ("seq", "prev_hash", "tenant_id", "user_id", "key_id", "action", "resource", "details", "ip", "request_id")
"""And the instant, in that order."""


class Event(msgspec.Struct, frozen=True):
    """What happened. `details` is any JSON value; never put secrets, prompts or document text in it."""

    action: str
    resource: str
    at: datetime
    details: Any = None
    tenant_id: str | None = None
    user_id: str | None = None
    key_id: str | None = None
    ip: str = ""
    request_id: str = ""


@dataclass(frozen=True, slots=True)
class Trail:
    """How much of the trail is whole."""

    count: int
    """Events from the first on that are as they were written."""
    last_hash: str
    """Of the last of them."""
    broken: AuditEvent | None = None
    """The first that is not."""


async def record_event(
    session: Session, principal: Principal | None, action: str, resource: str, details: Any = None
) -> None:
    """Add an event to the trail, inside the caller's transaction and as its last statement.

    `principal` is None for what the system does by itself. Address and request id come from the request being served.
    """
    event = Event(
        action=action,
        resource=resource,
        at=clock.now(),
        details=details,
        tenant_id=principal.tenant_id if principal else None,
        user_id=principal.user_id if principal else None,
        key_id=principal.key_id if principal else None,
        ip=context.client_address.get(),
        request_id=context.request_id.get(),
    )
    await record_events(session, [event])


async def record_events(session: Session, events: Sequence[Event]) -> None:
    """Add events to the trail in their order, in two statements however many they are; as `record_event` otherwise."""
    if not events:
        return
    await session.flush()
    if session.get_bind().dialect.name == "postgresql":
        await session.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
    last = (
        await session.execute(select(AuditEvent.seq, AuditEvent.hash).order_by(AuditEvent.seq.desc()).limit(1))
    ).one_or_none()
    number, digest = (last.seq, last.hash) if last else (0, _GENESIS)
    rows: list[dict[str, Any]] = []
    for event in events:
        number += 1
        row = _row(event, number, digest)
        digest = row["hash"]
        rows.append(row)
    await insert_rows(session, AuditEvent, rows)


async def verify_chain(session: ReadSession) -> Trail:
    """Read the whole trail, up to the first event that was changed or follows a removed one.

    Removal of the newest events shows only against a copy of `last_hash` kept elsewhere.
    """
    count, last_hash = 0, _GENESIS
    async for event in await session.stream_scalars(select(AuditEvent).order_by(AuditEvent.seq)):
        row = {name: getattr(event, name) for name in (*_HASHED, "at")}
        if (event.seq, event.prev_hash, event.hash) != (count + 1, last_hash, _hash(row)):
            return Trail(count, last_hash, event)
        count, last_hash = event.seq, event.hash
    return Trail(count, last_hash)


def _row(event: Event, number: int, previous: str) -> dict[str, Any]:
    row = {
        "seq": number,
        "tenant_id": event.tenant_id,
        "user_id": event.user_id,
        "key_id": event.key_id,
        "action": event.action[:50],
        "resource": event.resource.replace("\x00", "")[:200],  # PostgreSQL refuses it in a text
        "details": _canonical(event.details),
        "ip": event.ip[:64],
        "request_id": event.request_id[:64],
        "at": event.at,
        "prev_hash": previous,
    }
    row["hash"] = _hash(row)
    return row


def _hash(row: Mapping[str, Any]) -> str:
    fields = [row[name] for name in _HASHED]
    fields.append(row["at"].astimezone(UTC).isoformat(timespec="microseconds"))
    return hashlib.sha256(_canonical(fields).encode()).hexdigest()
