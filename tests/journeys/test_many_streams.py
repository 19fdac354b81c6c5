"""Many streams at once, and clients that hang up at any moment: nothing fails and nothing is left behind. How fast, and
how flat memory stays, `python -m benchmarks streams` measures on a machine of its own."""

from pathlib import Path

import pytest
from benchmarks.gateway import soak


async def test_a_hundred_streams_at_once_all_end_and_leave_nothing(tmp_path: Path) -> None:
    told = await soak.steady(tmp_path, 100, 5, delay=0.04, idle=False)
    assert told["failures"] == []
    assert told["complete"] >= 200
    assert told["unfinished"] == 0
    assert told["leaks"] == 0, told["leaked"]


async def test_clients_that_hang_up_leave_nothing(tmp_path: Path) -> None:
    told = await soak.churn(tmp_path, 100, 5, delay=0.04, idle=False)
    assert told["failures"] == []
    assert told["hung_up"] > 100
    assert told["reached_the_model"] > 50
    assert told["never_released"] == 0
    assert told["leaks"] == 0, told["leaked"]


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_five_hundred_streams_for_a_minute() -> None:
    told = soak.run()
    print(told)
    steady, churn = told["steady"], told["churn"]
    assert steady["failures"] == churn["failures"] == []
    assert steady["unfinished"] == churn["never_released"] == 0
    assert steady["leaks"] == churn["leaks"] == 0, told
    assert steady["rss_growth_mb"] < 20  # of an allocator on any machine; the bench has the goal
