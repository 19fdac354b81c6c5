"""Health never waits for what hangs, and tells what is missing."""

import asyncio
import time

import pytest

from ementa.app.health import Check, Finding, HealthBoard, NotReady, require_ready


async def fine() -> Finding:
    return Finding(details={"kind": "test"})


async def hangs() -> Finding:
    await asyncio.sleep(3600)
    return Finding()


async def breaks() -> Finding:
    raise ConnectionRefusedError("password=hunter2")


async def test_a_hanging_probe_is_told_within_a_second() -> None:
    board = HealthBoard([Check("good", fine, required=True), Check("slow", hangs)])
    for _ in range(3):
        started = time.monotonic()
        report = await board.report()
        assert time.monotonic() - started < 1
        assert report["status"] == "degraded"
        assert report["dependencies"]["good"]["state"] == "ok"
        assert report["dependencies"]["slow"]["state"] == "unknown"
    require_ready(report)
    await board.close()


async def test_what_is_required_and_hangs_makes_it_unready() -> None:
    board = HealthBoard([Check("database", hangs, required=True), Check("models", breaks)])
    report = await board.report()
    assert report["status"] == "down"
    with pytest.raises(NotReady) as caught:
        require_ready(report)
    assert "database" in caught.value.text("pt")
    assert "models" not in caught.value.text("pt")
    await board.close()


async def test_the_cause_is_named_without_its_words() -> None:
    board = HealthBoard([Check("models", breaks)])
    told = (await board.report())["dependencies"]["models"]
    assert (told["state"], told["error"]) == ("down", "ConnectionRefusedError")


async def test_probes_are_not_run_again_while_fresh_nor_twice_at_once() -> None:
    ran = 0

    async def counted() -> Finding:
        nonlocal ran
        ran += 1
        await asyncio.sleep(0.05)
        return Finding()

    board = HealthBoard([Check("one", counted, fresh_seconds=60)])
    await asyncio.gather(*(board.report() for _ in range(20)))
    await board.report()
    assert ran == 1
