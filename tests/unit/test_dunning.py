import re
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest

from mailworker.rules.business_days import OpenDays
from mailworker.rules.crm_facts import Exclusion, InvoiceFacts, InvoiceStatus
from mailworker.rules.quiet_hours import Hours, Quiet
from mailworker.rules.reminder_due import Due, NotDue, Why, decide, outdated, reminder_key, settled, stopped
from mailworker.rules.reminder_ladder import Ladder, ReminderSent, Step

PARIS = ZoneInfo("Europe/Paris")
KIND = "api_crmCommunicationCustomerInvoiceReminder"
LADDER = Ladder(tuple(Step(days, KIND) for days in (-3, 1, 7, 14, 30)))
HOURS = Hours(PARIS)
DUE_DATE = date(2026, 11, 10)
INVOICE = InvoiceFacts(
    invoice_id="F-1",
    customer_id="C-1",
    status=InvoiceStatus.OPEN,
    due_date=DUE_DATE,
    currency="EUR",
    owed=Decimal("42.00"),
)


def noon(days, due=DUE_DATE):
    """Noon in Paris, so many days after the due date."""
    return datetime.combine(due + timedelta(days=days), time(12), tzinfo=PARIS).astimezone(UTC)


def said(*days):
    return [ReminderSent(day, noon(day)) for day in days]


DAY = r"2026-\d\d-\d\d"
NEXT = rf"(The next step is d[+-]\d+, on {DAY}|No further step follows)"
#: What staff read, in all of it.
SENTENCES = {
    Why.PAID: "The invoice is paid",
    Why.CANCELLED: "The invoice is cancelled",
    Why.GONE: "The CRM does not know this invoice any more",
    Why.DISPUTED: "The customer disputes this invoice",
    Why.EXCLUDED: "The customer is excluded from reminders in the (CRM|configuration)",
    Why.PAUSED: f"Reminders to the customer are paused through {DAY}",
    Why.DIRECT_DEBIT: "A direct debit is under way for this invoice",
    Why.BELOW_MINIMUM: "What is owed is below the minimum of 5 EUR",
    Why.PART_PAID: f"A part was paid on {DAY}; grace lasts until {DAY}",
    Why.NOT_DUE_YET: rf"{NEXT}|The invoice is now due on {DAY}",
    Why.BEFORE_START: rf"The day of step d\+\d+ was before {DAY}",
    Why.ALREADY_NOTIFIED: rf"Step d[+-]\d+ has its mail\. {NEXT}",
    Why.WAITING: "An earlier reminder still waits to leave",
    Why.TOO_SOON: rf"The last one is of {DAY}; (one day|\d+ days) must lie between two",
    Why.TOO_LATE: rf"Step d-\d could leave only on {DAY}, after the due date"
    "|It says that the invoice is due soon, and the due date is over",
    Why.ENDED: r"The ladder ended \d+ days after the due date|The last step of the ladder has its mail",
}


def why(found):
    """Why not, once what it says is looked at."""
    assert re.fullmatch(rf"({SENTENCES[found.why]})\.", found.sentence), found
    return found.why


def verdict(invoice=INVOICE, ladder=LADDER, history=(), day=1, **more):
    found = decide(invoice, ladder, history, HOURS, noon(day), **more)
    return found.step.name if isinstance(found, Due) else why(found)


@pytest.mark.parametrize(
    ("day", "history", "expected"),
    [
        (-4, [], Why.NOT_DUE_YET),
        (-3, [], "d-3"),
        (-2, [-3], Why.ALREADY_NOTIFIED),
        (-1, [], "d-3"),  # the scan of day -3 was missed: still before the due date, still useful
        (0, [], "d-3"),
        (0, [-3], Why.ALREADY_NOTIFIED),
        (1, [-3], "d+1"),
        (1, [], "d+1"),
        (6, [-3, 1], Why.ALREADY_NOTIFIED),
        (7, [-3, 1], "d+7"),
        (16, [-3, 1], "d+14"),  # days 7 and 14 were missed: one mail, the latest
        (30, [-3, 1, 7, 14], "d+30"),
        (31, [30], Why.ENDED),
        (60, [], "d+30"),
        (61, [], Why.ENDED),
        (61, [-3, 1, 7, 14], Why.ENDED),
    ],
)
def test_the_ladder_day_by_day(day, history, expected):
    assert verdict(day=day, history=said(*history)) == expected


def test_what_was_missed_is_named_as_skipped_and_never_said_later():
    found = decide(INVOICE, LADDER, said(-3), HOURS, noon(16))
    assert [step.name for step in found.skipped] == ["d+1", "d+7"]
    assert verdict(day=17, history=[*said(-3), ReminderSent(14, noon(16))]) is Why.ALREADY_NOTIFIED


def test_a_step_that_is_configured_later_does_not_go_back():
    ladder = replace(LADDER, steps=tuple(Step(days, KIND) for days in (3, 7, 10)))
    assert verdict(ladder=ladder, day=8, history=said(7)) is Why.ALREADY_NOTIFIED


def test_a_ladder_of_early_steps_only_falls_silent_on_the_due_date():
    ladder = replace(LADDER, steps=(Step(-3, KIND),))
    assert verdict(ladder=ladder, day=1) is Why.NOT_DUE_YET


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"status": InvoiceStatus.PAID}, Why.PAID),
        ({"owed": Decimal(0)}, Why.PAID),
        ({"owed": Decimal("-3.10")}, Why.PAID),
        ({"status": InvoiceStatus.CANCELLED}, Why.CANCELLED),
        ({"status": InvoiceStatus.DISPUTED}, Why.DISPUTED),
        ({"direct_debit": True}, Why.DIRECT_DEBIT),
        ({"customer_id": "C-9"}, Why.EXCLUDED),
        ({"owed": Decimal("4.99")}, Why.BELOW_MINIMUM),
        ({"paid_part_on": DUE_DATE}, Why.PART_PAID),
    ],
)
def test_what_stops_a_reminder(change, why):
    ladder = replace(
        LADDER,
        excluded_customers=frozenset({"C-9"}),
        minimum_amounts={"EUR": Decimal(5), "XPF": Decimal(600)},
    )
    assert verdict(replace(INVOICE, **change), ladder) is why


@pytest.mark.parametrize(
    ("change", "ladder"),
    [
        ({"owed": Decimal(5)}, {"minimum_amounts": {"EUR": Decimal(5)}}),  # the minimum itself is enough
        ({"owed": Decimal("0.01")}, {"minimum_amounts": {"XPF": Decimal(600)}}),  # another currency's minimum
        ({"status": InvoiceStatus.DISPUTED}, {"skip_disputed": False}),
        ({"direct_debit": True}, {"skip_direct_debit": False}),
        ({"paid_part_on": DUE_DATE - timedelta(days=6)}, {}),  # grace of seven days is over today
    ],
)
def test_what_does_not_stop_it(change, ladder):
    assert verdict(replace(INVOICE, **change), replace(LADDER, **ladder)) == "d+1"


@pytest.mark.parametrize(
    ("until", "expected"),
    [
        (None, Why.EXCLUDED),
        (DUE_DATE + timedelta(days=1), Why.PAUSED),  # through today
        (DUE_DATE, "d+1"),  # it ended yesterday
    ],
)
def test_a_customer_who_is_excluded_or_paused_in_the_crm(until, expected):
    assert verdict(exclusion=Exclusion("C-1", "moving house", until)) == expected


def test_after_a_reminder_by_hand_the_ladder_waits_for_another_day():
    by_hand = [ReminderSent(None, noon(7) - timedelta(hours=2))]
    assert verdict(day=7, history=by_hand) is Why.TOO_SOON
    assert verdict(day=8, history=by_hand) == "d+7"


def test_days_between_is_as_configured():
    ladder = replace(LADDER, days_between=3)
    late = [ReminderSent(1, noon(6))]
    assert verdict(ladder=ladder, day=8, history=late) is Why.TOO_SOON
    assert verdict(ladder=ladder, day=9, history=late) == "d+7"


def test_while_one_waits_to_leave_no_other_joins_it():
    assert verdict(day=7, history=[ReminderSent(1, None)]) is Why.WAITING


def test_an_early_step_that_could_leave_only_after_the_due_date_is_not_said():
    saturday = date(2026, 11, 14)
    hours = Hours(PARIS, None, OpenDays(frozenset(range(5))))
    invoice = replace(INVOICE, due_date=saturday + timedelta(days=1))
    found = decide(invoice, LADDER, [], hours, noon(0, saturday))
    assert why(found) is Why.TOO_LATE


def test_it_leaves_after_the_night_and_counts_the_days_of_that_morning():
    hours = Hours(PARIS, Quiet(time(20), time(8)))
    late_evening = datetime(2026, 11, 11, 23, tzinfo=PARIS)
    found = decide(INVOICE, LADDER, [], hours, late_evening)
    assert found.not_before == datetime(2026, 11, 12, 8, tzinfo=PARIS)
    assert found.days_overdue == 2


@pytest.mark.parametrize(
    ("zone", "expected"),
    [
        ("", Why.NOT_DUE_YET),  # 23:30 in Paris on the due date
        ("Pacific/Noumea", "d+1"),  # there it is the next morning
        ("America/Martinique", Why.NOT_DUE_YET),
    ],
)
def test_the_day_is_the_customers(zone, expected):
    ladder = replace(LADDER, steps=LADDER.steps[1:])
    found = decide(
        replace(INVOICE, timezone=zone), ladder, [], HOURS, datetime(2026, 11, 10, 23, 30, tzinfo=PARIS)
    )
    assert (found.step.name if isinstance(found, Due) else found.why) == expected


@pytest.mark.parametrize(
    ("due", "today", "expected"),
    [
        (date(2028, 2, 28), date(2028, 2, 29), "d+1"),  # a leap day is a day
        (date(2028, 2, 29), date(2028, 3, 1), "d+1"),
        (date(2027, 2, 28), date(2027, 3, 1), "d+1"),
        (date(2028, 2, 29), date(2028, 2, 26), "d-3"),
        (date(2028, 1, 30), date(2028, 2, 29), "d+30"),
        (date(2027, 1, 30), date(2027, 3, 1), "d+30"),
        (date(2026, 12, 31), date(2027, 1, 1), "d+1"),
        (date(2027, 1, 2), date(2026, 12, 30), "d-3"),
        (date(2026, 3, 28), date(2026, 3, 29), "d+1"),  # a day of 23 hours
        (date(2026, 10, 24), date(2026, 10, 25), "d+1"),  # and one of 25
    ],
)
def test_days_are_days_of_the_calendar(due, today, expected):
    for at in (time(0, 0), time(2, 30), time(23, 59)):
        now = datetime.combine(today, at, tzinfo=PARIS)
        found = decide(replace(INVOICE, due_date=due), LADDER, [], HOURS, now)
        assert found.step.name == expected


def test_each_hour_of_a_short_and_a_long_day_says_the_step_once():
    for change in (date(2026, 3, 29), date(2026, 10, 25)):
        invoice = replace(INVOICE, due_date=change - timedelta(days=1))
        history, sent = [], []
        for hour in range(-30, 60):
            now = datetime.combine(change, time(0), tzinfo=UTC) + timedelta(hours=hour)
            found = decide(invoice, LADDER, history, HOURS, now)
            if isinstance(found, Due):
                history.append(ReminderSent(found.step.days, found.not_before))
                sent.append(found.step.name)
        assert sent == ["d-3", "d+1"]


def test_gone_from_the_crm_stops_the_ladder_and_a_reminder_by_hand():
    assert why(settled(None)) is Why.GONE
    assert stopped(None, LADDER, DUE_DATE).why is Why.GONE


def test_a_reminder_by_hand_is_stopped_by_payment_only():
    assert settled(replace(INVOICE, status=InvoiceStatus.DISPUTED)) is None
    assert settled(replace(INVOICE, status=InvoiceStatus.PAID)).why is Why.PAID


def test_keys_never_change():
    assert reminder_key("F-1", Step(7, KIND)) == "reminder:F-1:d+7"
    assert reminder_key("F-1", Step(-3, KIND)) == "reminder:F-1:d-3"


def test_every_verdict_speaks_in_a_sentence():
    found = decide(INVOICE, LADDER, said(1), HOURS, noon(3))
    assert found == NotDue(
        Why.ALREADY_NOTIFIED, "Step d+1 has its mail. The next step is d+7, on 2026-11-17."
    )


def test_a_due_date_that_is_put_off_starts_the_ladder_anew_where_its_date_says_so():
    later = replace(INVOICE, due_date=DUE_DATE + timedelta(days=30))
    assert decide(later, LADDER, said(-3, 1, 7), HOURS, noon(20)).why is Why.NOT_DUE_YET
    found = decide(later, LADDER, said(-3, 1, 7), HOURS, noon(31))
    assert (found.step.name, found.key, found.days_overdue) == ("d+1", "reminder:F-1:d+1~2", 1)
    history = [*said(-3, 1, 7), ReminderSent(1, noon(31))]
    assert decide(later, LADDER, history, HOURS, noon(32)).why is Why.ALREADY_NOTIFIED
    assert decide(later, LADDER, history, HOURS, noon(37)).key == "reminder:F-1:d+7~2"


def test_a_due_date_that_comes_earlier_repeats_nothing():
    earlier = replace(INVOICE, due_date=DUE_DATE - timedelta(days=6))
    assert decide(earlier, LADDER, said(-3, 1), HOURS, noon(2)).key == "reminder:F-1:d+7"


def test_what_came_to_nothing_was_not_said():
    history = [ReminderSent(1, noon(4), counts=False)]
    found = decide(INVOICE, LADDER, history, HOURS, noon(4))
    assert (found.step.name, found.key) == ("d+1", "reminder:F-1:d+1~2")
    assert decide(INVOICE, LADDER, history, HOURS, noon(7)).key == "reminder:F-1:d+7"
    assert decide(INVOICE, LADDER, [ReminderSent(1, None)], HOURS, noon(2)).why is Why.ALREADY_NOTIFIED


def test_before_the_due_date_no_day_is_overdue():
    assert decide(INVOICE, LADDER, [], HOURS, noon(-3)).days_overdue == 0
    assert decide(INVOICE, LADDER, [], HOURS, noon(1)).days_overdue == 1


@pytest.mark.parametrize(
    ("days", "age", "expected"),
    [
        (-3, -4, Why.NOT_DUE_YET),
        (-3, -3, None),
        (-3, 0, None),
        (-3, 1, Why.TOO_LATE),
        (-1, 1, Why.TOO_LATE),
        (0, -1, Why.NOT_DUE_YET),
        (0, 0, None),
        (0, 1, None),
        (7, 6, Why.NOT_DUE_YET),
        (7, 7, None),
        (7, 60, None),
    ],
)
def test_a_step_that_was_written_down_earlier_is_looked_at_on_the_day_it_leaves(days, age, expected):
    found = outdated(INVOICE, days, LADDER, DUE_DATE + timedelta(days=age))
    assert (found and why(found)) == expected


def test_what_stops_a_reminder_stops_one_that_was_written_down():
    assert outdated(None, 7, LADDER, DUE_DATE).why is Why.GONE
    paid = replace(INVOICE, status=InvoiceStatus.PAID)
    assert outdated(paid, 7, LADDER, DUE_DATE + timedelta(days=8)).why is Why.PAID
    pause = Exclusion("C-1", until=DUE_DATE + timedelta(days=8))
    assert outdated(INVOICE, 7, LADDER, DUE_DATE + timedelta(days=8), pause).why is Why.PAUSED
    assert outdated(INVOICE, 7, LADDER, DUE_DATE + timedelta(days=9), pause) is None


def test_what_came_to_nothing_today_keeps_no_other_waiting():
    nothing = [ReminderSent(1, noon(1), counts=False), ReminderSent(None, noon(1), counts=False)]
    assert verdict(history=nothing, day=1) == "d+1"
    assert verdict(history=[ReminderSent(None, noon(1))], day=1) == Why.TOO_SOON


@pytest.mark.parametrize(
    ("between", "sentence"), [(1, "one day must lie between two."), (2, "2 days must lie between two.")]
)
def test_how_many_days_must_lie_between_two_is_said(between, sentence):
    ladder = replace(LADDER, days_between=between)
    found = decide(INVOICE, ladder, [ReminderSent(None, noon(1))], HOURS, noon(1))
    assert found.sentence == f"The last one is of {DUE_DATE + timedelta(days=1)}; {sentence}"
    due = decide(INVOICE, ladder, [ReminderSent(None, noon(1))], HOURS, noon(1 + between))
    assert isinstance(due, Due), "so many days later it is due"


@pytest.mark.parametrize(
    ("steps", "step", "last"),
    [
        ((-3, 1, 7), 7, True),
        ((-3, 1, 7), 1, False),
        ((-3, 7), 7, False),
        ((1, 7, 14), 14, True),
        ((-3, -1), -1, False),
    ],
)
def test_the_last_step_is_the_end_of_several(steps, step, last):
    assert Ladder(tuple(Step(days, KIND) for days in steps)).is_last(Step(step, KIND)) is last


@pytest.mark.parametrize(
    ("owed", "minimum", "stops"), [("4.99", "5", True), ("5", "5", False), ("5.01", "5", False)]
)
def test_the_minimum_itself_is_asked_for(owed, minimum, stops):
    ladder = replace(LADDER, minimum_amounts={"EUR": Decimal(minimum)})
    found = stopped(replace(INVOICE, owed=Decimal(owed)), ladder, DUE_DATE)
    assert (found is not None and found.why is Why.BELOW_MINIMUM) is stops
    assert stopped(replace(INVOICE, owed=Decimal(owed), currency="USD"), ladder, DUE_DATE) is None


@pytest.mark.parametrize(("age", "stops"), [(0, True), (6, True), (7, False), (8, False)])
def test_grace_after_a_part_payment_ends_on_its_day(age, stops):
    found = stopped(replace(INVOICE, paid_part_on=DUE_DATE), LADDER, DUE_DATE + timedelta(days=age))
    assert (found is not None and found.why is Why.PART_PAID) is stops
