"""Writes answers, in place of uvicorn: a head leaves together with the first of its body, and is checked at once as a
whole instead of header by header.

uvicorn writes head and body apart, and each write is a system call and a packet; that and its two searches in every
header are a tenth of the cost of a call to a model.
"""

import asyncio
import re
from collections.abc import Sequence
from typing import Any

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, RequestResponseCycle

_FRAMING = frozenset({b"content-length: ", b"transfer-encoding: ", b"connection: "})
_BODILESS = frozenset({204, 304})
_TEXT = bytes({*range(0x20, 0x7F), *range(0x80, 0x100), 0x09})
"""What may stand in a header."""
_NAME = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_MOST_NAMES = 1000
_names: dict[bytes, bytes] = {}
"""Names that were looked at before, as they are written."""


class Cycle(RequestResponseCycle):
    """One request and its answer. Made by uvicorn as its own class, and turned into this one."""

    _head = b""
    """What waits for the body."""

    async def send(self, message: Any) -> None:
        """A part of the answer. A head that no body follows at once leaves by itself."""
        if self.flow.write_paused and not self.disconnected:
            self._send_head()
            await self.flow.drain()
        if self.disconnected:
            return
        expected = "http.response.body" if self.response_started else "http.response.start"
        if self.response_complete or message["type"] != expected:
            raise RuntimeError(f"{message['type']} sent out of turn")
        if not self.response_started:
            self.response_started = True
            self.waiting_for_100_continue = False
            self._head = self._begin(message["status"], message.get("headers", ()))
            asyncio.get_running_loop().call_soon(self._send_head)
        else:
            self._continue(message.get("body", b""), more=message.get("more_body", False))

    def _begin(self, status: int, headers: Sequence[tuple[bytes, bytes]]) -> bytes:
        """The head; raises `RuntimeError` when a header holds what could end it."""
        parts = [STATUS_LINE[status]]
        lines, closes = 1, False
        for given, value in (*self.default_headers, *headers):
            name = _names.get(given) or _name(given)
            if name in _FRAMING:
                closes = self._frame(name, value) or closes
            parts += (name, value, b"\r\n")
            lines += 1
        if not self.keep_alive and not closes:
            parts.append(b"connection: close\r\n")
            lines += 1
        if self.chunked_encoding is None and self.scope["method"] != "HEAD" and status not in _BODILESS:
            self.chunked_encoding = True
            parts.append(b"transfer-encoding: chunked\r\n")
            lines += 1
        head = b"".join(parts)
        if head.translate(None, _TEXT) != b"\r\n" * lines:
            raise RuntimeError("Invalid HTTP header value.")
        return head + b"\r\n"

    def _frame(self, name: bytes, value: bytes) -> bool:
        """Note how the end of the body will be known; whether the header says that the connection closes."""
        if name == b"connection: ":
            closes = b"close" in [token.strip() for token in value.lower().split(b",")]
            self.keep_alive = self.keep_alive and not closes
            return closes
        if name == b"transfer-encoding: ":
            if value.lower() == b"chunked":
                self.expected_content_length = 0
                self.chunked_encoding = True
        elif self.chunked_encoding is None:
            self.expected_content_length = int(value)
            self.chunked_encoding = False
        return False

    def _continue(self, body: bytes, *, more: bool) -> None:
        """More of the body."""
        if self.scope["method"] == "HEAD":
            self.expected_content_length = 0
            body = b""
        elif self.chunked_encoding:
            body = b"%x\r\n%b\r\n" % (len(body), body) if body else b""
            if not more:
                body += b"0\r\n\r\n"
        elif len(body) > self.expected_content_length:
            raise RuntimeError("Response content longer than Content-Length")
        else:
            self.expected_content_length -= len(body)
        if not more and self.expected_content_length:
            raise RuntimeError("Response content shorter than Content-Length")
        if self._head:
            self._head, body = b"", self._head + body
        if body:
            self.transport.write(body)
        if not more:
            self._complete()

    def _complete(self) -> None:
        self.response_complete = True
        self.message_event.set()
        if not self.keep_alive:
            self.transport.close()
        self.on_response()

    def _send_head(self) -> None:
        if self._head:
            head, self._head = self._head, b""
            self.transport.write(head)


def _name(given: bytes) -> bytes:
    if not _NAME.fullmatch(given):
        raise RuntimeError("Invalid HTTP header name.")
    if len(_names) >= _MOST_NAMES:
        _names.clear()
    return _names.setdefault(given, given.lower() + b": ")
