"""The way in: a file and a question become an accepted document, or a clear error and nothing left behind."""

import asyncio
import logging
from collections.abc import AsyncIterable
from dataclasses import dataclass

from sqlalchemy.exc import IntegrityError

from ementa.analysis import service
from ementa.analysis.ask import Ask, clean_filename
from ementa.analysis.models import Analysis
from ementa.analysis.settings import AnalysisSettings
from ementa.analysis.spec import encode_spec, parse_spec
from ementa.db.database import Database
from ementa.extraction.service import check_upload
from ementa.extraction.settings import ExtractionSettings
from ementa.identity.types import Principal, caller_of
from ementa.llm.errors import ModelNotPermitted, ModelUnavailable
from ementa.llm.gateway import Gateway
from ementa.llm.limits.limiter import Limiter
from ementa.llm.reader import READER
from ementa.storage.base import Blob, BlobStore

log = logging.getLogger(__name__)

API = "analysis"
"""By which door the calls of analyses come to the gateway."""


@dataclass(frozen=True, slots=True)
class Intake:
    """What receiving a document needs. Built once by `bootstrap`."""

    database: Database
    store: BlobStore
    gateway: Gateway
    limiter: Limiter
    settings: AnalysisSettings
    extraction: ExtractionSettings

    async def check_ask(self, principal: Principal, ask: Ask) -> bytes:
        """Refuse now what would fail later: a format that cannot be read, a model that is not there or not for this
        key, a limit that is reached or a budget that is spent. With a model it counts as one request to models.

        Returns the parsed format in its stored form.
        """
        spec = await asyncio.to_thread(parse_spec, ask.format_text, ask.example_text, self.settings)
        await self._check_model(principal, ask.model)
        return encode_spec(spec)

    async def receive(self, chunks: AsyncIterable[bytes]) -> Blob:
        """Store the file durably as it arrives; past the limit or with a full disk nothing stays."""
        return await self.store.put(chunks, prefix="uploads", max_bytes=self.extraction.max_upload_bytes)

    async def accept(
        self, principal: Principal, ask: Ask, spec: bytes, blob: Blob, filename: str | None, request_id: str
    ) -> Analysis:
        """Check the stored file against its name, then accept it. Whatever goes wrong, the blob goes too."""
        accepted = False
        try:
            name = clean_filename(ask.filename or filename)
            async with self.store.open_path(blob.key) as path:
                media_type = await asyncio.to_thread(check_upload, path, name, self.extraction)
            upload = service.Upload(blob, name, media_type)
            analysis, accepted = await self._add(principal, ask, upload, spec, request_id)
            return analysis
        finally:
            if not accepted:
                await asyncio.shield(self.store.delete(blob.key))

    async def discard(self, blob: Blob) -> None:
        """Drop a received file that will not be accepted."""
        await self.store.delete(blob.key)

    async def _add(
        self, principal: Principal, ask: Ask, upload: service.Upload, spec: bytes, request_id: str
    ) -> tuple[Analysis, bool]:
        try:
            return await self._add_once(principal, ask, upload, spec, request_id)
        except IntegrityError:
            # Two requests with one Idempotency-Key met in the database; the second finds the first's row now.
            return await self._add_once(principal, ask, upload, spec, request_id)

    async def _add_once(
        self, principal: Principal, ask: Ask, upload: service.Upload, spec: bytes, request_id: str
    ) -> tuple[Analysis, bool]:
        async with self.database.transaction() as session:
            return await service.add_analysis(session, principal, ask, upload, spec=spec, request_id=request_id)

    async def _check_model(self, principal: Principal, model: str) -> None:
        if not self.gateway.permits(model, principal.models):
            raise ModelNotPermitted(model=model)
        if model == READER:
            return
        try:
            await self.gateway.show(model)
        except ModelUnavailable:
            if not self.gateway.settings.fallback_models:
                raise
        await self.limiter.admit(caller_of(principal, API))
