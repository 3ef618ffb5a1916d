"""Beat, workers and a local Mailjet: reminders found, asked about again, sent once; by hand, too."""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from mailworker.cli.local_stack import Servers, wait_until
from mailworker.client import Alert, balance_key
from mailworker.crm.demo import Size, make_demo
from mailworker.ledger.scan_runs import latest
from tests.acceptance.conftest import EVERY_QUEUE, RunningStack, answer

pytestmark = pytest.mark.acceptance

#: Tests run at any hour; what quiet hours do is tested where the clock is.
_ANY_TIME = {"quiet_hours": None}
LOW = "api_crmCommunicationsBalanceLow"


@pytest.fixture(scope="module")
def operator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningStack]:
    """A house whose scans are found by beat, and an operator whose invoices are of today."""
    folder = tmp_path_factory.mktemp("operator")
    make_demo(folder / "demo-crm.sqlite", datetime.now(UTC).date(), Size(60))
    changes = {"reminders": _ANY_TIME, "balances": _ANY_TIME}
    with Servers(folder, changes=changes) as servers:
        servers.worker(EVERY_QUEUE, concurrency=3)
        made = RunningStack(servers)
        yield made
        made.ledger.close()


def _crm(container: RunningStack) -> Path:
    return container.servers.folder / "demo-crm.sqlite"


def _would(container: RunningStack, *what: str) -> list[dict[str, object]]:
    return list(json.loads(container.mailworker(*what, "run", "--dry-run", "--json").stdout)["mails"])


def _finished(container: RunningStack, scan: str) -> bool:
    with container.ledger.read() as connection:
        found = latest(connection, scan)
    return bool(found) and found[0].finished_at is not None


def _ids(container: RunningStack, prefix: str) -> list[str]:
    with container.ledger.read() as connection:
        query = "SELECT id FROM messages WHERE idempotency_key LIKE ?"
        return list(connection.exec_driver_sql(query, (f"{prefix}%",)).scalars())


def test_two_beats_find_what_is_due_and_it_is_sent_once(operator: RunningStack):
    expected = len(_would(operator, "reminders"))
    assert expected > 20
    operator.mailworker("reminders", "start", "--backlog")
    for _ in range(2):  # two beats come at the same moment
        operator.servers.celery.send_task(
            "mailworker.scan_overdue_invoices", kwargs={"when_due": True}, queue="scans"
        )
    assert wait_until(lambda: _finished(operator, "overdue_invoices"), seconds=60)
    ids = _ids(operator, "reminder:")
    assert len(ids) == expected
    assert set(operator.final(*ids, seconds=90)) == {"sent"}
    assert [operator.arrived(id_) for id_ in ids] == [1] * expected
    with operator.ledger.read() as connection:
        assert len(latest(connection, "overdue_invoices", limit=5)) == 1


def test_a_reminder_by_hand_reaches_the_customer_and_a_paid_one_does_not(operator: RunningStack):
    with closing(sqlite3.connect(_crm(operator))) as link:
        invoice, paid = (
            str(row[0]) for row in link.execute("SELECT id FROM invoices WHERE state = 'disputed' LIMIT 2")
        )
        link.execute("UPDATE invoices SET state = 'paid', paid_cents = total_cents WHERE id = ?", (paid,))
        link.commit()
    task = "mailworker.send_invoice_reminder"
    sending = operator.servers.celery.send_task(task, kwargs={"invoice_id": invoice}, queue="mail.normal")
    id_ = answer(sending)
    late = operator.servers.client.send_invoice_reminder(paid)
    assert operator.final(id_, late) == ["sent", "cancelled"]
    assert (operator.arrived(id_), operator.arrived(late)) == (1, 0)
    told = operator.mailworker("reminders", "explain", invoice).stdout
    assert id_ in told


def test_omnicrms_own_alert_and_the_scan_are_one_mail(operator: RunningStack):
    low = next(one for one in _would(operator, "balances") if one["kind"] == LOW)
    (key,) = low["keys"]
    number, since = str(key).split(":")[1:]
    moment = datetime.strptime(since, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    values = dict(low["variables"]) | {"current_balance": "presque rien"}
    id_ = operator.servers.client.send(
        LOW, str(low["to"]), values, idempotency_key=balance_key(Alert.LOW, number, moment)
    )
    assert operator.final(id_) == ["sent"]
    operator.servers.celery.send_task("mailworker.scan_balances", queue="scans")
    assert wait_until(lambda: _finished(operator, "balances"), seconds=60)
    ids = _ids(operator, "balance-")
    assert len(ids) > 10
    assert set(operator.final(*ids, seconds=90)) == {"sent"}
    assert [operator.arrived(one) for one in ids] == [1] * len(ids)
    assert _ids(operator, str(key)) == [id_]
    again = operator.servers.client.send(LOW, str(low["to"]), values, idempotency_key=str(key))
    assert again == id_


def test_the_schedule_tells_operators_what_happened(operator: RunningStack):
    told = operator.mailworker("schedule").stdout
    assert "overdue_invoices" in told
    assert "of them sent" in told
    assert "not now: disputed" in told
