"""Requests leave nothing that only the garbage collector could find: with hundreds of streams its rounds are what
memory grows between, and what answers wait for."""

import asyncio
import gc
from collections.abc import Awaitable, Callable, Iterator

import pytest
from starlette.types import Message, Receive, Scope, Send

from ementa.app.middleware import Gate
from ementa.serving.leaving import Presence
from ementa.settings import ServerSettings

TIMES = 100


@pytest.fixture
def uncollected() -> Iterator[None]:
    gc.collect()
    gc.disable()
    yield
    gc.enable()


async def rings(once: Callable[[], Awaitable[None]]) -> int:
    """How many things were left in rings by so many times."""
    await once()
    gc.collect()
    for _ in range(TIMES):
        await once()
    return gc.collect()


@pytest.mark.usefixtures("uncollected")
async def test_a_body_that_is_read_leaves_no_ring() -> None:
    async def app(_scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    async def receive() -> Message:
        return {"type": "http.request", "body": b"{}", "more_body": False}

    async def send(_message: Message) -> None:
        return

    gate = Gate(app, ServerSettings(), 1000, lambda: None)
    headers = [(b"content-length", b"2")]

    async def once() -> None:
        await gate({"type": "http", "method": "POST", "path": "/v1/x", "headers": headers}, receive, send)

    assert await rings(once) < TIMES


@pytest.mark.usefixtures("uncollected")
async def test_a_watched_client_that_stays_leaves_no_ring() -> None:
    async def receive() -> Message:
        await asyncio.Event().wait()
        raise AssertionError("unreachable")

    async def once() -> None:
        with Presence(receive) as presence:
            presence.watch()
            await asyncio.sleep(0)  # it begins
        await asyncio.sleep(0)  # it is cancelled
        await asyncio.sleep(0)

    assert await rings(once) < TIMES
