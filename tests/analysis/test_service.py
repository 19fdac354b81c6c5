"""What a principal can do with their documents, on both databases."""

from datetime import timedelta
from pathlib import Path

import msgspec
import pytest
from sqlalchemy import delete

from ementa.analysis import retention, service
from ementa.analysis.ask import Ask
from ementa.analysis.errors import AnalysisCancelled, AnalysisExpired, AnalysisNotFound, IdempotencyConflict
from ementa.analysis.models import Analysis
from ementa.analysis.types import How, LeafProof, Outcome
from ementa.db.database import Database
from ementa.identity import service as identity
from ementa.identity.types import Principal, Role
from ementa.jobs.base import Job, JobKind
from ementa.jobs.engines import create_engine
from ementa.jobs.models import JobRecord
from ementa.jobs.settings import JobSettings
from ementa.kit import clock
from ementa.kit.errors import EmentaError, Invalid
from ementa.kit.pagination import CursorInvalid, encode_cursor
from ementa.storage.base import Blob
from ementa.storage.errors import BlobNotFound
from ementa.storage.filesystem import FilesystemStore


class Smudged(Invalid):
    """A test's own error."""

    code = "TEST_SMUDGED"
    pt = "Borrado na página {page}."
    en = "Smudged on page {page}."


OUTCOME = Outcome(response={"n": 1}, proof=(LeafProof("/n", 1, How.EXACT, page=1),), model="m")


@pytest.fixture
async def house(database: Database) -> Database:
    """A database whose jobs nobody runs: each test moves the stages itself."""

    async def idle(job: Job) -> None:
        raise AssertionError("no job runs here")

    kinds = [JobKind(name, "default", idle, 10.0) for name in ("extract", "prompt", "format", "callback")]
    create_engine(JobSettings(), database, kinds, {"default": 1})
    return database


async def someone(database: Database, tenant: str, email: str, role: Role = Role.USER) -> Principal:
    async with database.transaction() as session:
        row = await identity.ensure_tenant(session, tenant)
        user = await identity.ensure_user(session, row, email, role)
        return Principal(row.id, user.id, role)


@pytest.fixture
async def ana(house: Database) -> Principal:
    return await someone(house, "acme", "ana@acme.example")


def ask(**changed: object) -> Ask:
    fields = Ask("Extraia o CNPJ", '{"n": 0}', None, "ementa-reader", 3600, 0, None, None, None)
    return fields._replace(**changed)


async def add(
    database: Database, principal: Principal, key: str = "uploads/aa/1", sha256: str = "0" * 64, **changed: object
) -> tuple[Analysis, bool]:
    upload = service.Upload(Blob(key, 10, sha256), "nota.txt", "text/plain")
    async with database.transaction() as session:
        return await service.add_analysis(session, principal, ask(**changed), upload, spec=b"spec", request_id="r1")


async def finish(database: Database, analysis_id: str, extraction_key: str = "extractions/x/1") -> None:
    async with database.transaction() as session:
        await service.store_extraction(session, analysis_id, extraction_key)
    async with database.transaction() as session:
        await service.store_selection(session, analysis_id, b"selection")
    async with database.transaction() as session:
        await service.store_outcome(session, analysis_id, msgspec.msgpack.encode(OUTCOME), "m")


async def get(database: Database, principal: Principal, analysis_id: str) -> Analysis:
    async with database.read() as session:
        return await service.get_analysis(session, principal, analysis_id)


async def test_the_three_stages_end_in_an_answer(house: Database, ana: Principal) -> None:
    analysis, new = await add(house, ana)
    assert new
    states: list[tuple[str, int | None]] = []
    for store, argument in ((service.store_extraction, "extractions/x/1"), (service.store_selection, b"s")):
        async with house.read() as session:
            entry = await service.get_entry(session, ana, analysis.id)
        states.append((entry.analysis.status, entry.position))
        async with house.transaction() as session:
            await store(session, analysis.id, argument)  # type: ignore[arg-type]
    assert [status for status, _ in states] == ["uploaded", "text_extracted"]
    assert all(position is not None for _, position in states)
    async with house.transaction() as session:
        await service.store_outcome(session, analysis.id, msgspec.msgpack.encode(OUTCOME), "m")
    done = await get(house, ana, analysis.id)
    assert service.get_outcome(done) == OUTCOME
    async with house.read() as session:
        entry = await service.get_entry(session, ana, analysis.id)
    assert (entry.progress, entry.position) == (1.0, None)


async def test_what_is_not_yours_does_not_exist(house: Database, ana: Principal) -> None:
    colleague = await someone(house, "acme", "bia@acme.example")
    admin = await someone(house, "acme", "root@acme.example", Role.ADMIN)
    rival_admin = await someone(house, "rival", "root@rival.example", Role.ADMIN)
    analysis, _ = await add(house, ana)
    for stranger in (colleague, rival_admin):
        with pytest.raises(AnalysisNotFound):
            await get(house, stranger, analysis.id)
        async with house.read() as session:
            assert await service.list_queue(session, stranger, status=None, cursor=None, limit=10) == ([], 0, None)
            assert await service.list_changed(session, stranger, clock.now() - timedelta(hours=1)) == []
        with pytest.raises(AnalysisNotFound):
            async with house.transaction() as session:
                await service.cancel_analysis(session, stranger, analysis.id)
    assert (await get(house, admin, analysis.id)).id == analysis.id


async def test_the_queue_comes_in_pages_newest_first(house: Database, ana: Principal) -> None:
    made = [(await add(house, ana, key=f"uploads/aa/{n}"))[0].id for n in range(5)]
    seen: list[str] = []
    cursor = None
    while True:
        async with house.read() as session:
            page, total, cursor = await service.list_queue(session, ana, status="uploaded", cursor=cursor, limit=2)
        assert total == 5
        seen += [entry.analysis.id for entry in page]
        if cursor is None:
            break
    assert seen == sorted(made, reverse=True)
    async with house.read() as session:
        with pytest.raises(CursorInvalid):
            await service.list_queue(session, ana, status=None, cursor="???", limit=2)
        assert (await service.list_queue(session, ana, status="done", cursor=None, limit=2))[1] == 0


async def test_a_failure_is_kept_and_told_again(house: Database, ana: Principal) -> None:
    analysis, _ = await add(house, ana)
    async with house.transaction() as session:
        await service.store_failure(session, analysis.id, Smudged(page=3))
    failed = await get(house, ana, analysis.id)
    with pytest.raises(Smudged, match="page 3"):
        service.get_outcome(failed)
    assert failed.status == "error"


async def test_an_idempotency_key_names_one_request(house: Database, ana: Principal) -> None:
    first, _ = await add(house, ana, idempotency_key="k")
    again, new = await add(house, ana, idempotency_key="k")
    assert (again.id, new) == (first.id, False)
    with pytest.raises(IdempotencyConflict):
        await add(house, ana, idempotency_key="k", prompt="outra coisa")
    colleague = await someone(house, "acme", "bia@acme.example")
    assert (await add(house, colleague, idempotency_key="k"))[1]
    async with house.transaction() as session:
        await service.cancel_analysis(session, ana, first.id)
    assert (await add(house, ana, idempotency_key="k", prompt="outra coisa"))[1]


@pytest.fixture
def store(tmp_path: Path) -> FilesystemStore:
    return FilesystemStore(tmp_path / "blobs")


async def test_cancelling_erases_everything_about_it(house: Database, ana: Principal) -> None:
    analysis, _ = await add(house, ana)
    await finish(house, analysis.id)
    async with house.transaction() as session:
        _, blobs = await service.cancel_analysis(session, ana, analysis.id)
    assert set(blobs) == {"uploads/aa/1", "extractions/x/1"}
    with pytest.raises(AnalysisCancelled):
        await get(house, ana, analysis.id)
    async with house.read() as session:
        row = await session.get(Analysis, analysis.id)
    assert row is not None
    content = (row.prompt, row.format_text, row.spec, row.selection, row.outcome, row.blob_key, row.extraction_key)
    assert content == (None,) * 7
    assert (row.filename, row.sha256) == ("", "")


async def test_nothing_is_stored_for_an_erased_document(house: Database, ana: Principal) -> None:
    analysis, _ = await add(house, ana)
    async with house.transaction() as session:
        await service.cancel_analysis(session, ana, analysis.id)
    with pytest.raises(AnalysisNotFound):
        await finish(house, analysis.id)
    async with house.transaction() as session:
        await service.store_failure(session, analysis.id, Invalid())
    with pytest.raises(AnalysisCancelled):
        await get(house, ana, analysis.id)


async def test_a_shared_reading_goes_with_its_last_user(house: Database, ana: Principal) -> None:
    one, _ = await add(house, ana, key="uploads/aa/1")
    two, _ = await add(house, ana, key="uploads/aa/2")
    await finish(house, one.id)
    await finish(house, two.id)
    async with house.transaction() as session:
        _, blobs = await service.cancel_analysis(session, ana, one.id)
    assert blobs == ["uploads/aa/1"]
    async with house.transaction() as session:
        _, blobs = await service.cancel_analysis(session, ana, two.id)
    assert set(blobs) == {"uploads/aa/2", "extractions/x/1"}


async def test_the_sweep_erases_what_expired_and_forgets_it_later(
    house: Database, ana: Principal, store: FilesystemStore
) -> None:
    await store.put_bytes("uploads/aa/1", b"segredo")
    await store.put_bytes("uploads/aa/2", b"outro")
    short, _ = await add(house, ana, key="uploads/aa/1", ttl_seconds=60)
    long, _ = await add(house, ana, key="uploads/aa/2", ttl_seconds=7200)
    later = clock.now() + timedelta(seconds=61)
    assert await retention.erase_expired(house, store, later) == 1
    with pytest.raises(AnalysisExpired):
        await get(house, ana, short.id)
    assert (await get(house, ana, long.id)).id == long.id
    with pytest.raises(BlobNotFound):
        await store.get_bytes("uploads/aa/1")
    assert await store.get_bytes("uploads/aa/2") == b"outro"
    assert await retention.erase_expired(house, store, later + retention.TOMBSTONE) == 1
    with pytest.raises(AnalysisNotFound):
        await get(house, ana, short.id)


async def test_blobs_that_nobody_needs_are_swept(house: Database, ana: Principal, store: FilesystemStore) -> None:
    await store.put_bytes("uploads/aa/1", b"needed")
    await store.put_bytes("uploads/aa/9", b"orphan")
    await store.put_bytes("extractions/t/9", b"orphan")
    await add(house, ana, key="uploads/aa/1")
    assert await retention.erase_orphans(house, store, clock.now() - timedelta(hours=1)) == 0
    assert await retention.erase_orphans(house, store, clock.now() + timedelta(seconds=1)) == 2
    assert [key async for key, _ in store.keys("uploads")] == ["uploads/aa/1"]


async def test_what_is_no_id_names_nothing(house: Database, ana: Principal) -> None:
    for text in ("", "\x00", "../x", "\ud800", "x" * 5000):
        with pytest.raises(AnalysisNotFound):
            await get(house, ana, text)
    for cursor in (encode_cursor("\x00"), encode_cursor("1; DROP TABLE analysis")):
        async with house.read() as session:
            with pytest.raises(CursorInvalid):
                await service.list_queue(session, ana, status=None, cursor=cursor, limit=1)


async def test_an_error_from_a_broken_file_is_stored_all_the_same(house: Database, ana: Principal) -> None:
    analysis, _ = await add(house, ana)
    async with house.transaction() as session:
        await service.store_failure(session, analysis.id, Smudged(page="3\x00\ud800"))
    with pytest.raises(Smudged):
        service.get_outcome(await get(house, ana, analysis.id))


async def test_every_stored_error_can_be_told(house: Database, ana: Principal) -> None:
    analysis, _ = await add(house, ana)
    async with house.transaction() as session:
        await service.store_failure(session, analysis.id, EmentaError())
    with pytest.raises(EmentaError):
        service.get_outcome(await get(house, ana, analysis.id))


async def test_a_document_whose_job_is_gone_gets_a_new_one(house: Database, ana: Principal) -> None:
    stranded, _ = await add(house, ana, key="uploads/aa/1")
    waiting, _ = await add(house, ana, key="uploads/aa/2")
    over, _ = await add(house, ana, key="uploads/aa/3")
    await finish(house, over.id)
    async with house.transaction() as session:
        await session.execute(delete(JobRecord).where(JobRecord.id == stranded.job_id))
    later = clock.now() + timedelta(seconds=1)
    assert await service.resume_stranded(house, stranded.updated_at - timedelta(seconds=1)) == 0
    assert await service.resume_stranded(house, later) == 1
    assert await service.resume_stranded(house, later) == 0
    resumed, same = await get(house, ana, stranded.id), await get(house, ana, waiting.id)
    assert resumed.job_id not in (None, stranded.job_id)
    assert same.job_id == waiting.job_id
