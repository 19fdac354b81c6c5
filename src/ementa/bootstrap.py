"""Builds one `Runtime`: every part of Ementa in one process, for the server, the worker, the command line and tests."""

import logging
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import ementa
from ementa.analysis import retention
from ementa.analysis import service as analyses
from ementa.analysis.intake import Intake
from ementa.analysis.jobs import Pipeline
from ementa.analysis.signals import Changes
from ementa.db.database import Database
from ementa.db.migrate import upgrade
from ementa.db.secrets import SecretBox
from ementa.extraction.sandbox.pool import SandboxPool
from ementa.identity.audit import record_event
from ementa.identity.calls import audit_calls
from ementa.jobs.concurrency import derive, detect_hardware
from ementa.jobs.engines import create_engine
from ementa.jobs.supervisor import Supervisor
from ementa.kit.registry import AdapterMissing
from ementa.llm.answer_stores.choice import open_answers
from ementa.llm.answer_stores.database import erase_expired
from ementa.llm.checks import list_kinds
from ementa.llm.config import GatewayConfig
from ementa.llm.gateway import Gateway
from ementa.llm.limits.budgets import Budgets
from ementa.llm.limits.limiter import Limiter
from ementa.llm.metrics import CallMetrics, GatewayState
from ementa.llm.retention import erase_calls
from ementa.llm.service import renew_secrets
from ementa.llm.usage.prices import Prices
from ementa.llm.usage.recorder import Recorder
from ementa.llm.watch import ConfigWatch
from ementa.observability.metrics import new_registry
from ementa.settings import Settings
from ementa.storage.directory import prepare_data
from ementa.storage.filesystem import FilesystemStore
from ementa.upkeep.gpus import GpuReader
from ementa.upkeep.jobs import sweep_kind
from ementa.upkeep.local import LocalServers
from ementa.upkeep.restart import ServerKeeper
from ementa.upkeep.rounds import Round, Rounds
from ementa.upkeep.sweep import Sweep, house_sweeps
from ementa.upkeep.watch import ResourceWatch

if TYPE_CHECKING:
    from ementa.llm.tracing import CallTracer

log = logging.getLogger(__name__)

STRANDED = timedelta(minutes=2)
"""How long a document may wait without a job before it is given a new one."""


class Runtime:
    """The parts of one process. `start` it, use it, `stop` it."""

    def __init__(self, settings: Settings) -> None:
        """Build the parts; nothing is opened until `start` but the data directory is made (0700)."""
        prepare_data(settings.data)
        self.settings = settings
        self.concurrency = derive(detect_hardware(), settings.jobs)
        children = settings.extraction.children or self.concurrency.children
        extraction = settings.extraction.model_copy(update={"children": children})
        slots = settings.llm.model_concurrency or self.concurrency.model
        self.database = Database(settings.db, settings.data)
        self.secrets = SecretBox(settings.data, settings.db.secret_key)
        self.store = FilesystemStore(settings.data / "blobs")
        self.pool = SandboxPool(extraction)
        llm = settings.llm.model_copy(update={"model_concurrency": slots})
        self.prices = Prices(llm)
        self.limiter = Limiter(llm, Budgets(self.database, self.prices))
        self.recorder = Recorder(self.database, settings.data, llm, self.prices, audit_calls)
        self.registry = new_registry(ementa.__version__)
        counted = CallMetrics(self.registry, self.prices)
        self.tracer = _make_tracer(settings.observability.otlp_endpoint)
        traced = (self.tracer.tell,) if self.tracer else ()
        self.answers = open_answers(llm, self.database)
        self.gateway = Gateway(
            llm,
            settings.plugins,
            observers=(self.limiter.tell, self.recorder.tell, counted.tell, *traced),
            answers=self.answers,
            price=self.prices.per_million_out,
        )
        GatewayState(self.registry, llm, self.gateway.states, self.limiter, self.recorder)
        self.config_watch = ConfigWatch(
            self.database, self.secrets, list_kinds(settings.plugins), [self.prices.apply, self.gateway.apply]
        )
        local = LocalServers(self.gateway, settings.upkeep.local_servers)
        self.watch = ResourceWatch(settings.upkeep, settings.data, read_gpus=GpuReader().read, runs_here=local.run)
        self.keeper = ServerKeeper(
            settings.upkeep, settings.data, local.list_servers, lambda: self.watch.gpus_are_full, self._note_restart
        )
        self.rounds = Rounds(
            Round("memory", settings.upkeep.watch_seconds, self.watch.see_memory),
            Round("gpus", settings.upkeep.gpu_seconds, self.watch.see_gpus),
            Round("model servers", settings.upkeep.watch_seconds, self.keeper.check),
        )
        self.changes = Changes()
        self.intake = Intake(self.database, self.store, self.gateway, self.limiter, settings.analysis, extraction)
        self.pipeline = Pipeline(
            self.database,
            self.store,
            self.pool,
            self.gateway,
            self.limiter,
            self.changes,
            settings.analysis,
            extraction,
            settings.plugins,
        )
        # Created even where no job runs: enqueuing goes through it.
        kinds = [*self.pipeline.kinds(), sweep_kind(self._sweeps(), settings.upkeep)]
        self.jobs = Supervisor(lambda: create_engine(settings.jobs, self.database, kinds, self.concurrency.queues))

    async def start(self, *, run_jobs: bool) -> None:
        """Bring the database up to date, open the gateway and, when asked, start running jobs.

        Raises `EngineBusy` when another process already runs those of this data directory.
        """
        await self.open()
        if run_jobs:
            await self.jobs.start()

    async def open(self) -> None:
        """Bring the database up to date and open the gateway: all that jobs need, but none is run."""
        await upgrade(self.database)
        async with self.database.transaction() as session:
            if renewed := await renew_secrets(session, self.secrets):
                log.info("secrets encrypted with the new key", extra={"count": renewed})
        self.prices.apply(GatewayConfig())  # the servers of the settings; what is stored comes with the watch
        await self.recorder.start()
        await self.config_watch.start()
        await self.gateway.start()

    async def stop(self) -> None:
        """Hand running jobs back and let go of everything, in the order in which one part needs the next. Safe to call
        twice."""
        await self.rounds.stop()
        await self.keeper.stop()
        await self.jobs.stop(self.settings.jobs.grace_seconds)
        await self.pool.close()
        await self.config_watch.stop()
        await self.gateway.close()
        await self.limiter.close()
        await self.recorder.stop()
        if self.tracer:
            await self.tracer.close()
        await self.answers.close()
        await self.database.close()

    async def _note_restart(self, server: str, details: dict[str, Any]) -> None:
        async with self.database.transaction() as session:
            await record_event(session, None, "model_server.restart", server, details)

    def _sweeps(self) -> list[Sweep]:
        """Everything that is removed by itself."""
        orphan_age = timedelta(seconds=self.settings.analysis.max_ttl_seconds)

        async def expired(now: datetime) -> int:
            erased = await retention.erase_expired(self.database, self.store, now)
            if erased:
                self.changes.notify()
            return erased

        async def orphans(now: datetime) -> int:
            return await retention.erase_orphans(self.database, self.store, now - orphan_age)

        async def stranded(now: datetime) -> int:
            return await analyses.resume_stranded(self.database, now - STRANDED)

        async def answers(now: datetime) -> int:
            return await erase_expired(self.database, now)

        async def calls(now: datetime) -> int:
            return await erase_calls(self.database, now - timedelta(days=self.settings.llm.usage_days))

        house = house_sweeps(
            self.database,
            self.store,
            self.settings.data,
            self.settings.upkeep,
            self.settings.jobs.keep_finished_seconds,
        )
        return [
            Sweep("analyses", expired),
            Sweep("orphans", orphans),
            Sweep("stranded", stranded),
            Sweep("answers", answers),
            Sweep("calls", calls),
            *house,
        ]


def _make_tracer(endpoint: str) -> "CallTracer | None":
    if not endpoint:
        return None
    try:
        from ementa.llm.tracing import CallTracer  # noqa: PLC0415 - an extra, and 20 MB that few need
    except ImportError as error:
        raise AdapterMissing(name="otlp", group="tracing", cause="pip install 'ementa[tracing]'") from error
    return CallTracer(endpoint)
