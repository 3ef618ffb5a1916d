"""What is wrong with one mail, one kind or one file harms it alone, on real workers with operators' settings."""

import json
import subprocess
import sys
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest
import yaml

from mailworker.cli.local_stack import Servers, wait_until
from mailworker.core.clock import utc_now
from mailworker.core.lane import Lane
from mailworker.queue.celery_queues import MAIL
from tests.faults.scene import MAIL_QUEUES, RESET, STRICT, Scene, block

pytestmark = [pytest.mark.faults, pytest.mark.timeout(400)]

INVOICE = "api_crmCommunicationCustomerInvoice"
OWN = "api_crmCommunicationOfTheirOwn"
DOCUMENT = json.loads(
    (Path(__file__).parents[2] / "examples" / "invoices" / "facture.json").read_text("utf-8")
)
OWN_KIND = {"mailjet": {OWN: block(4711, lane="bulk", variables=["first_name", "offer"])}}


def command(scene: Scene, *arguments: str) -> str:
    """What `mailworker ...` prints."""
    words = [sys.executable, "-m", "mailworker", *arguments]
    return subprocess.run(words, env=scene.servers.environ, capture_output=True, text=True, check=True).stdout


def test_an_invoice_with_a_nan_among_150_mails(open_on_postgres, all_is_well):
    """As an earlier client wrote it; today's refuses it itself."""
    scene = open_on_postgres()
    scene.enqueue(75)
    job = {"kind": INVOICE, "variables": {}, "invoice": DOCUMENT | {"total_amount": "AMOUNT"}}
    entry = {"v": "1", "at": utc_now().isoformat(), "job": json.dumps(job).replace('"AMOUNT"', "NaN")}
    with closing(scene.redis()) as redis:
        for lane in (Lane.NORMAL, Lane.BULK):
            redis.xadd(MAIL[lane].stream, entry)
        scene.enqueue(75)
        scene.staff()

        balance = all_is_well(scene, "an invoice with NaN among 150", seconds=60)

        assert balance.by_state["sent"] == 150
        assert wait_until(lambda: not any(redis.xlen(MAIL[lane].stream) for lane in Lane), seconds=30)
    assert scene.ask("SELECT count(*) FROM rejected_jobs")[0][0] == 2
    assert "total_amount" in command(scene, "messages", "list", "--rejected"), "its reason names the field"


def test_a_kind_leaves_the_configuration_while_its_mail_waits(open_scene, all_is_well):
    """One mail waits in the ledger, one on its stream. Others go; both go once the kind is back."""
    scene = open_scene(sections=OWN_KIND)
    worker = scene.staff()
    due = utc_now() + timedelta(seconds=30)
    scene.ids.add(_send_own(scene, "ledger", send_at=due))
    assert wait_until(lambda: scene.states().total() == 1, seconds=60)
    worker.stop()
    scene.servers.children.remove(worker)
    scene.ids.add(_send_own(scene, "stream"))
    kept = _take_out(scene.servers)
    scene.enqueue(20)
    scene.enqueue(5, kind=RESET)
    worker = scene.servers.worker(MAIL_QUEUES, concurrency=2, name="without")
    assert wait_until(lambda: scene.sent() == 25, seconds=60), "everybody else's mail goes on"
    assert wait_until(lambda: scene.ask("SELECT count(*) FROM rejected_jobs")[0][0] == 1, seconds=60)
    assert wait_until(lambda: OWN in command(scene, "holds", "list"), seconds=90)
    assert OWN in _errors(scene), "the log says so, at error"
    assert scene.states()["sent"] == 25

    worker.kill()
    scene.servers.config.write_text(kept, "utf-8")
    scene.servers.worker(MAIL_QUEUES, concurrency=2, name="with")
    number = str(scene.ask("SELECT min(id) FROM rejected_jobs")[0][0])
    command(scene, "messages", "resubmit", number, "--yes")
    balance = all_is_well(scene, "a kind left the configuration, and came back", seconds=180)

    assert balance.by_state["sent"] == 27


def _send_own(scene: Scene, key: str, **more: object) -> str:
    variables = {"first_name": "Ana", "offer": "Fibre"}
    return scene.servers.client.send(OWN, f"{key}@example.com", variables, idempotency_key=key, **more)


def _take_out(servers: Servers) -> str:
    """Remove the kind from the configuration; gives what stood there."""
    kept = servers.config.read_text("utf-8")
    document = yaml.safe_load(kept)
    del document["mailjet"][OWN]
    servers.config.write_text(yaml.safe_dump(document, allow_unicode=True), encoding="utf-8")
    return kept


def _errors(scene: Scene) -> str:
    return "\n".join(line for line in scene.log().splitlines() if "[error" in line)


def test_a_pdf_is_deleted_before_its_mail_leaves(open_scene, all_is_well):
    """It is rendered again by itself, from what the ledger has of it; other mail does not wait."""
    scene = open_scene()
    scene.staff()
    command(scene, "holds", "add", INVOICE, "until their PDFs are gone")
    scene.enqueue_invoices(3, DOCUMENT)
    assert wait_until(lambda: scene.states()["ready"] == 3, seconds=120)
    files = [path for path in (scene.servers.folder / "invoices").rglob("*") if path.is_file()]
    assert files
    for path in files:
        path.unlink()
    command(scene, "holds", "release", INVOICE)
    scene.enqueue(20, kind=STRICT)

    balance = all_is_well(scene, "PDFs deleted before dispatch", seconds=240)

    assert balance.by_state["sent"] == 23
    invoices = [mail for mail in scene.servers.mailbox.messages() if "Facture" in mail["subject"]]
    assert len(invoices) == 3
    assert all(mail["attachments"] for mail in invoices), "none leaves without its PDF"
