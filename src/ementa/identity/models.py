"""The tables of identity: tenants, their users, the users' API keys, and the audit trail."""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, ForeignKey, Index, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from ementa.db.base import Base, Id, Json, UtcDateTime


class Tenant(Base):
    """A company, or a part of one, whose documents nobody else sees."""

    __tablename__ = "tenant"

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    name: Mapped[str] = mapped_column(String(100), unique=True)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    limits: Mapped[dict[str, Any] | None] = mapped_column(Json)
    """Of all its users together, a `Limits`; None means none."""


class User(Base):
    """Somebody of a tenant, person or program."""

    __tablename__ = "user"
    __table_args__ = (UniqueConstraint("tenant_id", "email"),)

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    tenant_id: Mapped[str] = mapped_column(Id, ForeignKey("tenant.id"))
    email: Mapped[str] = mapped_column(String(254))
    role: Mapped[str] = mapped_column(String(20))
    """A `Role`."""
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    disabled_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    """From then on none of the user's keys is accepted."""
    limits: Mapped[dict[str, Any] | None] = mapped_column(Json)
    """Of all the user's keys together, a `Limits`; None means none."""


class ApiKey(Base):
    """A key that speaks for a user. Only its hash is kept: a lost key cannot be shown again, only replaced."""

    __tablename__ = "api_key"
    __table_args__ = (Index(None, "user_id"),)

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    user_id: Mapped[str] = mapped_column(Id, ForeignKey("user.id"))
    name: Mapped[str] = mapped_column(String(100))
    prefix: Mapped[str] = mapped_column(String(12))
    """The first characters of a key that we made, for people to tell keys apart."""
    hash: Mapped[str] = mapped_column(String(64), unique=True)
    """SHA-256 of the key (hex). Keys have enough entropy of their own that a slow hash would add only latency."""
    scopes: Mapped[list[str]] = mapped_column(Json)
    """Empty means everything the user's role allows."""
    models: Mapped[list[str] | None] = mapped_column(Json)
    """Patterns (`gemma3:*`) of the models it may call; None or empty means all."""
    limits: Mapped[dict[str, Any] | None] = mapped_column(Json)
    """A `Limits`; None means those of the settings."""
    bootstrap: Mapped[bool]
    """Whether it is the first administrator's key, given by `EMENTA_KEY` or made at the first start."""
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    expires_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    revoked_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class AuditEvent(Base):
    """Who did what to which thing, when and from where. Rows are chained by hash; see `audit.py`."""

    __tablename__ = "audit_event"
    __table_args__ = (Index(None, "tenant_id", "at"), Index(None, "resource"))

    seq: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    """1, 2, 3… without a gap."""
    tenant_id: Mapped[str | None] = mapped_column(Id)
    """No foreign key: the trail outlives what it speaks of."""
    user_id: Mapped[str | None] = mapped_column(Id)
    key_id: Mapped[str | None] = mapped_column(Id)
    action: Mapped[str] = mapped_column(String(50))
    resource: Mapped[str] = mapped_column(String(200))
    details: Mapped[str] = mapped_column(Text)
    """Canonical JSON, as text: the hash covers its bytes, which a JSON column would not give back unchanged."""
    ip: Mapped[str] = mapped_column(String(64))
    request_id: Mapped[str] = mapped_column(String(64))
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    prev_hash: Mapped[str] = mapped_column(String(64))
    hash: Mapped[str] = mapped_column(String(64))
