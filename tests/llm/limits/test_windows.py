"""Counts of the last minute: exact at the edges, bounded in memory, and honest about when there is room again."""

from hypothesis import given
from hypothesis import strategies as st

from ementa.llm.limits.windows import WINDOW, MemoryWindows, Window


class Clock:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.now = 6000.0

    def __call__(self) -> float:
        return self.now


def test_what_was_used_fades_over_the_next_minute() -> None:
    clock = Clock()
    windows = MemoryWindows(clock)
    windows.add("a", 60)
    assert windows.look("a").used == 60
    clock.now += 60
    assert windows.look("a").used == 60
    clock.now += 30
    assert windows.look("a").used == 30
    windows.add("a", 5)
    assert windows.look("a").used == 35
    clock.now += 30
    assert windows.look("a").used == 5
    clock.now += 60
    assert windows.look("a").used == 0


def test_names_do_not_share() -> None:
    windows = MemoryWindows(Clock())
    windows.add("a", 3)
    assert windows.look("b").used == 0


def test_memory_is_bounded_by_who_asked_lately() -> None:
    clock = Clock()
    windows = MemoryWindows(clock)
    for minute in range(20):
        for number in range(500):
            windows.add(f"{minute}-{number}", 1)
        clock.now += 60
    assert len(windows) <= 2000


@given(
    previous=st.integers(0, 500),
    current=st.integers(0, 500),
    left=st.floats(0.001, WINDOW),
    limit=st.integers(1, 400),
    amount=st.integers(1, 600),
)
def test_the_wait_is_exact(previous: int, current: int, left: float, limit: int, amount: int) -> None:
    window = Window(previous, current, left)
    wait = window.wait(limit, amount)
    asked = min(amount, limit)
    assert 0 <= wait <= 2 * WINDOW
    if wait == 0:
        assert window.used + asked <= limit
        return
    assert _after(window, wait + 0.001).used + asked <= limit + 0.01
    if wait > 0.01:
        assert _after(window, wait - 0.01).used + asked > limit


def _after(window: Window, seconds: float) -> Window:
    while seconds >= window.left:
        seconds -= window.left
        window = Window(window.current, 0, WINDOW)
    return Window(window.previous, window.current, window.left - seconds)
