"""One OpenTelemetry span a call to a model, by the semantic conventions for generative AI; no word of what was said.

Loaded only where an endpoint is configured. A span is made when its call has ended and sent in batches by a thread of
the SDK, whose queue is bounded: a collector that is away costs spans, never requests.
"""

import asyncio
import threading
from collections.abc import Mapping
from contextlib import suppress
from datetime import timedelta

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter
from opentelemetry.trace import SpanKind, Status, StatusCode

import ementa
from ementa.llm.calls import CallRecord

_PROVIDERS = {"openai": "openai", "anthropic": "anthropic", "gemini": "gcp.gemini"}
"""Names that the conventions give; others are their own."""
_OPERATIONS = {"embeddings": "embeddings", "embed": "embeddings", "rerank": "rerank", "completions": "text_completion"}
_CLOSE_SECONDS = 3.0
_MOST_WAITING = 4096


class CallTracer:
    """Sends spans of calls; `tell` is an observer of them."""

    def __init__(self, endpoint: str, exporter: SpanExporter | None = None) -> None:
        """`endpoint` is the base URL of an OTLP receiver over HTTP: `http://collector:4318`. The SDK's own variables
        (`OTEL_EXPORTER_OTLP_HEADERS`, `OTEL_TRACES_SAMPLER`…) hold too."""
        resource = Resource.create({"service.name": "ementa", "service.version": ementa.__version__})
        self._provider = TracerProvider(resource=resource, shutdown_on_exit=False)
        sender = exporter or OTLPSpanExporter(endpoint=f"{endpoint.rstrip('/')}/v1/traces", timeout=5)
        self._provider.add_span_processor(BatchSpanProcessor(sender, max_queue_size=_MOST_WAITING))
        self._tracer = self._provider.get_tracer("ementa.llm", ementa.__version__)

    def tell(self, record: CallRecord) -> None:
        """A call ended."""
        operation = _OPERATIONS.get(record.caller.api.rpartition(".")[2], "chat")
        ended = record.at
        started = ended - timedelta(milliseconds=record.latency_ms)
        span = self._tracer.start_span(
            f"{operation} {record.model or 'unknown'}",
            kind=SpanKind.CLIENT,
            attributes=_attributes(record, operation),
            start_time=_nanoseconds(started.timestamp()),
        )
        if record.ttft_ms:
            sent = started + timedelta(milliseconds=record.queue_ms)
            first = sent + timedelta(milliseconds=record.ttft_ms)
            span.add_event("ementa.sent", timestamp=_nanoseconds(sent.timestamp()))
            span.add_event("ementa.first_piece", timestamp=_nanoseconds(min(first, ended).timestamp()))
        if record.status not in ("ok", "cancelled"):
            span.set_status(Status(StatusCode.ERROR, record.status))
        span.end(end_time=_nanoseconds(ended.timestamp()))

    async def close(self) -> None:
        """Send what waits, if the collector answers within seconds."""
        loop = asyncio.get_running_loop()
        closed = asyncio.Event()

        def shut_down() -> None:
            self._provider.shutdown()
            with suppress(RuntimeError):  # the loop has closed meanwhile
                loop.call_soon_threadsafe(closed.set)

        # No thread of the executor: the process would wait for it however long the collector takes.
        threading.Thread(target=shut_down, name="tracing shutdown", daemon=True).start()
        with suppress(TimeoutError):
            await asyncio.wait_for(closed.wait(), _CLOSE_SECONDS)


def _attributes(record: CallRecord, operation: str) -> Mapping[str, str | int | bool]:
    found: dict[str, str | int | bool] = {
        "gen_ai.operation.name": operation,
        "gen_ai.provider.name": _PROVIDERS.get(record.provider, record.provider),
        "gen_ai.request.model": record.asked_model[:200],
        "gen_ai.response.model": record.model,
        "gen_ai.usage.input_tokens": record.prompt_tokens,
        "gen_ai.usage.output_tokens": record.output_tokens,
        "gen_ai.usage.cache_read.input_tokens": record.cached_tokens,
        "ementa.api": record.caller.api,
        "ementa.server": record.server,
        "ementa.request_id": record.request_id,
        "ementa.tenant": record.caller.tenant,
        "ementa.queue_ms": record.queue_ms,
        "ementa.attempts": record.attempts,
        "ementa.remembered": record.cached,
        "ementa.streamed": record.streamed,
    }
    if record.status != "ok":
        found["error.type"] = record.status
    return found


def _nanoseconds(seconds: float) -> int:
    return int(seconds * 1e9)
