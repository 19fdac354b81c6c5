"""Spans of calls: named by the conventions, sent to a collector, and never in the way."""

import asyncio
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.semconv._incubating.attributes import error_attributes, gen_ai_attributes
from opentelemetry.trace import SpanKind, StatusCode

from ementa.llm.calls import CallRecord
from ementa.llm.tracing import CallTracer
from ementa.llm.types import Caller

AT = datetime(2026, 3, 1, 12, 0, 10, tzinfo=UTC)


def call(**said: Any) -> CallRecord:
    facts: dict[str, Any] = {"asked_model": "auto", "model": "gpt-4o-mini", "provider": "openai", "server": "cloud"}
    who = Caller(tenant="t1", api=said.pop("api", "openai.chat"))
    return CallRecord("id", AT, caller=who, latency_ms=9000, queue_ms=1000, ttft_ms=500, **{**facts, **said})


async def spans(*calls: CallRecord) -> list[ReadableSpan]:
    memory = InMemorySpanExporter()
    tracer = CallTracer("", memory)
    for each in calls:
        tracer.tell(each)
    await tracer.close()
    return list(memory.get_finished_spans())


async def test_a_span_tells_what_a_call_was_by_the_conventions() -> None:
    [span] = await spans(call(prompt_tokens=10, output_tokens=5, cached_tokens=2, request_id="r1"))
    assert (span.name, span.kind) == ("chat gpt-4o-mini", SpanKind.CLIENT)
    assert (
        dict(span.attributes or {}).items()
        >= {
            gen_ai_attributes.GEN_AI_OPERATION_NAME: "chat",
            gen_ai_attributes.GEN_AI_PROVIDER_NAME: "openai",
            gen_ai_attributes.GEN_AI_REQUEST_MODEL: "auto",
            gen_ai_attributes.GEN_AI_RESPONSE_MODEL: "gpt-4o-mini",
            gen_ai_attributes.GEN_AI_USAGE_INPUT_TOKENS: 10,
            gen_ai_attributes.GEN_AI_USAGE_OUTPUT_TOKENS: 5,
            gen_ai_attributes.GEN_AI_USAGE_CACHE_READ_INPUT_TOKENS: 2,
            "ementa.request_id": "r1",
            "ementa.tenant": "t1",
        }.items()
    )
    assert span.start_time is not None
    assert span.end_time == int(AT.timestamp() * 1e9)
    assert span.end_time - span.start_time == 9_000_000_000
    assert [event.timestamp - span.start_time for event in span.events] == [1_000_000_000, 1_500_000_000]
    assert span.resource.attributes["service.name"] == "ementa"


async def test_operations_and_ends() -> None:
    found = await spans(
        call(api="ollama.embed", provider="gemini"),
        call(api="analysis"),
        call(status="MODEL_TIMEOUT"),
        call(status="cancelled"),
    )
    assert [(span.attributes or {})[gen_ai_attributes.GEN_AI_OPERATION_NAME] for span in found[:2]] == [
        "embeddings",
        "chat",
    ]
    assert (found[0].attributes or {})[gen_ai_attributes.GEN_AI_PROVIDER_NAME] == "gcp.gemini"
    assert [span.status.status_code for span in found[2:]] == [StatusCode.ERROR, StatusCode.UNSET]
    errors = [(span.attributes or {}).get(error_attributes.ERROR_TYPE) for span in found]
    assert errors == [None, None, "MODEL_TIMEOUT", "cancelled"]


class Collector(HTTPServer):
    """A receiver of OTLP over HTTP; `hang` makes it never answer."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.names: list[str] = []
        self.hang = threading.Event()
        self.released = threading.Event()


class _Handler(BaseHTTPRequestHandler):
    server: Collector

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.server.hang.is_set():
            self.server.released.wait(60)
        if self.path == "/v1/traces":
            received = ExportTraceServiceRequest.FromString(body)
            for resource in received.resource_spans:
                self.server.names += [span.name for scope in resource.scope_spans for span in scope.spans]
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_arguments: Any) -> None:
        """Say nothing."""


@pytest.fixture
def collector() -> Iterator[Collector]:
    server = Collector()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield server
    server.released.set()
    server.shutdown()
    thread.join()
    server.server_close()


async def test_spans_reach_a_collector(collector: Collector) -> None:
    tracer = CallTracer(f"http://127.0.0.1:{collector.server_port}/")
    for _ in range(3):
        tracer.tell(call())
    await tracer.close()
    assert collector.names == ["chat gpt-4o-mini"] * 3


async def test_a_collector_that_hangs_holds_nobody_up(collector: Collector) -> None:
    collector.hang.set()
    tracer = CallTracer(f"http://127.0.0.1:{collector.server_port}")
    started = time.monotonic()
    for _ in range(10_000):
        tracer.tell(call())
    async with asyncio.timeout(30):
        await tracer.close()
    assert time.monotonic() - started < 30
