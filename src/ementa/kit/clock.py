"""The time, always aware and always UTC."""

from datetime import UTC, datetime


def now() -> datetime:
    """The current instant in UTC."""
    return datetime.now(UTC)


def rfc3339(moment: datetime) -> str:
    """`moment` as RFC 3339 with milliseconds and `Z`, the one form in our answers."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
