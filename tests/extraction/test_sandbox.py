import asyncio
import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from ementa.extraction.errors import (
    ExtractionBug,
    ExtractionCrashed,
    ExtractionOutOfMemory,
    ExtractionTimeout,
    FileCorrupt,
    SandboxUnavailable,
)
from ementa.extraction.sandbox.pool import SandboxPool
from ementa.extraction.settings import ExtractionSettings

BAD = "ementa.testing.misbehaviour:"


@asynccontextmanager
async def pool_with(**changes: object) -> AsyncIterator[SandboxPool]:
    pool = SandboxPool(ExtractionSettings.model_validate({"children": 1, **changes}))
    try:
        yield pool
    finally:
        await pool.close()


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


async def until(condition: object, seconds: float = 10.0) -> bool:
    assert callable(condition)
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if condition():
            return True
        await asyncio.sleep(0.02)
    return False


@pytest.mark.parametrize("value", [None, 1, -(2**60), 1.5, "ação", b"\x00\xff", [1, ["x", None]], {"a": {"b": [True]}}])
async def test_values_go_there_and_back(pool: SandboxPool, value: object) -> None:
    assert await pool.call(BAD + "echo", value) == value


async def test_large_values_pass(pool: SandboxPool) -> None:
    data = os.urandom(1 << 20) * 30
    assert await pool.call(BAD + "echo", data) == data


@pytest.mark.parametrize(
    "target", ["os:system", "ementa:os", "ementa.kit.ids", "ementa.x:_private", "ementa..x:y", "x"]
)
async def test_only_functions_of_ours_may_be_called(pool: SandboxPool, target: str) -> None:
    with pytest.raises(ValueError, match="may not be called"):
        await pool.call(target)


async def test_an_error_of_ours_arrives_as_itself(pool: SandboxPool) -> None:
    with pytest.raises(FileCorrupt) as caught:
        await pool.call(BAD + "fail_clearly")
    assert "on purpose" in caught.value.text("pt")


@pytest.mark.parametrize("name", ["fail_unclearly", "return_something_else", "absent"])
async def test_a_bug_has_its_own_code_and_does_not_end_the_child(pool: SandboxPool, name: str) -> None:
    before = await pool.call(BAD + "process_id")
    with pytest.raises(ExtractionBug):
        await pool.call(BAD + name)
    assert await pool.call(BAD + "process_id") == before


@pytest.mark.parametrize("name", ["dereference_null", "exit_at_once"])
async def test_a_crash_has_its_own_code_and_the_next_task_runs(pool: SandboxPool, name: str) -> None:
    with pytest.raises(ExtractionCrashed) as caught:
        await pool.call(BAD + name)
    assert caught.value.details["status"] in (-signal.SIGSEGV, 3)
    assert await pool.call(BAD + "echo", 1) == 1


@pytest.mark.parametrize("name", ["hog_memory", "hog_native_memory"])
async def test_memory_has_a_limit(name: str) -> None:
    async with pool_with(memory_bytes=300_000_000) as pool:
        first = await pool.call(BAD + "process_id")
        with pytest.raises(ExtractionOutOfMemory):
            await pool.call(BAD + name)
        assert await pool.call(BAD + "process_id") != first


async def test_wall_clock_has_a_limit_and_the_child_is_killed(pool: SandboxPool) -> None:
    pid = await pool.call(BAD + "process_id")
    with pytest.raises(ExtractionTimeout):
        await pool.call(BAD + "sleep", 60, timeout_seconds=0.3)
    assert not is_alive(pid)


async def test_cpu_time_has_a_limit_of_its_own() -> None:
    async with pool_with(cpu_seconds=1) as pool:
        with pytest.raises(ExtractionTimeout):
            await pool.call(BAD + "loop_for_ever", timeout_seconds=30)


async def test_cancelling_kills_the_child(pool: SandboxPool) -> None:
    pid = await pool.call(BAD + "process_id")
    task = asyncio.create_task(pool.call(BAD + "sleep", 60))
    await asyncio.sleep(0.2)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert not is_alive(pid)
    assert await pool.call(BAD + "echo", 2) == 2


async def test_a_child_killed_from_outside_is_a_crash(pool: SandboxPool) -> None:
    pid = await pool.call(BAD + "process_id")
    task = asyncio.create_task(pool.call(BAD + "sleep", 60))
    await asyncio.sleep(0.2)
    os.kill(pid, signal.SIGKILL)
    with pytest.raises(ExtractionCrashed) as caught:
        await task
    assert caught.value.details["signal"] == "SIGKILL"


async def test_a_child_killed_while_idle_is_replaced_without_anyone_noticing(pool: SandboxPool) -> None:
    pid = await pool.call(BAD + "process_id")
    os.kill(pid, signal.SIGKILL)
    assert await until(lambda: not is_alive(pid))
    await asyncio.sleep(0.1)
    assert await pool.call(BAD + "process_id") != pid


async def test_what_libraries_print_neither_breaks_the_protocol_nor_piles_up(pool: SandboxPool) -> None:
    assert await pool.call(BAD + "shout", 5_000_000) == 5_000_000
    assert await pool.call(BAD + "echo", "still here") == "still here"


async def test_secrets_of_the_parent_are_not_in_the_child(pool: SandboxPool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EMENTA_KEY", "secret")
    monkeypatch.setenv("OPENAI_API_KEY", "secret")
    environment = await pool.call(BAD + "environment")
    assert "secret" not in environment.values()
    assert environment["OMP_THREAD_LIMIT"] == "1"


async def test_what_the_kernel_forbids_is_reported_and_true(pool: SandboxPool) -> None:
    granted = await pool.isolation()
    if not granted.seccomp:
        pytest.skip("this kernel or machine has no seccomp filter for us")
    assert granted.network in ("namespace", "seccomp")
    for what in ("fork", "exec", "spawn", "connect", "socket", "write", "remove", "kill_parent", "raise_limit"):
        assert await pool.call(BAD + "attempt", what) in ("PermissionError", "ValueError"), what


async def test_children_are_replaced_after_their_share_of_tasks() -> None:
    async with pool_with(tasks_per_child=2) as pool:
        pids = [await pool.call(BAD + "process_id") for _ in range(5)]
    assert pids[0] == pids[1] != pids[2] == pids[3] != pids[4]


async def test_children_that_stay_large_are_replaced() -> None:
    async with pool_with(recycle_bytes=1) as pool:
        assert await pool.call(BAD + "process_id") != await pool.call(BAD + "process_id")


async def test_idle_children_give_their_memory_back() -> None:
    async with pool_with(idle_seconds=0.2) as pool:
        pid = await pool.call(BAD + "process_id")
        assert pool.resident_bytes() > 0
        assert await until(lambda: not is_alive(pid))
        assert await pool.call(BAD + "echo", 3) == 3


async def test_no_child_starts_before_it_is_needed(pool: SandboxPool) -> None:
    assert pool.resident_bytes() == 0


async def test_higher_priority_goes_first_and_no_more_children_run_than_allowed() -> None:
    order: list[str] = []
    async with pool_with() as pool:

        async def task(name: str, priority: int) -> None:
            await pool.call(BAD + "sleep", 0.05, priority=priority)
            order.append(name)

        first = asyncio.create_task(task("first", 0))
        await asyncio.sleep(0.01)
        rest = [asyncio.create_task(task(f"{p}", p)) for p in (0, 5, 1)]
        await asyncio.gather(first, *rest)
    assert order == ["first", "5", "1", "0"]


async def test_a_cancelled_waiter_gives_its_place_back() -> None:
    async with pool_with() as pool:
        running = asyncio.create_task(pool.call(BAD + "sleep", 0.3))
        await asyncio.sleep(0.05)
        waiting = asyncio.create_task(pool.call(BAD + "echo", 1))
        await asyncio.sleep(0.05)
        waiting.cancel()
        await running
        assert await pool.call(BAD + "echo", 4) == 4
        with pytest.raises(asyncio.CancelledError):
            await waiting


async def test_closing_ends_everything() -> None:
    async with pool_with() as pool:
        pid = await pool.call(BAD + "process_id")
        running = asyncio.create_task(pool.call(BAD + "sleep", 60))
        waiting = asyncio.create_task(pool.call(BAD + "sleep", 60))
        await asyncio.sleep(0.2)
        await pool.close()
        for task in (running, waiting):
            with pytest.raises((SandboxUnavailable, ExtractionCrashed)):
                await task
        assert not is_alive(pid)
        with pytest.raises(SandboxUnavailable):
            await pool.call(BAD + "echo", 1)


async def test_children_die_with_a_parent_that_is_killed() -> None:
    script = textwrap.dedent("""
        import asyncio
        from ementa.extraction.sandbox.pool import SandboxPool
        from ementa.extraction.settings import ExtractionSettings

        async def main():
            pool = SandboxPool(ExtractionSettings(children=1))
            print(await pool.call("ementa.testing.misbehaviour:process_id"), flush=True)
            await pool.call("ementa.testing.misbehaviour:loop_for_ever")

        asyncio.run(main())
    """)
    parent = await asyncio.create_subprocess_exec(sys.executable, "-c", script, stdout=subprocess.PIPE)
    assert parent.stdout is not None
    pid = int(await parent.stdout.readline())
    assert is_alive(pid)
    parent.kill()
    await parent.wait()
    assert await until(lambda: not is_alive(pid))


def test_the_parent_stays_light() -> None:
    script = (
        "import sys; import ementa.extraction.service, ementa.extraction.sandbox.pool;"
        "print([m for m in ('PIL', 'pypdfium2', 'tesserocr', 'lxml', 'zxingcpp', 'numpy') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
