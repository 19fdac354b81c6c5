"""The words of the job engine."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any


class JobState(StrEnum):
    """Where a job stands."""

    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


ENDED = (JobState.DONE, JobState.FAILED, JobState.CANCELLED)
"""The states that a job never leaves."""


@dataclass(frozen=True, slots=True)
class Claim:
    """One worker's hold on one job. Whoever writes for the job must still hold `token`."""

    id: str
    kind: str
    queue: str
    payload: dict[str, Any]
    attempt: int
    token: str


@dataclass(frozen=True, slots=True)
class Submission:
    """A job about to be put on record."""

    id: str
    kind: str
    queue: str
    payload: dict[str, Any]
    priority: int
    key: str | None
    """Unique, where it has one."""
    run_at: datetime | None
    """None: as soon as possible."""
