"""PDFs in S3: two hosts with one bucket, and what an S3 that is away costs. The S3 is moto's, on this machine."""

import threading
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import requests

from mailworker.cli.doctor_checks.cures import STORE, cured
from mailworker.config.invoice import InvoiceSettings
from mailworker.errors import TransientError
from mailworker.invoices import PdfStore, file_store, pdf_store
from mailworker.invoices.file_store import store_identity
from mailworker.queue.host_stores import differing

S3FileSystem = pytest.importorskip("s3fs", reason="s3fs is not installed").S3FileSystem
pytestmark = [pytest.mark.integration, pytest.mark.timeout(120)]
NOW = datetime.now(UTC)


@pytest.fixture
def s3(monkeypatch):
    """A local S3, empty; the environment leads there, as AWS's own tools read it."""
    moto = pytest.importorskip("moto.server", reason="moto is not installed")
    server = moto.ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    for name, value in {
        "AWS_ENDPOINT_URL_S3": f"http://{host}:{port}",
        "AWS_ACCESS_KEY_ID": "key",
        "AWS_SECRET_ACCESS_KEY": "a secret",
        "AWS_DEFAULT_REGION": "eu-west-3",
    }.items():
        monkeypatch.setenv(name, value)
    requests.post(f"http://{host}:{port}/moto-api/reset", timeout=10)
    S3FileSystem.clear_instance_cache()
    S3FileSystem().call_s3(
        "create_bucket", Bucket="invoices", CreateBucketConfiguration={"LocationConstraint": "eu-west-3"}
    )
    yield server
    server.stop()


def test_a_bucket_that_is_not_there_is_told_and_never_made(s3):
    with pytest.raises(TransientError, match="there is no such bucket"):
        host_with("s3://invocies/live").put("m1.pdf", b"%PDF")


class Answers(BaseHTTPRequestHandler):
    """An S3 that gives one answer to all, or none: `status`, `code`."""

    status, code = 0, ""

    def do_PUT(self) -> None:
        if not self.status:
            self.server.ends.wait(60)
            return
        self.send_response(self.status)
        self.end_headers()
        self.wfile.write(f"<Error><Code>{self.code}</Code><Message>of key</Message></Error>".encode())

    do_HEAD = do_GET = do_PUT  # noqa: N815 - http.server's names

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def answering(monkeypatch, s3):
    """Starts such an S3."""
    with ExitStack() as stack:

        def start(**attributes):
            server = stack.enter_context(
                ThreadingHTTPServer(("127.0.0.1", 0), type("S3", (Answers,), attributes))
            )
            server.ends = threading.Event()
            stack.callback(server.shutdown)
            stack.callback(server.ends.set)
            threading.Thread(target=server.serve_forever, daemon=True).start()
            monkeypatch.setenv("AWS_ENDPOINT_URL_S3", f"http://127.0.0.1:{server.server_port}")

        yield start


@pytest.mark.parametrize(
    ("status", "code", "cure"),
    [
        (403, "AccessDenied", "let its key put, get, list and delete objects there"),
        (403, "InvalidAccessKeyId", "correct AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"),
        (403, "SignatureDoesNotMatch", "correct AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"),
        (403, "RequestTimeTooSkewed", "run an NTP client on this host"),
        (400, "AuthorizationHeaderMalformed", "set AWS_DEFAULT_REGION to the bucket's"),
        (404, "NoSuchBucket", "make it, or correct invoice.store"),
        (503, "SlowDown", "that is the store's side"),
    ],
)
def test_an_s3_that_refuses_is_named_by_its_word_with_the_cure(answering, status, code, cure):
    answering(status=status, code=code)
    with pytest.raises(TransientError) as caught:
        host_with("s3://invoices/live").put("m1.pdf", b"%PDF")
    said = cured(str(caught.value), STORE)
    assert cure in said
    assert "of key" not in said


@pytest.mark.parametrize(
    "act", [lambda store: store.get("m1.pdf"), lambda store: store.put("m1.pdf", b"%PDF")]
)
def test_an_s3_that_says_nothing_is_given_up(answering, monkeypatch, act):
    """It was waited for until the task's end, whose process was ended, and the message's attempts counted."""
    monkeypatch.setattr(file_store, "_READ", 0.1)
    monkeypatch.setattr(file_store, "_MOST", 1.5)
    answering()
    with pytest.raises(TransientError) as caught:
        act(host_with("s3://invoices/live"))
    assert "that is the store's side" in cured(str(caught.value), STORE)


def host_with(place: str) -> PdfStore:
    """The store as a host of its own opens it: fsspec gives one process the same object again."""
    S3FileSystem.clear_instance_cache()
    return pdf_store(InvoiceSettings(store=place))


@pytest.fixture
def hosts(s3):
    return host_with("s3://invoices/live"), host_with("s3://invoices/live")


def test_what_one_host_renders_the_other_sends(hosts):
    render, mail = hosts
    assert mail.get("m1.pdf") is None
    render.put("m1.pdf", b"%PDF-1")
    assert mail.get("m1.pdf") == b"%PDF-1"
    mail.delete("m1.pdf")
    mail.delete("m1.pdf")
    assert render.get("m1.pdf") is None


def test_the_hosts_know_that_it_is_one_store_and_that_another_prefix_is_not(hosts):
    one, two = (store_identity(store) for store in hosts)
    other = store_identity(host_with("s3://invoices/test"))
    assert differing({"one": one, "two": two}) == ""
    assert "one, three, two" in differing({"one": one, "two": two, "three": other})


def test_a_sweep_takes_the_old_leaves_the_mark_and_sees_what_others_wrote_since(hosts):
    one, two = hosts
    mark = store_identity(one)
    assert one.sweep(now=NOW, older_than=timedelta(days=30)) == 0
    two.put("late.pdf", b"%PDF")
    assert one.get("late.pdf")
    assert one.sweep(now=NOW + timedelta(days=31), older_than=timedelta(days=30)) == 1
    assert (two.get("late.pdf"), store_identity(two)) == (None, mark)


def test_an_s3_that_is_away_costs_time_only_and_tells_no_secret(s3, monkeypatch):
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")  # with four more it takes seven seconds a time
    store = host_with("s3://invoices/live")
    store.put("m1.pdf", b"%PDF")
    s3.stop()
    for act in (
        lambda: store.get("m1.pdf"),
        lambda: store.put("m2.pdf", b"x"),
        lambda: store.delete("m1.pdf"),
    ):
        with pytest.raises(
            TransientError, match="The PDF store s3://invoices/live does not work now"
        ) as caught:
            act()
        assert "secret" not in str(caught.value)
