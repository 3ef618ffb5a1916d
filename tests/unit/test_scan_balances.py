"""Low and expired balances: said once, by the scan or by OmniCRM, whichever comes first."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mailworker.balances import BalanceScan
from mailworker.client import Alert, balance_key
from mailworker.core.lane import Lane
from mailworker.core.states import State
from mailworker.errors import BadInput
from mailworker.ledger.notification_log import Claim, SentNotification
from mailworker.ledger.sqlite_write_queue import LedgerUnavailable
from mailworker.rules.balance_thresholds import AlertDue, NoAlert, NoAlertReason
from tests.scan_world import EXPIRED, LOW, MONDAY, World, away, balance, open_ledger, wipe

HOUR = timedelta(hours=1)
PERIOD = datetime(2026, 11, 1, tzinfo=UTC)


@pytest.fixture(scope="module")
def ledger():
    made = open_ledger()
    yield made
    made.close()


@pytest.fixture
def make(ledger):
    wipe(ledger)
    return lambda *records, **more: World(ledger, *records, **more)


ZOE, PAUL = "zoe@courriel.example", "paul@courriel.example"


def alert(world, *, since=PERIOD, said="1 Go", what=Alert.LOW, to=ZOE):
    """What OmniCRM enqueues itself, at the very moment."""
    values = {"customer_name": "Zoé", "service_name": "Mobile", "balance_type": "Données"}
    if what is Alert.LOW:
        values |= {"current_balance": said, "threshold": "3 Go", "topup_url": "https://crm.example/t"}
    else:
        values |= {"expiry_date": "30 novembre", "renewal_url": "https://crm.example/r"}
    kind = LOW if what is Alert.LOW else EXPIRED
    return world.enqueue(kind=kind, to=to, variables=values, idempotency_key=balance_key(what, "7", since))


def test_a_low_balance_is_said_once(make):
    world = make(balance(7), balance(8, amount=Decimal(9)))
    run = world.scan_balances()
    assert (run.written, dict(run.skipped)) == (1, {"enough": 1})
    (row,) = world.rows()
    assert (row["kind"], row["idempotency_key"]) == (LOW, "balance-low:7:20261101T000000Z")
    assert row["variables"] == {
        "customer_name": "Zoé Roussel",
        "service_name": "Mobile 10 Go",
        "current_balance": "1\u202fGo",
        "threshold": "2\u202fGo",
        "balance_type": "Données",
        "topup_url": "https://crm.example/topup",
        "threshold_owner": "",
    }
    world.dispatch()
    assert dict(world.scan_balances().skipped) == {"already_said": 1, "enough": 1}
    assert len(world.box.mails) == 1


def test_an_expired_balance_names_the_last_day_it_was_good(make):
    midnight = datetime(2026, 11, 29, 23, tzinfo=UTC)  # of 30 November in Paris
    world = make(balance(7, expires_at=midnight))
    world.scan_balances()
    (row,) = world.rows()
    assert (row["kind"], row["variables"]["expiry_date"]) == (EXPIRED, "29 novembre 2026")
    assert dict(world.scan_balances().skipped) == {"already_said": 1}


def test_money_is_written_as_money(make):
    world = make(balance(7, unit="EUR", amount=Decimal("1.20"), allowance=Decimal(15)))
    world.scan_balances()
    (row,) = world.rows()
    assert row["variables"]["current_balance"] == "1,20\u00a0€"


@pytest.mark.parametrize("scan_first", [True, False])
@pytest.mark.parametrize("what", list(Alert))
def test_scan_and_omnicrm_never_both_mail(make, scan_first, what):
    ended = MONDAY - HOUR
    since = PERIOD if what is Alert.LOW else ended
    world = make(balance(7) if what is Alert.LOW else balance(7, expires_at=ended))
    if scan_first:
        world.scan_balances()
    id_ = alert(world, since=since, what=what)
    assert alert(world, since=since, what=what, said="0,9 Go") == id_, "said again in other words"
    run = world.scan_balances()
    assert dict(run.skipped) == {"already_said": 1}
    world.dispatch()
    assert [mail.id for _, mail in world.box.mails] == [id_]
    assert world.states == ["sent"]


@pytest.mark.parametrize("newest_first", [True, False])
@pytest.mark.parametrize("below", ["", "5%"])
def test_the_newest_alert_counts_in_whatever_order_the_ledger_gives_them(make, newest_first, below):
    """OmniCRM counts a period from other moments than we do, so that only the time tells whether it was said."""
    world = make(extra="balances: {low: [{below: 20%}, {below: 5%}]}\n")
    low = balance(7, amount=Decimal("0.4") if below else Decimal(1), topped_up_at=MONDAY - HOUR)
    sent = [
        SentNotification(Claim(balance_key(Alert.LOW, "7", at, below), "balance:7"), "m", at, at, State.SENT)
        for at in (MONDAY - 2 * HOUR, MONDAY)
    ]
    sent = sent[::-1] if newest_first else sent
    verdict = world.subject(BalanceScan).verdict(low, sent, MONDAY + HOUR)
    assert isinstance(verdict, NoAlert)
    assert verdict.why == "already_said"


def test_an_end_that_was_told_is_not_told_again(make):
    scan = make().subject(BalanceScan)
    ended = balance(7, expires_at=MONDAY - HOUR)
    due = scan.verdict(ended, (), MONDAY)
    assert isinstance(due, AlertDue)
    sent = SentNotification(Claim(due.key, "balance:7"), "m", MONDAY, MONDAY, State.SENT)
    assert scan.verdict(ended, [sent], MONDAY) == NoAlert(
        NoAlertReason.ALREADY_NOTIFIED, "This alert was sent before."
    )


@pytest.mark.parametrize("what", list(Alert))
@pytest.mark.parametrize(
    "story",
    [
        ["scan", [ZOE, PAUL]],
        ["scan", [PAUL, ZOE], "send"],
        ["scan", "send", [PAUL, ZOE]],
        [[ZOE, PAUL], "scan"],
        [[ZOE, PAUL], "send", "scan", [PAUL, ZOE]],
        [ZOE, [ZOE.upper(), PAUL], "scan"],
        [[ZOE, PAUL], "scan", ZOE, PAUL],
        ["scan", ZOE, [ZOE, PAUL], "send", "scan"],
    ],
    ids=str,
)
def test_two_people_hear_an_alert_once_each(make, story, what):
    ended = MONDAY - HOUR
    since = PERIOD if what is Alert.LOW else ended
    world = make(balance(7) if what is Alert.LOW else balance(7, expires_at=ended))
    for part in [*story, "send"]:
        world.clock.advance(60)
        if part == "scan":
            world.scan_balances()
        elif part == "send":
            world.dispatch()
        else:
            alert(world, since=since, what=what, to=part)
    assert sorted(mail.to.email.lower() for _, mail in world.box.mails) == sorted({ZOE, PAUL})
    left_out = [row["reason"] for row in world.rows() if row["state"] != "sent"]
    assert all("tells this address" in reason for reason in left_out)


def test_an_alert_that_came_to_nothing_keeps_nobody_from_hearing_it(make):
    """Ours ended because the balance is full enough for us; OmniCRM has a threshold of its own."""
    world = make(balance(7))
    world.scan_balances()
    world.crm.change(7, amount=Decimal(5))
    world.dispatch()
    assert world.states == ["cancelled"]
    world.clock.advance(60)
    alert(world, to=[ZOE, PAUL])
    world.dispatch()
    assert sorted(mail.to.email for _, mail in world.box.mails) == sorted([ZOE, PAUL])


def test_a_top_up_between_scan_and_departure_ends_it(make):
    world = make(balance(7))
    world.scan_balances()
    world.crm.change(7, amount=Decimal(10), topped_up_at=MONDAY, level_after_top_up=Decimal(10))
    world.dispatch()
    assert (world.states, world.box.mails) == (["cancelled"], [])


def test_a_top_up_that_is_used_up_at_once_is_a_new_story(make):
    world = make(balance(7))
    world.scan_balances()
    later = MONDAY + HOUR
    world.crm.change(7, topped_up_at=later, level_after_top_up=Decimal(10))
    world.clock.now = later
    world.dispatch()
    assert world.states == ["cancelled"]
    world.scan_balances()
    world.dispatch()
    assert len(world.box.mails) == 1


def test_an_alert_of_omnicrms_is_ended_only_by_what_came_later(make):
    """Its threshold may be another than ours: full enough for us is no reason to cancel it."""
    world = make(balance(7, amount=Decimal(5)))
    first = alert(world)
    world.dispatch()
    assert [mail.id for _, mail in world.box.mails] == [first]
    again = alert(world, since=MONDAY)
    world.clock.advance(60)
    world.crm.change(7, topped_up_at=world.clock.now)
    world.dispatch()
    assert {row["id"]: row["state"] for row in world.rows()} == {first: "sent", again: "cancelled"}


def test_an_expired_balance_that_was_renewed_is_not_said_to_be_expired(make):
    ended = MONDAY - HOUR
    world = make(balance(7, expires_at=ended, amount=Decimal(10)))
    alert(world, since=ended, what=Alert.EXPIRED)
    world.crm.change(7, expires_at=MONDAY + timedelta(days=30))
    world.dispatch()
    assert world.states == ["cancelled"]


def test_a_balance_that_omnicrm_knows_and_we_do_not_is_its_business(make):
    world = make()
    alert(world)
    world.dispatch()
    assert world.states == ["sent"]


@pytest.mark.parametrize("fault", [away(), None])
def test_without_an_answer_the_alert_waits(make, fault):
    world = make(balance(7))
    world.scan_balances()
    world.crm.broken = fault
    world.crm.unreadable = {"7": BadInput("Balance 7: amount is not a number.")}
    world.dispatch()
    assert (world.states, world.box.mails) == (["ready"], [])
    world.crm.broken, world.crm.unreadable = None, {}
    world.clock.advance(3601)
    world.dispatch()
    assert world.states == ["sent"]


def test_an_alert_waits_for_the_morning(make):
    night = datetime(2026, 11, 30, 22, tzinfo=UTC)
    world = make(balance(7), now=night)
    world.scan_balances()
    world.dispatch()
    assert [row["not_before"] for row in world.rows()] == [datetime(2026, 12, 1, 7, tzinfo=UTC)]


def test_an_alert_says_what_is_left_when_it_leaves(make):
    world = make(balance(7), now=datetime(2026, 11, 30, 22, tzinfo=UTC))
    world.scan_balances()
    world.crm.change(7, amount=Decimal("0.25"), email=PAUL, service_name="Mobile 11 Go")
    world.clock.now = datetime(2026, 12, 1, 7, tzinfo=UTC)
    world.dispatch()
    ((_, mail),) = world.box.mails
    assert (mail.to.email, mail.variables["service_name"]) == (PAUL, "Mobile 11 Go")
    assert mail.variables["current_balance"] == "0,25\u202fGo"
    (row,) = world.rows()
    assert row["to_canonical"] == PAUL
    assert dict(world.scan_balances().skipped) == {"already_said": 1}


def test_an_alert_leaves_though_its_balance_never_rests(make):
    world = make(balance(7))
    world.scan_balances()
    look = world.crm.balances_of

    def used_further(ids):
        world.crm.change(7, amount=world.crm.of_balances["7"].amount - Decimal("0.01"))
        return look(ids)

    world.crm.balances_of = used_further
    world.dispatch()
    ((_, mail),) = world.box.mails
    assert mail.variables["current_balance"] == "0,99\u202fGo"


def test_an_alert_whose_new_words_were_not_kept_does_not_leave_with_the_old_ones(make, monkeypatch):
    world = make(balance(7))
    world.scan_balances()
    world.crm.change(7, amount=Decimal("0.25"))
    with monkeypatch.context() as broken:
        broken.setattr("mailworker.dispatch.pre_send_check.apply", gone_away)
        with pytest.raises(LedgerUnavailable):
            world.dispatch()
    world.clock.advance(60)
    world.dispatch()
    ((_, mail),) = world.box.mails
    assert mail.variables["current_balance"] == "0,25\u202fGo"


def gone_away(*_, **__):
    raise LedgerUnavailable("the ledger went away")


def test_an_alert_that_was_written_anew_leaves_from_whichever_worker(make):
    world = make(balance(7))
    world.scan_balances()
    look = world.crm.balances_of
    words = []

    def used_further(ids):
        world.crm.change(7, amount=world.crm.of_balances["7"].amount - Decimal("0.01"))
        words.append(world.crm.of_balances["7"].amount)
        return look(ids)

    world.crm.balances_of = used_further
    for _ in range(5):
        world.dispatcher.dispatch_once(Lane.NORMAL, patience=1)
        world.dispatcher = world.worker()
    assert (len(words), len(world.box.mails)) == (2, 1)


def test_an_alert_that_waited_after_it_was_written_anew_is_compared_once_more(make):
    world = make(balance(7))
    world.scan_balances()
    world.crm.change(7, amount=Decimal("0.5"))
    world.dispatcher.dispatch_once(Lane.NORMAL, patience=1)
    world.crm.change(7, amount=Decimal("0.25"))
    world.clock.advance(301)
    world.dispatch()
    ((_, mail),) = world.box.mails
    assert mail.variables["current_balance"] == "0,25\u202fGo"


def test_an_alert_that_cannot_be_written_any_more_waits_for_a_person(make):
    world = make(balance(7))
    world.scan_balances()
    world.crm.change(7, topup_url="none")
    world.dispatch()
    assert (world.states, world.box.mails) == (["ready"], [])


def test_what_cannot_be_written_is_told(make):
    run = make(*(balance(n, topup_url="none") for n in range(3))).scan_balances()
    assert dict(run.skipped) == {"incomplete": 3}
    assert [fault.partition(": variables.topup_url")[0] for fault in run.faults] == [
        "Balance 0",
        "Balance 1",
        "Balance 2",
    ]


levels = st.lists(
    st.tuples(st.sampled_from(["use", "top up", "scan", "alert", "send"]), st.integers(0, 10)), max_size=30
)


@settings(max_examples=25)
@given(levels)
def test_one_mail_for_each_time_it_was_armed(ledger, history):
    """Whatever comes: no more mails than clear top-ups, plus one for the period."""
    wipe(ledger)
    world = World(ledger, balance(7, amount=Decimal(10), expires_at=None))
    armed = 1
    for what, level in history:
        world.clock.advance(600)
        here = world.crm.of_balances["7"]
        if what == "use":
            world.crm.change(7, amount=min(here.amount, Decimal(level)))
        elif what == "top up":
            reached = max(here.amount, Decimal(level))
            world.crm.change(7, amount=reached, topped_up_at=world.clock.now, level_after_top_up=reached)
            armed += reached >= 3  # half as much again as 20 % of ten
        elif what == "scan":
            world.scan_balances()
        elif what == "alert" and here.amount < 2:
            hovers = here.topped_up_at is None or here.level_after_top_up < 3
            alert(world, since=PERIOD if hovers else here.topped_up_at)
        else:
            world.dispatch()
        world.clock.now = min(world.clock.now, MONDAY + 9 * HOUR)
    world.dispatch()
    assert len(world.box.mails) <= armed
    assert BalanceScan.scan == "balances"


@pytest.mark.parametrize("what", list(Alert))
def test_an_alert_that_omnicrm_gave_once_is_not_found_again_by_the_scan(make, what):
    ended = MONDAY - HOUR
    world = make(balance(7) if what is Alert.LOW else balance(7, expires_at=ended))
    id_ = alert(world, since=PERIOD if what is Alert.LOW else ended, what=what)
    run = world.scan_balances()
    assert dict(run.skipped) == {"already_said": 1}
    world.dispatch()
    assert [mail.id for _, mail in world.box.mails] == [id_]
