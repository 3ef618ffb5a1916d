"""Events, workers and operators come to the same message at the same moment, on PostgreSQL.

One transaction stands open while another one comes; then it ends, and we see who won. SQLite has one writer at a
time, so the order of the commits, which the unit tests have, is all that there is.
"""

import threading
from contextlib import contextmanager
from datetime import timedelta

import pytest
from sqlalchemy import select

from mailworker.core.settlement import Receipt, Settlement
from mailworker.core.states import State
from mailworker.deliveries import Deliveries
from mailworker.ledger import Ledger
from mailworker.ledger.claiming import Lease, Wish, begin_call, claim
from mailworker.ledger.forget_old_messages import forget
from mailworker.ledger.insert_messages import accept
from mailworker.ledger.replay_cancel import MessageFilter, cancel, candidates, replay
from mailworker.ledger.settle_messages import settle
from mailworker.ledger.tables import events, messages
from mailworker.mailjet.parse_webhook import parse_events
from tests.doubles import settings
from tests.rows import NOW, after, row

pytestmark = [pytest.mark.integration, pytest.mark.timeout(60)]

LEASE = Lease("call-1", after(150))
SENT = Settlement("a", State.SENT, "accepted by Mailjet", receipt=Receipt(7, "u"))


class RunningStack:
    """The ledger, with what one does to it, each in a transaction that the test can hold open."""

    def __init__(self, url):
        self.ledger = Ledger.open(url)
        self.deliveries = Deliveries(self.ledger, settings().kinds)
        self.told = None

    def put(self, *rows):
        with self.ledger.write() as connection:
            accept(connection, rows, NOW)

    def claim(self, connection):
        wish = Wish(50)
        return [
            one["id"]
            for one in claim(
                connection, now=NOW, lease=LEASE, wish=wish, choose=lambda found: [one["id"] for one in found]
            )
        ]

    def begin(self):
        with self.ledger.write() as connection:
            return begin_call(connection, LEASE, NOW)

    def tell(self, *ids, word="sent"):
        at = int(NOW.timestamp())
        raw = [{"event": word, "time": at, "CustomID": id_, "MessageID": 7} for id_ in ids]
        self.told = self.deliveries.record(parse_events(raw), now=NOW)

    def settle(self, connection, *settlements):
        return len(settle(connection, settlements, now=NOW, expected=State.SENDING, lease=LEASE.token))

    def rows(self, *states):
        with self.ledger.read() as connection:
            return candidates(connection, MessageFilter(states=states), limit=50)

    def __getitem__(self, id_):
        with self.ledger.read() as connection:
            return connection.execute(select(messages).where(messages.c.id == id_)).mappings().one_or_none()


@pytest.fixture
def container(fresh_postgres_url):
    found = RunningStack(fresh_postgres_url)
    yield found
    found.ledger.close()


@contextmanager
def meanwhile(container, work):
    """Do this in a thread of its own, which must have come to wait for us before we end our transaction."""
    faults = []

    def run():
        try:
            work()
        except Exception as fault:  # noqa: BLE001 - raised below
            faults.append(fault)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join(0.7)
    yield thread
    thread.join(30)
    assert not thread.is_alive()
    if faults:
        raise faults[0]


def during(container, mine, theirs):
    """`theirs` comes while `mine` is not yet committed."""
    with container.ledger.write() as connection:
        found = mine(connection)
        other = meanwhile(container, theirs)
        other.__enter__()
    other.__exit__(None, None, None)
    return found


def test_an_event_while_its_message_is_being_claimed_takes_it_away_from_the_call(container):
    container.put(row("a"))
    assert during(container, container.claim, lambda: container.tell("a")) == ["a"]
    assert (container["a"]["state"], container.told.proved) == ("sent", 1)
    assert container.begin() == set(), "the call does not take it along"


def test_an_event_while_its_answer_is_being_written_down(container):
    container.put(row("a", state="sending", lease=LEASE.token, lease_until=LEASE.until, called_at=NOW))
    assert (
        during(container, lambda link: container.settle(link, SENT), lambda: container.tell("a", word="open"))
        == 1
    )
    found = container["a"]
    assert (found["state"], found["delivery"], found["mailjet_id"]) == ("sent", "opened", 7)
    assert container.told.proved == 0


def test_an_answer_while_the_event_is_being_recorded_changes_nothing(container):
    container.put(row("a", state="sending", lease=LEASE.token, lease_until=LEASE.until, called_at=NOW))
    container.tell("a", word="bounce")
    lost = Settlement("a", State.READY, "no connection", not_before=NOW)
    with container.ledger.write() as connection:
        assert container.settle(connection, lost) == 0
    assert (container["a"]["state"], container["a"]["delivery"]) == ("sent", "soft_bounced")


def test_an_event_while_a_person_sends_the_message_again(container):
    container.put(row("a", state="unknown", called_at=NOW, lookups=4))
    rows = container.rows(State.UNKNOWN)
    moved = during(
        container, lambda link: replay(link, rows, now=NOW, why="by hand"), lambda: container.tell("a")
    )
    assert moved == 1
    assert container["a"]["state"] == "sent", "and it does not leave again"


def test_a_person_sends_again_what_an_event_has_just_proved(container):
    container.put(row("a", state="unknown", called_at=NOW), row("b", state="failed"))
    rows = container.rows(State.UNKNOWN, State.FAILED)
    container.tell("a", "b")
    with container.ledger.write() as connection:
        assert replay(connection, rows, now=NOW, why="by hand") == 0
    assert [container[id_]["state"] for id_ in "ab"] == ["sent", "sent"]


@pytest.mark.parametrize("state", ["sending", "unknown", "sent", "rendering"])
def test_a_person_cancels_what_has_moved_on_meanwhile(container, state):
    container.put(row("a", state=state))
    seen = {**container["a"], "state": "ready"}
    with container.ledger.write() as connection:
        assert cancel(connection, [seen], now=NOW, why="by hand", wipe=lambda one: one["variables"]) == 0
    assert container["a"]["state"] == state


def test_a_person_cancels_what_is_just_being_claimed(container):
    container.put(row("a"))
    rows, moved = container.rows(State.READY), []

    def by_hand():
        with container.ledger.write() as connection:
            moved.append(cancel(connection, rows, now=NOW, why="by hand", wipe=lambda one: one["variables"]))

    assert during(container, container.claim, by_hand) == ["a"]
    assert (moved, container["a"]["state"]) == ([0], "sending"), "who claimed it first sends it"


def test_an_old_failure_that_a_person_sends_again_is_not_forgotten(container):
    container.put(row("a", state="failed") | {"changed_at": NOW - timedelta(days=400)})
    rows, gone = container.rows(State.FAILED), []

    def clean_up():
        with container.ledger.write() as connection:
            gone.append(forget(connection, before=NOW - timedelta(days=365)))

    during(container, lambda link: replay(link, rows, now=NOW, why="by hand"), clean_up)
    assert gone == [0]
    assert container["a"]["state"] == "ready"


def test_two_webhook_calls_with_the_same_events_at_once(container):
    container.put(row("a", state="unknown"), row("b", state="unknown"))
    other = threading.Thread(target=container.tell, args=("b", "a"))
    other.start()
    container.tell("a", "b")
    other.join(30)
    with container.ledger.read() as connection:
        assert len(connection.execute(select(events.c.id)).all()) == 2
    assert {container[id_]["state"] for id_ in "ab"} == {"sent"}


def test_events_never_wait_in_a_circle_with_a_worker(container):
    """The worker locks b and wants a, the recorder locks in the order of the ids: one would have to die."""
    flying = {"state": "sending", "lease": LEASE.token, "lease_until": LEASE.until, "called_at": NOW}
    container.put(row("b", **flying))
    container.put(row("a", **flying))
    moved = []

    def write_down():
        with container.ledger.write() as connection:
            both = [SENT, Settlement("b", State.SENT, "accepted by Mailjet", receipt=Receipt(8, "u"))]
            moved.append(container.settle(connection, *both))

    with container.ledger.write() as connection:
        connection.execute(select(messages.c.id).where(messages.c.id == "b").with_for_update())
        worker = meanwhile(container, write_down)
        worker.__enter__()  # waits for b
        recorder = meanwhile(container, lambda: container.tell("a", "b"))
        recorder.__enter__()  # has a if it locks while it waits, and waits for b
    worker.__exit__(None, None, None)
    recorder.__exit__(None, None, None)
    assert moved == [2], "the answer is written down"
    assert container.told.new == 2
