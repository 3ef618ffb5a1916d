"""PDFs in S3: two hosts with one bucket, and what an S3 that is away costs. The S3 is moto's, on this machine."""

from datetime import UTC, datetime, timedelta

import pytest
import requests

from mailworker.config.invoice import InvoiceSettings
from mailworker.errors import TransientError
from mailworker.invoices import PdfStore, pdf_store
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
    with pytest.raises(TransientError, match="there is no such bucket; make it"):
        host_with("s3://invocies/live").put("m1.pdf", b"%PDF")


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
