"""The least that a proxy of FastAPI and aiohttp does: read the JSON, send it on, hand the bytes back. No key, no
limit, no record. It is the yardstick; run as `python -m benchmarks.gateway.bare PORT UPSTREAM`."""

import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import aiohttp
import orjson
import uvicorn
from fastapi import FastAPI, Request, Response
from fastapi.responses import StreamingResponse


def create_app(upstream: str) -> FastAPI:
    """The proxy to `upstream`, a base URL without `/v1`."""
    sessions: list[aiohttp.ClientSession] = []

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncGenerator[None]:
        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
            sessions.append(session)
            yield

    app = FastAPI(lifespan=lifespan)

    @app.post("/v1/chat/completions")
    async def chat(request: Request) -> Response:
        body = orjson.loads(await request.body())
        answer = await sessions[0].post(f"{upstream}/v1/chat/completions", json=body)
        if not body.get("stream"):
            return Response(await answer.read(), media_type="application/json")

        async def chunks() -> AsyncGenerator[bytes]:
            async for chunk in answer.content.iter_any():
                yield chunk

        return StreamingResponse(chunks(), media_type="text/event-stream")

    return app


if __name__ == "__main__":
    uvicorn.run(
        create_app(sys.argv[2]),
        host="127.0.0.1",
        port=int(sys.argv[1]),
        loop="uvloop",
        http="httptools",
        log_level="warning",
        access_log=False,
    )
