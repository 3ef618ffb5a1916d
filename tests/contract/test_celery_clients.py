"""Programs that have only Celery, in the versions that OmniCRM's neighbours run, and Celery's client for Node."""

import json
import subprocess
from functools import cache
from pathlib import Path

import pytest

from mailworker.cli.local_stack import Servers
from tests.contract.conftest import environment

pytestmark = pytest.mark.acceptance

HERE = Path(__file__).parent
VERSIONS = ("5.4", "5.5", "5.7")
VERIFICATION = "api_crmCommunicationEmailVerification"
VARIABLES = {
    "user_name": "Claire",
    "verification_url": "https://crm.example/v/1",
    "verification_code": "482 913",
}


@pytest.fixture(scope="module")
def servers(tmp_path_factory):
    with Servers(tmp_path_factory.mktemp("clients")) as running:
        running.worker(
            ["mail.urgent", "mail.normal", "mail.bulk", "contacts", "scans", "render"], concurrency=2
        )
        yield running


def mail(key, **changes):
    values = {
        "kind": VERIFICATION,
        "to": "claire@example.com",
        "variables": VARIABLES,
        "idempotency_key": key,
    }
    return ["mailworker.send_email", "mail.urgent", values | changes]


def calls(prefix):
    """Each call, and a test of its outcome."""
    wrong = {"error": "BadInput"}
    return [
        (mail(f"{prefix}-1"), lambda got: len(got["answer"]) == 36),
        (mail(f"{prefix}-2", to=["a@example.com", {"email": "b@example.com"}]), lambda got: len(got["answer"]) == 2),
        (mail(f"{prefix}-3", to="nobody"), lambda got: got | wrong == got and "to[0].email: " in got["says"]),
        (["mailworker.send_emails", "mail.normal", {"messages": [mail(f"{prefix}-4")[2], {"kind": "x"}]}],
         lambda got: [sorted(one) for one in got["answer"]] == [["ids"], ["faults"]]),
        (["mailworker.send_invoice", "mail.normal", {}], lambda got: got | wrong == got),
        (["mailworker.send_invoice_reminder", "mail.normal", {"invoice_id": f"{prefix}-none"}],
         lambda got: got.get("error") == "BadInput" or len(got["answer"]) == 36),
        (["mailworker.sync_contact", "contacts", {"contact": {"contact_id": prefix, "email": f"{prefix}@example.com"}}],
         lambda got: got == {"answer": None}),
        (["mailworker.sync_contact", "contacts", {"contact": {"email": "nobody"}}], lambda got: got | wrong == got),
        (["mailworker.sync_customer", "contacts", {"customer": {"customer_id": "C1", "name": "Ondine"}}],
         lambda got: got == {"answer": None}),
        (["mailworker.delete_contact", "contacts", {"email": f"{prefix}@example.com"}], lambda got: got == {"answer": None}),
        (["mailworker.sync_all_contacts", "contacts", {}], lambda got: isinstance(got["answer"], str)),
        (["mailworker.scan_overdue_invoices", "scans", {}], lambda got: got == {"answer": None}),
        (["mailworker.scan_balances", "scans", {"as_of": "2026-01-31"}], lambda got: got == {"answer": None}),
        (["mailworker.scan_overdue_invoices", "scans", {"as_of": "soon"}], lambda got: got | wrong == got),
        (["mailworker.record_events", "mail.normal", {"events": [{"event": "sent", "time": 1772366400, "email": "a@example.com"}]}],
         lambda got: isinstance(got["answer"], dict)),
    ]  # fmt: skip


def run(program, *arguments, cwd=None):
    done = subprocess.run(
        [*program, *arguments], capture_output=True, text=True, timeout=110, check=False, cwd=cwd
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


#: The same call from each version is the same message; other content under its key is refused.
SHARED = [mail("shared"), mail("shared", variables=VARIABLES | {"user_name": "Paul"})]


@pytest.fixture(scope="module")
def answers(servers):
    """What each version says of itself, and its answers to all calls, the shared ones last; asked once."""

    @cache
    def ask(version):
        python = environment(f"celery-{version}") / "bin" / "python"
        asked = [*(call for call, _ in calls(f"celery-{version}")), *SHARED]
        return run([python, str(HERE / "celery" / "caller.py")], servers.redis_url, json.dumps(asked))

    return ask


@pytest.mark.parametrize("version", VERSIONS)
def test_every_task_of_the_contract_answers_its_caller(answers, version):
    asked, got = calls(f"celery-{version}"), answers(version)
    assert got["version"].startswith(version)
    wrong = [
        (call[0], answer)
        for (call, right), answer in zip(asked, got["answers"][: -len(SHARED)], strict=True)
        if not right(answer)
    ]
    assert wrong == []


def test_one_key_is_one_mail_over_all_versions(answers):
    first, second = zip(*(answers(version)["answers"][-len(SHARED) :] for version in VERSIONS), strict=True)
    assert len({one["answer"] for one in first}) == 1
    assert {one["error"] for one in second} == {"IdempotencyConflict"}


def test_celerys_client_for_node_gets_its_answers(servers):
    folder = environment("node")
    program = ["node", str(HERE / "node" / "celery.mjs")]
    good = run(program, servers.redis_url, json.dumps(mail("node-1")[2]), cwd=folder)
    again = run(program, servers.redis_url, json.dumps(mail("node-1")[2]), cwd=folder)
    bad = run(program, servers.redis_url, json.dumps(mail("node-2", to="nobody")[2]), cwd=folder)
    assert (len(good["result"]), again) == (36, good)
    assert "error" in bad
