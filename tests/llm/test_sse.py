"""Server-sent events, however they are written and wherever they are cut."""

import asyncio
import itertools
from collections.abc import AsyncIterator, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ementa.llm.ndjson import LineBroken
from ementa.llm.sse import Event, read_events


def read(chunks: Sequence[bytes], **options: int) -> list[Event]:
    async def arriving() -> AsyncIterator[bytes]:
        for chunk in chunks:
            yield chunk

    async def all_events() -> list[Event]:
        return [event async for event in read_events(arriving(), **options)]

    return asyncio.run(all_events())


def cut(data: bytes, places: Sequence[int]) -> list[bytes]:
    edges = [0, *sorted(place % (len(data) + 1) for place in places), len(data)]
    return [data[start:end] for start, end in itertools.pairwise(edges)]


# Lines of any character that ends no line; a name may not begin with the space that is dropped once.
LINES = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r\n"), max_size=12)
EVENTS = st.lists(st.tuples(st.lists(LINES, min_size=1, max_size=3), LINES), max_size=4)
ENDS = st.sampled_from(["\n", "\r", "\r\n"])


@given(EVENTS, ENDS, st.booleans(), st.booleans(), st.lists(st.integers(0, 10_000), max_size=12))
def test_any_events_cut_anywhere_come_out_whole(
    events: list[tuple[list[str], str]], end: str, bom: bool, comments: bool, places: list[int]
) -> None:
    written = "\ufeff" if bom else ""
    for lines, name in events:
        written += f": ping{end}" if comments else ""
        written += f"event: {name}{end}" if name else ""
        written += "".join(f"data: {line}{end}" for line in lines) + end
    expected = [Event("\n".join(lines).encode(), name) for lines, name in events]
    data = written.encode()
    assert read(cut(data, places)) == expected
    assert read([data[at : at + 1] for at in range(len(data))]) == expected


@given(st.lists(st.binary(max_size=30), max_size=10), st.lists(st.integers(0, 10_000), max_size=8))
def test_garbage_is_read_the_same_however_it_is_cut(parts: list[bytes], places: list[int]) -> None:
    data = b"\n".join(parts) + b"data:\r\rdata\n\n"
    assert read([data]) == read(cut(data, places)) == read([data[at : at + 1] for at in range(len(data))])


@pytest.mark.parametrize(
    ("written", "events"),
    [
        (b"data:no space\n\ndata:  two\n\n", [Event(b"no space"), Event(b" two")]),
        (b"data\n\ndata\ndata\n\n", [Event(b""), Event(b"\n")]),
        (b"event: lonely\n\ndata: x\n\n", [Event(b"x")]),
        (b"id: 7\nretry: 10\nother: y\ndata: x\nevent: late\n\n", [Event(b"x", "late")]),
        (b": only\n\n:\n\n\n\n", []),
        (b"data: a\r\n\r\ndata: b\r\rdata: c\n\n", [Event(b"a"), Event(b"b"), Event(b"c")]),
        ("data: não\u2028\x0b\x85\n\n".encode(), [Event("não\u2028\x0b\x85".encode())]),
        (b"data: no end", [Event(b"no end")]),
        (b"data: no blank line\n", [Event(b"no blank line")]),
        (b"\xef\xbb\xbfdata: after the mark", [Event(b"after the mark")]),
        (b"", []),
    ],
)
def test_the_letter_of_the_format(written: bytes, events: list[Event]) -> None:
    assert read([written]) == events


async def test_an_event_comes_with_its_last_byte() -> None:
    """Nothing waits for what the network brings later, not even for the second half of a line end."""
    more = asyncio.Event()

    async def arriving() -> AsyncIterator[bytes]:
        yield b"data: x\r\n\r"
        await more.wait()
        yield b"\ndata: y\n\n"

    events = read_events(arriving())
    assert await asyncio.wait_for(anext(events), 5) == Event(b"x")
    more.set()
    assert await asyncio.wait_for(anext(events), 5) == Event(b"y")
    await events.aclose()


@pytest.mark.parametrize("chunks", [[b"data: " + b"x" * 50] * 3, [b"data: xxxxxxxxx\n"] * 20, [b": " + b"x" * 101]])
def test_size_is_bounded(chunks: list[bytes]) -> None:
    with pytest.raises(LineBroken, match="100 bytes"):
        read(chunks, max_bytes=100)
