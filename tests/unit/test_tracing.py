"""A message's two spans: when they began and ended, what they belong to, and where they go."""

import sys
from datetime import UTC, datetime, timedelta

import pytest

from mailworker.observability.tracing import ENDPOINTS, Traces, enqueue_carrier, open_traces

pytest.importorskip("opentelemetry.sdk", reason="OpenTelemetry is not installed")
NOW = datetime(2026, 11, 30, 9, 0, 0, 250_000, tzinfo=UTC)
CARRIER = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


def nanoseconds(moment):
    return int((moment - datetime(1970, 1, 1, tzinfo=UTC)) / timedelta(microseconds=1)) * 1_000


@pytest.fixture
def traces():
    from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415 - optional
    from opentelemetry.sdk.trace.export import SimpleSpanProcessor  # noqa: PLC0415
    from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter  # noqa: PLC0415

    exporter, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    made = Traces(provider)
    made.spans = exporter.get_finished_spans
    yield made
    provider.shutdown()


def test_a_messages_way_into_the_ledger_began_when_it_was_enqueued(traces):
    carrier = traces.accepted(CARRIER, "m1", at=NOW, waited=1.5)
    (span,) = traces.spans()
    assert (span.name, span.kind.name) == ("accept", "CONSUMER")
    assert span.start_time == nanoseconds(NOW - timedelta(seconds=1.5))
    assert span.end_time == nanoseconds(NOW)
    assert dict(span.attributes) == {"messaging.message.id": "m1"}
    trace, parent = CARRIER.split("-")[1:3]
    assert (f"{span.context.trace_id:032x}", f"{span.parent.span_id:016x}") == (trace, parent)
    assert (span.parent.is_remote, span.parent.trace_flags) == (True, 1)
    assert carrier == f"00-{trace}-{span.context.span_id:016x}-01"


def test_the_call_belongs_to_the_way_in(traces):
    carrier = traces.accepted(CARRIER, "m1", at=NOW, waited=0)
    traces.called(carrier, {"mailworker.outcome": "sent"}, at=NOW + timedelta(seconds=9), seconds=2)
    accept, send = traces.spans()
    assert (send.name, send.kind.name) == ("send", "CLIENT")
    assert send.parent.span_id == accept.context.span_id
    assert send.start_time == nanoseconds(NOW + timedelta(seconds=7))
    assert send.end_time == nanoseconds(NOW + timedelta(seconds=9))
    assert dict(send.attributes) == {"mailworker.outcome": "sent"}


def test_what_the_caller_does_not_sample_is_not_sampled(traces):
    assert traces.accepted(f"{CARRIER[:-2]}00", "m1", at=NOW, waited=1).endswith("-00")
    assert traces.spans() == ()


@pytest.mark.parametrize("name", ENDPOINTS)
def test_either_of_opentelemetrys_variables_opens_traces(name, monkeypatch):
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1")
    environ = {name: "http://127.0.0.1:1", "OTEL_SERVICE_NAME": "mail at operator"}
    made, plain = open_traces(environ), open_traces({name: "http://127.0.0.1:1"})
    names = [one._provider.resource.attributes["service.name"] for one in (made, plain)]
    assert names == ["mail at operator", "mailworker"]
    for one in (made, plain):
        assert len(one._provider._active_span_processor._span_processors) == 1
        one._provider.shutdown()


def test_to_flush_is_to_wait_for_all_that_was_written():
    waited = []

    class Provider:
        def get_tracer(self, name):
            assert name == "mailworker"

        def force_flush(self):
            waited.append(True)

    Traces(Provider()).flush()
    assert waited == [True]


def test_without_opentelemetry_nothing_is_traced(monkeypatch):
    monkeypatch.setitem(sys.modules, "opentelemetry.sdk.trace", None)
    assert open_traces({ENDPOINTS[0]: "http://127.0.0.1:1"}) is None
    monkeypatch.delitem(sys.modules, "opentelemetry.trace", raising=False)
    assert enqueue_carrier("k") == ""
    assert "opentelemetry.trace" not in sys.modules
