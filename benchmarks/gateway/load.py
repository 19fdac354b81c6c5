"""A client that costs little: raw HTTP/1.1 over kept connections, as many as asked, closed loop."""

import asyncio
import time
from dataclasses import dataclass, field

import orjson

from benchmarks.gateway.servers import Target

_END = b"0\r\n\r\n"


@dataclass
class Seen:
    """What a run of requests saw."""

    seconds: list[float] = field(default_factory=list[float])
    """Of each request, from sending to its last byte."""
    first: list[float] = field(default_factory=list[float])
    """Of each request, to its first byte."""
    failures: int = 0


async def run(target: Target, requests: int, concurrency: int, *, stream: bool, seed: int = 0) -> Seen:
    """Send `requests` requests, `concurrency` at a time, and read each answer to its end."""
    seen = Seen()
    numbers = iter(range(requests))

    async def work() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", target.port, limit=1 << 22)
        try:
            for number in numbers:
                await _ask(reader, writer, _request(target, f"{seed}-{number}", stream), seen)
        finally:
            writer.close()

    await asyncio.gather(*(work() for _ in range(concurrency)))
    return seen


def _request(target: Target, salt: str, stream: bool) -> bytes:
    body = orjson.dumps(
        {
            "model": target.model,
            "stream": stream,
            "max_tokens": 200,
            "messages": [
                {"role": "system", "content": "Você responde em português, com precisão e sem rodeios."},
                {
                    "role": "user",
                    "content": f"Qual o prazo de pagamento da nota {salt}? " + "Contexto do contrato. " * 20,
                },
            ],
        }
    )
    head = (
        f"POST /v1/chat/completions HTTP/1.1\r\nHost: 127.0.0.1:{target.port}\r\nContent-Type: application/json\r\n"
        f"Authorization: Bearer {target.key}\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


async def _ask(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, request: bytes, seen: Seen) -> None:
    started = time.perf_counter()
    writer.write(request)
    head = await reader.readuntil(b"\r\n\r\n")
    first = time.perf_counter()
    lowered = head.lower()
    if b"transfer-encoding: chunked" in lowered:
        body = b""
        while not body.endswith(_END):
            piece = await reader.read(65536)
            if not piece:
                raise ConnectionError("the answer was cut")
            body += piece
    else:
        length = int(lowered.split(b"content-length:")[1].split(b"\r\n")[0])
        body = await reader.readexactly(length)
    seen.first.append(first - started)
    seen.seconds.append(time.perf_counter() - started)
    if not head.startswith(b"HTTP/1.1 200") or b'"error"' in body[:200]:
        seen.failures += 1
