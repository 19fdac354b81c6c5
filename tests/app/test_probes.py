"""What `/health` says of the job engine."""

from pathlib import Path

import pytest
from sqlalchemy.exc import OperationalError

from ementa.app.health import HealthBoard
from ementa.app.probes import make_checks
from ementa.bootstrap import Runtime
from ementa.settings import Settings


async def test_an_engine_that_does_not_run_is_told(tmp_path: Path) -> None:
    runtime = Runtime(Settings(data=tmp_path))
    board = HealthBoard([check for check in make_checks(runtime) if check.name == "jobs"])
    with pytest.raises(OperationalError):
        await runtime.jobs.start()  # the database has no tables
    report = await board.report()
    assert report["status"] == "degraded"
    assert report["dependencies"]["jobs"]["state"] == "down"
    assert "OperationalError" in report["dependencies"]["jobs"]["error"]
    await board.close()
    await runtime.stop()
