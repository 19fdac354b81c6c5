"""Sums of the record of calls by time, model, server and owner, for administrators and for whoever called."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Literal, get_args

import msgspec
from sqlalchemy import ColumnElement, Select, String, Text, case, cast, func, literal, select, type_coerce

from ementa.db.database import ReadSession
from ementa.llm.models import ModelCall

Group = Literal[
    "hour", "day", "month", "model", "asked_model", "provider", "server", "api", "status", "key", "user", "tenant"
]
GROUPS: tuple[Group, ...] = get_args(Group)
_TIMES = {"hour": 13, "day": 10, "month": 7}
"""Characters of `2026-03-01T13:00` that say it."""
_COLUMNS: Mapping[str, Any] = {
    "model": ModelCall.model,
    "asked_model": ModelCall.asked_model,
    "provider": ModelCall.provider,
    "server": ModelCall.server,
    "api": ModelCall.api,
    "status": ModelCall.status,
    "key": ModelCall.key_id,
    "user": ModelCall.user_id,
    "tenant": ModelCall.tenant_id,
}
COUNTS = ("calls", "failed", "cancelled", "cached", "prompt_tokens", "output_tokens", "cached_tokens")
"""What is summed, beside `cost`. Tokens are those that models worked on: remembered answers took none."""
MEANS = ("latency_ms", "first_piece_ms", "queue_ms")
"""Means over the calls that went well and were not remembered."""


class Span(msgspec.Struct, frozen=True):
    """Which calls: from `since` (included) to `until` (excluded), and those whose columns have these values."""

    since: datetime
    until: datetime
    where: Mapping[str, str] = {}
    """By group: `{"tenant": "<id>", "model": "qwen2:7b"}`."""


class Report(msgspec.Struct, frozen=True):
    """Rows of sums with the groups they are of, and the sums of all calls of the span."""

    rows: Sequence[dict[str, Any]]
    totals: dict[str, Any]
    truncated: bool
    """Whether there are more rows than were asked for."""


async def make_report(session: ReadSession, span: Span, groups: Sequence[Group], limit: int) -> Report:
    """At most `limit` rows, by time where time is a group, else (and then) what cost or took most first."""
    sqlite = session.get_bind().dialect.name == "sqlite"
    keys = [_key(group, sqlite=sqlite) for group in groups]
    rows: list[dict[str, Any]] = []
    if keys:
        statement = _narrowed(select(*keys, *_sums()), span).group_by(*keys).limit(limit + 1)
        times = [key for group, key in zip(groups, keys, strict=True) if group in _TIMES]
        tokens = _worked(ModelCall.prompt_tokens + ModelCall.output_tokens)
        statement = statement.order_by(*times, func.sum(ModelCall.cost).desc(), tokens.desc(), *keys)
        rows = [_told(found) for found in (await session.execute(statement)).mappings()]
    totals = _told((await session.execute(_narrowed(select(*_sums()), span))).mappings().one())
    return Report(rows[:limit], totals, len(rows) > limit)


def _key(group: Group, *, sqlite: bool) -> ColumnElement[Any]:
    if group not in _TIMES:
        return _COLUMNS[group].label(group)
    # As text: the same characters in both databases.
    written: ColumnElement[str] = (
        func.replace(type_coerce(ModelCall.at, Text), " ", "T")
        if sqlite
        else func.to_char(func.timezone("UTC", ModelCall.at), literal('YYYY-MM-DD"T"HH24', String))
    )
    return func.substr(written, 1, _TIMES[group]).label(group)


def _sums() -> list[ColumnElement[Any]]:
    served = (ModelCall.status == "ok") & ModelCall.cached.is_(False)
    weight = func.sum(case((served, 1), else_=0))

    def mean(column: Any) -> ColumnElement[Any]:
        return func.sum(case((served, column), else_=0)) * 1.0 / func.nullif(weight, 0)

    return [
        func.count().label("calls"),
        func.sum(case((ModelCall.status.in_(("ok", "cancelled")), 0), else_=1)).label("failed"),
        func.sum(case((ModelCall.status == "cancelled", 1), else_=0)).label("cancelled"),
        func.sum(cast(ModelCall.cached, ModelCall.attempts.type)).label("cached"),
        _worked(ModelCall.prompt_tokens).label("prompt_tokens"),
        _worked(ModelCall.output_tokens).label("output_tokens"),
        _worked(ModelCall.cached_tokens).label("cached_tokens"),
        func.sum(ModelCall.cost).label("cost"),
        mean(ModelCall.latency_ms).label("latency_ms"),
        mean(ModelCall.ttft_ms).label("first_piece_ms"),
        mean(ModelCall.queue_ms).label("queue_ms"),
    ]


def _worked(tokens: Any) -> ColumnElement[Any]:
    return func.sum(case((ModelCall.cached, 0), else_=tokens))


def _narrowed(statement: Select[Any], span: Span) -> Select[Any]:
    statement = statement.where(ModelCall.at >= span.since, ModelCall.at < span.until)
    for group, value in span.where.items():
        statement = statement.where(_COLUMNS[group] == value)
    return statement


def _told(found: Mapping[Any, Any]) -> dict[str, Any]:
    row = dict(found)
    if "hour" in row:
        row["hour"] = f"{row['hour']}:00:00Z"
    for name in COUNTS:
        row[name] = int(row[name] or 0)
    row["cost"] = round(float(row["cost"] or 0), 8)
    for name in MEANS:
        row[name] = None if row[name] is None else round(float(row[name]), 1)
    return row
