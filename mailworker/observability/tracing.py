"""Traces from OmniCRM's enqueue to Mailjet's answer, where OpenTelemetry is installed; else nothing.

A trace travels as W3C's `traceparent`. Spans name messages by id and kind, never a person. Who does not trace
never loads OpenTelemetry.
"""

import os
import sys
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

#: OpenTelemetry's own variables: whoever sets one of them wants traces.
ENDPOINTS = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
_NAME = "mailworker"


def enqueue_carrier(kind: str) -> str:
    """A span for an enqueue of the caller's, as `traceparent`; empty where the caller traces nothing."""
    if "opentelemetry.trace" not in sys.modules:
        return ""
    from opentelemetry import trace  # noqa: PLC0415 - the caller has loaded it already

    tracer = trace.get_tracer(_NAME)
    with tracer.start_as_current_span(f"enqueue {kind}", kind=trace.SpanKind.PRODUCER) as span:
        return _written(span.get_span_context())


def open_traces(environ: Mapping[str, str] = os.environ) -> "Traces | None":
    """Traces to the endpoint that the environment names; None where it names none. Call it after the fork."""
    if not any(environ.get(name) for name in ENDPOINTS):
        return None
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import (  # noqa: PLC0415 - optional
            OTLPSpanExporter,
        )
        from opentelemetry.sdk.resources import Resource  # noqa: PLC0415
        from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415
        from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415
    except ImportError:
        return None
    name = environ.get("OTEL_SERVICE_NAME", _NAME)
    provider = TracerProvider(resource=Resource.create({"service.name": name}))
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    return Traces(provider)


class Traces:
    """Writes a worker's spans to a TracerProvider of OpenTelemetry's."""

    def __init__(self, provider: Any) -> None:
        self._provider = provider
        self._tracer = provider.get_tracer(_NAME)

    def accepted(self, carrier: str, message_id: str, *, at: datetime, waited: float) -> str:
        """A message's way from the stream into the ledger; gives what its next span belongs to."""
        began = at - timedelta(seconds=waited)
        return self._span("accept", carrier, began, at, {"messaging.message.id": message_id})

    def called(self, carrier: str, facts: Mapping[str, str], *, at: datetime, seconds: float) -> None:
        """A message's part of a call, from its beginning to Mailjet's answer."""
        self._span("send", carrier, at - timedelta(seconds=seconds), at, facts)

    def flush(self) -> None:
        """Wait until all that was written has left."""
        self._provider.force_flush()

    def _span(
        self, name: str, carrier: str, began: datetime, ended: datetime, facts: Mapping[str, str]
    ) -> str:
        from opentelemetry import trace  # noqa: PLC0415 - whoever has a provider has it

        kind = trace.SpanKind.CONSUMER if name == "accept" else trace.SpanKind.CLIENT
        parent = trace.set_span_in_context(trace.NonRecordingSpan(_read(carrier)))
        span = self._tracer.start_span(
            name, parent, kind=kind, attributes=dict(facts), start_time=_nanoseconds(began)
        )
        span.end(_nanoseconds(ended))
        return _written(span.get_span_context())


def _nanoseconds(moment: datetime) -> int:
    return int(moment.timestamp() * 1_000_000) * 1_000


def _written(context: Any) -> str:
    if not context.is_valid:
        return ""
    return f"00-{context.trace_id:032x}-{context.span_id:016x}-{int(context.trace_flags):02x}"


def _read(carrier: str) -> Any:
    from opentelemetry.trace import SpanContext, TraceFlags  # noqa: PLC0415

    _, trace_id, span_id, flags = carrier.split("-")
    return SpanContext(
        int(trace_id, 16), int(span_id, 16), is_remote=True, trace_flags=TraceFlags(int(flags, 16))
    )
