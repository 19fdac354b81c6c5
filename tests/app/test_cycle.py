"""The head of an answer is written as uvicorn itself would write it."""

import asyncio
import logging
from typing import Any

import pytest
from uvicorn.protocols.http.flow_control import FlowControl
from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

from ementa.app.cycle import Cycle


class Wire(asyncio.Transport):
    """Keeps what is written."""

    def __init__(self) -> None:
        super().__init__()
        self.written = b""

    def write(self, data: Any) -> None:
        self.written += data

    def is_closing(self) -> bool:
        return False

    def close(self) -> None:
        self.written += b"<closed>"


def cycle(kind: type[RequestResponseCycle], wire: Wire, method: str, keep_alive: bool) -> RequestResponseCycle:
    return kind(
        scope={"method": method},  # type: ignore[typeddict-item]
        transport=wire,
        flow=FlowControl(wire),
        logger=logging.getLogger("x"),
        access_logger=logging.getLogger("x"),
        access_log=False,
        default_headers=[(b"date", b"today")],
        message_event=asyncio.Event(),
        expect_100_continue=False,
        keep_alive=keep_alive,
        on_response=lambda: None,
    )


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("keep_alive", [True, False])
@pytest.mark.parametrize(
    ("status", "headers", "body"),
    [
        (200, [(b"content-length", b"2"), (b"X-Name", b"v\xe9")], b"oi"),
        (200, [(b"content-type", b"text/event-stream")], b"oi"),
        (200, [(b"Transfer-Encoding", b"Chunked")], b"oi"),
        (200, [(b"transfer-encoding", b"identity"), (b"connection", b"keep-alive, Close")], b"oi"),
        (204, [], b""),
        (404, [(b"content-length", b"0"), (b"connection", b"keep-alive")], b""),
    ],
)
async def test_it_is_what_uvicorn_writes(
    method: str, keep_alive: bool, status: int, headers: list[tuple[bytes, bytes]], body: bytes
) -> None:
    written: list[bytes] = []
    for kind in (RequestResponseCycle, Cycle):
        for _ in range(2):  # the second time names are known
            wire = Wire()
            one = cycle(kind, wire, method, keep_alive)
            await one.send({"type": "http.response.start", "status": status, "headers": headers})
            await one.send({"type": "http.response.body", "body": body})
            assert one.response_complete
            written.append(wire.written)
    assert len(set(written)) == 1, written


@pytest.mark.parametrize("header", [(b"x-a", b"a\r\nb: c"), (b"x a", b"b"), (b"x-a:", b"b"), (b"x-a", b"\x00")])
async def test_what_would_split_an_answer_is_refused(header: tuple[bytes, bytes]) -> None:
    wire = Wire()
    with pytest.raises(RuntimeError):
        await cycle(Cycle, wire, "GET", True).send({"type": "http.response.start", "status": 200, "headers": [header]})
    assert wire.written == b""
