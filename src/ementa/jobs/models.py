"""The `job` table: the record of every job, whichever engine runs it."""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from ementa.db.base import Base, Id, Json, UtcDateTime


class JobRecord(Base):
    """One job from enqueue to the sweep that removes it after its end."""

    __tablename__ = "job"
    __table_args__ = (
        Index(None, "queue", "state", "priority", "run_at"),
        Index(None, "state", "finished_at"),
    )

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    kind: Mapped[str] = mapped_column(String(100))
    queue: Mapped[str] = mapped_column(String(50))
    state: Mapped[str] = mapped_column(String(20))
    """A `JobState`."""
    priority: Mapped[int]
    """Higher runs first."""
    key: Mapped[str | None] = mapped_column(String(200), unique=True)
    """Enqueuing the same key again gives this job back."""
    payload: Mapped[dict[str, Any]] = mapped_column(Json)
    attempts: Mapped[int]
    """How many times it was claimed."""
    token: Mapped[str | None] = mapped_column(String(32))
    """The fence: random, new with each claim. Only its holder may write for the job."""
    progress: Mapped[float]
    error: Mapped[dict[str, Any] | None] = mapped_column(Json)
    """The record of the last failed attempt's error (`EmentaError.to_record`)."""
    engine_ref: Mapped[int | None] = mapped_column(BigInteger)
    """The job's number in the engine's own tables, where it has some."""
    run_at: Mapped[datetime] = mapped_column(UtcDateTime)
    """Not before this time."""
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime)
    started_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    finished_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
