"""Bytes that pass through leave as whole lines, so that an error can follow them."""

import itertools
import json
from collections.abc import AsyncIterator

from hypothesis import given
from hypothesis import strategies as st

from ementa.serving.ollama.sending import whole_lines


async def each(chunks: list[bytes]) -> AsyncIterator[bytes]:
    for chunk in chunks:
        yield chunk


@given(st.lists(st.text(max_size=20), max_size=8), st.lists(st.integers(0, 400), max_size=8), st.booleans())
async def test_wherever_the_network_cuts_lines_stay_whole(texts: list[str], cuts: list[int], ended: bool) -> None:
    data = b"".join(json.dumps({"response": text}, ensure_ascii=False).encode() + b"\n" for text in texts)
    data = data if ended else data[:-1]
    places = sorted({0, *(min(cut, len(data)) for cut in cuts), len(data)})
    chunks = [data[start:end] for start, end in itertools.pairwise(places)]
    sent = [part async for part in whole_lines(each(chunks))]
    assert b"".join(sent) == data
    assert all(part.endswith(b"\n") for part in sent[:-1])


async def test_a_broken_line_is_held_back_until_it_is_whole() -> None:
    sent: list[bytes] = []

    async def breaks() -> AsyncIterator[bytes]:
        yield b'{"a":1}\n{"b"'
        raise ConnectionError

    try:
        async for part in whole_lines(breaks()):
            sent.append(part)
    except ConnectionError:
        pass
    assert sent == [b'{"a":1}\n']
