"""The main job: every kind of e-mail, through real workers, to Mailjet, once."""

import json
from contextlib import closing
from pathlib import Path

import pytest
from redis import Redis

from mailworker.cli.local_stack import wait_until
from mailworker.config.builtin_kinds import INVOICE, KINDS
from mailworker.queue.envelope import BEAT_KEY
from mailworker.templates.sample_values import sample_variables
from tests.acceptance.conftest import RunningStack

pytestmark = pytest.mark.acceptance

INVOICE_JSON = Path(__file__).parents[2] / "examples" / "invoices" / "facture.json"
SECRETS = {
    "temp_password": "Lune-Mercure-42",
    "reset_url": "9f3c1ab27de84c55",
    "verification_code": "482 913",
}


def test_all_ten_kinds_arrive_once_as_the_customer_should_see_them(container: RunningStack):
    client = container.servers.client
    document = json.loads(INVOICE_JSON.read_text("utf-8"))
    ids = {
        kind: client.send_invoice(invoice=document)
        if kind == INVOICE
        else client.send(kind, {"email": "claire@example.com", "name": "Claire"}, sample_variables(kind))
        for kind in KINDS
    }
    assert set(container.final(*ids.values())) == {"sent"}
    for kind, id_ in ids.items():
        (mail,) = container.servers.mailbox.messages(custom_id=id_)
        assert mail["delivered"], (kind, mail["error"], mail["error_detail"])
        assert "{{" not in mail["subject"], kind
    (invoice,) = container.servers.mailbox.messages(custom_id=ids[INVOICE])
    assert invoice["subject"] == "Votre Facture - FA-2026-004217"
    assert [file["content_type"] for file in invoice["attachments"]] == ["application/pdf"]
    assert invoice["recipients"][0]["email"] == "compta@lefevre.example"


def test_secrets_leave_the_ledger_with_the_mail(container: RunningStack):
    ids = [
        container.servers.client.send(kind, "ana@example.com", sample_variables(kind))
        for kind in KINDS
        if KINDS[kind].secrets
    ]
    container.final(*ids)
    kept = json.dumps([container.story(id_).message["variables"] for id_ in ids], ensure_ascii=False)
    assert [name for name, value in SECRETS.items() if value in kept or name in kept] == []


def test_an_operator_reads_the_whole_life_of_a_message(container: RunningStack):
    id_ = container.servers.client.send(
        "api_crmCommunicationUserPasswordReset",
        "ana@example.com",
        sample_variables("api_crmCommunicationUserPasswordReset"),
    )
    container.final(id_)
    shown = container.mailworker("messages", "show", id_)
    assert shown.returncode == 0, shown.stderr
    for word in ("accepted", "sent", "accepted by Mailjet", "Calls to Mailjet", "reset_url (wiped)"):
        assert word in shown.stdout
    assert container.mailworker("messages", "search", id_[:13]).stdout.count(id_) == 1


def test_the_doctor_finds_nothing(container: RunningStack):
    """But for jobs that other tests have refused on purpose, on the servers that all of them share.

    Beat is heard of first when its first tick was taken.
    """

    def examined() -> tuple[dict[str, list[str]], str]:
        stdout = container.mailworker("doctor", "--json").stdout
        checks = json.loads(stdout)["checks"]
        faults = {check["name"]: check["faults"] for check in checks if check["faults"]}
        faults.pop("nothing failed lately", None)
        return faults, stdout

    with closing(Redis.from_url(container.servers.redis_url)) as redis:
        assert wait_until(lambda: redis.exists(BEAT_KEY) == 1, seconds=90)
    faults, stdout = examined()
    assert faults == {}
    assert len(json.loads(stdout)["checks"]) > 20
    assert "simulator-secret" not in stdout
