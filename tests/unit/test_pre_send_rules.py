"""The last check before a call, as tables: what is known at that moment, and the verdict."""

from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest

from mailworker.errors import BadInput, Misconfigured
from mailworker.rules.balance_key import Alert, balance_key, read_balance_key
from mailworker.rules.balance_thresholds import AlertDue, BalanceRules, Threshold
from mailworker.rules.crm_facts import BalanceFacts, Exclusion, InvoiceFacts, InvoiceStatus
from mailworker.rules.pre_send.balance_alert import check_alert, check_omnicrm_alert
from mailworker.rules.pre_send.mailjet_campaign import AudienceFacts, check_audience
from mailworker.rules.pre_send.reminder import (
    ReminderPolicy,
    StepFacts,
    StillTrue,
    check_by_hand,
    check_steps,
)
from mailworker.rules.pre_send.reword import compare, replace
from mailworker.rules.pre_send.verdicts import Cancel, Replace, Reword, Wait, unreadable
from mailworker.rules.quiet_hours import Hours, Quiet
from mailworker.rules.reminder_ladder import Ladder, Step

#: A Monday, ten in the morning in Paris.
NOW = datetime(2026, 11, 30, 9, tzinfo=UTC)
NIGHT = datetime(2026, 11, 30, 22, tzinfo=UTC)
SEVEN = datetime(2026, 12, 1, 7, tzinfo=UTC)
HOURS = Hours(ZoneInfo("Europe/Paris"), Quiet(time(20), time(8)))
POLICY = ReminderPolicy(Ladder((Step(7, "k"),)), HOURS)
NOBODY_KNOWS = BadInput("Invoice 7: owed is not a number.")


def step(key="a", *, days=7, exclusion=None, **changes):
    given = {
        "invoice_id": key,
        "customer_id": "C",
        "status": InvoiceStatus.OPEN,
        "due_date": date(2026, 11, 22),
        "currency": "EUR",
        "owed": Decimal(30),
    }
    return StepFacts(key, days, InvoiceFacts(**given | changes), exclusion)


PAID = {"owed": Decimal(0)}


@pytest.mark.parametrize(
    ("steps", "now", "verdict"),
    [
        ([step()], NOW, StillTrue(("a",))),
        ([step("a"), step("b")], NOW, StillTrue(("a", "b"))),
        ([step("a", **PAID), step("b")], NOW, StillTrue(("b",))),
        ([step("a", **PAID), step("b", **PAID)], NOW, Cancel("The invoice is paid.")),
        ([StepFacts("a", 7, None)], NOW, Cancel("The CRM does not know this invoice any more.")),
        # a record that nobody can read: neither sent nor forgotten, the whole mail
        ([step("a", **PAID), StepFacts("b", 7, NOBODY_KNOWS)], NOW, unreadable(NOW)),
        ([step()], NIGHT, Wait(SEVEN, "quiet hours, or a day on which nothing leaves")),
        # what ended ends at night too; where the customer lives it is day
        ([step(**PAID)], NIGHT, Cancel("The invoice is paid.")),
        ([step(timezone="America/New_York")], NIGHT, StillTrue(("a",))),
        # of several invoices the first that is still to pay says where
        ([step("a", timezone="America/New_York"), step("b")], NIGHT, StillTrue(("a", "b"))),
        (
            [step("a"), step("b", timezone="America/New_York")],
            NIGHT,
            Wait(SEVEN, "quiet hours, or a day on which nothing leaves"),
        ),
        (
            [step("a", timezone="America/New_York", **PAID), step("b")],
            NIGHT,
            Wait(SEVEN, "quiet hours, or a day on which nothing leaves"),
        ),
        # the customer's own day decides how old the invoice is: in Nouméa it is December
        ([step(due_date=date(2026, 11, 24), timezone="Pacific/Noumea")], NIGHT, StillTrue(("a",))),
        ([step(due_date=date(2026, 11, 23))], NOW, StillTrue(("a",))),
        (
            [step(due_date=date(2026, 11, 24))],
            NOW,
            Cancel("The invoice is now due on 2026-11-24."),
        ),
        (
            [step(exclusion=Exclusion("C"))],
            NOW,
            Cancel("The customer is excluded from reminders in the CRM."),
        ),
        ([step(exclusion=Exclusion("C", until=date(2026, 11, 29)))], NOW, StillTrue(("a",))),
        (
            [step(exclusion=BadInput("Exclusion C: until is not a date."))],
            NOW,
            Cancel("The customer's exclusion in the CRM cannot be read."),
        ),
        (
            [step(days=-3, due_date=date(2026, 11, 29))],
            NOW,
            Cancel("It says that the invoice is due soon, and the due date is over."),
        ),
    ],
)
def test_the_steps_of_a_reminder(steps, now, verdict):
    assert check_steps(steps, POLICY, now) == verdict


@pytest.mark.parametrize(
    ("invoice", "verdict"),
    [
        (step().invoice, None),
        (step(status=InvoiceStatus.DISPUTED).invoice, None),  # staff know why they write
        (step(**PAID).invoice, Cancel("The invoice is paid.")),
        (None, Cancel("The CRM does not know this invoice any more.")),
        (NOBODY_KNOWS, unreadable(NIGHT)),
    ],
)
def test_a_reminder_by_hand(invoice, verdict):
    assert check_by_hand(invoice, NIGHT) == verdict


ROW = {
    "id": "m",
    "to_email": "a@b.example",
    "to_name": None,
    "customer_id": "C",
    "language": "fr",
    "variables": {"x": 1, "y": 2},
}


@pytest.mark.parametrize(
    ("fresh", "names"),
    [
        (ROW, None),
        (ROW | {"to_name": ""}, None),
        (ROW | {"variables": {"x": 1}}, None),  # what the CRM is silent about stays
        (ROW | {"variables": {"x": 3, "y": 2}}, "x"),
        (ROW | {"to_email": "c@d.example", "variables": {"x": 1, "y": 3}}, "to_email, y"),
    ],
)
def test_a_message_gets_other_words_where_the_crm_says_other_things(fresh, names):
    why = f"written anew, for this changed in the CRM: {names}"
    assert compare(ROW, fresh, NOW) == (names and Reword(fresh, NOW, why))


def test_what_cannot_be_written_now():
    fault, gone = BadInput("email: is not an address"), Misconfigured("kind k is not in the configuration")
    assert compare(ROW, fault, NOW) == unreadable(NOW)
    assert compare(ROW, gone, NOW) is None, "dispatch holds the kind"
    assert replace(fault, ("b",), NOW) == replace(gone, ("b",), NOW) == unreadable(NOW)
    why = "Part of it is no longer true; m says the rest."
    assert replace(ROW, ("b",), NOW) == Replace(ROW, ("b",), why)


def test_verdicts_show_nothing_personal():
    assert "b.example" not in repr([Reword(ROW, NOW, "w"), Replace(ROW, ("k",), "w")])


START = datetime(2026, 11, 1, tzinfo=UTC)
RULES = BalanceRules((Threshold(Decimal(2), Decimal(3)), Threshold(Decimal(1), Decimal(2))))
HIGHEST = read_balance_key(balance_key(Alert.LOW, "1", START))
LOWER = read_balance_key(balance_key(Alert.LOW, "1", START, "1"))


def low(**changes):
    given = {
        "balance_id": "1",
        "customer_id": "C",
        "balance_type": "data",
        "amount": Decimal("1.5"),
        "period_start": START,
    }
    return BalanceFacts(**given | changes)


TOPPED_UP = Cancel("The balance was topped up, renewed or expired meanwhile.")


@pytest.mark.parametrize(
    ("balance", "key", "said", "now", "verdict"),
    [
        (low(), HIGHEST, (), NOW, Decimal(2)),
        (low(amount=Decimal(5)), HIGHEST, (), NOW, Cancel("It is not below 2.")),
        (None, HIGHEST, (), NOW, Cancel("The CRM does not know this balance any more.")),
        (BadInput("Balance 1: amount is not a number."), HIGHEST, (), NOW, unreadable(NOW)),
        (low(topped_up_at=NOW - timedelta(hours=1)), HIGHEST, (), NOW, TOPPED_UP),
        (low(expires_at=NOW), HIGHEST, (), NOW, TOPPED_UP),
        (low(), LOWER, (), NOW, TOPPED_UP),
        # lower still: the alert of the lower threshold tells it, if it was written
        (low(amount=Decimal("0.5")), HIGHEST, (), NOW, Decimal(2)),
        (
            low(amount=Decimal("0.5")),
            HIGHEST,
            (LOWER.key,),
            NOW,
            Cancel("A lower threshold was crossed meanwhile, and is told instead."),
        ),
        (low(), HIGHEST, (), NIGHT, Wait(SEVEN, "quiet hours, or a day on which nothing leaves")),
        (low(timezone="America/New_York"), HIGHEST, (), NIGHT, Decimal(2)),
    ],
)
def test_an_alert_of_the_scan(balance, key, said, now, verdict):
    found = check_alert(balance, key, sent=said, rules=RULES, hours=HOURS, now=now)
    assert (found.threshold if isinstance(found, AlertDue) else found) == verdict
    assert not isinstance(found, AlertDue) or found.key == key.key, "it says what its own threshold is"


EXPIRED = read_balance_key(balance_key(Alert.EXPIRED, "1", START))
ACCEPTED = NOW - timedelta(hours=1)
LATER = Cancel("The balance was topped up or renewed meanwhile.")


@pytest.mark.parametrize(
    ("balance", "key", "verdict"),
    [
        (low(amount=Decimal(50)), HIGHEST, None),  # OmniCRM knows best what is low
        (low(topped_up_at=ACCEPTED), HIGHEST, None),
        (low(topped_up_at=ACCEPTED + timedelta(seconds=1)), HIGHEST, LATER),
        (low(period_start=NOW), HIGHEST, LATER),
        (low(expires_at=NOW), EXPIRED, None),
        (low(expires_at=NOW + timedelta(seconds=1)), EXPIRED, Cancel("The balance was renewed meanwhile.")),
        (low(), EXPIRED, Cancel("The balance was renewed meanwhile.")),
        (None, HIGHEST, None),
        (BadInput("unreadable"), HIGHEST, None),
    ],
)
def test_an_alert_that_omnicrm_enqueued(balance, key, verdict):
    assert check_omnicrm_alert(balance, key, ACCEPTED, NOW) == verdict


@pytest.mark.parametrize(
    ("facts", "why"),
    [
        (AudienceFacts(0, 0, 0, reachable=1), []),
        (AudienceFacts(0, 0, 0, reachable=0), ["Spring: nobody may get it any more"]),
        (AudienceFacts(2, 0, 0, reachable=9), ["Mailjet's list has 2 contacts whom the CRM does not have"]),
        (AudienceFacts(0, 3, 0, reachable=9), ["3 changed contacts are not pushed to Mailjet yet"]),
        (AudienceFacts(0, 0, 4, reachable=0), ["4 contacts are not on worker.safelist"]),
        (AudienceFacts(1, 1, 1, reachable=9), ["list has 1", "1 changed contact is", "1 contact is not on"]),
    ],
)
def test_a_campaign_whose_audience_is_another_one_stays(facts, why):
    faults = check_audience(facts, "Spring")
    assert all(part in fault for part, fault in zip(why, faults, strict=True))
