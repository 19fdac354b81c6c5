"""The three stages of the main job, and the call back when it is over.

Each handler works outside any transaction and stores its result in one fenced transaction together with the next
stage. What a handler needs comes in `Pipeline`, built once by `bootstrap`.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import aiohttp
import msgspec

from ementa.analysis import deciding, queries, service
from ementa.analysis.errors import AnalysisNotFound
from ementa.analysis.intake import API
from ementa.analysis.models import Analysis
from ementa.analysis.settings import AnalysisSettings
from ementa.analysis.signals import Changes
from ementa.analysis.types import Outcome
from ementa.db.database import Database, Session
from ementa.extraction import service as extraction
from ementa.extraction.sandbox.pool import SandboxPool
from ementa.extraction.settings import ExtractionSettings
from ementa.identity import service as identity
from ementa.identity.types import caller_of
from ementa.jobs.base import Job, JobKind
from ementa.kit.errors import EmentaError, UpstreamFailed
from ementa.llm.errors import ModelUnavailable
from ementa.llm.gateway import Gateway
from ementa.llm.limits.limiter import Limiter
from ementa.llm.reader import READER
from ementa.llm.types import Caller, ChatRequest, ChatResult
from ementa.storage.base import BlobStore

log = logging.getLogger(__name__)


class CallbackFailed(UpstreamFailed):
    """The address to call back did not take the news."""

    code = "CALLBACK_FAILED"
    pt = "O endereço de retorno respondeu {status}."
    en = "The callback address answered {status}."


@dataclass(frozen=True, slots=True)
class Pipeline:
    """What the stages need."""

    database: Database
    store: BlobStore
    pool: SandboxPool
    gateway: Gateway
    limiter: Limiter
    changes: Changes
    settings: AnalysisSettings
    extraction: ExtractionSettings
    plugins: frozenset[str] = frozenset()

    def kinds(self) -> list[JobKind]:
        """The job kinds of the main job, each on its own queue."""
        timeout = self.settings.stage_timeout_seconds
        stages = [
            JobKind(name, name, handler, timeout, on_failed=self._failed)
            for name, handler in (("extract", self.extract), ("prompt", self.prompt), ("format", self.format))
        ]
        return [*stages, JobKind("callback", "default", self.call_back, 60.0, max_attempts=8)]

    async def extract(self, job: Job) -> None:
        """Read the document: file to pages, words and boxes."""
        analysis = await self._find(job)
        _, key = await self._read(analysis, job.progress)
        async with job.finish() as session:
            await service.store_extraction(session, analysis.id, key)
        self.changes.notify()

    async def prompt(self, job: Job) -> None:
        """Propose candidates and let the model choose."""
        analysis = await self._find(job)
        document, _ = await self._read(analysis)
        spec = analysis.spec or b""
        question = analysis.prompt or ""
        prepared: bytes = await self._in_child("prepare", document, spec, question)
        await job.progress(0.2)
        selection = await self._select(analysis, prepared)
        async with job.finish() as session:
            await service.store_selection(session, analysis.id, deciding.encode_selection(selection))
        self.changes.notify()

    async def format(self, job: Job) -> None:
        """Put the answer in the asked form with the proof of every leaf, and store it."""
        analysis = await self._find(job)
        document, _ = await self._read(analysis)
        outcome: bytes = await self._in_child("assemble", document, analysis.spec or b"", analysis.selection or b"")
        model_used = msgspec.msgpack.decode(outcome, type=Outcome).model
        async with job.finish() as session:
            await service.store_outcome(session, analysis.id, outcome, model_used)
        self.changes.notify()

    async def call_back(self, job: Job) -> None:
        """Tell the address that the user gave. It says only that the document is over, never what it says."""
        async with self.database.read() as session:
            analysis = await queries.find(session, job.payload["analysis_id"])
        if analysis is None or not analysis.callback_url:
            return
        body = {"id": analysis.id, "status": analysis.status, "response_url": f"/response/{analysis.id}"}
        timeout = aiohttp.ClientTimeout(total=30)
        try:
            async with (
                aiohttp.ClientSession(timeout=timeout) as client,
                client.post(analysis.callback_url, json=body, allow_redirects=False) as answer,
            ):
                if answer.status >= 300:
                    raise CallbackFailed(status=answer.status)
        except (aiohttp.ClientError, TimeoutError) as error:
            raise CallbackFailed(status=type(error).__name__) from error

    async def _find(self, job: Job) -> Analysis:
        analysis_id: str = job.payload["analysis_id"]
        async with self.database.read() as session:
            analysis = await queries.find(session, analysis_id)
        if analysis is None or analysis.erased_at is not None:
            raise AnalysisNotFound(id=analysis_id)
        return analysis

    async def _read(
        self, analysis: Analysis, progress: Callable[[float], Awaitable[None]] | None = None
    ) -> tuple[bytes, str]:
        """The document as read and the key it is kept under.

        After the first stage it comes from the cache, unless someone erased the same content in between.
        """
        what = {"filename": analysis.filename, "sha256": analysis.sha256, "scope": analysis.tenant_id}
        async with self.store.open_path(analysis.blob_key or "") as path:
            key = await asyncio.to_thread(
                extraction.stored_key, path, **what, settings=self.extraction, plugins=self.plugins
            )
            document = await extraction.extract_bytes(
                path,
                **what,
                store=self.store,
                pool=self.pool,
                settings=self.extraction,
                progress=progress,
                plugins=self.plugins,
            )
        return document, key

    async def _in_child(self, function: str, *arguments: bytes | str) -> bytes:
        """CPU work on a document never runs on the event loop: it would starve heartbeats and health checks."""
        return await self.pool.call(
            f"ementa.analysis.kernel:{function}", *arguments, timeout_seconds=self.extraction.timeout_seconds
        )

    async def _select(self, analysis: Analysis, prepared: bytes) -> deciding.Selection:
        question = analysis.prompt or ""
        caller = await self._caller(analysis)
        bigger = self.settings.escalation_model
        options = deciding.Options(
            model=analysis.model,
            escalation_model=bigger if bigger and self.gateway.permits(bigger, caller.models) else "",
            timeout_seconds=self.settings.model_timeout_seconds,
            max_list_items=self.settings.max_list_items,
            context_tokens=self.gateway.settings.max_context_tokens,
        )
        if analysis.model != READER:
            try:
                return await deciding.select(prepared, question, self._chat_for(caller), options)
            except ModelUnavailable:
                if READER not in self.gateway.settings.fallback_models:
                    raise
                log.warning("model unavailable, the readers answer alone", extra={"model": analysis.model})
        return await deciding.select(prepared, question, None, msgspec.structs.replace(options, model=READER))

    async def _caller(self, analysis: Analysis) -> Caller:
        """Who asked, with the models and budgets that their key has now."""
        holder = None
        if analysis.key_id is not None:
            async with self.database.read() as session:
                holder = await identity.find_holder(session, analysis.key_id)
        if holder is None:
            return Caller(tenant=analysis.tenant_id, user=analysis.user_id, key=analysis.key_id or "", api=API)
        return caller_of(holder, API)

    def _chat_for(self, caller: Caller) -> Callable[[ChatRequest], Awaitable[ChatResult]]:
        """The gateway on behalf of whoever asked. Answers are not remembered there: an analysis keeps its own result,
        and erases it when its time is over. A budget that is spent ends it, with that as its error."""

        async def chat(request: ChatRequest) -> ChatResult:
            await self.limiter.require_budget(caller)
            return await self.gateway.chat(msgspec.structs.replace(request, caller=caller, use_cache=False))

        return chat

    async def _failed(self, session: Session, payload: dict[str, str], error: EmentaError) -> None:
        await service.store_failure(session, payload["analysis_id"], error)
        # The commit follows at once; waiters look again then.
        asyncio.get_running_loop().call_later(0.05, self.changes.notify)
