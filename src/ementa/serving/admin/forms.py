"""What the forms of `/admin/*` have in common: strict bodies, names, instants, cursors."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any, TypeVar

from fastapi import Path, Query
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer

from ementa.kit.clock import rfc3339
from ementa.kit.pagination import decode_cursor, encode_cursor
from ementa.llm.types import Limits

T = TypeVar("T")

PRINTABLE = r"^[^\x00-\x1f\x7f]*$"


class Body(BaseModel):
    """What is sent. Unknown names and wrong types are refused rather than passed over."""

    model_config = ConfigDict(extra="forbid", strict=True)


def _as_instant(value: object) -> object:
    """The one way to write a time: RFC 3339 with its offset."""
    if isinstance(value, str):
        moment = datetime.fromisoformat(value)
        if moment.tzinfo is not None and "T" in value.upper():
            return moment
    raise ValueError("write it as RFC 3339 with its offset: 2030-01-31T12:00:00Z")


Instant = Annotated[datetime, PlainSerializer(rfc3339, return_type=str)]
GivenInstant = Annotated[datetime, BeforeValidator(_as_instant)]
Name = Annotated[str, Field(min_length=1, max_length=100, pattern=PRINTABLE)]
ModelName = Annotated[str, Field(min_length=1, max_length=200, pattern=PRINTABLE)]
ModelNames = Annotated[list[ModelName], Field(max_length=500)]
Targets = Annotated[list[ModelName], Field(min_length=1, max_length=20)]
NamePath = Annotated[str, Path(min_length=1, max_length=254, pattern=PRINTABLE)]
ModelPath = Annotated[str, Path(min_length=1, max_length=200, pattern=PRINTABLE)]
Cursor = Annotated[str | None, Query(max_length=1000, description="`next` of the page before.")]
Limit = Annotated[int, Query(ge=1, le=200)]
Tokens = Annotated[int, Field(ge=0, le=10**15)]
Money = Annotated[float, Field(ge=0, le=1e12, allow_inf_nan=False)]


class LimitsBody(Body):
    """How much may be asked of models. Null leaves a limit to the settings, 0 means no limit."""

    requests_per_minute: Annotated[int, Field(ge=0, le=10**9)] | None = None
    tokens_per_minute: Tokens | None = None
    """In and out."""
    monthly_tokens: Tokens | None = None
    """In and out, of the calendar month in UTC."""
    monthly_cost: Money | None = None
    """In the currency of the settings."""

    def to_limits(self) -> Limits:
        """As the gateway takes them."""
        return Limits(**self.model_dump())


def told_limits(stored: dict[str, Any] | None) -> LimitsBody:
    """Limits as they are answered."""
    return LimitsBody(**(stored or {}))


def read_cursor(cursor: str | None) -> str | None:
    """Where the page before ended; raises `CursorInvalid`."""
    return decode_cursor(cursor, 1)[0] if cursor else None


def cut_page(rows: Sequence[T], limit: int) -> tuple[Sequence[T], T | None]:
    """Of `limit` + 1 rows: the page, and its last row when another page follows."""
    return (rows[:limit], rows[limit - 1]) if len(rows) > limit else (rows, None)


def next_cursor(place: str | None) -> str | None:
    """The cursor of the page after the row at `place`."""
    return None if place is None else encode_cursor(place)
