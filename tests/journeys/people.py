"""Somebody who uses a running Ementa by HTTP."""

import asyncio
import io
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import aiohttp

from ementa.testing.server import RunningServer


class Person:
    """Somebody with a key and an HTTP client."""

    def __init__(self, server: RunningServer, key: str | None = None) -> None:
        self._server = server
        self.key = server.key if key is None else key
        self._session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=90))

    async def close(self) -> None:
        await self._session.close()

    async def call(
        self, method: str, path: str, headers: Mapping[str, str] | None = None, data: Any = None
    ) -> tuple[int, Any]:
        """The status and the JSON of an answer."""
        sent = {"Key": self.key, **(headers or {})}
        async with self._session.request(method, self._server.url + path, headers=sent, data=data) as answer:
            body = await answer.read()
            return answer.status, json.loads(body) if body else None

    async def send(self, file: Path | bytes, **asked: str) -> tuple[int, Any]:
        """Send a document with its question; keyword `Format_Response` is the header `Format-Response`."""
        headers = {name.replace("_", "-"): value for name, value in asked.items()}
        content = file if isinstance(file, bytes) else file.read_bytes()
        if isinstance(file, Path):
            headers.setdefault("Filename", file.name)
        return await self.call("POST", "/upload", headers, io.BytesIO(content))

    async def answer(self, analysis_id: str) -> tuple[int, Any]:
        """Wait for the answer."""
        for _ in range(6):
            status, body = await self.call("GET", f"/response/{analysis_id}?wait=20")
            if status != 202:
                return status, body
        raise AssertionError(f"still working: {body}")

    async def ask(self, file: Path | bytes, **asked: str) -> Any:
        """Send a document and wait for its answer, which must come."""
        status, accepted = await self.send(file, **asked)
        assert status == 202, accepted
        status, answered = await self.answer(accepted["id"])
        assert status == 200, answered
        return answered


async def eventually(check: Any, seconds: float = 20) -> Any:
    """What `check` returns once it is true."""
    deadline = asyncio.get_running_loop().time() + seconds
    while asyncio.get_running_loop().time() < deadline:
        if result := await check():
            return result
        await asyncio.sleep(0.1)
    raise AssertionError("it never happened")
