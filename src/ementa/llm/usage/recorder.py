"""Writes every call down: at once in a spool on disk, then in batches in the table `model_call`.

A call never waits for the database, and fails for nothing here. A process that is killed loses no record: the next one
finds its spool. A batch that was stored but not yet taken off the spool is stored once: ids tell.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from itertools import islice
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.exc import DataError, IntegrityError

from ementa.db.bulk import insert_rows
from ementa.db.database import Database, Session
from ementa.llm.calls import CallRecord
from ementa.llm.models import ModelCall
from ementa.llm.settings import LlmSettings
from ementa.llm.usage.lines import make_row, read_line, write_line
from ementa.llm.usage.prices import Prices
from ementa.llm.usage.spool import Segment, Spool

log = logging.getLogger(__name__)

Seal = Callable[[Session, Sequence[CallRecord]], Awaitable[None]]
"""What else is written in the transaction that stores calls, as its last statement; given each call once."""

DIRECTORY = "usage"
BATCH = 500
"""Calls in one transaction."""
INTERVAL = 1.0
"""Seconds until a call is in the database, when it answers."""
_ADOPT_SECONDS = 10.0
_LONGEST_PAUSE = 30.0
_STOP_SECONDS = 5.0
_MOST_HELD = 10_000
"""Records kept in memory while the disk is full."""


class Recorder:
    """The records of one process; `tell` is the observer of its calls."""

    def __init__(
        self, database: Database, data: Path, settings: LlmSettings, prices: Prices, seal: Seal | None = None
    ) -> None:
        """`data` is the data directory. `seal` is told nothing when `settings.audit_calls` is off."""
        self._database = database
        self._prices = prices
        self._seal = seal if settings.audit_calls else None
        self._spool = Spool(data / DIRECTORY, settings.usage_spool_bytes)
        self._held: deque[CallRecord] = deque()
        self._full = asyncio.Event()
        self._storing = asyncio.Lock()
        self._since_flush = 0
        self._task: asyncio.Task[None] | None = None
        self.stored = 0
        """Calls in the database."""
        self.lost = 0
        """Calls that neither disk nor memory had room for, or that the database refuses whatever is done."""

    @property
    def spool_bytes(self) -> int:
        """What waits on disk."""
        return self._spool.size

    def tell(self, record: CallRecord) -> None:
        """A call ended."""
        if not self._spool.append(write_line(record)):
            self._hold(record)
        self._since_flush += 1
        if self._since_flush == BATCH:
            self._full.set()

    async def start(self) -> None:
        """Take over what earlier processes left, and begin to store."""
        self._spool.adopt()
        self._task = asyncio.create_task(self._run(), name="record calls")

    async def stop(self) -> None:
        """Store what is left if the database answers soon; what is not stays on disk for the next start."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None
            with suppress(TimeoutError):
                async with asyncio.timeout(_STOP_SECONDS):
                    await self._flush_safely()
        self._spool.close()

    async def flush(self) -> None:
        """Store all that waits now. Raises what the database raises; nothing is lost by it."""
        self._since_flush = 0
        await self._prices.ready()
        async with self._storing:
            # Only what waits now: calls that come meanwhile would make this an endless row of tiny transactions.
            for _ in range(self._spool.turn()):
                segment = self._spool.take()
                if segment is None:
                    break
                await self._store_segment(segment)
                self._spool.done(segment)
            while self._held:
                batch = list(islice(self._held, BATCH))
                await self._store(batch, replayed=True)
                for _ in batch:
                    self._held.popleft()

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        pause, adopted_at = INTERVAL, loop.time()
        while True:
            with suppress(TimeoutError):
                # While the database is away, a full batch is no reason to ask it more often.
                await asyncio.wait_for(self._full.wait() if pause == INTERVAL else asyncio.sleep(pause), pause)
            self._full.clear()
            if loop.time() - adopted_at > _ADOPT_SECONDS:
                adopted_at = loop.time()
                self._spool.adopt()
            if await self._flush_safely():
                pause = INTERVAL
            else:
                pause = min(pause * 2, _LONGEST_PAUSE)
                await asyncio.to_thread(self._spool.sync)

    async def _flush_safely(self) -> bool:
        try:
            await self.flush()
        except Exception as error:  # whatever ails the database: the records wait on disk
            log.warning(
                "calls not stored yet: they wait on disk",
                extra={"cause": f"{type(error).__name__}: {error}"[:500], "spool_bytes": self.spool_bytes},
            )
            return False
        return True

    async def _store_segment(self, segment: Segment) -> None:
        torn, waiting = 0, segment.lines()
        while lines := list(islice(waiting, BATCH)):
            records = [record for line in lines if (record := read_line(line)) is not None]
            torn += len(lines) - len(records)
            replayed, segment.replayed = segment.replayed, True
            await self._store(records, replayed=replayed)
            segment.replayed = replayed
        if torn:
            log.warning("torn lines in the spool of calls", extra={"path": str(segment.path), "lines": torn})

    async def _store(self, records: Sequence[CallRecord], *, replayed: bool) -> None:
        if not records:
            return
        try:
            await self._insert(records, replayed=replayed)
        except (DataError, IntegrityError) as error:
            if len(records) == 1:
                self.lost += 1
                log.error("the database refuses a call", extra={"call_id": records[0].id, "cause": str(error.orig)})
                return
            for record in records:
                await self._store([record], replayed=True)
            return
        self.stored += len(records)

    async def _insert(self, records: Sequence[CallRecord], *, replayed: bool) -> None:
        rows = [make_row(record, self._prices.cost(record)) for record in records]
        async with self._database.transaction() as session:
            fresh = records
            if replayed and self._seal:
                ids = [record.id for record in records]
                known = set(await session.scalars(select(ModelCall.id).where(ModelCall.id.in_(ids))))
                fresh = [record for record in records if record.id not in known]
            await insert_rows(session, ModelCall, rows, skip_known=True)
            if self._seal and fresh:
                await self._seal(session, fresh)

    def _hold(self, record: CallRecord) -> None:
        if len(self._held) < _MOST_HELD:
            self._held.append(record)
            return
        if not self.lost:
            log.error("calls are not recorded any more: no room on disk nor in memory")
        self.lost += 1
