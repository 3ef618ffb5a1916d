"""Connecting a CRM mails nobody: a scan rehearses until an operator starts it, and asks before a surprise."""

from datetime import timedelta
from types import SimpleNamespace

import pytest

from mailworker.balances import BalanceScan
from mailworker.cli.doctor_checks.scans import scan_faults
from mailworker.cli.scan_commands.start import start_balances, start_reminders
from mailworker.errors import BadInput
from mailworker.ledger.scan_activation import arming_of
from mailworker.ledger.scan_runs import latest
from mailworker.reminders import ReminderScan
from mailworker.scan_registry import policy_of, rehearses, scan_named
from mailworker.tasks import scans as tasks
from tests.scan_world import EXPIRED, LOW, MONDAY, World, balance, days_ago, invoice, wipe


@pytest.fixture
def operator(scan_ledger, monkeypatch):
    """A CRM with old and new dues, and what beat does every minute."""
    wipe(scan_ledger)
    monkeypatch.setattr(tasks, "wake", lambda *_: None)
    monkeypatch.setattr("mailworker.cli.scan_commands.start.utc_now", lambda: MONDAY)
    monkeypatch.setattr("mailworker.cli.scan_commands.run.utc_now", lambda: MONDAY)

    def make(*records, extra=""):
        return Operator(World(scan_ledger, *records, extra=CRM + extra), monkeypatch)

    return make


CRM = "crm: {source: sql, sql: {url: 'sqlite:///x', queries: {invoices: 'SELECT 1', balances: 'SELECT 1'}}}\n"


class Operator:
    def __init__(self, world, monkeypatch):
        self.world = world
        self.container = SimpleNamespace(
            settings=world.settings,
            ledger=world.ledger,
            clock=world.clock,
            crm=world.crm,
            reminder_scan=lambda: world.subject(ReminderScan),
            balance_scan=lambda: world.subject(BalanceScan),
            balance_rehearsal=lambda: world.subject(BalanceScan),
        )
        monkeypatch.setattr(type(world.crm), "offers", lambda *_: True, raising=False)
        monkeypatch.setattr(tasks, "current_container", lambda: self.container)

    def beat(self, minutes=1):
        for _ in range(minutes):
            tasks._scan("overdue_invoices", None, when_due=True)
            tasks._scan("balances", None, when_due=True)
            self.world.clock.advance(60)

    def kinds(self):
        return sorted(row["kind"] for row in self.world.rows())

    def last(self, name="overdue_invoices"):
        with self.world.ledger.read() as connection:
            return latest(connection, name, limit=20)

    def faults(self):
        return list(scan_faults(self.container, self.world.clock.now))


def old_and_new():
    return [
        invoice(1, due=days_ago(20), customer_id="A"),  # d+14 came six days ago
        invoice(2, due=days_ago(7), customer_id="B"),  # d+7 is today
        balance(5),
        balance(6, expires_at=MONDAY - timedelta(days=1)),
    ]


def test_a_scan_that_nobody_started_writes_to_nobody_and_says_so(operator):
    it = operator(*old_and_new())
    it.beat(3)
    it.world.clock.advance(24 * 3600)
    it.beat(3)
    assert it.world.rows() == []
    assert [run.mode for run in it.last()] == ["rehearsal", "rehearsal"], "one a day, as the timetable says"
    assert it.last()[0].found == 2
    assert len(it.faults()) == 2
    assert "was never started" in it.faults()[0]
    assert "reminders start" in it.faults()[0]
    assert "found 2 due" in it.faults()[0]


def test_a_start_leaves_the_old_steps_unsaid(operator):
    it = operator(*old_and_new())
    it.beat()
    start_reminders(it.container, None, backlog=False)
    it.beat(2)
    assert [row["invoice_id"] for row in it.world.rows()] == ["2"]
    assert [run.mode for run in it.last()] == ["real", "rehearsal"]
    it.world.dispatch()
    it.world.clock.advance(10 * 24 * 3600)
    it.beat()
    assert {row["idempotency_key"] for row in it.world.rows()} == {
        "reminder:2:d+7", "reminder:1:d+30", "reminder:2:d+14",
    }  # fmt: skip


def test_a_start_from_a_day_and_with_the_backlog(operator):
    it = operator(*old_and_new())
    start_reminders(it.container, "2026-11-24", backlog=False)
    it.beat()
    assert [row["invoice_id"] for row in it.world.rows()] == ["1", "2"], "d+14 of the first came on the 24th"
    wipe(it.world.ledger)
    start_reminders(it.container, None, backlog=True)
    it.beat()
    assert len(it.world.rows()) == 2


def test_a_start_of_alerts_says_nothing_of_what_is_low_already(operator):
    it = operator(*old_and_new())
    it.beat()
    start_balances(it.container, backlog=False)
    it.beat(3)
    assert it.kinds() == []
    it.world.crm.of_balances["7"] = balance(7)
    it.world.clock.advance(3600)
    it.beat()
    assert it.kinds() == [LOW]


def test_a_start_of_alerts_with_the_backlog(operator):
    it = operator(*old_and_new())
    start_balances(it.container, backlog=True)
    it.beat()
    assert it.kinds() == [EXPIRED, LOW]


@pytest.mark.parametrize(("start_from", "backlog"), [("tomorrow", False), ("2026-11-30", True)])
def test_a_start_that_cannot_be_read(operator, start_from, backlog):
    with pytest.raises(BadInput):
        start_reminders(operator().container, start_from, backlog=backlog)


def many():
    return [invoice(n, due=days_ago(20), customer_id=f"C{n}") for n in range(1, 9)]


def test_a_change_that_makes_too_many_due_stops_and_asks(operator):
    before = operator(*many(), extra="reminders: {steps: [40], confirm_above: 5}\n")
    start_reminders(before.container, None, backlog=True)
    before.beat()
    assert before.world.rows() == []
    changed = operator(*many(), extra="reminders: {steps: [14, 40], confirm_above: 5}\n")
    changed.world.ledger = before.world.ledger
    changed.world.clock.advance(24 * 3600)
    changed.beat(3)
    assert changed.world.rows() == []
    why = rehearses(changed.container, scan_named(changed.container, "overdue_invoices"))
    assert why.endswith(
        "8 are due. Look at `mailworker reminders run --dry-run`, then `mailworker reminders start`."
    )
    assert "stopped to ask" in changed.faults()[0]
    start_reminders(changed.container, None, backlog=True)
    changed.beat()
    assert len(changed.world.rows()) == 8


def test_a_change_that_makes_few_due_goes_on_by_itself(operator):
    before = operator(*many(), extra="reminders: {steps: [40], confirm_above: 8}\n")
    start_reminders(before.container, None, backlog=True)
    before.beat()
    changed = operator(*many(), extra="reminders: {steps: [14, 40], confirm_above: 8}\n")
    changed.world.clock.advance(24 * 3600)
    changed.beat(2)
    assert len(changed.world.rows()) == 8
    assert changed.faults()[1:] == []


def test_hours_and_timetable_are_no_change_of_who_is_due(operator):
    one = operator().container.settings
    other = operator(extra="reminders: {quiet_hours: null, schedule: 2h}\n").container.settings
    assert policy_of(one.reminders, one.crm) == policy_of(other.reminders, other.crm)
    ladder = operator(extra="reminders: {steps: [1, 2]}\n").container.settings
    assert policy_of(one.reminders, one.crm) != policy_of(ladder.reminders, ladder.crm)


def test_a_scan_by_hand_is_an_operators_act(operator):
    it = operator(*old_and_new())
    it.world.scan()
    assert len(it.world.rows()) == 2
    with it.world.ledger.read() as connection:
        assert arming_of(connection, "overdue_invoices") is None
