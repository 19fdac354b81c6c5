"""The small parts: addresses, tokens, context, lines of JSON, the cache."""

import asyncio
import itertools
import json

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ementa.llm.cache import TimedCache
from ementa.llm.context import fit_context
from ementa.llm.errors import ModelContextExceeded, ModelHostInvalid
from ementa.llm.hosts import display_host, parse_host
from ementa.llm.ndjson import LineBroken, LineReader, decode_object
from ementa.llm.routing.breaker import Breaker
from ementa.llm.tokens import estimate_prompt, estimate_tokens
from ementa.llm.types import ChatRequest, Message


@pytest.mark.parametrize(
    ("written", "url"),
    [
        ("ollama", "http://ollama:11434"),
        ("ollama:8080", "http://ollama:8080"),
        (":8080", "http://127.0.0.1:8080"),
        ("0.0.0.0", "http://127.0.0.1:11434"),
        ("0.0.0.0:11434", "http://127.0.0.1:11434"),
        ("http://0.0.0.0:9", "http://127.0.0.1:9"),
        ("::", "http://[::1]:11434"),
        ("[::]:8080", "http://[::1]:8080"),
        ("2001:db8::7", "http://[2001:db8::7]:11434"),
        ("http://host", "http://host:80"),
        ("https://host/", "https://host:443"),
        ("https://host:8443/ollama/", "https://host:8443/ollama"),
        (" 10.0.0.7 ", "http://10.0.0.7:11434"),
        ("http://user:secret@host:1", "http://user:secret@host:1"),
    ],
)
def test_hosts_in_every_form(written: str, url: str) -> None:
    assert parse_host(written) == url


@pytest.mark.parametrize("written", ["host:port", "host:70000", "ftp://host", "http://", "a b", "host?x=1"])
def test_hosts_that_are_none(written: str) -> None:
    with pytest.raises(ModelHostInvalid):
        parse_host(written)


def test_passwords_are_never_shown() -> None:
    assert display_host("http://user:secret@host:1/path") == "http://host:1/path"
    with pytest.raises(ModelHostInvalid) as caught:
        parse_host("ftp://user:secret@host")
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("O rato roeu a roupa do rei de Roma.", 10),  # a word and a full stop each at least
        ("12.345.678/0001-95", 18),  # vocabularies that split every digit
        ("不動産売買契約書", 8),
        ("a\n\nb", 3),
        ("", 0),
    ],
)
def test_estimates_are_on_the_safe_side(text: str, tokens: int) -> None:
    assert estimate_tokens(text) >= tokens


@given(st.text(), st.text())
@example("AAAAA", "a")
def test_estimates_grow_with_the_text(one: str, other: str) -> None:
    assert estimate_tokens(one + other) >= max(estimate_tokens(one), 1)


def chat_request(text: str, **changes: object) -> ChatRequest:
    return ChatRequest(model="m", messages=[Message(role="user", content=text)], **changes)


@given(st.integers(0, 3000), st.integers(1, 5000), st.integers(512, 16_384), st.integers(512, 16_384), st.booleans())
def test_context_holds_prompt_and_answer_or_is_refused(
    words: int, max_tokens: int, model_context: int, limit: int, loaded: bool
) -> None:
    request = chat_request("palavra " * words, max_tokens=max_tokens)
    prompt = estimate_prompt(request.messages)
    room = min(model_context, limit)
    try:
        fitted = fit_context(request, model_context, limit, at_least=4096 if loaded else 0)
    except ModelContextExceeded:
        assert prompt + min(256, max_tokens) > room
        return
    assert fitted.context_tokens is not None
    assert prompt + fitted.max_tokens <= fitted.context_tokens <= room
    assert fitted.messages == request.messages
    assert fitted.max_tokens == max_tokens or fitted.context_tokens == room


def test_a_caller_may_name_the_context_up_to_the_models_own() -> None:
    assert fit_context(chat_request("oi", context_tokens=3000), 8192, 4096).context_tokens == 3000
    assert fit_context(chat_request("oi", context_tokens=30_000), 8192, 4096).context_tokens == 8192


def read_lines(data: bytes, cuts: list[int]) -> list[dict]:
    edges = [0, *sorted(cut % (len(data) + 1) for cut in cuts), len(data)]
    reader = LineReader()
    lines = [line for start, end in itertools.pairwise(edges) for line in reader.feed(data[start:end])]
    return [decode_object(line) for line in [*lines, *reader.finish()]]


@given(
    st.lists(st.dictionaries(st.text(max_size=5), st.text(max_size=20) | st.integers(-1000, 1000)), max_size=5),
    st.lists(st.integers(0, 10_000), max_size=20),
    st.sampled_from([b"", b"\n", b"\r\n", b"\n\n"]),
)
def test_lines_are_whole_wherever_the_network_cuts(objects: list[dict], cuts: list[int], end: bytes) -> None:
    data = b"\n".join(json.dumps(o, ensure_ascii=False).encode() for o in objects) + end
    assert read_lines(data, cuts) == objects


@pytest.mark.parametrize("data", [b"[1]\n", b'{"a":\n', b'{"a": "\xff"}\n', b"nonsense"])
def test_broken_lines_are_said_to_be(data: bytes) -> None:
    with pytest.raises(LineBroken):
        read_lines(data, [1])


def test_a_line_without_end_is_bounded() -> None:
    reader = LineReader(max_bytes=10_000_000)
    reader.feed(b"x" * 10_000_000)
    with pytest.raises(LineBroken):
        reader.feed(b"x")


async def test_the_cache_loads_once_for_many_and_again_when_old() -> None:
    now = [0.0]
    loads: list[float] = []
    cache: TimedCache[str, int] = TimedCache(10.0, clock=lambda: now[0])

    async def load() -> int:
        loads.append(now[0])
        await asyncio.sleep(0)
        return len(loads)

    assert await asyncio.gather(*(cache.get("a", load) for _ in range(5))) == [1] * 5
    now[0] = 9.0
    assert await cache.get("a", load) == 1
    now[0] = 11.0
    assert await cache.get("a", load) == 2


async def test_the_cache_does_not_keep_failures() -> None:
    cache: TimedCache[str, int] = TimedCache(10.0)

    async def fail() -> int:
        raise ValueError("on purpose")

    async def work() -> int:
        return 7

    with pytest.raises(ValueError, match="on purpose"):
        await cache.get("a", fail)
    assert await cache.get("a", work) == 7


async def test_a_server_that_keeps_failing_is_left_alone_longer() -> None:
    now = [0.0]
    breaker = Breaker(clock=lambda: now[0])
    waits: list[float] = []
    for _ in range(7):
        breaker.miss()
        start = now[0]
        while breaker.is_down:
            now[0] += 5.0
        waits.append(now[0] - start)
    assert waits == [5.0, 10.0, 20.0, 40.0, 80.0, 80.0, 80.0]
    breaker.miss()
    breaker.succeed()
    assert not breaker.is_down
