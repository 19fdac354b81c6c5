"""The line in front of a model: bounded, fair, leaks nothing, whatever comes in whatever order."""

import asyncio
import itertools
from collections import Counter, defaultdict
from collections.abc import Callable, Coroutine

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ementa.llm.errors import ModelQueueFull
from ementa.llm.routing.floor import Floor
from ementa.llm.routing.line import Line


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


class Guest:
    """One request: waits, is let in, leaves when told to."""

    def __init__(self, floor: Floor, line: Line, tenant: str, user: str, number: int, let_in: list["Guest"]) -> None:
        self.floor, self.line = floor, line
        self.tenant, self.user, self.number = tenant, user, number
        self.inside = False
        self.refused = False
        self.came = floor._clock()
        self._let_in = let_in
        self.task = asyncio.create_task(self._enter())

    async def _enter(self) -> None:
        try:
            await self.floor.enter(self.line, self.tenant, self.user)
        except ModelQueueFull:
            self.refused = True
            return
        self.inside = True
        self._let_in.append(self)

    def leave(self, seconds: float = 1.0) -> None:
        self.inside = False
        self.floor.leave(self.line, seconds)


async def settle() -> None:
    for _ in range(4):
        await asyncio.sleep(0)


def run(play: Callable[[], Coroutine[None, None, None]]) -> None:
    asyncio.run(play())


def check(floor: Floor, guests: list[Guest], most_waiting: int) -> None:
    inside = Counter(guest.line.model for guest in guests if guest.inside)
    for line in floor.lines.values():
        assert line.running == inside[line.model] <= line.places
        waits = sum(not g.task.done() and g.line is line for g in guests)
        assert line.waiting == waits <= most_waiting


MOVES = st.lists(
    st.tuples(
        st.sampled_from(["come", "come", "come", "leave", "cancel", "let in and cancelled"]),
        st.integers(0, 3),  # tenant
        st.integers(0, 1),  # user
        st.integers(0, 2),  # model
        st.integers(0, 50),
    ),
    max_size=60,
)


class Play:
    """Guests who come, leave and give up."""

    def __init__(self, places: int, most: int, max_loaded: int) -> None:
        self.clock = Clock()
        self.floor = Floor(most, max_loaded, 5.0, self.clock)
        self.places, self.most, self.max_loaded = places, most, max_loaded
        self.guests: list[Guest] = []
        self.let_in: list[Guest] = []

    @property
    def inside(self) -> list[Guest]:
        return [guest for guest in self.guests if guest.inside]

    @property
    def waiting(self) -> list[Guest]:
        return [guest for guest in self.guests if not guest.task.done()]

    async def move(self, what: str, tenant: int, user: int, model: int, pick: int) -> None:
        self.clock.now += 1.0
        inside, waiting = self.inside, self.waiting
        if what == "come":
            line = self.floor.line(f"m{model}", self.places)
            self.guests.append(Guest(self.floor, line, f"t{tenant}", f"u{user}", len(self.guests), self.let_in))
        elif what == "leave" and inside:
            inside[pick % len(inside)].leave()
        elif what == "cancel" and waiting:
            waiting[pick % len(waiting)].task.cancel()
        elif what == "let in and cancelled" and inside and waiting:
            inside[pick % len(inside)].leave()
            for guest in waiting[pick % 2 :: 2]:  # whoever was just let in has not run yet
                guest.task.cancel()
        await settle()
        check(self.floor, self.guests, self.most)
        for line in self.floor.lines.values():  # no place is left empty that somebody waits for
            assert not line.waiting or (any(self.inside) if self.max_loaded else line.running == line.places)
        if self.max_loaded:
            assert len({guest.line.model for guest in self.inside}) <= self.max_loaded

    async def finish(self) -> None:
        while inside := self.inside:
            self.clock.now += 1.0
            inside[0].leave()
            await settle()

    def check_end(self) -> None:
        assert self.waiting == []
        assert all(line.running == line.waiting == 0 for line in self.floor.lines.values())
        assert all(guest.refused or guest.task.cancelled() or guest in self.let_in for guest in self.guests)
        by_user = defaultdict(list)
        for guest in self.let_in:
            by_user[guest.line.model, guest.tenant, guest.user].append(guest.number)
        assert all(numbers == sorted(numbers) for numbers in by_user.values())


@settings(max_examples=150, deadline=None)
@given(MOVES, st.integers(1, 3), st.integers(1, 8), st.integers(0, 2))
def test_nothing_is_lost_and_nobody_waits_for_ever(
    moves: list[tuple[str, int, int, int, int]], places: int, most: int, max_loaded: int
) -> None:
    async def play() -> None:
        guests = Play(places, most, max_loaded)
        for move in moves:
            await guests.move(*move)
        await guests.finish()
        guests.check_end()

    run(play)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(0, 4), min_size=2, max_size=40))
def test_tenants_take_turns(tenants: list[int]) -> None:
    async def play() -> None:
        floor = Floor(100, 0, 0.0)
        line = floor.line("m", 1)
        let_in: list[Guest] = []
        first = Guest(floor, line, "first", "", -1, let_in)
        await settle()
        guests = [Guest(floor, line, f"t{tenant}", "", number, let_in) for number, tenant in enumerate(tenants)]
        await settle()
        first.leave()
        for _ in guests:
            await settle()
            let_in[-1].leave()
        # As dealt from one hand each, in the order in which the hands came: nobody gets a second before all had one.
        hands: dict[str, list[int]] = defaultdict(list)
        for guest in guests:
            hands[guest.tenant].append(guest.number)
        rounds = itertools.zip_longest(*hands.values())
        assert [guest.number for guest in let_in[1:]] == [n for turn in rounds for n in turn if n is not None]

    run(play)


async def test_one_tenant_with_many_requests_delays_another_by_one() -> None:
    floor = Floor(100, 0, 0.0)
    line = floor.line("m", 1)
    let_in: list[Guest] = []
    crowd = [Guest(floor, line, "loud", f"u{n % 7}", n, let_in) for n in range(50)]
    await settle()
    quiet = Guest(floor, line, "quiet", "u", 99, let_in)
    await settle()
    for _ in range(2):
        let_in[-1].leave()
        await settle()
    assert quiet.inside
    for guest in crowd:
        guest.task.cancel()
    await settle()


@pytest.mark.parametrize(
    ("waiting", "newcomer", "gives_way"),
    [
        (["loud/a"] * 4, "quiet/q", "loud/a 3"),  # the newest of the crowd
        (["loud/a", "loud/b", "loud/b", "loud/b"], "quiet/q", "loud/b 3"),
        (["loud/a", "loud/b", "loud/b", "loud/b"], "loud/c", "loud/b 3"),
        (["loud/a"] * 4, "loud/a", ""),
        (["loud/a", "loud/a", "quiet/q", "quiet/q"], "quiet/r", "quiet/q 3"),
        (["loud/a", "loud/a", "loud/a", "quiet/q"], "quiet/q", "loud/a 2"),  # half for each
        (["a/a", "b/b", "c/c", "d/d"], "e/e", ""),
    ],
)
async def test_a_crowd_fills_the_line_for_itself_alone(waiting: list[str], newcomer: str, gives_way: str) -> None:
    floor = Floor(4, 0, 0.0)
    line = floor.line("m", 1)
    floor.enter_now(line)
    let_in: list[Guest] = []
    names = [*waiting, newcomer]
    guests = [Guest(floor, line, *name.split("/"), number, let_in) for number, name in enumerate(names)]
    await settle()
    refused = [f"{guest.tenant}/{guest.user} {guest.number}" for guest in guests if guest.refused]
    assert refused == [gives_way or f"{newcomer} 4"]
    assert line.waiting == 4
    floor.leave(line)
    await settle()
    while any(guest.inside for guest in guests):
        next(guest for guest in guests if guest.inside).leave()
        await settle()
    assert len(let_in) == 4
    assert line.running == line.waiting == 0


async def test_users_of_a_tenant_take_turns_too() -> None:
    floor = Floor(100, 0, 0.0)
    line = floor.line("m", 1)
    let_in: list[Guest] = []
    [Guest(floor, line, "t", user, n, let_in) for n, user in enumerate("aaaabb")]
    await settle()
    for _ in range(5):
        let_in[-1].leave()
        await settle()
    assert [guest.user for guest in let_in] == ["a", "a", "b", "a", "b", "a"]


async def test_the_line_is_bounded_and_says_honestly_when_to_come_back() -> None:
    clock = Clock()
    floor = Floor(4, 0, 0.0, clock)
    line = floor.line("m:1b", 2)
    let_in: list[Guest] = []
    for _ in range(20):  # each takes six seconds
        assert floor.enter_now(line)
        floor.leave(line, 6.0)
    guests = [Guest(floor, line, "t", "u", n, let_in) for n in range(6)]
    await settle()
    with pytest.raises(ModelQueueFull) as caught:
        await floor.enter(line, "t", "u")
    assert caught.value.params["retry_after"] == 12  # four that wait, two at a time, six seconds each
    assert caught.value.details == {"waiting": 4, "retry_after": 12}
    assert "m:1b" in caught.value.text("pt")
    assert "12 s" in caught.value.text("en")
    # It was true: after that time, all who waited are inside or done, and there is room.
    for at in range(0, 12, 6):
        clock.now = 100.0 + at
        for guest in [guest for guest in guests if guest.inside]:
            guest.leave(6.0)
        await settle()
    assert line.waiting == 0
    assert not line.is_free
    [guest.leave() for guest in guests if guest.inside]


@pytest.mark.parametrize(("served", "expected"), [((), 1), ((0.01,), 1), ((10.0, 20.0), 12), ((90_000.0,), 3600)])
async def test_estimates_follow_what_was_seen(served: tuple[float, ...], expected: int) -> None:
    floor = Floor(1, 0, 0.0)
    line = floor.line("m", 1)
    for seconds in served:
        floor.enter_now(line)
        floor.leave(line, seconds)
    floor.enter_now(line)
    waiting = asyncio.create_task(floor.enter(line, "", ""))
    await settle()
    assert line.refuse().params["retry_after"] == expected
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)


async def test_before_any_answer_the_estimate_is_how_long_the_first_has_taken() -> None:
    clock = Clock()
    floor = Floor(1, 0, 0.0, clock)
    line = floor.line("m", 1)
    floor.enter_now(line)
    waiting = asyncio.create_task(floor.enter(line, "", ""))
    await settle()
    clock.now += 20
    assert line.seconds_to_wait() == 20
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)


async def test_a_free_place_is_taken_without_waiting() -> None:
    floor = Floor(1, 0, 0.0)
    line = floor.line("m", 2)
    assert floor.enter_now(line)
    assert floor.enter_now(line)
    assert not floor.enter_now(line)
    floor.leave(line)
    assert floor.enter_now(line)
