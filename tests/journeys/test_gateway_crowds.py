"""Many at once at a model that does one thing at a time: in turn, honestly refused, given up, cut off at the end."""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from people import eventually

from ementa.testing.caller import Caller
from ementa.testing.ollama.double import OllamaDouble
from ementa.testing.server import RunningServer

CHAT = "/v1/chat/completions"
MOST_WAITING = 60


@pytest.fixture
def ollama() -> Iterator[OllamaDouble]:
    with OllamaDouble() as double:
        yield double


@pytest.fixture
def house(tmp_path: Path, ollama: OllamaDouble) -> Iterator[RunningServer]:
    environment = {
        "OLLAMA_HOST": ollama.url,
        "EMENTA_LLM__MAX_QUEUED": str(MOST_WAITING),
        "EMENTA_LLM__REQUESTS_PER_MINUTE": "0",
        "EMENTA_APP__SHUTDOWN_SECONDS": "2",
    }
    with RunningServer(tmp_path / "data", environment) as running:
        yield running


@pytest.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
        yield session


def asked(model: str, **more: Any) -> dict[str, Any]:
    return {"model": model, "messages": [{"role": "user", "content": "conte até dez, devagar"}], **more}


async def post(
    http: aiohttp.ClientSession, house: RunningServer, body: dict[str, Any], key: str = ""
) -> tuple[int, dict[str, str], bytes]:
    async with http.post(house.url + CHAT, json=body, headers={"Key": key or house.key}) as answer:
        return answer.status, dict(answer.headers), await answer.read()


def statuses(admin: Caller) -> Counter[str]:
    rows = admin.done("GET", "/admin/usage?group_by=status")["rows"]
    return Counter({row["status"]: row["calls"] for row in rows})


async def test_two_hundred_at_one_place(
    house: RunningServer, http: aiohttp.ClientSession, ollama: OllamaDouble
) -> None:
    admin = Caller(house.url, house.key)
    other = admin.done("POST", "/admin/keys", {"name": "other", "user": "other@house"})["key"]
    ended: list[str] = []

    async def one(who: str, key: str) -> tuple[int, dict[str, str], bytes]:
        told = await post(http, house, asked("delay-30:1b", max_tokens=2), key)
        if told[0] == 200:
            ended.append(who)
        return told

    crowd = [asyncio.create_task(one("crowd", house.key)) for _ in range(200)]
    await eventually(lambda: has(len(ended) >= 3))
    few = [asyncio.create_task(one("few", other)) for _ in range(5)]
    answers = await asyncio.gather(*crowd)
    refused = [told for told in answers if told[0] != 200]
    # A crowd fills the line for itself alone, and those of others need not wait for its end.
    assert [told[0] for told in await asyncio.gather(*few)] == [200] * 5
    assert 200 - 2 * MOST_WAITING < len(refused) <= 200 - MOST_WAITING + 5  # those who were served meanwhile made room
    for status, headers, body in refused:
        assert status == 429
        assert 1 <= int(headers["Retry-After"]) <= 300, body
        assert b"MODEL_QUEUE_FULL" in body
    assert "crowd" in ended[max(at for at, who in enumerate(ended) if who == "few") :]
    assert ollama.stats.peak == 1

    def counted() -> bool:
        return statuses(admin) == Counter({"ok": 205 - len(refused), "MODEL_QUEUE_FULL": len(refused)})

    await asyncio.to_thread(admin.eventually, counted)


async def test_those_who_give_up_leave_no_hole(
    house: RunningServer, http: aiohttp.ClientSession, ollama: OllamaDouble
) -> None:
    async def one(number: int) -> int:
        try:
            async with asyncio.timeout(0.5 if number % 2 else None):
                return (await post(http, house, asked("delay-50:1b", max_tokens=2, stream=number % 3 == 0)))[0]
        except TimeoutError:
            return 0

    ended = Counter(await asyncio.gather(*(one(number) for number in range(40))))
    assert ended[200] >= 20
    assert ended[0] + ended[200] == 40
    admin = Caller(house.url, house.key)

    def at_rest() -> bool:
        (server,) = admin.done("GET", "/health")["dependencies"]["models"]["servers"]
        told = statuses(admin)
        return (server["running"], server["waiting"], ollama.stats.running) == (0, 0, 0) and told.total() == 40

    await asyncio.to_thread(admin.eventually, at_rest)
    told = statuses(admin)
    assert set(told) <= {"ok", "cancelled"}
    assert told["ok"] >= ended[200]  # an answer may have been on its way when its client left


async def test_the_end_comes_within_its_grace_and_forgets_no_call(
    house: RunningServer, http: aiohttp.ClientSession, ollama: OllamaDouble
) -> None:
    async def one(stream: bool) -> str:
        try:
            status, _, body = await post(http, house, asked("pace-400:1b", stream=stream))
        except aiohttp.ClientError:
            return "broken"
        assert status == 200 or b"SERVER_STOPPING" in body, (status, body)
        return str(status)

    running = [asyncio.create_task(one(bool(number % 2))) for number in range(30)]
    await eventually(lambda: has(ollama.stats.running == 1))
    started = time.monotonic()
    assert await asyncio.to_thread(house.stop) == 0
    assert time.monotonic() - started < 15
    ended = Counter(await asyncio.gather(*running))
    assert ended["503"] > 20
    assert ended["broken"] <= 1  # what had begun
    assert "Traceback" not in house.log.read_text()
    house.start()
    admin = Caller(house.url, house.key)
    told = statuses(admin)
    assert told.total() == 30
    assert told["cancelled"] == ended["503"] + ended["broken"]


async def has(true: bool) -> bool:
    return true
