"""The table of the main job: one row a document that someone asked about."""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, ForeignKey, Index, LargeBinary, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from ementa.db.base import Base, Id, Json, UtcDateTime


class Analysis(Base):
    """A document, the question asked of it and, when done, the answer with its proof.

    The row outlives its content: once erased (expired, cancelled) only ids, times and status remain, until the
    retention sweep removes the row too.
    """

    __tablename__ = "analysis"
    __table_args__ = (
        UniqueConstraint("user_id", "idempotency_key"),
        Index(None, "tenant_id", "user_id", "id"),
        Index(None, "expires_at"),
        Index(None, "extraction_key"),
        Index(None, "status"),
        Index(None, "updated_at"),
    )

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    tenant_id: Mapped[str] = mapped_column(Id, ForeignKey("tenant.id"))
    user_id: Mapped[str] = mapped_column(Id, ForeignKey("user.id"))
    key_id: Mapped[str | None] = mapped_column(Id)
    """The key it came by, whose models and budgets count. No foreign key: the document outlives it."""
    request_id: Mapped[str] = mapped_column(String(64), default="")
    status: Mapped[str] = mapped_column(String(20))
    job_id: Mapped[str | None] = mapped_column(Id)
    """The job of the stage it is in; a sweep of old jobs may have removed it."""
    priority: Mapped[int] = mapped_column(default=0)
    idempotency_key: Mapped[str | None] = mapped_column(String(200))
    fingerprint: Mapped[str] = mapped_column(String(64), default="")
    """SHA-256 over everything asked: what a repeated Idempotency-Key must match."""

    filename: Mapped[str] = mapped_column(String(255), default="")
    media_type: Mapped[str] = mapped_column(String(100), default="")
    size: Mapped[int] = mapped_column(BigInteger, default=0)
    sha256: Mapped[str] = mapped_column(String(64), default="")
    blob_key: Mapped[str | None] = mapped_column(String(200))
    extraction_key: Mapped[str | None] = mapped_column(String(200))
    """Where the document as read lies; shared by analyses of the same content in the same tenant."""

    prompt: Mapped[str | None] = mapped_column(Text)
    format_text: Mapped[str | None] = mapped_column(Text)
    example_text: Mapped[str | None] = mapped_column(Text)
    spec: Mapped[bytes | None] = mapped_column(LargeBinary)
    model: Mapped[str] = mapped_column(String(200))
    """The model asked for."""
    model_used: Mapped[str | None] = mapped_column(String(200))
    callback_url: Mapped[str | None] = mapped_column(Text)

    selection: Mapped[bytes | None] = mapped_column(LargeBinary)
    outcome: Mapped[bytes | None] = mapped_column(LargeBinary)
    error: Mapped[dict[str, Any] | None] = mapped_column(Json)

    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime)
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime)
    erased_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
