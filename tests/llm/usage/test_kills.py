"""kill -9 at random instants: no call that was recorded is lost, none is stored or told twice."""

import asyncio
import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from sqlalchemy import select

from ementa.db.database import Database
from ementa.identity import service
from ementa.identity.calls import audit_calls
from ementa.identity.models import AuditEvent
from ementa.llm.models import ModelCall
from ementa.llm.settings import LlmSettings
from ementa.llm.usage.prices import Prices
from ementa.llm.usage.recorder import Recorder

PROGRAM = Path(__file__).with_name("recording_process.py")


@pytest.mark.parametrize("kills", [30, pytest.param(500, marks=[pytest.mark.slow, pytest.mark.timeout(1800)])])
async def test_nothing_is_lost_and_nothing_doubled(sqlite_database: Database, tmp_path: Path, kills: int) -> None:
    acknowledged = tmp_path / "acknowledged"
    acknowledged.touch()
    await asyncio.to_thread(_kill_many, tmp_path, acknowledged, kills)
    settings = LlmSettings()
    heir = Recorder(sqlite_database, tmp_path, settings, Prices(settings), audit_calls)
    await heir.start()
    await heir.flush()
    await heir.stop()
    promised = set(acknowledged.read_text().split())
    assert len(promised) > kills
    async with sqlite_database.read() as session:
        ids = set(await session.scalars(select(ModelCall.id)))
        told = sum(json.loads(details)["calls"] for details in await session.scalars(select(AuditEvent.details)))
        assert (await service.verify_chain(session)).broken is None
    assert not promised - ids
    # A kill between the spool and the acknowledgement leaves a call that nobody was promised.
    assert len(ids - promised) <= kills
    assert told == len(ids)
    assert list((tmp_path / "usage").glob("*.spool")) == []


def _kill_many(data: Path, acknowledged: Path, kills: int) -> None:
    rng = random.Random(7)
    command = [sys.executable, str(PROGRAM), str(data), str(acknowledged)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdin is not None
        assert parent.stdout is not None
        for _ in range(kills):
            before = acknowledged.stat().st_size
            parent.stdin.write("next\n")
            parent.stdin.flush()
            child = int(parent.stdout.readline())
            deadline = time.monotonic() + 60
            while acknowledged.stat().st_size == before:
                assert time.monotonic() < deadline, "the process records nothing"
                time.sleep(0.002)
            time.sleep(rng.random() * 0.1)
            os.kill(child, signal.SIGKILL)
        parent.stdin.close()
        assert parent.wait(60) == 0
