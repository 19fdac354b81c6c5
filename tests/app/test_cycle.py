"""An answer is what uvicorn itself would write, in fewer writes."""

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
        self.writes = 0

    def write(self, data: Any) -> None:
        self.written += data
        self.writes += 1

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
        wire = Wire()
        one = cycle(kind, wire, method, keep_alive)
        await one.send({"type": "http.response.start", "status": status, "headers": headers})
        if body and method == "GET":
            await one.send({"type": "http.response.body", "body": body[:1], "more_body": True})
        await one.send({"type": "http.response.body", "body": body[1:] if method == "GET" else body})
        assert one.response_complete
        written.append(wire.written)
    assert written[0] == written[1]


async def test_head_and_body_leave_together() -> None:
    wire = Wire()
    one = cycle(Cycle, wire, "GET", True)
    await one.send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
    await one.send({"type": "http.response.body", "body": b"oi"})
    assert wire.writes == 1
    assert wire.written.endswith(b"\r\n\r\noi")


async def test_a_head_whose_body_is_late_leaves_by_itself() -> None:
    wire = Wire()
    one = cycle(Cycle, wire, "GET", True)
    await one.send({"type": "http.response.start", "status": 200, "headers": []})
    await asyncio.sleep(0)
    assert wire.written.endswith(b"\r\n\r\n")
    await one.send({"type": "http.response.body", "body": b"oi"})
    assert wire.written.endswith(b"2\r\noi\r\n0\r\n\r\n")


async def test_a_head_is_not_lost_when_the_wire_is_full() -> None:
    wire = Wire()
    one = cycle(Cycle, wire, "GET", True)
    await one.send({"type": "http.response.start", "status": 200, "headers": []})
    one.flow.pause_writing()
    sending = asyncio.create_task(one.send({"type": "http.response.body", "body": b"oi"}))
    for _ in range(5):
        await asyncio.sleep(0)
    one.flow.resume_writing()
    await sending
    assert wire.written.startswith(b"HTTP/1.1 200 OK\r\n")
    assert wire.written.endswith(b"\r\n\r\n2\r\noi\r\n0\r\n\r\n")


@pytest.mark.parametrize("header", [(b"x-a", b"a\r\nb: c"), (b"x a", b"b"), (b"x-a", b"\x00")])
async def test_what_would_split_an_answer_is_refused(header: tuple[bytes, bytes]) -> None:
    wire = Wire()
    with pytest.raises(RuntimeError):
        await cycle(Cycle, wire, "GET", True).send({"type": "http.response.start", "status": 200, "headers": [header]})
    assert wire.written == b""
