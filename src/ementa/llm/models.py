"""The gateway's tables: what administrators configure while it runs, the record of calls, and remembered answers."""

from datetime import datetime
from typing import Any

from sqlalchemy import Index, Integer, LargeBinary, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from ementa.db.base import Base, Id, Json, UtcDateTime


class ModelServer(Base):
    """A model server that an administrator added."""

    __tablename__ = "model_server"

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    name: Mapped[str] = mapped_column(String(100), unique=True)
    kind: Mapped[str] = mapped_column(String(50))
    """Name of a provider's entry point."""
    url: Mapped[str] = mapped_column(Text)
    secret: Mapped[bytes | None] = mapped_column(LargeBinary)
    """The server's API key, encrypted with the key of the data directory."""
    models: Mapped[list[str]] = mapped_column(Json)
    """When not empty, only these are offered."""
    options: Mapped[dict[str, Any]] = mapped_column(Json)
    enabled: Mapped[bool]
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime)


class ModelAlias(Base):
    """Another name for a model, and what to try when it fails."""

    __tablename__ = "model_alias"

    name: Mapped[str] = mapped_column(String(200), primary_key=True)
    target: Mapped[str] = mapped_column(String(200))
    """A model, or another alias."""
    fallbacks: Mapped[list[str]] = mapped_column(Json)
    description: Mapped[str] = mapped_column(Text)
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime)


class RoutingRule(Base):
    """Sends a request elsewhere by what it is; the first that fits wins."""

    __tablename__ = "routing_rule"

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    position: Mapped[int] = mapped_column(Integer)
    name: Mapped[str] = mapped_column(String(100), unique=True)
    conditions: Mapped[dict[str, Any]] = mapped_column(Json)
    """`Conditions` of `config.py`."""
    targets: Mapped[list[str]] = mapped_column(Json)
    """Models to try in this order."""
    cheapest: Mapped[bool]
    enabled: Mapped[bool]
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime)


class ModelPrice(Base):
    """What an administrator says that a model costs, in the currency of the settings."""

    __tablename__ = "model_price"

    model: Mapped[str] = mapped_column(String(200), primary_key=True)
    input_per_million: Mapped[float]
    """Per million tokens of prompt."""
    output_per_million: Mapped[float]
    watts: Mapped[float]
    """When the prices are zero: power drawn while it answers, at `kwh_price`."""
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime)


class GatewayRevision(Base):
    """One row that counts changes of the configuration, by which every process notices them."""

    __tablename__ = "gateway_revision"

    name: Mapped[str] = mapped_column(String(20), primary_key=True)
    number: Mapped[int]


class ModelCall(Base):
    """One call to a model, as it ended."""

    __tablename__ = "model_call"
    __table_args__ = (
        Index(None, "at"),
        Index(None, "tenant_id", "at"),
        Index(None, "user_id", "at"),
        Index(None, "key_id", "at"),
    )

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    """When it ended."""
    request_id: Mapped[str] = mapped_column(String(64))
    tenant_id: Mapped[str] = mapped_column(Id)
    """Empty for what the system does by itself. No foreign key: the record outlives what it speaks of."""
    user_id: Mapped[str] = mapped_column(Id)
    key_id: Mapped[str] = mapped_column(Id)
    api: Mapped[str] = mapped_column(String(50))
    asked_model: Mapped[str] = mapped_column(String(200))
    model: Mapped[str] = mapped_column(String(200))
    provider: Mapped[str] = mapped_column(String(50))
    server: Mapped[str] = mapped_column(String(200))
    status: Mapped[str] = mapped_column(String(50))
    """`ok`, `cancelled`, or the code of the error."""
    streamed: Mapped[bool]
    cached: Mapped[bool]
    attempts: Mapped[int]
    prompt_tokens: Mapped[int]
    output_tokens: Mapped[int]
    cached_tokens: Mapped[int]
    queue_ms: Mapped[int]
    ttft_ms: Mapped[int]
    """To the first piece, after the queue; 0 when nothing came."""
    latency_ms: Mapped[int]
    """All of it, the queue too."""
    cost: Mapped[float]
    """In the currency of the settings."""


class CachedAnswer(Base):
    """An answer remembered for the same question."""

    __tablename__ = "cached_answer"
    __table_args__ = (
        Index(None, "expires_at"),
        Index(None, "tenant_id"),
        Index(None, "created_at", "key", "size"),  # holds all that is needed to find the oldest and what they take
    )

    key: Mapped[str] = mapped_column(String(64), primary_key=True)
    tenant_id: Mapped[str] = mapped_column(Id)
    content: Mapped[bytes] = mapped_column(LargeBinary)
    size: Mapped[int]
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime)
