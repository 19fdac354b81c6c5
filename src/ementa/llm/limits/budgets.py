"""Budgets of a calendar month (UTC): what somebody's calls took so far, from the record of calls and kept current.

Loaded at somebody's first call; every call that ends here adds at once; what other servers wrote is read twice a
minute. Within a month the count never falls, so records on their way to the database are not forgotten meanwhile.
"""

import asyncio
import logging
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy.exc import SQLAlchemyError

from ementa.db.database import Database
from ementa.llm.calls import CallRecord
from ementa.llm.usage import queries
from ementa.llm.usage.prices import Prices

log = logging.getLogger(__name__)

REFRESH_SECONDS = 30.0
"""How old a count may be that other servers add to."""
_WHOLE_SECONDS = 3600.0
"""How often the whole month is read again; between, only what came after `_LATE` before the last time."""
_LATE = timedelta(minutes=10)
"""How late a record may reach the database, after its server was killed, to be counted at the next refresh."""
PATIENCE = 2.0
"""Seconds that a first call waits for the database before it is let through unchecked."""
_MOST = 10_000
_NEVER = datetime.min.replace(tzinfo=UTC)


@dataclass(slots=True)
class Spent:
    """What one subject's calls of a month took."""

    month: datetime
    tokens: int = 0
    cost: float = 0.0
    settled_tokens: int = 0
    settled_cost: float = 0.0
    settled_to: datetime = _NEVER
    whole_at: float = 0.0
    read_at: float = 0.0


class Budgets:
    """The months of one process."""

    def __init__(self, database: Database, prices: Prices, now: Callable[[], float] = time.time) -> None:
        """`now` is Unix time."""
        self._database = database
        self._prices = prices
        self._now = now
        self._spent: OrderedDict[str, Spent] = OrderedDict()
        self._reading: dict[str, asyncio.Task[None]] = {}
        self._month = _NEVER
        self._month_ends = 0.0

    async def spent(self, subject: str) -> Spent:
        """What `subject` (`key:<id>`, `user:<id>`, `tenant:<id>`) has spent this month; zeros when the database does
        not answer in time."""
        now = self._now()
        month = self.month()
        known = self._spent.get(subject)
        if known is None or known.month != month:
            task = self._read(subject)
            done, _ = await asyncio.wait([task], timeout=PATIENCE)
            if not done:
                log.warning("budget not checked: the database does not answer", extra={"subject": subject})
            return self._spent.get(subject) or Spent(month)
        if now - known.read_at > REFRESH_SECONDS:
            self._read(subject)
        return known

    def add(self, record: CallRecord) -> None:
        """A call ended. A remembered answer takes nothing."""
        if not self._spent or record.cached:
            return
        caller = record.caller
        subjects = (f"key:{caller.key}", f"user:{caller.user}", f"tenant:{caller.tenant}")
        tokens = record.prompt_tokens + record.output_tokens
        month, cost = self.month(), -1.0
        for subject in subjects:
            known = self._spent.get(subject)
            if known is None or known.month != month:
                continue
            if cost < 0:
                cost = self._prices.cost(record)
            known.tokens += tokens
            known.cost += cost

    def month(self) -> datetime:
        """When this month began."""
        now = self._now()
        if now >= self._month_ends or now < self._month.timestamp():
            moment = datetime.fromtimestamp(now, UTC)
            self._month = moment.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
            self._month_ends = next_month(self._month).timestamp()
        return self._month

    async def close(self) -> None:
        """End the readings that still run."""
        tasks = list(self._reading.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _read(self, subject: str) -> asyncio.Task[None]:
        task = self._reading.get(subject)
        if task is None:
            task = asyncio.create_task(self._refresh(subject), name="budget")
            self._reading[subject] = task
            task.add_done_callback(lambda _task: self._reading.pop(subject, None))
        return task

    async def _refresh(self, subject: str) -> None:
        month, now = self.month(), self._now()
        known = self._spent.get(subject)
        if known is None or known.month != month:
            known = Spent(month)
        known.read_at = now  # a database that fails is not asked again at every call
        whole = now - known.whole_at > _WHOLE_SECONDS
        settled_to = max(month, datetime.fromtimestamp(now, UTC) - _LATE) if whole else known.settled_to
        try:
            async with self._database.read() as session:
                if whole:
                    settled = await queries.sum_calls(session, subject, month, settled_to)
                    known.settled_tokens, known.settled_cost = settled
                recent = await queries.sum_calls(session, subject, settled_to)
        except (SQLAlchemyError, OSError) as error:
            log.warning("budget not read", extra={"subject": subject, "cause": type(error).__name__})
        else:
            if whole:
                known.settled_to, known.whole_at = settled_to, now
            known.tokens = max(known.tokens, known.settled_tokens + recent[0])
            known.cost = max(known.cost, known.settled_cost + recent[1])
        self._spent[subject] = known
        self._spent.move_to_end(subject)
        while len(self._spent) > _MOST:
            self._spent.popitem(last=False)


def next_month(month: datetime) -> datetime:
    """When the month after begins."""
    return month.replace(year=month.year + month.month // 12, month=month.month % 12 + 1)
