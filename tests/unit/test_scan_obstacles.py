"""Why an invoice or a balance is spoken of or not: found by number, explained, counted, and looked at once more."""

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from types import SimpleNamespace

import pytest
from sqlalchemy import delete

from mailworker.balances import BalancePreSendCheck, BalanceScan
from mailworker.config.settings import parse_settings
from mailworker.crm import RecordPage
from mailworker.errors import BadInput, Misconfigured, Unreachable
from mailworker.ledger.suppressions import suppress
from mailworker.ledger.tables import messages
from mailworker.reminders import ReminderScan
from mailworker.reminders.explain import explain
from mailworker.reminders.find_invoice import find_invoice
from mailworker.reminders.scan import reminder_kinds
from mailworker.rules.balance_key import Alert
from mailworker.rules.balance_thresholds import AlertDue
from mailworker.rules.crm_facts import InvoiceStatus
from mailworker.rules.pre_send.verdicts import Cancel, Reword
from mailworker.rules.reminder_due import Due, NotDue
from mailworker.scans.message_drafts import MessageDrafts
from tests.scan_world import (
    CONFIG,
    EXPIRED,
    LOW,
    MONDAY,
    REMINDER,
    balance,
    days_ago,
    invoice,
)

HOUR = timedelta(hours=1)


def explained(world, number="7"):
    return explain(world.subject(ReminderScan), world.crm, number, MONDAY)


def found(world, number):
    one = find_invoice(world.ledger, world.crm, number)
    return one and one.invoice_id


def test_an_invoice_is_found_by_id_by_an_earlier_mail_and_by_number(make_world):
    world = make_world(invoice(7, due=days_ago(8)), replace(invoice(8, due=days_ago(1)), number="fa-x"))
    assert (found(world, "7"), found(world, " FA-7 "), found(world, "FA-X"), found(world, "FA-9")) == (
        "7",
        "7",
        "8",
        None,
    )
    world.scan()
    world.crm.change(7, status=InvoiceStatus.PAID)  # it is among the open ones no more
    assert found(world, "FA-7") == "7"
    world.crm.of_invoices.pop("7")
    assert found(world, "FA-7") is None


def test_what_keeps_a_mail_that_is_due_from_leaving(make_world):
    world = make_world(invoice(7, due=days_ago(8)))
    assert list(explained(world).obstacles) == []
    with world.ledger.write() as connection:
        suppress(connection, "zoe@courriel.example", reason="hard_bounce", source="s", now=MONDAY)
    assert list(explained(world).obstacles) == [
        "Its recipient may not be written to: the address is on the suppression list: hard_bounce."
    ]
    world.crm.change(7, email="nobody", pay_url="none")
    assert [fault.partition(":")[0] for fault in explained(world).obstacles] == ["Invoice 7", "Invoice 7"]
    world.crm.change(7, status=InvoiceStatus.PAID)
    told = explained(world)
    assert (isinstance(told.verdict, NotDue), list(told.obstacles)) == (True, [])


def test_a_kind_without_a_template_is_an_obstacle(make_world):
    world = make_world(invoice(7, due=days_ago(8)))
    scan = world.subject(ReminderScan)
    odd = invoice(7, due=days_ago(8))
    due = scan.verdict(odd, [], MONDAY)
    gone = replace(due, step=replace(due.step, kind="gone"))
    assert [one.partition(" ")[0] for one in scan.obstacles(odd, gone, MONDAY)] == ["gone"]
    without = parse_settings(re.sub(rf"  {REMINDER}: .*\n", "", CONFIG), environ={})
    scan = ReminderScan(without, world.crm, world.ledger, MessageDrafts(without, world.drafts._row_of))
    assert list(explain(scan, world.crm, "7", MONDAY).obstacles) == [
        f"mailjet.{REMINDER} is not in the configuration, so that it has no template."
    ]


def test_an_unsubscribed_address_is_still_reminded(make_world):
    world = make_world(invoice(7, due=days_ago(8)))
    with world.ledger.write() as connection:
        suppress(connection, "zoe@courriel.example", reason="unsubscribed", source="s", now=MONDAY)
    assert list(explained(world).obstacles) == []


def test_the_days_of_each_step_and_who_said_what(make_world):
    world = make_world(invoice(7, due=days_ago(8)))
    told = explained(world)
    assert [(rung.step.days, rung.day, rung.notification) for rung in told.rungs] == [
        (days, days_ago(8 - days), None) for days in (-3, 1, 7, 14, 30)
    ]
    assert (isinstance(told.verdict, Due), told.by_hand, told.invoice.invoice_id) == (True, [], "7")
    world.enqueue(
        kind=REMINDER, to="zoe@courriel.example", invoice_id="7",
        variables={"customer_name": "Zoé", "invoice_number": "FA-7", "due_date": "x", "days_overdue": 8, "total_amount": "30", "pay_url": "https://x.example"},
    )  # fmt: skip
    told = explained(world)
    assert (len(told.by_hand), [rung.notification for rung in told.rungs]) == (1, [None] * 5)
    gone = explained(world, "9")
    assert (gone.why, "no invoice of this id" in gone.sentence) == ("gone", True)


def test_every_kind_that_may_remind(make_world):
    assert reminder_kinds(make_world().settings) == {REMINDER}


def test_a_scan_counts_why_not(make_world):
    world = make_world(
        invoice(1, due=days_ago(8)),
        invoice(2, due=days_ago(8), email="nobody"),
        invoice(3, due=days_ago(8), status=InvoiceStatus.DISPUTED),
        invoice(4, due=days_ago(-20)),
    )
    done = world.scan()
    assert done.written == 1
    assert dict(done.skipped)["incomplete"] == 1
    assert sum(dict(done.skipped).values()) == 3
    assert world.subject(ReminderScan).count() == 4


def balances(world, *records, as_of=MONDAY, now=MONDAY):
    return world.subject(BalanceScan).inspect(records, as_of=as_of, now=now)


def test_a_low_balance_is_a_mail_and_its_claim(make_world):
    world = make_world()
    found_ = balances(world, balance(1), balance(2, amount=Decimal(9)), balance(3, email="nobody"))
    (one,) = found_.notifications
    assert (one.row["kind"], one.row["to_email"], one.row["customer_id"], one.row["language"]) == (
        LOW,
        "zoe@courriel.example",
        "C",
        "fr",
    )
    assert (one.row["to_name"], one.row["not_before"]) == ("Zoé Roussel", MONDAY)
    assert " ".join(one.why.split()) == "Mobile 10 Go: 1 GB left, below 2 GB"
    assert [claim.about for claim in one.claims] == ["balance:1"]
    assert sum(found_.skipped.values()) == 2
    assert found_.skipped["incomplete"] == 1
    assert len(found_.faults) == 1
    assert found_.faults[0].startswith("Balance 3: customer.email")


def test_an_expired_balance_says_when(make_world):
    world = make_world()
    gone = balance(1, expires_at=MONDAY - HOUR)
    (one,) = balances(world, gone).notifications
    assert (one.row["kind"], one.why) == (EXPIRED, "Mobile 10 Go: expired at 2026-11-30 09:00 (Europe/Paris)")
    assert one.row["variables"]["renewal_url"] == "https://crm.example/renew"


def test_at_night_an_alert_waits_for_the_customers_morning(make_world):
    world = make_world()
    night = datetime(2026, 11, 30, 23, tzinfo=UTC)
    (one,) = balances(world, balance(1), as_of=night, now=night).notifications
    assert one.row["not_before"] > night
    (late,) = balances(world, balance(1), as_of=MONDAY, now=night).notifications
    assert late.row["not_before"] == one.row["not_before"], "a scan for a day that is past wakes nobody"
    (east,) = balances(world, balance(1, timezone="Indian/Reunion"), as_of=night, now=night).notifications
    assert east.row["not_before"] < one.row["not_before"]


def test_what_was_said_is_not_said_again(make_world):
    world = make_world(balance(1))
    scan = world.subject(BalanceScan)
    assert scan.count() == 1
    verdict = scan.verdict(balance(1), (), MONDAY)
    assert isinstance(verdict, AlertDue)
    assert verdict.alert is Alert.LOW
    world.scan_balances()
    assert dict(world.scan_balances().skipped) == {"already_said": 1}
    with world.ledger.write() as connection:
        connection.execute(delete(messages))
    assert dict(world.scan_balances().skipped) == {"already_said": 1}


def test_pages_of_balances_go_along_with_their_faults_and_places(make_world):
    world = make_world()
    world.crm = SimpleNamespace(
        balances=lambda *, after: iter([RecordPage((balance(1),), ("bad",), (), (after, 1))])
    )
    (batch,) = world.subject(BalanceScan).batches("here")
    assert ([one.balance_id for one in batch.records], batch.end, batch.faults) == (
        ["1"],
        ("here", 1),
        ("bad",),
    )


def rechecked(world, crm=None):
    """The verdicts on all that waits."""
    asked = BalancePreSendCheck(
        world.settings, lambda: crm or world.crm, world.ledger, world.drafts, clock=world.clock
    )
    return list(asked(world.rows()).values())


def test_the_last_look_at_an_alert(make_world):
    world = make_world(balance(1))
    world.scan_balances()
    assert rechecked(world) == []
    world.crm.change(1, amount=Decimal(9))
    (verdict,) = rechecked(world)
    assert isinstance(verdict, Cancel)
    world.crm.of_balances.clear()
    (verdict,) = rechecked(world)
    assert isinstance(verdict, Cancel)


def test_an_alert_that_nothing_is_noted_about_is_looked_at_all_the_same(make_world):
    world = make_world(balance(1), extra="balances: {low: [{below: 20%}, {below: 5%}]}\n")
    world.scan_balances()
    with world.ledger.write() as connection:
        connection.exec_driver_sql("UPDATE said SET about = 'balance:other'")
    assert rechecked(world) == []
    world.crm.change(1, amount=Decimal("0.1"))
    (verdict,) = rechecked(world)
    assert isinstance(verdict, Reword), "it is below the other threshold, which nobody has told of"
    assert verdict.fresh["variables"]["threshold"] == "2\u202fGo"
    world.crm.change(1, amount=Decimal(9))
    (verdict,) = rechecked(world)
    assert isinstance(verdict, Cancel)


def test_what_was_written_anew_a_moment_ago_leaves_though_a_balance_never_rests(make_world):
    world = make_world(balance(1))
    world.scan_balances()
    world.crm.change(1, amount=Decimal("0.9"))
    (row,) = world.rows()
    anew = row | {
        "reason": "written anew, for this changed in the CRM: balance",
        "not_before": world.clock.now,
    }
    found = []
    for seconds in (0, 299, 1):
        world.clock.advance(seconds)
        found.append([type(verdict) for verdict in world.balances([anew]).values()])
    assert found == [[], [], [Reword]]
    assert isinstance(world.balances([row])[row["id"]], Reword), "nothing wrote this one anew"


def test_a_crm_that_has_no_balances_is_not_asked(make_world):
    world = make_world(balance(1))
    world.scan_balances()
    blind = SimpleNamespace(offers=lambda question: question != "balances")
    assert rechecked(world, blind) == []


@pytest.mark.parametrize("fault", [Unreachable("away"), Misconfigured("broken")])
def test_without_the_crm_an_alert_waits(make_world, fault):
    world = make_world(balance(1))
    world.scan_balances()
    world.crm.broken = fault
    (verdict,) = rechecked(world)
    assert not isinstance(verdict, Cancel)


def test_a_balance_that_cannot_be_read_sends_nothing(make_world):
    world = make_world(balance(1))
    world.scan_balances()
    world.crm.unreadable = {"1": BadInput("Balance 1: amount is not a number.")}
    (verdict,) = rechecked(world)
    assert not isinstance(verdict, Cancel)


def test_mail_that_reminds_of_nothing_the_crm_knows_is_left_as_it_is(make_world):
    """A key that only looks like the ladder's, a CRM without the question, and other mail about an invoice."""
    world = make_world(invoice(7, due=days_ago(8)))
    world.scan()
    (reminder,) = world.rows()
    odd = reminder | {"id": "odd", "idempotency_key": "reminder:of-omnicrm", "invoice_id": None}
    other = reminder | {"id": "other", "idempotency_key": "x", "kind": LOW}
    world.crm.change(7, status=InvoiceStatus.PAID)
    assert set(world.reminders([reminder, odd, other])) == {reminder["id"]}
    asked = world.crm.asked
    assert world.reminders([other]) == {}
    assert world.crm.asked == asked, "the CRM is not asked about it"
    world.crm.offers = lambda question: question != "open_invoices"
    assert world.reminders([reminder]) == {}


def test_other_mail_is_not_looked_at(make_world):
    world = make_world(balance(1), invoice(7, due=days_ago(8)))
    world.scan()
    assert rechecked(world) == []
    world.crm.broken = Unreachable("away")
    assert rechecked(world) == [], "the CRM is not asked about it"
