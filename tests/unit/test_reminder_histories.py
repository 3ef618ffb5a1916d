"""The whole story over a real ledger: at most one mail for each invoice and step, true in its amount."""

import contextlib
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from mailworker.errors import TransientError
from mailworker.invoices.languages.locale_format import locale_format
from mailworker.ledger.scan_runs import Start
from mailworker.rules.crm_facts import InvoiceStatus
from mailworker.rules.quiet_hours import local_day
from mailworker.scans.runner import LEASE
from tests.scan_world import Mailbox, World, away, invoice, open_ledger, wipe

#: The last Sunday of March and its spring forward lie within; and so, starting later, does autumn's.
STARTS = (datetime(2027, 3, 15, tzinfo=UTC), datetime(2027, 10, 18, tzinfo=UTC))
DAYS = 30


@pytest.fixture(scope="module")
def ledger():
    made = open_ledger()
    yield made
    made.close()


class Killed(BaseException):
    """The process is gone."""


class Attentive(Mailbox):
    """Compares each mail with what the CRM says at that very moment."""

    def __call__(self, mail):
        numbers = mail.variables["invoice_number"].split(", ")
        owed = sum(self.crm.of_invoices[number.removeprefix("FA-")].owed for number in numbers)
        assert mail.variables["total_amount"] == locale_format("fr").money(owed, "EUR"), (
            "a wrong amount was said"
        )
        return super().__call__(mail)


class Life(World):
    """A world to which things happen."""

    mailbox = Attentive

    def happen(self, what, number):
        getattr(self, what.replace(" ", "_"))(number)

    def scan_now(self, _number):
        with contextlib.suppress(TransientError):
            self.scan()

    def scan_twice_at_once(self, _number):
        scanner, start = self.scanner(), self.start()
        scanner.work(start, seconds=60, on_page=lambda _run: self.scan())

    def scan_and_die(self, _number):
        def die(_run):
            raise Killed

        try:
            self.scanner().work(self.start(), seconds=60, on_page=die)
        except Killed:
            self.clock.advance(LEASE.total_seconds() + 1)

    def start(self):
        return Start("overdue_invoices")

    def dispatch_now(self, _number):
        self.dispatch()

    def pay(self, number):
        self.crm.change(number, owed=Decimal(0), status=InvoiceStatus.PAID)
        self.paid.setdefault(str(number), self.clock.now)

    def pay_a_part(self, number):
        one = self.crm.of_invoices[str(number)]
        if one.owed:
            self.crm.change(number, owed=one.owed / 2, paid_part_on=self.clock.now.date())

    def dispute(self, number):
        one = self.crm.of_invoices[str(number)]
        if one.status is not InvoiceStatus.PAID:
            open_ = one.status is InvoiceStatus.DISPUTED
            status = InvoiceStatus.OPEN if open_ else InvoiceStatus.DISPUTED
            self.crm.of_invoices[str(number)] = replace(one, status=status)

    def crm_goes_away(self, _number):
        self.crm.broken = away()

    def crm_comes_back(self, _number):
        self.crm.broken = None


EVENTS = ["scan now"] * 3 + ["dispatch now"] * 3 + ["scan twice at once", "scan and die", "pay", "pay"]
EVENTS += ["pay a part"] * 3 + ["dispute", "crm goes away", "crm comes back", "crm comes back"]
#: Any minute; or one between a morning's scan and the hour at which what it wrote may leave.
minutes = st.one_of(
    st.integers(0, DAYS * 24 * 60), st.integers(0, DAYS // 4).map(lambda day: day * 4 * 1440 + 330)
)
histories = st.lists(st.tuples(minutes, st.sampled_from(EVENTS), st.integers(1, 4)), max_size=35)


def live(ledger, start, grouped, history, grace=7):
    wipe(ledger)
    zones = {1: "", 2: "Pacific/Noumea", 3: "", 4: "America/Martinique"}
    bills = [
        invoice(
            n,
            due=start.date() + timedelta(days=3 * n),
            timezone=zones[n],
            customer_id="A" if n % 2 else f"B{n}",
        )
        for n in zones
    ]
    extra = "reminders: {group_by_customer: %s, partial_payment_grace_days: %d}\n"
    extra %= (str(grouped).lower(), grace)
    world = Life(ledger, *bills, extra=extra, now=start, page_size=2)
    world.box.crm, world.paid = world.crm, {}
    daily = [(day * 1440 + hour, what, 0) for day in range(0, DAYS, 4) for hour, what in
             ((300, "crm comes back"), (301, "scan now"), (600, "dispatch now"))]  # fmt: skip
    for minute, what, number in sorted([*daily, *history]):
        # No two at the same moment, so that one paid right after its mail was not paid before it.
        world.clock.now = max(world.clock.now + timedelta(seconds=1), start + timedelta(minutes=minute))
        if what == "scan twice at once" and world.crm.broken:
            continue
        if what == "scan and die" and world.crm.broken:
            continue
        world.happen(what, number)
    return world


EARLY = [(330, "pay a part", 1), (4 * 1440 + 330, "pay a part", 3)]


@settings(max_examples=15)
@given(st.sampled_from(STARTS), st.booleans(), histories, st.sampled_from([0, 7]))
@example(STARTS[0], False, EARLY, 0)
@example(STARTS[1], True, EARLY, 0)
@example(STARTS[0], False, [(6090, "dispatch now", 1), (6090, "pay", 2)], 0)
def test_said_once_truly_and_never_after_payment(ledger, start, grouped, history, grace):
    world = live(ledger, start, grouped, history, grace)
    said, days = Counter(), Counter()
    for at, mail in world.box.mails:
        row = next(row for row in world.rows() if row["id"] == mail.id)
        for number in mail.variables["invoice_number"].split(", "):
            id_ = number.removeprefix("FA-")
            facts = world.crm.of_invoices[id_]
            zone = world.subject().hours.zone_of(facts.timezone)
            said[id_, row["idempotency_key"]] += 1
            days[id_, local_day(at, zone)] += 1
            assert id_ not in world.paid or at < world.paid[id_], "a paid invoice was reminded of"
            assert 8 <= at.astimezone(zone).hour < 20, "not at a decent hour"
    assert set(said.values()) <= {1}
    assert set(days.values()) <= {1}, "two mails about one invoice on one day"


#: A mail waits until it is too late and expires, and a later scan says its step anew.
TOO_LATE = [(17610, "pay", 1), (27019, "dispatch now", 0), (43200, "scan now", 0)]


@settings(max_examples=8)
@given(st.sampled_from(STARTS), histories)
@example(STARTS[1], TOO_LATE)
def test_each_step_is_claimed_by_one_mail(ledger, start, history):
    world = live(ledger, start, True, history)
    with world.ledger.read() as connection:
        claims = connection.exec_driver_sql("SELECT about, days, message_id FROM said").all()
    came_to_nothing = {row["id"] for row in world.rows() if row["state"] in {"expired", "cancelled"}}
    claims = [claim for claim in claims if claim.message_id not in came_to_nothing]
    assert len({(about, days) for about, days, _ in claims}) == len(claims)
    sent = {mail.id for _, mail in world.box.mails}
    by_mail = Counter(id_ for _, _, id_ in claims if id_ in sent)
    for _, mail in world.box.mails:
        assert by_mail[mail.id] == len(mail.variables["invoice_number"].split(", "))


CHANGES = (datetime(2027, 3, 26, tzinfo=UTC), datetime(2027, 10, 29, tzinfo=UTC))


@pytest.mark.parametrize("start", CHANGES, ids=["spring", "autumn"])
def test_over_the_clocks_change_each_step_leaves_at_eight_once(ledger, start):
    wipe(ledger)
    steps = "reminders: {steps: [1, 2, 3, 4]}\n"
    world = World(ledger, invoice(1, due=start.date()), extra=steps, now=start)
    for hour in range(5 * 24):
        world.clock.now = start + timedelta(hours=hour)
        world.scan()
        world.dispatch()
    zone = world.settings.worker.timezone
    left = [at.astimezone(zone) for at, _ in world.box.mails]
    assert [at.hour for at in left] == [8] * 4
    assert [at.date() for at in left] == [start.date() + timedelta(days=n) for n in range(1, 5)]
