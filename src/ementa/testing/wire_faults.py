"""Misbehaviour below any dialect, for doubles that are aiohttp servers: headers or lines without end, redirections."""

import asyncio

from aiohttp import web

LONG_LINE_BYTES = 17 * 1024 * 1024
"""More than anybody of ours reads as one line."""
_BLOCK = 256 * 1024
_MOST_WAITING = 1024 * 1024


async def send_endless_headers(request: web.Request) -> web.Response:
    """A status line, then headers until the client goes away."""
    transport = request.transport
    if transport is not None:
        transport.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n")
    number = 0
    while transport is not None and not transport.is_closing():
        if transport.get_write_buffer_size() < _MOST_WAITING:
            transport.write(b"".join(b"X-Header-%d: more\r\n" % (number + n) for n in range(50)))
            number += 50
        await asyncio.sleep(0.005)
    return web.Response()


async def send_long_line(response: web.StreamResponse, start: bytes, end: bytes) -> None:
    """`start`, then letters until the line is longer than anybody should read, then `end`."""
    await response.write(start)
    for _ in range(LONG_LINE_BYTES // _BLOCK + 1):
        await response.write(b"a" * _BLOCK)
    await response.write(end)


def redirect_to_itself(request: web.Request) -> web.Response:
    """307: whoever follows it comes back here with the same body."""
    return web.Response(status=307, headers={"Location": str(request.url)})
