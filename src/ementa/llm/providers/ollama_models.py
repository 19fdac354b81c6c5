"""Vectors, and the models of an Ollama server: pulled, deleted, loaded and unloaded."""

from collections.abc import AsyncGenerator, Sequence
from typing import Any

import aiohttp

from ementa.llm.errors import ModelFailed
from ementa.llm.http import HttpServer, read_body
from ementa.llm.ndjson import LineReader
from ementa.llm.providers.ollama_errors import READ_ERRORS, ended_early, pull_error, read_error
from ementa.llm.providers.ollama_wire import Embedded, read_embedded, read_progress
from ementa.llm.types import PullProgress

BATCH = 128
"""Texts in one request: Ollama works on all at once."""


async def embed(
    server: HttpServer, body: dict[str, Any], texts: Sequence[str], timeout: aiohttp.ClientTimeout
) -> Embedded:
    """The vectors of one batch; `body` is the rest of the request."""
    model = body["model"]
    try:
        async with server.open("POST", "/api/embed", body | {"input": texts}, model, timeout) as response:
            found = read_embedded(await read_body(response))
    except READ_ERRORS as error:
        raise read_error(model, error, timeout) from error
    if len(found.embeddings) != len(texts):
        raise ModelFailed(model=model, cause=f"{len(found.embeddings)} vectors for {len(texts)} texts")
    return found


async def pull(server: HttpServer, model: str, timeout: aiohttp.ClientTimeout) -> AsyncGenerator[PullProgress, None]:
    """The steps of a download, the last one `success`."""
    reader = LineReader()
    async with server.open("POST", "/api/pull", {"model": model, "stream": True}, model, timeout) as response:
        try:
            async for chunk in response.content.iter_any():
                for line in reader.feed(chunk):
                    step = _read_step(model, line)
                    yield step
                    if step.status == "success":
                        return
            for line in reader.finish():
                yield _read_step(model, line)
                return
        except READ_ERRORS as error:
            raise read_error(model, error, timeout) from error
    raise ended_early(model)


async def order(
    server: HttpServer, method: str, path: str, body: dict[str, Any], timeout: aiohttp.ClientTimeout
) -> None:
    """Something that answers nothing but that it was done."""
    model = body["model"]
    try:
        async with server.open(method, path, body, model, timeout) as response:
            await read_body(response)
    except READ_ERRORS as error:
        raise read_error(model, error, timeout) from error


def _read_step(model: str, line: bytes) -> PullProgress:
    progress = read_progress(line)
    if progress.error is not None:
        raise pull_error(model, str(progress.error))
    return PullProgress(progress.status, progress.completed, progress.total, progress.digest)
