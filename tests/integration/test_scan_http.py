"""A scan over OmniCRM's REST API: slices go on at the right page, and last looks find what has no path."""

import pytest

from mailworker.config.crm import CrmSettings
from mailworker.crm import open_source
from mailworker.errors import Unreachable
from mailworker.ledger.scan_runs import Start
from mailworker.reminders import ReminderScan
from mailworker.scans.runner import Scanner
from tests.integration.omnicrm import Crm, serving
from tests.scan_world import World, days_ago, open_ledger

pytestmark = pytest.mark.integration
FIELDS = {"invoices": {"invoice_id": "id", "email": "customer.email", "customer_name": "customer.name"}}
LISTS = {"invoices": "/crm/invoice/", "exclusions": "/crm/customer/"}


def _bill(number):
    return {
        "id": number,
        "customer_id": f"C{number}",
        "status": "open",
        "due_date": str(days_ago(8)),
        "currency": "EUR",
        "owed": 19.99,
        "total": 29.99,
        "customer": {"email": "zoe@courriel.example", "name": "Zoé Nguyen"},
        "number": f"FA-{number}",
        "pay_url": "https://crm.example/pay",
    }


@pytest.fixture
def server():
    crm = Crm()
    crm.records["invoice"] = {str(n): _bill(n) for n in range(1, 24)}
    crm.records["customer"] = {"C5": {"customer_id": "C5", "reason": "surendettement"}}
    with serving(crm) as url:
        crm.url = url
        yield crm


@pytest.fixture
def world(server, tmp_path):
    ledger = open_ledger(tmp_path)
    made = World(ledger)
    keys = {"base_url": server.url, "api_key": "key", "fields": FIELDS, "lists": LISTS, "read_timeout": "2s"}
    made.crm = open_source(CrmSettings(source="http", http=keys, page_size=5))
    yield made
    made.crm.close()
    ledger.close()


def test_slices_read_each_page_once_and_lose_nothing(world, server):
    def work(seconds=-1):
        subject = ReminderScan(world.settings, world.crm, world.ledger, world.drafts)
        return Scanner(world.ledger, subject, clock=world.clock).work(
            Start("overdue_invoices"), seconds=seconds
        )

    assert work().seen == 5
    server.answers.append((503, {}, b""))
    with pytest.raises(Unreachable):
        work()
    while (run := work()).finished_at is None:
        pass
    assert (run.seen, run.written, dict(run.skipped)) == (23, 22, {"excluded": 1})


def test_the_last_look_finds_exclusions_that_have_no_path_of_their_own(world, server):
    world.scan()
    server.records["customer"]["C7"] = {"customer_id": "C7", "reason": "échéancier"}
    server.records["invoice"]["9"]["status"] = "paid"
    world.dispatch()
    ended = {row["invoice_id"]: row["reason"] for row in world.rows() if row["state"] == "cancelled"}
    assert ended == {
        "7": "The customer is excluded from reminders in the CRM.",
        "9": "The invoice is paid.",
    }
    assert len(world.box.mails) == 20
