"""When a server is left alone, and when it is trusted again."""

from ementa.llm.routing.breaker import FAILURES_TO_OPEN, TRIAL_SECONDS, Breaker


class Clock:
    now = 50.0

    def __call__(self) -> float:
        return self.now


def make() -> tuple[Breaker, Clock]:
    clock = Clock()
    return Breaker(clock), clock


def test_one_trial_at_a_time_decides() -> None:
    breaker, clock = make()
    assert breaker.state == "closed"
    breaker.begin()
    breaker.miss()
    assert (breaker.state, breaker.is_down, breaker.retry_in) == ("open", True, 5.0)
    clock.now += 5.0
    assert (breaker.state, breaker.is_down) == ("half_open", False)
    breaker.begin()
    assert (breaker.state, breaker.is_down) == ("half_open", True)  # others stay away meanwhile
    breaker.succeed()
    assert (breaker.state, breaker.is_down) == ("closed", False)


def test_a_trial_that_says_nothing_lets_the_next_try() -> None:
    breaker, clock = make()
    breaker.miss()
    clock.now += 5.0
    breaker.begin()
    breaker.settle()
    assert not breaker.is_down
    breaker.begin()
    clock.now += TRIAL_SECONDS
    assert not breaker.is_down  # nothing was heard of it


def test_failures_of_the_server_open_it_only_in_a_row() -> None:
    breaker, _ = make()
    for _ in range(FAILURES_TO_OPEN - 1):
        breaker.fail()
    breaker.succeed()
    for _ in range(FAILURES_TO_OPEN - 1):
        breaker.fail()
    assert breaker.state == "closed"
    breaker.fail()
    assert breaker.state == "open"


def test_a_failed_trial_opens_it_for_twice_as_long() -> None:
    breaker, clock = make()
    for _ in range(FAILURES_TO_OPEN):
        breaker.fail()
    assert breaker.retry_in == 5.0
    clock.now += 5.0
    breaker.begin()
    breaker.fail()
    assert breaker.retry_in == 10.0


def test_requests_that_were_on_their_way_fail_as_one() -> None:
    breaker, _ = make()
    for _ in range(30):
        breaker.miss()
    assert breaker.retry_in == 5.0


def test_health_closes_what_could_not_be_reached_and_no_more() -> None:
    lost, _ = make()
    lost.miss()
    lost.reach()
    assert lost.state == "closed"
    sick, _ = make()
    for _ in range(FAILURES_TO_OPEN):
        sick.fail()
    sick.reach()  # it answers, but what it did for us failed again and again
    assert sick.state == "open"
