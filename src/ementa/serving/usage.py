"""`/admin/usage` and `/usage`: what calls to models took and cost, by time, model, server and owner."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from ementa.db.deps import ReadSessionDep
from ementa.identity.deps import AdminDep, PrincipalDep, get_house_admin
from ementa.identity.names import list_names
from ementa.identity.service import get_tenant
from ementa.identity.types import Principal
from ementa.kit import clock
from ementa.llm.limits.budgets import next_month
from ementa.llm.usage.report import COUNTS, MEANS, Group, Report, Span, make_report
from ementa.serving.admin.forms import PRINTABLE, Instant
from ementa.serving.errors import ParameterInvalid
from ementa.serving.sheets import write_csv

router = APIRouter(tags=["usage"])

MOST_DAYS = 400
MOST_HOURLY_DAYS = 31
_EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)
_OWNED = ("key", "user", "tenant")
OwnGroup = Literal["hour", "day", "month", "model", "asked_model", "provider", "api", "status", "key"]
_Text = Annotated[str | None, Query(min_length=1, max_length=200, pattern=PRINTABLE)]


def _as_moment(value: object) -> object:
    """RFC 3339 with its offset, or a date, which begins in UTC."""
    if isinstance(value, str):
        moment = datetime.fromisoformat(value)
        if len(value) == len("2030-01-31"):
            return moment.replace(tzinfo=UTC)
        if moment.tzinfo is not None and "T" in value.upper():
            return moment
    raise ValueError("write it as RFC 3339 with its offset, 2030-01-31T12:00:00Z, or as a date, 2030-01-31")


_Moment = Annotated[datetime, BeforeValidator(_as_moment)]


class SpanQuery(BaseModel):
    """Which calls count."""

    model_config = ConfigDict(extra="forbid")

    since: Annotated[
        _Moment | None,
        Query(
            alias="from",
            description="The first instant, RFC 3339 or a date; by default the start of this month in UTC.",
        ),
    ] = None
    until: Annotated[_Moment | None, Query(alias="to", description="The instant after the last; by default now.")] = (
        None
    )
    limit: Annotated[int, Query(ge=1, le=10_000, description="Most rows.")] = 1000
    format: Annotated[
        Literal["json", "csv"] | None, Query(description="Else as `Accept` says: `text/csv`, or JSON.")
    ] = None
    model: _Text = None
    asked_model: _Text = None
    provider: _Text = None
    api: _Text = None
    status: _Text = None
    key: Annotated[str | None, Query(max_length=36, pattern=PRINTABLE, description="Id of a key.")] = None


class OwnUsageQuery(SpanQuery):
    """Which of one's own calls count, and by what they are summed up."""

    group_by: Annotated[list[OwnGroup], Query(max_length=4)] = []


class UsageQuery(SpanQuery):
    """Which calls count, and by what they are summed up."""

    group_by: Annotated[list[Group], Query(max_length=4)] = []
    server: _Text = None
    user: Annotated[str | None, Query(max_length=36, pattern=PRINTABLE, description="Id of a user.")] = None
    tenant: Annotated[
        str | None,
        Query(
            min_length=1,
            max_length=100,
            pattern=PRINTABLE,
            description="Id or name, or `*` for all, for administrators of the first tenant; else yours.",
        ),
    ] = None


class Sums(BaseModel):
    """What calls took. `failed` ended with an error, `cancelled` because the client left, `cached` were answered from
    memory: no model worked on those, so their tokens are not counted."""

    calls: int
    failed: int
    cancelled: int
    cached: int
    prompt_tokens: int
    output_tokens: int
    cached_tokens: Annotated[int, Field(description="Of the prompts', those that the server remembered.")]
    cost: Annotated[float, Field(description="In `currency`.")]
    latency_ms: Annotated[float | None, Field(description="Mean time of the calls that went well, queue included.")]
    first_piece_ms: Annotated[float | None, Field(description="Mean time to the first piece, without the queue.")]
    queue_ms: Annotated[float | None, Field(description="Mean time in line.")]


class UsageRow(Sums):
    """Sums of one group, with what it is a group of."""

    model_config = {"extra": "allow"}


class Usage(BaseModel):
    """Sums of calls. Times are in UTC."""

    since: Annotated[Instant, Field(serialization_alias="from")]
    until: Annotated[Instant, Field(serialization_alias="to")]
    currency: str
    group_by: list[str]
    rows: list[UsageRow]
    totals: Annotated[Sums, Field(description="Of all calls of the span, those of rows left out too.")]
    truncated: Annotated[bool, Field(description="Whether there are more rows than `limit`.")]


class Budget(BaseModel):
    """What is left of a budget of this month."""

    of: Annotated[str, Field(description="`key`, `user` or `tenant`.")]
    unit: Annotated[str, Field(description="`tokens`, or the currency.")]
    limit: float
    spent: float
    remaining: float
    renews_at: Instant


class OwnUsage(Usage):
    """One's own calls, and the budgets that count for them."""

    budgets: list[Budget]


_CSV: dict[int | str, dict[str, Any]] = {200: {"content": {"text/csv": {"schema": {"type": "string"}}}}}


@router.get("/admin/usage", response_model=Usage, responses={**_CSV, 404: {}})
async def get_usage(
    request: Request, principal: AdminDep, session: ReadSessionDep, asked: Annotated[UsageQuery, Query()]
) -> Any:
    """What the tenant's calls to models took and cost, as JSON or CSV."""
    where = {"tenant": principal.tenant_id, **_filters(asked)}
    if asked.tenant is not None:
        await get_house_admin(request, principal)
        del where["tenant"]
        if asked.tenant != "*":
            where["tenant"] = (await get_tenant(session, asked.tenant)).id
    if asked.server:
        where["server"] = asked.server
    if asked.user:
        where["user"] = asked.user
    span = _span(asked, asked.group_by, where)
    report = await make_report(session, span, asked.group_by, asked.limit)
    rows = await _named(session, report, asked.group_by)
    if _wants_csv(request, asked.format):
        return _sheet(rows, asked.group_by, report)
    return _told(request, span, asked.group_by, rows, report)


@router.get("/usage", response_model=OwnUsage, responses=_CSV)
async def get_own_usage(
    request: Request, principal: PrincipalDep, session: ReadSessionDep, asked: Annotated[OwnUsageQuery, Query()]
) -> Any:
    """What one's own calls to models took and cost, with all one's keys, and what is left of the budgets."""
    where = {"tenant": principal.tenant_id, **_filters(asked), "user": principal.user_id}
    groups: Sequence[Group] = asked.group_by
    span = _span(asked, groups, where)
    report = await make_report(session, span, groups, asked.limit)
    rows = await _named(session, report, groups)
    if _wants_csv(request, asked.format):
        return _sheet(rows, groups, report)
    return {**_told(request, span, groups, rows, report), "budgets": await _budgets(request, principal)}


def _filters(asked: SpanQuery) -> dict[str, str]:
    names = ("model", "asked_model", "provider", "api", "status", "key")
    return {name: value for name in names if (value := getattr(asked, name))}


def _span(asked: SpanQuery, groups: Sequence[Group], where: dict[str, str]) -> Span:
    now = clock.now()
    until = asked.until or now
    since = asked.since or min(now, until).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    most = MOST_HOURLY_DAYS if "hour" in groups else MOST_DAYS
    if not _EARLIEST <= since < until <= now + timedelta(days=MOST_DAYS) or until - since > timedelta(days=most):
        cause = {
            "pt": f"`from` deve vir antes de `to`, a no máximo {most} dias, e ambos devem ser datas plausíveis",
            "en": f"`from` must come before `to`, by at most {most} days, and both must be plausible dates",
        }
        raise ParameterInvalid(name="from, to", cause=cause)
    return Span(since, until, where)


async def _named(session: Any, report: Report, groups: Sequence[Group]) -> Sequence[dict[str, Any]]:
    """The rows, with the names of owners beside their ids."""
    for kind in _OWNED:
        if kind in groups:
            names = await list_names(session, kind, {row[kind] for row in report.rows})
            for row in report.rows:
                row[f"{kind}_name"] = names.get(row[kind], "")
    return report.rows


def _told(
    request: Request, span: Span, groups: Sequence[Group], rows: Sequence[dict[str, Any]], report: Report
) -> dict[str, Any]:
    return {
        "since": span.since,
        "until": span.until,
        "currency": request.app.state.runtime.settings.llm.currency,
        "group_by": list(groups),
        "rows": rows,
        "totals": report.totals,
        "truncated": report.truncated,
    }


async def _budgets(request: Request, principal: Principal) -> list[dict[str, Any]]:
    runtime = request.app.state.runtime
    found: list[dict[str, Any]] = []
    for subject, limits in principal.limits:
        if not (limits.monthly_tokens or limits.monthly_cost):
            continue
        spent = await runtime.limiter.budgets.spent(subject)
        units = (
            ("tokens", limits.monthly_tokens, spent.tokens),
            (runtime.settings.llm.currency, limits.monthly_cost, spent.cost),
        )
        found += [
            {
                "of": subject.partition(":")[0],
                "unit": unit,
                "limit": limit,
                "spent": used,
                "remaining": max(limit - used, 0),
                "renews_at": next_month(spent.month),
            }
            for unit, limit, used in units
            if limit
        ]
    return found


def _wants_csv(request: Request, form: str | None) -> bool:
    return form == "csv" or (form is None and "text/csv" in request.headers.get("accept", ""))


def _sheet(rows: Sequence[dict[str, Any]], groups: Sequence[Group], report: Report) -> Response:
    columns = [name for group in groups for name in ((group, f"{group}_name") if group in _OWNED else (group,))]
    if not groups:
        rows = [report.totals]
    content = write_csv([*columns, *COUNTS, "cost", *MEANS], rows)
    headers = {
        "Content-Disposition": 'attachment; filename="usage.csv"',
        "X-Ementa-Truncated": "true" if report.truncated else "false",
    }
    return Response(content, media_type="text/csv; charset=utf-8", headers=headers)
