"""A call as one line of the spool, and as one row of the table."""

from datetime import datetime
from typing import Any

import msgspec

from ementa.llm.calls import CallRecord
from ementa.llm.types import MOST_TOKENS, Caller

_MOST = MOST_TOKENS  # two of them fit into PostgreSQL's integer
_encoder = msgspec.json.Encoder()


class _Line(msgspec.Struct, frozen=True, array_like=True):
    """What a line holds; what newer versions add comes last, with a default."""

    id: str
    at: datetime
    request_id: str
    tenant: str
    user: str
    key: str
    api: str
    client: str
    asked_model: str
    model: str
    provider: str
    server: str
    status: str
    streamed: bool
    cached: bool
    attempts: int
    prompt_tokens: int
    output_tokens: int
    cached_tokens: int
    queue_ms: int
    ttft_ms: int
    latency_ms: int


_decoder = msgspec.json.Decoder(_Line)


def write_line(record: CallRecord) -> bytes:
    """The record as a line with its end."""
    caller = record.caller
    fields = (
        record.id, record.at, record.request_id, caller.tenant, caller.user, caller.key, caller.api, record.client,
        record.asked_model, record.model, record.provider, record.server, record.status, record.streamed, record.cached,
        record.attempts, record.prompt_tokens, record.output_tokens, record.cached_tokens, record.queue_ms,
        record.ttft_ms, record.latency_ms,
    )  # fmt: skip
    try:
        return _encoder.encode(fields) + b"\n"
    except UnicodeEncodeError:  # half a surrogate pair in a name that a client sent
        clean = [value.encode("utf-8", "replace").decode() if isinstance(value, str) else value for value in fields]
        return _encoder.encode(clean) + b"\n"


def read_line(line: bytes) -> CallRecord | None:
    """The record of a line, without its limits; None when it is torn."""
    try:
        said = _decoder.decode(line)
    except msgspec.DecodeError:
        return None
    return CallRecord(
        id=said.id,
        at=said.at,
        asked_model=said.asked_model,
        request_id=said.request_id,
        caller=Caller(tenant=said.tenant, user=said.user, key=said.key, api=said.api),
        client=said.client,
        model=said.model,
        provider=said.provider,
        server=said.server,
        status=said.status,
        streamed=said.streamed,
        cached=said.cached,
        attempts=said.attempts,
        prompt_tokens=said.prompt_tokens,
        output_tokens=said.output_tokens,
        cached_tokens=said.cached_tokens,
        queue_ms=said.queue_ms,
        ttft_ms=said.ttft_ms,
        latency_ms=said.latency_ms,
    )


def make_row(record: CallRecord, cost: float) -> dict[str, Any]:
    """The record as the table takes it: nothing too long, too large, or that PostgreSQL refuses in a text."""
    caller = record.caller
    return {
        "id": record.id[:36],
        "at": record.at,
        "request_id": _text(record.request_id, 64),
        "tenant_id": caller.tenant[:36],
        "user_id": caller.user[:36],
        "key_id": caller.key[:36],
        "api": caller.api[:50],
        "asked_model": _text(record.asked_model, 200),
        "model": _text(record.model, 200),
        "provider": _text(record.provider, 50),
        "server": _text(record.server, 200),
        "status": record.status[:50],
        "streamed": record.streamed,
        "cached": record.cached,
        "attempts": record.attempts,
        "prompt_tokens": _count(record.prompt_tokens),
        "output_tokens": _count(record.output_tokens),
        "cached_tokens": _count(record.cached_tokens),
        "queue_ms": _count(record.queue_ms),
        "ttft_ms": _count(record.ttft_ms),
        "latency_ms": _count(record.latency_ms),
        "cost": cost,
    }


def _text(value: str, most: int) -> str:
    return value.replace("\x00", "")[:most]


def _count(value: int) -> int:
    return min(max(value, 0), _MOST)
