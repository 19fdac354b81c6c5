"""The main job over HTTP: `POST /upload`, `GET /queue`, `GET /response/{id}`."""

import asyncio
from collections.abc import AsyncIterator
from typing import Annotated, Any, Literal

import msgspec
import orjson
from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import StreamingResponse

from ementa.analysis import retention, service
from ementa.analysis.ask import collect_headers, collect_pairs, read_ask
from ementa.analysis.deps import ChangesDep, IntakeDep
from ementa.analysis.errors import FileMissing
from ementa.analysis.intake import Intake
from ementa.analysis.models import Analysis
from ementa.analysis.multipart import MultipartUpload
from ementa.analysis.openapi import UPLOAD
from ementa.analysis.schemas import LABELS, AnswerRead, QueueError, QueueItem, QueuePage, UploadAccepted, Working
from ementa.analysis.types import Outcome
from ementa.db.deps import DatabaseDep, ReadSessionDep
from ementa.identity.deps import PrincipalDep
from ementa.identity.types import Principal
from ementa.kit import clock
from ementa.kit.errors import EmentaError, Language
from ementa.kit.language import preferred_language

router = APIRouter(tags=["analysis"])

Status = Literal["uploaded", "text_extracted", "prompt_processed", "done", "error", "cancelled"]
POLL_SECONDS = 1.0
"""How often a waiting request looks at the database without having been told of a change."""


@router.post("/upload", status_code=202, openapi_extra=UPLOAD)
async def upload(request: Request, principal: PrincipalDep, intake: IntakeDep) -> UploadAccepted:
    """Send a document with its question. Each field may come as a header, in the form or in the query; the file as the
    body or in the form field `file`."""
    fields = {**collect_pairs(request.query_params.multi_items()), **collect_headers(request.headers.raw)}
    content_type = request.headers.get("content-type", "")
    if content_type.lower().startswith("multipart/form-data"):
        analysis = await _receive_form(request, principal, intake, fields, content_type)
    else:
        analysis = await _receive_body(request, principal, intake, fields)
    language = preferred_language(request.headers.get("accept-language"))
    return UploadAccepted(
        id=analysis.id,
        status=analysis.status,
        status_label=LABELS[analysis.status][language],
        queue_url=f"/queue/{analysis.id}",
        response_url=f"/response/{analysis.id}",
        expires_at=analysis.expires_at,
    )


@router.get("/queue")
async def list_queue(
    request: Request,
    principal: PrincipalDep,
    session: ReadSessionDep,
    status: Status | None = None,
    cursor: Annotated[str | None, Query(max_length=200)] = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> QueuePage:
    """Your documents, newest first, each with its status."""
    entries, total, following = await service.list_queue(session, principal, status=status, cursor=cursor, limit=limit)
    language = preferred_language(request.headers.get("accept-language"))
    return QueuePage(documents=[_item(entry, language) for entry in entries], total=total, next=following)


@router.get(
    "/queue/events",
    response_class=StreamingResponse,
    responses={200: {"content": {"text/event-stream": {"schema": {"type": "string"}}}}},
)
async def queue_events(
    request: Request, principal: PrincipalDep, database: DatabaseDep, changes: ChangesDep
) -> StreamingResponse:
    """Server-sent events: your newest documents as they stand, then every change as it happens (`event: document`)."""
    language = preferred_language(request.headers.get("accept-language"))

    async def events() -> AsyncIterator[bytes]:
        seen: dict[str, tuple[str, float]] = {}
        since = clock.now()
        yield b": ready\n\n"
        async with database.read() as session:
            entries, _, _ = await service.list_queue(session, principal, status=None, cursor=None, limit=100)
        while not await request.is_disconnected():
            for entry in reversed(entries):
                state = (entry.analysis.status, entry.progress)
                since = max(since, entry.analysis.updated_at)
                if seen.get(entry.analysis.id) != state:
                    seen[entry.analysis.id] = state
                    data = _item(entry, language).model_dump_json()
                    yield f"event: document\ndata: {data}\n\n".encode()
            if len(seen) > 10_000:
                seen.clear()
            await changes.wait(POLL_SECONDS)
            yield b": still here\n\n"
            async with database.read() as session:
                entries = (await service.list_changed(session, principal, since))[::-1]

    return StreamingResponse(events(), media_type="text/event-stream", headers={"Cache-Control": "no-store"})


@router.get("/queue/{analysis_id}")
async def get_queued(analysis_id: str, request: Request, principal: PrincipalDep, session: ReadSessionDep) -> QueueItem:
    """One document and how far it is."""
    entry = await service.get_entry(session, principal, analysis_id)
    return _item(entry, preferred_language(request.headers.get("accept-language")))


@router.delete("/queue/{analysis_id}")
async def cancel_queued(
    analysis_id: str,
    request: Request,
    principal: PrincipalDep,
    database: DatabaseDep,
    intake: IntakeDep,
    changes: ChangesDep,
) -> QueueItem:
    """Stop the work on a document and erase it: file, text and answer."""
    async with database.transaction() as session:
        _, blobs = await service.cancel_analysis(session, principal, analysis_id)
    await retention.delete_blobs(intake.store, blobs)
    await database.forget()
    changes.notify()
    async with database.read() as session:
        entry = await service.get_entry(session, principal, analysis_id)
    return _item(entry, preferred_language(request.headers.get("accept-language")))


@router.get("/response/{analysis_id}", response_model=AnswerRead | Any, responses={202: {"model": Working}})
async def get_response(
    analysis_id: str,
    request: Request,
    principal: PrincipalDep,
    database: DatabaseDep,
    changes: ChangesDep,
    wait: Annotated[float, Query(ge=0, le=3600, description="Seconds to wait for the answer.")] = 0,
    form: Annotated[Literal["full", "bare"], Query(description="`bare` gives only the asked form.")] = "full",
) -> Response:
    """The answer in the asked form with the proof of every value; 202 while it is being worked out."""
    longest: int = request.app.state.runtime.settings.app.max_wait_seconds
    deadline = asyncio.get_running_loop().time() + min(wait, longest)
    while True:
        async with database.read() as session:
            analysis = await service.get_analysis(session, principal, analysis_id)
        outcome = service.get_outcome(analysis)
        remaining = deadline - asyncio.get_running_loop().time()
        if outcome is not None or remaining <= 0 or await request.is_disconnected():
            break
        await changes.wait(min(remaining, POLL_SECONDS))
    if outcome is None:
        return await _still_working(request, principal, database, analysis_id)
    if form == "bare":
        return Response(orjson.dumps(outcome.response), media_type="application/json")
    return Response(orjson.dumps(_answer(analysis, outcome)), media_type="application/json")


async def _receive_body(request: Request, principal: Principal, intake: Intake, fields: dict[str, str]) -> Analysis:
    ask = read_ask(fields, intake.settings)
    spec = await intake.check_ask(principal, ask)
    blob = await intake.receive(request.stream())
    if blob.size == 0 and not ask.filename:
        await intake.discard(blob)
        raise FileMissing
    return await intake.accept(principal, ask, spec, blob, None, _request_id(request))


async def _receive_form(
    request: Request, principal: Principal, intake: Intake, fields: dict[str, str], content_type: str
) -> Analysis:
    upload = MultipartUpload(content_type, request.stream())
    blob = await intake.receive(upload.file_chunks())
    try:
        if not upload.has_file:
            raise FileMissing
        ask = read_ask({**collect_pairs(upload.fields), **fields}, intake.settings)
        spec = await intake.check_ask(principal, ask)
    except EmentaError:
        await intake.discard(blob)
        raise
    return await intake.accept(principal, ask, spec, blob, upload.filename, _request_id(request))


async def _still_working(request: Request, principal: Principal, database: Any, analysis_id: str) -> Response:
    async with database.read() as session:
        entry = await service.get_entry(session, principal, analysis_id)
    language = preferred_language(request.headers.get("accept-language"))
    status = entry.analysis.status
    working = Working(id=analysis_id, status=status, status_label=LABELS[status][language], progress=entry.progress)
    return Response(
        working.model_dump_json(), status_code=202, media_type="application/json", headers={"Retry-After": "1"}
    )


def _request_id(request: Request) -> str:
    return str(request.scope.get("state", {}).get("request_id", ""))


def _item(entry: service.QueueEntry, language: Language) -> QueueItem:
    analysis = entry.analysis
    error = None
    if analysis.error is not None:
        failure = EmentaError.from_record(analysis.error)
        error = QueueError(error=failure.text(language), code=failure.code, details=failure.details)
    return QueueItem(
        id=analysis.id,
        filename=analysis.filename,
        model=analysis.model_used or analysis.model,
        status=analysis.status,
        status_label=LABELS[analysis.status][language],
        progress=entry.progress,
        position=entry.position,
        error=error,
        created_at=analysis.created_at,
        updated_at=analysis.updated_at,
        expires_at=analysis.expires_at,
    )


def _answer(analysis: Analysis, outcome: Outcome) -> dict[str, Any]:
    return {
        "id": analysis.id,
        "status": analysis.status,
        "model": outcome.model,
        "response": outcome.response,
        "proof": msgspec.to_builtins(outcome.proof),
        "usage": msgspec.to_builtins(outcome.usage),
        "warnings": outcome.warnings,
        "expires_at": clock.rfc3339(analysis.expires_at),
    }
