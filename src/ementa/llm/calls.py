"""What is written down of every call to a model, once it has ended, however it ended."""

from collections.abc import Callable
from datetime import datetime

import msgspec

from ementa.llm.types import SYSTEM, Caller


class CallRecord(msgspec.Struct, frozen=True):
    """One call. Holds no word of prompt or answer. Its fields are those of the table `model_call`."""

    id: str
    at: datetime
    """When it ended."""
    asked_model: str
    request_id: str = ""
    caller: Caller = SYSTEM
    client: str = ""
    """The address it came from."""
    model: str = ""
    provider: str = ""
    server: str = ""
    status: str = "ok"
    """`ok`, `cancelled` when the client left, or the code of the error."""
    streamed: bool = False
    cached: bool = False
    attempts: int = 1
    prompt_tokens: int = 0
    output_tokens: int = 0
    cached_tokens: int = 0
    queue_ms: int = 0
    ttft_ms: int = 0
    latency_ms: int = 0


Observer = Callable[[CallRecord], None]
"""Told of every call, on the event loop: must return at once and not raise."""
