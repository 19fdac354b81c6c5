from collections.abc import AsyncIterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ementa.analysis.errors import FieldRepeated, MultipartInvalid
from ementa.analysis.multipart import MAX_PARTS, MultipartUpload

TYPE = "multipart/form-data; boundary=xyz"


def part(name: str, value: bytes, filename: str | None = None) -> bytes:
    disposition = f'form-data; name="{name}"' + (f'; filename="{filename}"' if filename else "")
    return f"--xyz\r\nContent-Disposition: {disposition}\r\n\r\n".encode() + value + b"\r\n"


END = b"--xyz--\r\n"


async def read(body: bytes, step: int = 7, content_type: str = TYPE) -> tuple[bytes, MultipartUpload]:
    async def stream() -> AsyncIterator[bytes]:
        for start in range(0, len(body), step):
            yield body[start : start + step]

    upload = MultipartUpload(content_type, stream())
    return b"".join([chunk async for chunk in upload.file_chunks()]), upload


@given(st.binary(max_size=300), st.integers(1, 50))
async def test_the_file_arrives_whole_however_the_body_is_cut(content: bytes, step: int) -> None:
    if b"\r\n--xyz" in content:
        return
    body = part("prompt", "extração".encode()) + part("file", content, "nota.pdf") + part("model", b"m") + END
    received, upload = await read(body, step)
    assert received == content
    assert upload.fields == [("prompt", "extração"), ("model", "m")]
    assert (upload.has_file, upload.filename) == (True, "nota.pdf")


async def test_a_form_without_a_file() -> None:
    received, upload = await read(part("prompt", b"x") + END)
    assert (received, upload.has_file) == (b"", False)


async def test_two_files_are_refused() -> None:
    with pytest.raises(FieldRepeated):
        await read(part("file", b"a", "a") + part("file", b"b", "b") + END)


@pytest.mark.parametrize(
    "body",
    [
        b"garbage",
        part("file", b"cut off", "a"),
        b"--xyz\r\n\r\nno disposition\r\n--xyz--\r\n",
        b"--xyz\r\nContent-Disposition: form-data\r\n\r\nno name\r\n--xyz--\r\n",
        part("file", b"x", "a") * 0 + part("field", b"y") * (MAX_PARTS + 1) + END,
        part("field", b"y" * 1_000_001) + END,
        b"",
    ],
)
async def test_a_broken_body_is_one_clear_error(body: bytes) -> None:
    with pytest.raises(MultipartInvalid):
        await read(body, 4096)


@pytest.mark.parametrize("content_type", ["multipart/form-data", "multipart/form-data; boundary=", TYPE + "x" * 300])
async def test_a_boundary_is_needed(content_type: str) -> None:
    with pytest.raises(MultipartInvalid):
        await read(END, content_type=content_type)


@given(st.binary(max_size=200))
async def test_garbage_never_breaks_the_reader(body: bytes) -> None:
    try:
        await read(body, 16)
    except (MultipartInvalid, FieldRepeated):
        return
