"""Messages of unknown outcome: what Mailjet shows is proof, what it does not show proves nothing."""

import re
from datetime import timedelta

import pytest
from sqlalchemy import select, update

from mailworker.cli.doctor_checks.finding import Note
from mailworker.cli.doctor_checks.stuck_mail import unknown_faults
from mailworker.core.settlement import Receipt
from mailworker.errors import Misconfigured, Refused, Throttled, TransientError
from mailworker.ledger import Ledger
from mailworker.ledger.claiming import Lease, Wish, begin_call, claim
from mailworker.ledger.insert_messages import accept
from mailworker.ledger.tables import messages
from mailworker.reconcile.lookup_at_mailjet import windows
from mailworker.reconcile.unknown_messages import Reconciled, Reconciler
from tests.doubles import Clock, FakeLookup, settings
from tests.rows import NOW, URGENT, after, row


class World:
    def __init__(self, path, *known):
        self.ledger = Ledger.open(f"sqlite:///{path}")
        self.lookup, self.clock = FakeLookup(*known), Clock(after(31))
        self.reconciler = Reconciler(settings(), self.ledger, self.lookup, clock=self.clock)

    def put(self, *rows):
        with self.ledger.write() as connection:
            accept(connection, rows, NOW)

    def __getitem__(self, id_):
        with self.ledger.read() as connection:
            return connection.execute(select(messages).where(messages.c.id == id_)).mappings().one()


@pytest.fixture
def world(ledger_file):
    made = []

    def make(*known):
        made.append(World(ledger_file, *known))
        return made[-1]

    yield make
    for one in made:
        one.ledger.close()


def unknown(id_, **changes):
    return row(id_, state="unknown", called_at=NOW, not_before=after(30), attempts=1, **changes)


def test_nothing_to_ask(world):
    w = world()
    w.put(unknown("m1") | {"not_before": after(32)}, row("m2"))
    assert w.reconciler.reconcile() == Reconciled()
    assert w.lookup.questions == []


def test_what_mailjet_has_is_sent_and_its_secrets_are_wiped(world):
    w = world("m1")
    w.put(unknown("m1", kind=URGENT, variables={"user_name": "Z", "reset_url": "https://x"}))
    assert w.reconciler.reconcile() == Reconciled(asked=1, found=1)
    found = w["m1"]
    assert (found["state"], found["mailjet_id"], found["variables"]) == ("sent", 7, {"user_name": "Z"})


def test_many_are_looked_for_in_the_time_in_which_their_calls_can_have_arrived(world):
    w = world("m1", "m3")
    w.put(*(unknown(f"m{number}") for number in range(4)))
    assert w.reconciler.reconcile() == Reconciled(asked=4, found=2)
    worker = settings().worker
    longest = worker.connect_timeout + 2 * worker.read_timeout
    skew = timedelta(seconds=30)
    assert w.lookup.questions == [(NOW - skew, NOW + longest + skew)]


@pytest.mark.parametrize("again", ["ready", "sending", "failed", "held"])
def test_what_was_sent_again_while_mailjet_was_asked_is_proved_all_the_same(world, again):
    w = world("m1")
    w.put(unknown("m1"))

    def one(custom_id):
        with w.ledger.write() as connection:
            connection.execute(update(messages).values(state=again, lease=None))
        return Receipt(7, "found")

    w.lookup.one = one
    w.reconciler.reconcile()
    assert (w["m1"]["state"], w["m1"]["mailjet_id"]) == ("sent", 7)


def test_what_mailjet_does_not_know_waits(world):
    w = world()
    w.put(unknown("m1"))
    assert w.reconciler.reconcile() == Reconciled(asked=1)
    assert (w["m1"]["state"], w["m1"]["not_before"], w["m1"]["lookups"]) == ("unknown", after(120), 1)


@pytest.mark.parametrize(
    ("kind", "state"), [(URGENT, "ready"), ("strict", "unknown"), ("gone from the file", "unknown")]
)
def test_only_who_would_rather_come_twice_is_sent_again(world, kind, state):
    w = world()
    w.put(unknown("m1", kind=kind))
    w.clock.now = after(301)
    w.reconciler.reconcile()
    assert w["m1"]["state"] == state


def test_many_are_asked_about_at_once(world):
    w = world("m0", "m3")
    w.put(*[unknown(f"m{n}") for n in range(50)])
    assert w.reconciler.reconcile() == Reconciled(asked=50, found=2)
    ((since, until),) = w.lookup.questions
    assert since <= NOW - timedelta(seconds=30)
    assert until >= after(65 + 30)


@pytest.mark.parametrize("count", [1, 2, 3])
def test_few_are_asked_one_by_one(world, count):
    w = world()
    w.put(*[unknown(f"m{n}") for n in range(count)])
    w.reconciler.reconcile()
    assert sorted(w.lookup.questions) == [f"m{n}" for n in range(count)]


def test_two_reconcilers_do_not_ask_the_same(world):
    w = world()
    w.put(unknown("m1"))

    def slow(id_):
        assert Reconciler(settings(), w.ledger, FakeLookup("m1"), clock=w.clock).reconcile() == Reconciled()

    w.lookup.one = slow
    assert w.reconciler.reconcile().asked == 1


def test_a_lookup_that_fails_is_made_again_later(world):
    w = world()
    w.put(unknown("m1"))

    def away(_id):
        raise Throttled("No call is free.", retry_after=10)

    w.lookup.one = away
    with pytest.raises(Throttled):
        w.reconciler.reconcile()
    assert (w["m1"]["state"], w["m1"]["not_before"]) == ("unknown", after(31 + 20))


@pytest.mark.parametrize("count", [1, 4])
@pytest.mark.parametrize(
    "fault",
    [Refused("Mailjet refuses it (mj-0022).", code="mj-0022"), Misconfigured("HTTP 403.", code="403")],
)
def test_a_lookup_that_mailjet_refuses_waits_for_a_person_and_says_why(world, fault, count):
    w = world()
    w.put(*(unknown(f"m{number}") for number in range(count)))

    def refuse(*_):
        raise fault

    w.lookup.one = w.lookup.between = refuse
    with pytest.raises(TransientError, match=f"^Mailjet refuses to be asked: {re.escape(str(fault))}$"):
        w.reconciler.reconcile()
    message = w["m0"]
    assert (message["state"], message["not_before"]) == ("unknown", after(31 + 300))
    assert message["reason"] == f"Mailjet refuses to be asked: {fault}"
    assert w.reconciler.reconcile() == Reconciled(), "and is not asked before"
    with w.ledger.read() as connection:
        (fault,) = unknown_faults(connection, NOW, timedelta(hours=9))
    verb = "message was" if count == 1 else "messages were"
    assert fault.startswith(f"Nobody knows whether {count} {verb} sent. Mailjet refuses to be asked: ")
    assert not isinstance(fault, Note)


def test_what_dead_workers_held_comes_back(world):
    w = world()
    w.put(row("m1"), row("m2"))
    for id_ in ("m1", "m2"):
        with w.ledger.write() as connection:
            claim(
                connection,
                now=NOW,
                lease=Lease(id_, after(20)),
                wish=Wish(50),
                choose=lambda _, id_=id_: [id_],
            )
    with w.ledger.write() as connection:
        begin_call(connection, Lease("m1", after(20)), after(5))
    counts = w.reconciler.take_back()
    assert (w["m1"]["state"], w["m2"]["state"]) == ("unknown", "ready")
    assert sum(counts.values()) == 2


@pytest.mark.parametrize(
    ("moments", "spans"),
    [
        ([], []),
        ([0], [(0, 65)]),
        ([0, 10, 70], [(0, 135)]),
        ([70, 0, 10], [(0, 135)]),
        ([0, 100], [(0, 65), (100, 165)]),
    ],
)
def test_windows_of_time(moments, spans):
    found = windows([after(one) for one in moments], timedelta(seconds=65))
    assert found == [(after(a), after(b)) for a, b in spans]


def test_what_comes_too_late_expires_without_its_secrets(world):
    w = world()
    secrets = {"user_name": "Z", "reset_url": "https://x"}
    w.put(
        row("late", kind=URGENT, expires_at=after(30), variables=secrets), row("good", expires_at=after(99))
    )
    assert w.reconciler.expire() == 1
    assert (w["late"]["state"], w["late"]["variables"]) == ("expired", {"user_name": "Z"})
    assert w["good"]["state"] == "ready"


def test_a_message_that_kills_its_workers_is_given_up(world):
    w = world()
    dead = {"state": "sending", "lease": "x", "lease_until": after(1), "called_at": None}
    w.put(row("poison", **dead, attempts=12), row("unlucky", **dead, attempts=1))
    w.reconciler.take_back()
    assert (w["poison"]["state"], w["unlucky"]["state"]) == ("failed", "ready")
    assert w["poison"]["reason"] == "gave up: 12 workers died with it"


# --- doubt that ends ----------------------------------------------------------------------------------------

INVOICE = "api_crmCommunicationCustomerInvoice"


def two_hours_later(w):
    w.clock.now = after(7300)
    w.reconciler.reconcile()
    return w["m1"]["state"]


def sent_later(**changes):
    return row("later", **{"state": "sent", "called_at": after(100), "changed_at": after(101)} | changes)


def test_what_mailjet_denies_while_it_shows_later_mail_is_sent_again(world):
    w = world("later")
    w.put(unknown("m1", kind=INVOICE), sent_later())
    assert two_hours_later(w) == "ready"
    assert "never took it" in w["m1"]["reason"]


@pytest.mark.parametrize(
    ("known", "changes"),
    [
        ([], {}),  # Mailjet does not show the later one either: its index is behind
        (["later"], {"called_at": after(10)}),  # it left while the doubtful call could still arrive
        (["later"], {"state": "failed"}),
        (["later"], {"state": "unknown", "not_before": after(9000)}),
    ],
)
def test_without_a_later_mail_that_it_shows_nothing_is_sent_again(world, known, changes):
    w = world(*known)
    w.put(unknown("m1", kind=INVOICE), sent_later(**changes))
    assert two_hours_later(w) == "unknown"
    assert w["m1"]["not_before"] == after(7300 + 600)


def test_a_late_index_never_makes_two_mails_of_one(world):
    """Mailjet took it, and shows nothing of that time for hours."""
    w = world()
    w.put(unknown("m1", kind=INVOICE), sent_later())
    for hours in range(1, 24):
        w.clock.now = after(3600 * hours)
        w.reconciler.reconcile()
        assert w["m1"]["state"] == "unknown"
    w.lookup.known = {"m1", "later"}
    w.clock.now = after(3600 * 23 + 700)
    w.reconciler.reconcile()
    assert w["m1"]["state"] == "sent"


def test_many_that_are_denied_need_one_proof(world):
    w = world("later")
    w.put(*[unknown(f"m{n}", kind=INVOICE) for n in range(50)], sent_later())
    assert two_hours_later(w) == "ready"
    assert w.lookup.questions.count("later") == 1


@pytest.mark.parametrize(
    ("changes", "kept"),
    [
        ({"expires_at": after(60)}, True),
        ({"expires_at": after(30)}, False),
        ({"changed_at": NOW - timedelta(days=8)}, False),
        ({"changed_at": NOW - timedelta(days=6)}, True),
        ({"changed_at": NOW - timedelta(days=8), "state": "ready"}, True),
    ],
)
def test_a_failed_message_keeps_its_secrets_while_it_can_be_sent_again(world, changes, kept):
    w = world()
    secret = {"user_name": "Z", "reset_url": "https://x"}
    w.put(row("m1", kind=URGENT, **{"state": "failed", "variables": secret} | changes), row("m2"))
    assert w.reconciler.forget_secrets() == (0 if kept else 1)
    assert ("reset_url" in w["m1"]["variables"]) is kept
    assert w["m1"]["variables"]["user_name"] == "Z"
