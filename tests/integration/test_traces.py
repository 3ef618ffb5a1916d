"""One trace from OmniCRM's enqueue to Mailjet's answer, received as OTLP by a collector of the test's own."""

import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from mailworker.cli.local_stack import Servers, wait_until
from mailworker.client import MailClient
from mailworker.observability.tracing import enqueue_carrier, open_traces
from mailworker.queue import envelope
from tests.rows import URGENT

pytestmark = [pytest.mark.integration, pytest.mark.timeout(180)]
trace = pytest.importorskip("opentelemetry.trace", reason="OpenTelemetry is not installed")
VARIABLES = {"user_name": "Zoé", "reset_url": "https://crm.example/r/secret", "expiry_time": "1 heure"}


class Collector:
    """Takes spans over HTTP, as an OpenTelemetry collector does."""

    def __init__(self) -> None:
        from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (  # noqa: PLC0415 - optional
            ExportTraceServiceRequest,
        )

        self.spans = spans = []
        self.bodies = bodies = []

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                if self.headers.get("Content-Encoding") == "gzip":
                    import gzip  # noqa: PLC0415

                    body = gzip.decompress(body)
                bodies.append(body)
                for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
                    spans.extend(span for scope in resource.scope_spans for span in scope.spans)
                self.send_response(200)
                self.end_headers()

            def log_message(self, *_):
                pass

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/v1/traces"
        self.thread = threading.Thread(target=self.server.serve_forever)
        self.thread.start()

    def close(self):
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()


@pytest.fixture
def collector():
    made = Collector()
    yield made
    made.close()


@pytest.fixture
def tracer(monkeypatch):
    """OmniCRM's own tracing, as its web framework's instrumentation sets it up."""
    from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415 - optional

    provider = TracerProvider()
    monkeypatch.setattr(trace, "get_tracer_provider", lambda: provider)
    monkeypatch.setattr(trace, "get_tracer", provider.get_tracer)
    return provider.get_tracer("omnicrm")


def test_a_mail_s_trace_goes_from_the_caller_s_request_to_mailjet_s_answer(
    tmp_path, collector, tracer, monkeypatch
):
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", collector.url)
    monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", "200")
    with Servers(tmp_path) as servers:
        servers.worker(["mail.urgent", "mail.normal", "celery"])
        with tracer.start_as_current_span("POST /password/forgotten") as request:
            id_ = servers.client.send(URGENT, "zoe@client.example", VARIABLES)
        assert wait_until(lambda: {span.name for span in collector.spans} >= {"accept", "send"}, seconds=60)
    accept, send = (
        next(span for span in collector.spans if span.name == name) for name in ("accept", "send")
    )
    whole = f"{request.get_span_context().trace_id:032x}"
    assert {accept.trace_id.hex(), send.trace_id.hex()} == {whole}
    assert send.parent_span_id == accept.span_id
    assert accept.start_time_unix_nano <= send.start_time_unix_nano <= send.end_time_unix_nano
    facts = {one.key: one.value.string_value for one in send.attributes}
    assert facts["messaging.message.id"] == id_
    assert (facts["mailworker.kind"], facts["mailworker.outcome"]) == (URGENT, "sent")
    told = b"".join(collector.bodies)
    assert b"zoe" not in told, "nobody is named in a trace"
    assert b"secret" not in told


def test_who_does_not_trace_carries_nothing(valkey_redis, valkey, monkeypatch):
    monkeypatch.setattr(trace, "get_tracer", trace.NoOpTracerProvider().get_tracer)
    with_nothing = MailClient(valkey.url)
    with_nothing.send(URGENT, "zoe@client.example", VARIABLES)
    with_nothing.close()
    ((_, entry),) = valkey_redis.xrange("mailworker:jobs:urgent")
    assert "trace" not in entry
    assert open_traces({}) is None


def test_an_envelope_with_a_trace_is_what_it_was_without(tracer):
    carrier = enqueue_carrier(URGENT)
    sealed = {"v": "1", "at": "2026-11-30T09:00:00+00:00", "job": '{"kind": "x"}'}
    traced = envelope.with_trace(dict(sealed), carrier)
    assert envelope.open_envelope(traced) == envelope.open_envelope(sealed)
    assert envelope.trace_of(traced) == carrier
    assert envelope.trace_of(sealed | {"trace": "Zoé <zoe@client.example>"}) == ""
