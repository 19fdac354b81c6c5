"""How the head of an answer is written: uvicorn's way looks at each header with two patterns; ours knows names it has
seen, and looks at all values at once."""

from typing import Any

from uvicorn.protocols.http.httptools_impl import HEADER_RE, HEADER_VALUE_RE, STATUS_LINE, RequestResponseCycle

_MOST_NAMES = 1000
_beginnings: dict[bytes, bytes] = {}
"""Names that may be sent, with what stands between them and their values."""
_FRAMING = frozenset({b"content-length: ", b"transfer-encoding: ", b"connection: "})


class Cycle(RequestResponseCycle):
    """One request and its answer. Made by uvicorn as its own class, and turned into this one."""

    async def send(self, message: Any) -> None:
        """A part of the answer."""
        if self.response_started or message["type"] != "http.response.start" or self.access_log:
            await super().send(message)
            return
        if self.flow.write_paused and not self.disconnected:
            await self.flow.drain()
        if self.disconnected:
            return
        self.response_started = True
        self.waiting_for_100_continue = False
        self._write_head(message["status"], [*self.default_headers, *message.get("headers", ())])

    def _write_head(self, status: int, headers: list[tuple[bytes, bytes]]) -> None:
        if HEADER_VALUE_RE.search(b"\t".join([value for _, value in headers])):
            raise RuntimeError("a header of the answer has a value that cannot be sent")
        content = [STATUS_LINE[status]]
        closes = False
        for name, value in headers:
            beginning = _beginnings.get(name) or _begin(name)
            content += (beginning, value, b"\r\n")
            if beginning in _FRAMING:
                closes = self._frame(beginning, value) or closes
        if closes:
            self.keep_alive = False
        elif not self.keep_alive:
            content.append(b"connection: close\r\n")
        if self.chunked_encoding is None and self.scope["method"] != "HEAD" and status not in (204, 304):
            self.chunked_encoding = True
            content.append(b"transfer-encoding: chunked\r\n")
        content.append(b"\r\n")
        self.transport.write(b"".join(content))

    def _frame(self, beginning: bytes, value: bytes) -> bool:
        """What says where the body ends; whether the connection does too."""
        if beginning == b"connection: ":
            return any(token.lower().strip() == b"close" for token in value.split(b","))
        if beginning == b"transfer-encoding: ":
            if value.lower() == b"chunked":
                self.expected_content_length = 0
                self.chunked_encoding = True
        elif self.chunked_encoding is None:
            self.expected_content_length = int(value)
            self.chunked_encoding = False
        return False


def _begin(name: bytes) -> bytes:
    if HEADER_RE.search(name):
        raise RuntimeError("a header of the answer has a name that cannot be sent")
    beginning = name.lower() + b": "
    if len(_beginnings) < _MOST_NAMES:
        _beginnings[name] = beginning
    return beginning
