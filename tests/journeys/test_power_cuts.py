"""Power cuts while people send and read: every 202 ends in exactly one answer, under the id first given."""

import asyncio
import os
import random
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from people import Person

from ementa.analysis import retention
from ementa.analysis.models import Analysis
from ementa.db.database import Database
from ementa.db.settings import DatabaseSettings
from ementa.kit import clock
from ementa.storage.filesystem import FilesystemStore
from ementa.testing.ollama.double import OllamaDouble
from ementa.testing.server import RunningServer

ASKED = {"Prompt": "Qual o número da nota e o CNPJ?", "Format_Response": '{"numero": "", "cnpj": ""}'}
QUICK = {"EMENTA_JOBS__RETRY_BASE_SECONDS": "0.05", "EMENTA_EXTRACTION__CHILDREN": "1", "LOG_LEVEL": "WARNING"}
KILLS = 10
SOAK_KILLS = int(os.environ.get("EMENTA_SOAK_KILLS", "60"))


@pytest.fixture
def ollama() -> Iterator[OllamaDouble]:
    with OllamaDouble() as double:
        yield double


async def test_nothing_is_lost_or_doubled_by_power_cuts(tmp_path: Path) -> None:
    await Story(RunningServer(tmp_path / "data", QUICK), "ementa-reader").run(KILLS)


async def test_nor_while_a_model_is_answering(tmp_path: Path, ollama: OllamaDouble) -> None:
    story = Story(RunningServer(tmp_path / "data", {**QUICK, "OLLAMA_HOST": ollama.url}), "delay-1200:1b")
    await story.run(3)
    asked = ollama.stats.requests["POST /api/chat"]
    assert asked > len(story.ids), "no request to the model was cut off and made again"


@pytest.mark.slow
@pytest.mark.timeout(3600)
async def test_nor_by_many(tmp_path: Path, ollama: OllamaDouble) -> None:
    server = RunningServer(tmp_path / "data", {**QUICK, "OLLAMA_HOST": ollama.url})
    await Story(server, "ementa-reader").run(SOAK_KILLS)


class Story:
    """People who send and read documents while the power fails again and again."""

    def __init__(self, server: RunningServer, model: str) -> None:
        self._server = server
        self._model = model
        self._random = random.Random(93517)
        self._over = False
        self._numbers = iter(range(1000, 1_000_000))
        self.ids: dict[int, str] = {}
        """The id that each document was given with its 202."""
        self.answers: dict[int, Any] = {}
        """The first answer read of each."""
        self.starts: list[float] = []

    async def run(self, kills: int) -> None:
        await asyncio.to_thread(self._server.start)
        try:
            people = [asyncio.create_task(self._live()) for _ in range(3)]
            for kill in range(kills):
                # Never five times too soon for one document: that ends it as WORKER_LOST, which is right.
                await asyncio.sleep(self._random.uniform(2.5, 3.5) if kill % 3 == 2 else self._random.uniform(0, 1))
                await asyncio.to_thread(self._cut_power)
            self._over = True
            await asyncio.gather(*people)
            await self._check_answers()
        finally:
            self._over = True
            await asyncio.to_thread(self._server.stop)
        await check_disk(self._server.data, len(self.ids))
        print(f"{kills} kills, {len(self.ids)} documents, start at most {max(self.starts):.2f} s")

    def _cut_power(self) -> None:
        self._server.kill()
        began = time.monotonic()
        self._server.start()
        self.starts.append(time.monotonic() - began)

    async def _live(self) -> None:
        """Send a document, insisting until it is accepted; wait for its answer unless in a hurry; again."""
        person = Person(self._server)
        try:
            while not self._over:
                number = next(self._numbers)
                accepted = await self._insist(person, 202, lambda number=number: self._send(person, number))
                self.ids[number] = accepted["id"]
                if self._random.random() < 0.5:
                    self.answers[number] = await self._read(person, number)
        finally:
            await person.close()

    async def _send(self, person: Person, number: int) -> tuple[int, Any]:
        text = f"Nota fiscal número: {number}\nCNPJ: 11.222.333/0001-81\n".encode()
        return await person.send(text, **ASKED, Model=self._model, Idempotency_Key=f"nota-{number}")

    async def _read(self, person: Person, number: int) -> Any:
        return await self._insist(person, 200, lambda: person.call("GET", f"/response/{self.ids[number]}?wait=20"))

    async def _insist(self, person: Person, wanted: int, act: Any) -> Any:
        """Try again whenever the line goes dead, as a good client does; any answer but `wanted` or 202 is a fault."""
        while True:
            try:
                status, body = await act()
            except (aiohttp.ClientError, OSError):
                await asyncio.sleep(0.1)
                continue
            if status == wanted:
                return body
            assert status == 202, body

    async def _check_answers(self) -> None:
        person = Person(self._server)
        try:
            for number, analysis_id in self.ids.items():
                answer = await self._read(person, number)
                assert answer["id"] == analysis_id
                assert answer["response"]["cnpj"] == "11.222.333/0001-81"
                assert str(number) in str(answer["response"]["numero"])
                before = self.answers.get(number, answer)
                assert (before["response"], before["proof"]) == (answer["response"], answer["proof"])
                again = await self._insist(person, 202, lambda number=number: self._send(person, number))
                assert again["id"] == analysis_id
            assert await listed(person) == set(self.ids.values())
        finally:
            await person.close()


async def listed(person: Person) -> set[str]:
    """Every id in the queue, page by page."""
    found: list[str] = []
    cursor = ""
    while True:
        _, page = await person.call("GET", f"/queue?limit=50{cursor}")
        found += [document["id"] for document in page["documents"]]
        if page["next"] is None:
            break
        cursor = f"&cursor={page['next']}"
    assert len(found) == len(set(found)) == page["total"]
    return set(found)


async def check_disk(data: Path, documents: int) -> None:
    """After the sweep the disk holds one upload a document, what was read of them, and nothing half-written."""
    database = Database(DatabaseSettings(), data)
    store = FilesystemStore(data / "blobs")
    try:
        later = clock.now() + timedelta(minutes=1)
        await retention.erase_orphans(database, store, later)
        store.abandoned(later)
        uploads = {path.name for path in (data / "blobs" / "uploads").rglob("*") if path.is_file()}
        assert len(uploads) == documents
        assert not list((data / "blobs" / ".incoming").iterdir())
        async with database.read() as session:
            rows = list(await session.scalars(Analysis.__table__.select().with_only_columns(Analysis.blob_key)))
        assert {str(key).rpartition("/")[2] for key in rows} == uploads
    finally:
        await database.close()
