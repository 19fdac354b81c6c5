"""A model server that wishes us ill. What it does is scripted by the name of the model, as bytes on a bare socket."""

import asyncio
import json
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from types import TracebackType
from typing import Any, Self

Script = Callable[["Wire"], Awaitable[None]]

ANSWER: dict[str, Any] = {
    "id": "x",
    "object": "chat.completion",
    "created": 1,
    "model": "m",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "oi"}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2},
}
CHUNK: dict[str, Any] = {
    "id": "x",
    "object": "chat.completion.chunk",
    "created": 1,
    "model": "m",
    "choices": [{"index": 0, "delta": {"content": "oi"}, "finish_reason": None}],
}


class Wire:
    """One request and the socket it came by."""

    def __init__(self, headers: dict[str, str], body: Any, writer: asyncio.StreamWriter) -> None:
        self.headers = headers
        self.body = body
        self.writer = writer

    async def raw(self, data: bytes) -> None:
        """These bytes."""
        self.writer.write(data)
        await self.writer.drain()

    async def head(self, status: str = "200 OK", kind: str = "application/json", *more: str) -> None:
        """A status line and headers; the body ends with the connection."""
        lines = [f"HTTP/1.1 {status}", f"Content-Type: {kind}", "Connection: close", *more, "", ""]
        await self.raw("\r\n".join(lines).encode("utf-8", "surrogateescape"))

    async def answer(self, content: Any, status: str = "200 OK", kind: str = "application/json", *more: str) -> None:
        """A whole answer; bytes go as they are."""
        data = content if isinstance(content, bytes) else json.dumps(content).encode()
        await self.head(status, kind, f"Content-Length: {len(data)}", *more)
        await self.raw(data)

    async def event(self, content: Any) -> None:
        """One server-sent event."""
        data = content if isinstance(content, bytes) else json.dumps(content).encode()
        await self.raw(b"data: " + data + b"\n\n")


class EvilServer:
    """Speaks OpenAI's dialect as its scripts say. A context manager; `running` counts requests in its hands."""

    def __init__(self, scripts: dict[str, Script]) -> None:
        self._scripts = scripts
        self.running = 0
        self.asked: list[dict[str, str]] = []
        """The headers of every request."""
        self.port = 0
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stopping: asyncio.Event | None = None
        self._thread: threading.Thread | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    def __enter__(self) -> Self:
        ready = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run(ready)), daemon=True)
        self._thread.start()
        assert ready.wait(10)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._loop is not None
        assert self._stopping is not None
        assert self._thread is not None
        self._loop.call_soon_threadsafe(self._stopping.set)
        self._thread.join(10)

    async def _run(self, ready: threading.Event) -> None:
        self._loop, self._stopping = asyncio.get_running_loop(), asyncio.Event()
        server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
        self.port = server.sockets[0].getsockname()[1]
        ready.set()
        await self._stopping.wait()
        server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async for method_path, headers, body in _requests(reader):
                self.asked.append(headers)
                self.running += 1
                serving = asyncio.create_task(self._answer(method_path, Wire(headers, body, writer)))
                leaving = asyncio.create_task(reader.read(1))
                try:
                    await asyncio.wait([serving, leaving], return_when=asyncio.FIRST_COMPLETED)
                finally:
                    self.running -= 1
                    serving.cancel()
                    leaving.cancel()
                return  # one request a connection: nothing here is worth keeping
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    async def _answer(self, asked: str, wire: Wire) -> None:
        if asked == "GET /v1/models":
            data = [{"id": name, "object": "model", "created": 1, "owned_by": "evil"} for name in self._scripts]
            await wire.answer({"object": "list", "data": data})
        elif not asked.startswith("POST "):
            await wire.answer({"error": {"message": "no"}}, "404 Not Found")
        else:
            await self._scripts[wire.body["model"]](wire)


async def _requests(reader: asyncio.StreamReader) -> AsyncIterator[tuple[str, dict[str, str], Any]]:
    while True:
        try:
            head = await reader.readuntil(b"\r\n\r\n")
        except asyncio.IncompleteReadError:
            return
        first, *lines = head.decode("latin-1").split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines) if name}
        data = await reader.readexactly(int(headers.get("content-length", 0)))
        yield " ".join(first.split(" ")[:2]), headers, json.loads(data) if data else None
