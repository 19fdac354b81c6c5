"""Who may call a model how often: rates of keys, users and tenants, told in headers and refusals."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from ementa.db.database import Database
from ementa.kit import clock
from ementa.kit.ids import new_id
from ementa.llm.calls import CallRecord
from ementa.llm.errors import RateLimited
from ementa.llm.limits.budgets import Budgets
from ementa.llm.limits.limiter import Limiter
from ementa.llm.limits.windows import MemoryWindows
from ementa.llm.settings import LlmSettings
from ementa.llm.types import SYSTEM, Caller, Limits
from ementa.llm.usage.prices import Prices


class Clock:
    """A clock that is set by hand."""

    now = 6000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def time() -> Clock:
    return Clock()


@pytest.fixture
async def limiter(sqlite_database: Database, time: Clock) -> AsyncIterator[Limiter]:
    settings = LlmSettings(requests_per_minute=3)
    made = Limiter(settings, Budgets(sqlite_database, Prices(settings)), MemoryWindows(time))
    yield made
    await made.close()


def caller(**limits: Limits) -> Caller:
    return Caller(key="k", limits=tuple((f"{kind}:{kind[0]}", limit) for kind, limit in limits.items()))


def ended(who: Caller, prompt: int, output: int, **said: Any) -> CallRecord:
    return CallRecord(new_id(), clock.now(), "m", caller=who, prompt_tokens=prompt, output_tokens=output, **said)


async def test_nobody_in_particular_is_not_limited(limiter: Limiter) -> None:
    for _ in range(50):
        assert (await limiter.admit(SYSTEM, 10**9)).headers() == []


async def test_a_key_of_which_nothing_is_said_has_the_limit_of_the_settings(limiter: Limiter, time: Clock) -> None:
    who = caller(key=Limits())
    for _ in range(3):
        await limiter.admit(who)
    with pytest.raises(RateLimited) as refused:
        await limiter.admit(who)
    # Three at the start of a minute: the first third of them has faded 20 s into the next.
    assert refused.value.params["retry_after"] == 80
    assert refused.value.details == {"limit_of": "key", "unit": "requests", "limit": 3, "per_seconds": 60}
    assert "desta chave é de 3 pedidos por minuto" in refused.value.text("pt")
    assert "of this key is 3 requests per minute" in refused.value.text("en")
    assert limiter.refused == {("key", "requests"): 1}
    time.now += 80
    await limiter.admit(who)


async def test_zero_is_no_limit(limiter: Limiter) -> None:
    for _ in range(50):
        await limiter.admit(caller(key=Limits(requests_per_minute=0)))


async def test_keys_of_one_user_share_the_users_limit_and_a_refusal_costs_nothing(limiter: Limiter) -> None:
    user = Limits(requests_per_minute=2)
    first = Caller(limits=(("key:a", Limits(requests_per_minute=10)), ("user:u", user)))
    second = Caller(limits=(("key:b", Limits(requests_per_minute=10)), ("user:u", user)))
    await limiter.admit(first)
    await limiter.admit(second)
    for _ in range(5):
        with pytest.raises(RateLimited, match="of this user"):
            await limiter.admit(second)
    alone = Caller(limits=(("key:b", Limits(requests_per_minute=10)),))
    assert dict((await limiter.admit(alone)).headers())[b"x-ratelimit-remaining-requests"] == b"8"


async def test_tokens_count_when_the_call_ends(limiter: Limiter, time: Clock) -> None:
    who = caller(key=Limits(requests_per_minute=0, tokens_per_minute=100))
    await limiter.admit(who, 40)
    await limiter.admit(who, 40)  # what is under way does not count yet
    limiter.tell(ended(who, 40, 30))
    with pytest.raises(RateLimited, match="100 tokens per minute"):
        await limiter.admit(who, 40)
    await limiter.admit(who, 30)
    limiter.tell(ended(who, 500, 500, cached=True))  # nobody worked for it
    await limiter.admit(who, 30)
    time.now += 120
    await limiter.admit(who, 100)


async def test_a_prompt_larger_than_the_limit_waits_for_the_whole_minute_only(limiter: Limiter, time: Clock) -> None:
    who = caller(key=Limits(requests_per_minute=0, tokens_per_minute=100))
    await limiter.admit(who, 5000)
    limiter.tell(ended(who, 5000, 0))
    with pytest.raises(RateLimited) as refused:
        await limiter.admit(who, 5000)
    time.now += refused.value.params["retry_after"]
    await limiter.admit(who, 5000)


async def test_headers_tell_each_limit_and_openai_the_tightest(limiter: Limiter) -> None:
    who = Caller(
        limits=(
            ("key:k", Limits(requests_per_minute=10, tokens_per_minute=1000)),
            ("tenant:t", Limits(requests_per_minute=4)),
        )
    )
    await limiter.admit(who)
    limiter.tell(ended(who, 100, 23))
    told = (await limiter.admit(who)).headers()
    headers = {name.decode(): value.decode() for name, value in told}
    assert headers == {
        "ratelimit-policy": '"key-requests";q=10;w=60, "key-tokens";q=1000;w=60, "tenant-requests";q=4;w=60',
        "ratelimit": '"key-requests";r=8;t=120, "key-tokens";r=877;t=120, "tenant-requests";r=2;t=120',
        "x-ratelimit-limit-requests": "4",
        "x-ratelimit-remaining-requests": "2",
        "x-ratelimit-reset-requests": "120s",
        "x-ratelimit-limit-tokens": "1000",
        "x-ratelimit-remaining-tokens": "877",
        "x-ratelimit-reset-tokens": "120s",
    }
