"""Whatever the history of payments and scans: at most one mail per invoice and step, and none after payment."""

from collections import Counter
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from hypothesis import given, settings
from hypothesis import strategies as st

from mailworker.rules.business_days import OpenDays
from mailworker.rules.crm_facts import Exclusion, InvoiceFacts, InvoiceStatus
from mailworker.rules.quiet_hours import Hours, Quiet, local_day
from mailworker.rules.reminder_due import Due, decide, stopped
from mailworker.rules.reminder_ladder import Ladder, ReminderSent, Step

START = datetime(2028, 1, 15, tzinfo=UTC)


@dataclass
class World:
    """A CRM with one invoice, a ledger that knows keys and waiting mails, and a customer's inbox."""

    ladder: Ladder
    hours: Hours
    invoice: InvoiceFacts
    exclusion: Exclusion | None = None
    waiting: dict = field(default_factory=dict)
    left: list = field(default_factory=list)
    said: dict = field(default_factory=dict)
    paid_at: datetime | None = None

    def scan(self, now):
        found = decide(
            self.invoice, self.ladder, self.said.values(), self.hours, now, exclusion=self.exclusion
        )
        if isinstance(found, Due):
            assert found.key not in self.said, "the ledger would refuse the key"
            self.said[found.key] = ReminderSent(found.step.days, None)
            self.waiting[found.key] = found

    def dispatch(self, now):
        for key, due in list(self.waiting.items()):
            if due.not_before > now:
                continue
            del self.waiting[key]
            self.said[key] = ReminderSent(due.step.days, now)
            today = local_day(now, self.hours.zone_of(self.invoice.timezone))
            if stopped(self.invoice, self.ladder, today, self.exclusion) is None:
                self.left.append((now, key, due.step))

    def pay(self, now, share):
        owed = self.invoice.owed - self.invoice.owed * share / 100
        self.invoice = replace(self.invoice, owed=owed, paid_part_on=now.date())
        if not owed:
            self.paid_at = self.paid_at or now

    def note(self, what):
        if what == "dispute":
            self.invoice = replace(self.invoice, status=InvoiceStatus.DISPUTED)
        if what == "settle dispute":
            self.invoice = replace(self.invoice, status=InvoiceStatus.OPEN)
        if what == "pause":
            self.exclusion = Exclusion("C", until=date(2028, 3, 1))
        if what == "debit":
            self.invoice = replace(self.invoice, direct_debit=not self.invoice.direct_debit)


ladders = st.builds(
    lambda days, between: Ladder(tuple(Step(day, "k") for day in sorted(days)), 60, between),
    st.sets(st.integers(-10, 60), min_size=1, max_size=6),
    st.integers(1, 5),
)
hours = st.builds(
    lambda quiet, weekdays: Hours(ZoneInfo("Europe/Paris"), quiet, OpenDays(weekdays)),
    st.none() | st.builds(Quiet, st.times(), st.times()).filter(lambda quiet: quiet.start != quiet.end),
    st.frozensets(st.integers(0, 6), min_size=1),
)
invoices = st.builds(
    lambda due, zone: InvoiceFacts(
        invoice_id="F",
        customer_id="C",
        status=InvoiceStatus.OPEN,
        due_date=due,
        currency="EUR",
        owed=Decimal(100),
        timezone=zone,
    ),
    st.dates(date(2028, 1, 15), date(2028, 3, 31)),
    st.sampled_from(["", "Pacific/Noumea", "America/Martinique"]),
)
events = st.one_of(
    st.tuples(st.sampled_from(["scan", "dispatch"]), st.none()),
    st.tuples(st.just("pay"), st.sampled_from([1, 50, 100])),
    st.tuples(st.sampled_from(["dispute", "settle dispute", "pause", "debit"]), st.none()),
)
moments = st.lists(st.tuples(st.integers(0, 120 * 24 * 60), events), max_size=60)


def live(world, history):
    daily = [(day * 1440 + 420, ("scan", None)) for day in range(0, 120, 3)]
    for minute, (what, detail) in sorted([*daily, *history], key=lambda one: one[0]):
        now = START + timedelta(minutes=minute)
        if what == "scan":
            world.scan(now)
            world.scan(now)  # two beats at once
        elif what == "dispatch":
            world.dispatch(now)
        elif what == "pay":
            world.pay(now, detail)
        else:
            world.note(what)
    return world


@settings(max_examples=150)
@given(ladders, hours, invoices, moments)
def test_said_once_and_never_after_payment(ladder, hours, invoice, history):
    world = live(World(ladder, hours, invoice), history)
    assert all(count == 1 for count in Counter(key for _, key, _ in world.left).values())
    assert len(world.left) <= len(ladder.steps)
    assert all(world.paid_at is None or now <= world.paid_at for now, _, _ in world.left)


@settings(max_examples=150)
@given(ladders, hours, invoices, moments)
def test_steps_rise_and_never_two_on_one_day(ladder, hours, invoice, history):
    world = live(World(ladder, hours, invoice), history)
    zone = hours.zone_of(invoice.timezone)
    days = [local_day(now, zone) for now, _, _ in world.left]
    steps = [step.days for _, _, step in world.left]
    assert steps == sorted(set(steps))
    assert len(set(days)) == len(days)
