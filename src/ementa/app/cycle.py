"""Sends the head of an answer together with the first of its body.

uvicorn writes them apart, and each write is a system call and a packet: a twentieth of the cost of a call to a model.
"""

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import RequestResponseCycle


class Cycle(RequestResponseCycle):
    """One request and its answer. Made by uvicorn as its own class, and turned into this one."""

    _head = b""
    """What waits for the body."""

    async def send(self, message: Any) -> None:
        """A part of the answer. A head that no body follows at once leaves by itself."""
        starts = not self.response_started
        wire: Any = self.transport
        held = _Held()
        self.transport = held
        try:
            await super().send(message)
        finally:
            self.transport = wire
            data = self._head + b"".join(held.data)
            self._head = b""
            if starts and not held.closes and data:
                self._head = data
                asyncio.get_running_loop().call_soon(self._send_head)
            elif data:
                wire.write(data)
            if held.closes:
                wire.close()

    def _send_head(self) -> None:
        if self._head:
            head, self._head = self._head, b""
            self.transport.write(head)


class _Held(asyncio.Transport):
    """Stands for the connection while a part is written."""

    def __init__(self) -> None:
        super().__init__()
        self.data: list[bytes] = []
        self.closes = False

    def write(self, data: Any) -> None:
        """Keep it."""
        self.data.append(data)

    def close(self) -> None:
        """To be done afterwards."""
        self.closes = True

    def is_closing(self) -> bool:
        """Never."""
        return False
