"""Processes that record calls as fast as they can until they are killed: `recording_process.py DATA ACKNOWLEDGED`.

For each line on its input it forks one, prints its id and waits for its end. What such a process writes to the second
file are the ids of calls of which `tell` had returned: none of them may be lost.
"""

import asyncio
import os
import sys
from pathlib import Path

from ementa.db.database import Database
from ementa.db.settings import DatabaseSettings
from ementa.identity.calls import audit_calls
from ementa.kit import clock
from ementa.kit.ids import new_id
from ementa.llm.calls import CallRecord
from ementa.llm.settings import LlmSettings
from ementa.llm.types import Caller
from ementa.llm.usage import recorder as recording
from ementa.llm.usage.prices import Prices


async def record(data: Path, acknowledged: Path) -> None:
    """Record for ever."""
    recording.INTERVAL = 0.02  # so that kills hit every moment of a flush
    database = Database(DatabaseSettings(), data)
    settings = LlmSettings()
    recorder = recording.Recorder(database, data, settings, Prices(settings), audit_calls)
    await recorder.start()
    told = os.open(acknowledged, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    who = Caller(tenant="t", user="u", key="k", api="openai.chat")
    while True:
        for _ in range(5):
            call = CallRecord(new_id(), clock.now(), "m", caller=who, model="m:1b", prompt_tokens=10)
            recorder.tell(call)
            os.write(told, f"{call.id}\n".encode())
        await asyncio.sleep(0.001)


for _line in sys.stdin:
    child = os.fork()
    if not child:
        asyncio.run(record(Path(sys.argv[1]), Path(sys.argv[2])))
    sys.stdout.write(f"{child}\n")
    sys.stdout.flush()
    os.waitpid(child, 0)
