"""Lets calls begin, or says when they may.

A call is counted against the limits of its key, its user and its tenant, whichever are set; all must have room.
Requests count when they begin. Tokens count when the call has ended and its server has said how many they were: a call
begins while there is room for its prompt, so that calls under way may together pass the limit once, never twice.
"""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from ementa.kit import clock
from ementa.kit.registry import AdapterMissing
from ementa.llm.calls import CallRecord
from ementa.llm.errors import BudgetSpent, RateLimited
from ementa.llm.limits.budgets import Budgets, next_month
from ementa.llm.limits.windows import WINDOW, MemoryWindows, Window, whole_seconds
from ementa.llm.settings import LlmSettings
from ementa.llm.types import Caller, Limits

if TYPE_CHECKING:
    from ementa.llm.limits.shared import SharedWindows

log = logging.getLogger(__name__)

_WHOSE = {
    "key": {"pt": "desta chave", "en": "of this key"},
    "user": {"pt": "deste usuário", "en": "of this user"},
    "tenant": {"pt": "desta organização", "en": "of this tenant"},
}
_WHAT = {"requests": {"pt": "pedidos", "en": "requests"}, "tokens": {"pt": "tokens", "en": "tokens"}}
_OPENAI = {
    unit: tuple(f"x-ratelimit-{part}-{unit}".encode() for part in ("limit", "remaining", "reset")) for unit in _WHAT
}
_MOST_PLANS = 10_000
Subjects = tuple[tuple[str, Limits], ...]


@dataclass(frozen=True, slots=True)
class _Quota:
    name: str
    """Of its window."""
    whose: str
    unit: str
    limit: int
    item: bytes
    """How the headers name it."""
    text: bytes
    """The limit, for a header."""


@dataclass(frozen=True, slots=True)
class _Plan:
    """What is checked for one set of limits."""

    quotas: tuple[_Quota, ...]
    names: tuple[str, ...]
    budgets: tuple[tuple[str, Limits], ...]
    policy: bytes
    """All quotas, as `RateLimit-Policy` tells them."""


class Allowance:
    """That a call may begin, and what is left after it."""

    __slots__ = ("_plan", "_windows")

    def __init__(self, plan: _Plan | None = None, windows: Sequence[Window] = ()) -> None:
        """`windows` are as they were before the call."""
        self._plan = plan
        self._windows = windows

    def headers(self) -> list[tuple[bytes, bytes]]:
        """`RateLimit-Policy` and `RateLimit` (draft-ietf-httpapi-ratelimit-headers-10), one item a limit that counts,
        and OpenAI's `x-ratelimit-*`, of the limits with the least left. Nothing when nothing limits."""
        plan = self._plan
        if plan is None:
            return []
        states: list[bytes] = []
        tightest: dict[str, tuple[int, int, _Quota]] = {}
        for quota, window in zip(plan.quotas, self._windows, strict=True):
            used = window.used + 1 if quota.unit == "requests" else window.used
            left = max(int(quota.limit - used), 0)
            reset = whole_seconds(window.until_empty() or WINDOW)
            states.append(b"%b;r=%d;t=%d" % (quota.item, left, reset))
            if quota.unit not in tightest or left < tightest[quota.unit][0]:
                tightest[quota.unit] = (left, reset, quota)
        found = [(b"ratelimit-policy", plan.policy), (b"ratelimit", b", ".join(states))]
        for unit, (left, reset, quota) in tightest.items():
            of_limit, of_left, of_reset = _OPENAI[unit]
            found += [(of_limit, quota.text), (of_left, b"%d" % left), (of_reset, b"%ds" % reset)]
        return found


_FREE = Allowance()


def _share(settings: LlmSettings) -> "SharedWindows | None":
    if settings.redis_url is None:
        return None
    try:
        from ementa.llm.limits.shared import SharedWindows  # noqa: PLC0415 - an extra, and a client that few need
    except ImportError as error:
        raise AdapterMissing(name="redis", group="limits", cause="pip install 'ementa[redis]'") from error
    return SharedWindows(settings.redis_url.get_secret_value())


class Limiter:
    """The limits of one process; `tell` is the observer of its calls."""

    def __init__(self, settings: LlmSettings, budgets: Budgets, windows: MemoryWindows | None = None) -> None:
        """Limits are shared by the servers that share `settings.redis_url`, each server's own without one."""
        self._settings = settings
        self.budgets = budgets
        self._memory = MemoryWindows() if windows is None else windows
        self._shared = _share(settings)
        self._plans: dict[Subjects, _Plan] = {}
        self._shares: dict[str, tuple[datetime, float]] = {}
        """How much of a budget is spent, and in which month."""
        self.refused: dict[tuple[str, str], int] = {}
        """How many calls were refused, by whose limit and of what: `("key", "requests")`, `("tenant", "budget")`."""

    async def admit(self, caller: Caller, tokens: int = 0) -> Allowance:
        """Let a call of about `tokens` of prompt begin; raises `RateLimited`, `BudgetSpent`.

        A prompt larger than the limit of a minute may begin once that minute is wholly free.
        """
        if not caller.limits:
            return _FREE
        plan = await self._within_budgets(caller)
        if not plan.quotas:
            return _FREE
        windows, add = await self._look(plan)
        self._refuse(plan, windows, tokens)
        for quota in plan.quotas:
            if quota.unit == "requests":
                add(quota.name, 1)
        return Allowance(plan, windows)

    async def require_budget(self, caller: Caller) -> None:
        """Raise `BudgetSpent` when a budget of the month is spent: for work that has begun, whatever its minute."""
        if caller.limits:
            await self._within_budgets(caller)

    def budget_shares(self) -> list[float]:
        """How much of each budget of this month is spent, of those whose owner has called: 0.9 is 90 %."""
        month = self.budgets.month()
        return [share for seen, share in self._shares.values() if seen == month]

    def tell(self, record: CallRecord) -> None:
        """A call ended: count what it really took."""
        self.budgets.add(record)
        limits = record.caller.limits
        if not limits:
            return
        tokens = record.prompt_tokens + record.output_tokens
        if not tokens or record.cached:
            return
        plan = self._plans.get(limits) or self._make_plan(limits)
        for quota in plan.quotas:
            if quota.unit == "tokens":
                (self._shared if self._shared and self._shared.answers else self._memory).add(quota.name, tokens)

    async def close(self) -> None:
        """Let go of Redis and of what still reads."""
        await self.budgets.close()
        if self._shared:
            await self._shared.close()

    async def _within_budgets(self, caller: Caller) -> _Plan:
        plan = self._plans.get(caller.limits) or self._make_plan(caller.limits)
        for subject, limits in plan.budgets:
            await self._check_budget(subject, limits)
        return plan

    async def _look(self, plan: _Plan) -> tuple[list[Window], Callable[[str, int], None]]:
        shared = self._shared
        windows = await shared.look(plan.names) if shared else None
        if shared is None or windows is None:
            look = self._memory.look
            return [look(name) for name in plan.names], self._memory.add
        owing = [
            Window(window.previous, window.current + shared.owed(name), window.left)
            for name, window in zip(plan.names, windows, strict=True)
        ]
        return owing, shared.add

    def _refuse(self, plan: _Plan, windows: Sequence[Window], tokens: int) -> None:
        """Raise `RateLimited` for the limit that is longest in the way, if one is."""
        longest, worst = 0.0, None
        for quota, window in zip(plan.quotas, windows, strict=True):
            wait = window.wait(quota.limit, 1 if quota.unit == "requests" else max(tokens, 1))
            if wait > longest:
                longest, worst = wait, quota
        if worst is None:
            return
        self._count_refusal(worst.whose, worst.unit)
        error = RateLimited(
            details={"limit_of": worst.whose, "unit": worst.unit, "limit": worst.limit, "per_seconds": int(WINDOW)},
            whose=_WHOSE[worst.whose],
            what=_WHAT[worst.unit],
            limit=worst.limit,
            retry_after=whole_seconds(longest),
        )
        told = Allowance(plan, windows).headers()
        error.headers = [(name.decode(), value.decode()) for name, value in told]
        raise error

    async def _check_budget(self, subject: str, limits: Limits) -> None:
        spent = await self.budgets.spent(subject)
        shares = [0.0]
        if limits.monthly_tokens:
            shares.append(spent.tokens / limits.monthly_tokens)
        if limits.monthly_cost:
            shares.append(spent.cost / limits.monthly_cost)
        if len(self._shares) >= _MOST_PLANS:
            self._shares.clear()
        self._shares[subject] = (spent.month, max(shares))
        if limits.monthly_tokens and spent.tokens >= limits.monthly_tokens:
            used, limit, what = str(spent.tokens), str(limits.monthly_tokens), "tokens"
        elif limits.monthly_cost and spent.cost >= limits.monthly_cost:
            used, limit, what = f"{spent.cost:.2f}", f"{limits.monthly_cost:.2f}", self._settings.currency
        else:
            return
        kind = subject.partition(":")[0]
        renews_at = next_month(spent.month)
        self._count_refusal(kind, "budget")
        raise BudgetSpent(
            details={"budget_of": kind, "unit": what, "limit": float(limit), "used": float(used)}
            | {"renews_at": clock.rfc3339(renews_at)},
            whose=_WHOSE[kind],
            what=what,
            limit=limit,
            used=used,
            renews_at=f"{renews_at:%Y-%m-%d} 00:00 UTC",
            retry_after=whole_seconds((renews_at - datetime.now(UTC)).total_seconds()),
        )

    def _count_refusal(self, whose: str, unit: str) -> None:
        self.refused[whose, unit] = self.refused.get((whose, unit), 0) + 1

    def _make_plan(self, subjects: Subjects) -> _Plan:
        quotas: list[_Quota] = []
        budgets: list[tuple[str, Limits]] = []
        for subject, limits in subjects:
            whose = subject.partition(":")[0]
            requests, tokens = limits.requests_per_minute, limits.tokens_per_minute
            if whose == "key":
                requests = self._settings.requests_per_minute if requests is None else requests
                tokens = self._settings.tokens_per_minute if tokens is None else tokens
            quotas += [
                _Quota(f"{subject}:{unit}", whose, unit, limit, f'"{whose}-{unit}"'.encode(), str(limit).encode())
                for unit, limit in (("requests", requests), ("tokens", tokens))
                if limit
            ]
            if limits.monthly_tokens or limits.monthly_cost:
                budgets.append((subject, limits))
        policy = b", ".join(b"%b;q=%d;w=%d" % (quota.item, quota.limit, WINDOW) for quota in quotas)
        plan = _Plan(tuple(quotas), tuple(quota.name for quota in quotas), tuple(budgets), policy)
        if len(self._plans) >= _MOST_PLANS:
            self._plans.clear()
        self._plans[subjects] = plan
        return plan
