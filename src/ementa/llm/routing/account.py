"""The account of one call: begun when it comes in, closed exactly once, however it ends."""

import asyncio
import logging
import time
from collections.abc import Callable, Sequence

from ementa.kit import clock
from ementa.kit.errors import EmentaError
from ementa.kit.ids import new_id
from ementa.llm.calls import CallRecord, Observer
from ementa.llm.types import Caller, Usage, sane
from ementa.observability.context import client_address, request_id, request_line

log = logging.getLogger(__name__)

CANCELLED = "cancelled"
NO_USAGE = Usage()


class Call:
    """One call. Its request and its client are those of the context in which it is made: streams end in another."""

    __slots__ = (
        "_client", "_ended", "_line", "_observers", "_request", "_started", "asked", "attempts", "cached", "caller",
        "first_at", "model", "pieces", "provider", "queued", "sent_at", "server", "streamed",
    )  # fmt: skip

    def __init__(self, asked: str, caller: Caller, observers: Sequence[Observer], *, streamed: bool) -> None:
        self._started = time.perf_counter()
        self._request = request_id.get()
        self._client = client_address.get()
        self._line = request_line.get()
        self._observers = observers
        self._ended = False
        self.asked = asked
        self.caller = caller
        self.streamed = streamed
        self.model = ""
        self.provider = ""
        self.server = ""
        self.cached = False
        self.attempts = 0
        self.queued = 0.0
        """Seconds in lines."""
        self.sent_at = 0.0
        self.first_at = 0.0
        self.pieces = 0
        """That left, of an answer in pieces."""

    def send(self, model: str, provider: str, server: str) -> None:
        """It goes out to a server."""
        self.attempts += 1
        self.model, self.provider, self.server = model, provider, server
        self.sent_at = time.perf_counter()
        self.first_at = 0.0

    def arrive(self) -> None:
        """The first piece is here."""
        if not self.first_at:
            self.first_at = time.perf_counter()

    @property
    def queue_ms(self) -> float:
        """Time in lines."""
        return self.queued * 1000

    @property
    def upstream_ms(self) -> float:
        """From sending the request to the first piece."""
        return (self.first_at - self.sent_at) * 1000 if self.first_at else 0.0

    def fail(self, error: BaseException, usage: Usage = NO_USAGE) -> None:
        """It ended with an error, or was given up."""
        self.end(status_of(error), usage)

    def end(self, status: str = "ok", usage: Usage | Callable[[], Usage] = NO_USAGE) -> None:
        """Write it down, unless that was done."""
        if self._ended:
            return
        self._ended = True
        used = usage if isinstance(usage, Usage) else usage()
        record = CallRecord(
            id=new_id(),
            at=clock.now(),
            asked_model=self.asked,
            request_id=self._request,
            caller=self.caller,
            client=self._client,
            model=self.model,
            provider=self.provider,
            server=self.server,
            status=status,
            streamed=self.streamed,
            cached=self.cached,
            attempts=max(self.attempts, 1),
            prompt_tokens=sane(used.prompt_tokens),
            output_tokens=sane(used.output_tokens),
            cached_tokens=sane(used.cached_tokens),
            queue_ms=round(self.queue_ms),
            ttft_ms=round(self.upstream_ms),
            latency_ms=round((time.perf_counter() - self._started) * 1000),
        )
        _tell(self._observers, record)
        self._log(record)

    def _log(self, record: CallRecord) -> None:
        """In the line of its request, or, where no line comes, in one of its own."""
        told = {
            "model": record.model,
            "asked_model": record.asked_model,
            "server": record.server,
            "outcome": record.status,
            "tenant": record.caller.tenant,
            "api": record.caller.api,
            "cached": record.cached,
            "attempts": record.attempts,
            "prompt_tokens": record.prompt_tokens,
            "output_tokens": record.output_tokens,
            "queue_ms": record.queue_ms,
            "ttft_ms": record.ttft_ms,
            "latency_ms": record.latency_ms,
        }
        if self._line is not None:
            self._line |= told
        else:
            log.info("model call", extra={**told, "user": record.caller.user})


def status_of(error: BaseException) -> str:
    """`cancelled` when the client left, or the code of the error."""
    if isinstance(error, EmentaError):
        return error.code
    # What a door meets when its client has gone: it is cancelled, closes the stream, or fails to write.
    return CANCELLED if isinstance(error, asyncio.CancelledError | GeneratorExit | OSError) else EmentaError.code


def _tell(observers: Sequence[Observer], record: CallRecord) -> None:
    for observe in observers:
        try:
            observe(record)
        except Exception:  # counting must not break what it counts
            log.exception("an observer of calls failed")
