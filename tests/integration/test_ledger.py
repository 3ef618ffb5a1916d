"""The ledger, on SQLite and on PostgreSQL alike."""

import sqlite3
import threading
import traceback
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import Engine, create_engine, event, func, insert, make_url, select, text
from sqlalchemy.exc import IntegrityError, StatementError

from mailworker.core.lane import Lane
from mailworker.core.settlement import Receipt, Settlement
from mailworker.core.states import State
from mailworker.errors import ConfigError
from mailworker.ledger import Ledger
from mailworker.ledger.claiming import (
    Lease,
    Wish,
    anything_ready,
    begin_call,
    claim,
    claim_for_rendering,
    claim_unknown,
)
from mailworker.ledger.database import LedgerUnavailable
from mailworker.ledger.failure_reasons import failures_by_reason
from mailworker.ledger.forget_old_messages import forget
from mailworker.ledger.holds import current_holds, hold, hold_by_hand, release
from mailworker.ledger.insert_messages import AcceptVerdict, accept
from mailworker.ledger.message_counts import (
    failed_since,
    oldest_ready,
    rejected,
    tally,
    waiting_by_lane,
)
from mailworker.ledger.message_search import MessageFilter, list_messages
from mailworker.ledger.recipient_standings import suppressed
from mailworker.ledger.record_prepared import prepared
from mailworker.ledger.rejected_jobs import reject
from mailworker.ledger.settle_messages import CallRecord, put_off, settle
from mailworker.ledger.stuck_messages import anything_due, claim_late, strand
from mailworker.ledger.suppressions import lift, suppress
from mailworker.ledger.tables import attempts, events, messages, rejected_jobs, timeline
from tests.rows import NOW, after, row

pytestmark = pytest.mark.integration

LEASE = Lease("lease-a", after(150))
ANY = Wish(50)


def put(ledger, *rows):
    with ledger.write() as connection:
        return accept(connection, rows, NOW)


def take(ledger, *, lease=LEASE, now=NOW, wish=ANY, choose=lambda c: [r["id"] for r in c]):
    with ledger.write() as connection:
        return [r["id"] for r in claim(connection, now=now, lease=lease, wish=wish, choose=choose)]


def begin(ledger, lease=LEASE, now=NOW):
    with ledger.write() as connection:
        return begin_call(connection, lease, now)


def finish(ledger, *settlements, expected=State.SENDING, lease=None, now=NOW, call=None):
    with ledger.write() as connection:
        return len(settle(connection, settlements, now=now, expected=expected, lease=lease, call=call))


def look(ledger, id_):
    with ledger.read() as connection:
        return connection.execute(select(messages).where(messages.c.id == id_)).mappings().one()


def story(ledger, id_):
    with ledger.read() as connection:
        query = select(timeline.c.what).where(timeline.c.message_id == id_).order_by(timeline.c.id)
        return list(connection.execute(query).scalars())


def all_ids(rows):
    return [one["id"] for one in rows]


# --- accepting --------------------------------------------------------------------------------------------


def test_many_are_accepted_at_once(ledger):
    rows = [row() for _ in range(601)]
    acceptances = put(ledger, *rows)
    assert [a.message_id for a in acceptances] == all_ids(rows)
    assert {a.verdict for a in acceptances} == {AcceptVerdict.NEW}
    with ledger.read() as connection:
        assert tally(connection).by_state == {State.READY: 601}
        assert connection.execute(select(func.count()).select_from(timeline)).scalar() == 601
    assert {a.verdict for a in put(ledger, *reversed(rows))} == {AcceptVerdict.REPEATED}


def test_the_same_key_again(ledger):
    first = row("m1", idempotency_key="k")
    assert put(ledger, first)[0].verdict is AcceptVerdict.NEW
    again, other = first | {"id": "m2"}, first | {"id": "m3", "fingerprint": "g"}
    answers = put(ledger, again, other, row("m4"), row("m4", idempotency_key="key-m4"))
    assert [(a.message_id, a.verdict) for a in answers] == [
        ("m1", AcceptVerdict.REPEATED), ("m1", AcceptVerdict.CONFLICT), ("m4", AcceptVerdict.NEW), ("m4", AcceptVerdict.REPEATED),
    ]  # fmt: skip
    assert story(ledger, "m1") == ["accepted"]


def test_an_id_under_another_key_is_a_conflict_and_stops_nobody(ledger):
    put(ledger, row("m1", idempotency_key="k"))
    answers = put(ledger, row("m1", idempotency_key="l"), row("m2"))
    assert [(a.message_id, a.verdict) for a in answers] == [
        ("m1", AcceptVerdict.CONFLICT),
        ("m2", AcceptVerdict.NEW),
    ]
    answers = put(ledger, row("m3", idempotency_key="p"), row("m3", idempotency_key="q"))
    assert sorted(a.verdict for a in answers) == [AcceptVerdict.CONFLICT, AcceptVerdict.NEW]


def written_at_once(ledger, ledger_url, rows_of):
    """What two writers of one ledger are answered, each by its name, who start together and go in opposite order.

    `rows_of(name, numbers)` gives the rows that a writer writes.
    """
    barrier, numbers = threading.Barrier(2), range(60)

    def write(own, name, order):
        rows = rows_of(name, order)
        barrier.wait()
        return put(own, *rows)

    with closing(Ledger.open(ledger_url)) as other, ThreadPoolExecutor(2) as threads:
        first = threads.submit(write, ledger, "a", numbers)
        second = threads.submit(write, other, "b", reversed(numbers))
        return first.result(), second.result()


def test_twins_at_the_same_moment_are_one_message(ledger, ledger_url):
    def rows_of(name, numbers):
        return [row(f"{name}{n}", idempotency_key=f"k{n:03}") for n in numbers]

    first, second = written_at_once(ledger, ledger_url, rows_of)
    assert {a.message_id for a in first} == {b.message_id for b in second}
    verdicts = [a.verdict for a in (*first, *second)]
    assert (verdicts.count(AcceptVerdict.NEW), verdicts.count(AcceptVerdict.REPEATED)) == (60, 60)


def test_one_person_alone_and_among_others_at_the_same_moment_is_one_message(ledger, ledger_url):
    def rows_of(name, numbers):
        return [row(f"{name}{n}", idempotency_key=f"{name}{n}", recipient_key=f"person{n}") for n in numbers]

    alone, among = written_at_once(ledger, ledger_url, rows_of)
    verdicts = [a.verdict for a in (*alone, *among)]
    assert (verdicts.count(AcceptVerdict.NEW), verdicts.count(AcceptVerdict.CONFLICT)) == (60, 60)
    assert {a.message_id for a in alone} == {a.message_id for a in among}


def test_a_failed_transaction_leaves_nothing(ledger):
    with pytest.raises(ZeroDivisionError), ledger.write() as connection:  # noqa: PT012
        accept(connection, [row("m1")], NOW)
        raise ZeroDivisionError
    with ledger.read() as connection:
        assert tally(connection).accepted == 0


def test_naive_moments_are_refused_and_aware_ones_come_back_in_utc(ledger):
    paris = timezone(timedelta(hours=1))
    put(ledger, row("m1", not_before=datetime(2026, 11, 30, 10, tzinfo=paris)))
    assert look(ledger, "m1")["not_before"] == NOW
    assert look(ledger, "m1")["not_before"].utcoffset() == timedelta(0)
    with pytest.raises(StatementError, match="aware moments only"):
        put(ledger, row("m2", not_before=datetime(2026, 11, 30, 10)))  # noqa: DTZ001


def test_what_was_rejected_is_kept_once(ledger):
    one = {"at": NOW, "source": "stream", "entry_id": "1-0", "kind": "k", "message_id": None,
           "faults": ["to: is missing."], "payload": {"x": "\udd8a\0"}}  # fmt: skip
    for _ in range(2):
        with ledger.write() as connection:
            reject(connection, [one])
            reject(connection, [])
    with ledger.read() as connection:
        assert rejected(connection) == 1


# --- claiming ---------------------------------------------------------------------------------------------


def test_the_highest_lane_first_then_the_longest_waiting(ledger):
    put(
        ledger,
        row("bulk", lane=2, not_before=after(-99)),
        row("young", lane=1, not_before=after(-1)),
        row("old", lane=1, not_before=after(-9)),
        row("twin", lane=1, not_before=after(-9)),
        row("urgent", lane=0),
        row("later", lane=0, not_before=after(1)),
        row("done", lane=0, state="sent"),
    )
    assert take(ledger, wish=Wish(4)) == ["urgent", "old", "twin", "young"]
    assert take(ledger) == ["bulk"]
    assert take(ledger, now=after(1)) == ["later"]
    assert take(ledger) == []


def test_a_claim_leases_and_counts(ledger):
    put(ledger, row("m1"))
    take(ledger)
    claimed = look(ledger, "m1")
    assert (claimed["state"], claimed["lease"], claimed["attempts"]) == ("sending", "lease-a", 1)
    assert (claimed["lease_until"], claimed["called_at"]) == (after(150), None)


def test_only_what_was_chosen_is_claimed(ledger):
    put(ledger, *[row(f"m{n}") for n in "123"])
    assert take(ledger, choose=lambda c: ["m3", "m1"]) == ["m3", "m1"], "in the order of the choice"
    assert look(ledger, "m2")["state"] == "ready"
    assert take(ledger, choose=lambda c: []) == []


@pytest.mark.parametrize(
    ("wish", "claimed"),
    [
        (Wish(50), ["a1", "b1", "c1"]),
        (Wish(2), ["a1", "b1"]),
        (Wish(50, held=frozenset({"a", "c"})), ["b1"]),
        (Wish(1, only="b"), ["b1"]),
        (Wish(1, held=frozenset("b"), only=None), ["a1"]),
        (Wish(50, only="z"), []),
    ],
)
def test_held_kinds_stay_and_a_probe_takes_its_own(ledger, wish, claimed):
    put(ledger, row("a1", kind="a"), row("b1", kind="b"), row("c1", kind="c"))
    with ledger.read() as connection:
        assert anything_ready(connection, NOW, list(Lane), wish) is bool(claimed)
        assert not anything_ready(connection, NOW, [Lane.URGENT], wish)
    assert take(ledger, wish=wish) == claimed


def test_two_workers_claim_different_messages(ledger, ledger_url):
    """On PostgreSQL at the same moment; SQLite has one writer at a time."""
    put(ledger, *[row(f"m{n:03}") for n in range(100)])
    if ledger_url.startswith("sqlite"):
        assert set(take(ledger)).isdisjoint(take(ledger, lease=Lease("b", after(150))))
        return
    other = Ledger.open(ledger_url)
    everything = {"now": NOW, "wish": Wish(50), "choose": all_ids}
    with ledger.write() as mine, other.write() as theirs:  # both transactions are open
        first = claim(mine, lease=Lease("a", after(150)), **everything)
        second = claim(theirs, lease=Lease("b", after(150)), **everything)
        assert len(first) == len(second) == 50
        assert set(all_ids(first)).isdisjoint(all_ids(second))
    other.close()


@pytest.mark.parametrize("query", ["ready", "late", "unknown", "sending", "accepted"])
def test_the_planners_use_the_small_indexes(ledger, ledger_url, query):
    """However many messages the ledger holds, a queue's index has only that queue."""
    put(ledger, *[row(state="sent", not_before=after(-n)) for n in range(500)], *[row() for _ in range(20)])
    plans = []
    with ledger.write() as connection:
        connection.exec_driver_sql("ANALYZE")
        spy = _Explaining(connection, plans, sqlite=ledger_url.startswith("sqlite"))
        if query == "ready":
            claim(spy, now=NOW, lease=LEASE, wish=Wish(50), choose=lambda _: [])
        elif query == "late":
            claim_late(spy, NOW)
        elif query == "unknown":
            claim_unknown(spy, now=NOW, lease=LEASE, limit=50)
        elif query == "sending":
            strand(spy, now=NOW, look_up_after=timedelta(seconds=30), max_attempts=12)
        else:
            claim_for_rendering(spy, now=NOW, lease=LEASE, limit=1)
    assert plans
    assert any(f"messages_{query}" in plan for plan in plans), plans
    assert not any(
        "SEQ SCAN ON MESSAGES" in plan.upper() or "SCAN MESSAGES\n" in plan.upper() for plan in plans
    ), plans


class _Explaining:
    """A connection that asks for the plan of every query on the messages before it runs it."""

    def __init__(self, connection, plans, *, sqlite):
        self.connection, self.plans = connection, plans
        self.words = "EXPLAIN QUERY PLAN " if sqlite else "EXPLAIN "
        self.dialect = connection.dialect

    def __getattr__(self, name):
        return getattr(self.connection, name)

    def execute(self, statement, *args):
        if statement.is_select:
            compiled = statement.compile(self.connection, compile_kwargs={"literal_binds": True})
            found = self.connection.exec_driver_sql(self.words + str(compiled).replace("%", "%%"))
            self.plans.append("\n".join(str(line[-1]) for line in found) + "\n")
        return self.connection.execute(statement, *args)


# --- the call, and late comers ----------------------------------------------------------------------------


def test_a_call_begins_once_for_what_the_lease_still_holds(ledger):
    put(ledger, row("m1"), row("m2"))
    take(ledger)
    later = Lease("lease-a", after(200))
    assert begin(ledger, later, after(50)) == {"m1", "m2"}
    begun = look(ledger, "m1")
    assert (begun["called_at"], begun["lease_until"]) == (after(50), after(200))


@pytest.mark.parametrize(
    ("lease", "now"),
    [(Lease("lease-b", after(500)), NOW), (LEASE, after(150)), (LEASE, after(151))],
    ids=["another's", "just over", "long over"],
)
def test_no_call_begins_on_a_lost_lease(ledger, lease, now):
    put(ledger, row("m1"))
    take(ledger)
    assert begin(ledger, lease, now) == set()
    assert look(ledger, "m1")["called_at"] is None


def test_a_late_comer_changes_nothing(ledger):
    put(ledger, row("m1"))
    take(ledger)
    with ledger.write() as connection:
        strand(connection, now=after(151), look_up_after=timedelta(seconds=30), max_attempts=12)
    take(ledger, lease=Lease("lease-b", after(400)), now=after(152))
    before = look(ledger, "m1")
    late = Settlement("m1", State.SENT, "late", receipt=Receipt(1, "u"))
    assert finish(ledger, late, lease="lease-a", now=after(160), call=CallRecord("lease-a", NOW, NOW)) == 0
    assert look(ledger, "m1") == before
    assert "sent" not in story(ledger, "m1")
    with ledger.read() as connection:
        assert connection.execute(select(func.count()).select_from(attempts)).scalar() == 0


def test_settling_writes_state_details_timeline_and_attempt(ledger):
    put(ledger, *[row(f"m{n}", variables={"a": "x", "b": "y"}) for n in range(1, 6)])
    take(ledger)
    moved = finish(
        ledger,
        Settlement("m1", State.SENT, "has it", receipt=Receipt(2**62, "uuid"), wiped={"a": "x"}),
        Settlement("m2", State.READY, "again", not_before=after(60), batch_limit=25),
        Settlement("m3", State.FAILED, "no", code="mj-0013"),
        Settlement("m4", State.UNKNOWN, "who knows", not_before=after(30)),
        Settlement("nobody", State.SENT, "x"),
        lease="lease-a",
        call=CallRecord("call", NOW, after(1)),
    )
    assert moved == 4
    m1, m2, m3, m4, m5 = (look(ledger, f"m{n}") for n in range(1, 6))
    assert (m1["state"], m1["mailjet_id"], m1["mailjet_uuid"], m1["variables"]) == (
        "sent",
        2**62,
        "uuid",
        {"a": "x"},
    )
    assert (m2["state"], m2["not_before"], m2["batch_limit"], m2["lease"]) == ("ready", after(60), 25, None)
    assert (m3["state"], m3["reason"], m3["variables"]) == ("failed", "no", {"a": "x", "b": "y"})
    assert (m4["state"], m4["not_before"]) == ("unknown", after(30))
    assert (m5["state"], m5["lease"]) == ("sending", "lease-a")
    assert story(ledger, "m2") == ["accepted", "ready"]
    with ledger.read() as connection:
        rows = connection.execute(select(attempts).order_by(attempts.c.message_id)).mappings().all()
    assert [(r["message_id"], r["outcome"], r["code"]) for r in rows] == [
        ("m1", "sent", None), ("m2", "ready", None), ("m3", "failed", "mj-0013"), ("m4", "unknown", None),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("expected", "state"),
    [(State.SENT, State.READY), (State.READY, State.UNKNOWN), (State.UNKNOWN, State.HELD)],
)
def test_no_move_outside_the_table(ledger, expected, state):
    put(ledger, row("m1", state=str(expected)))
    with pytest.raises(ValueError, match=f"No message may go from {expected} to {state}"):
        finish(ledger, Settlement("m1", state, "x"), expected=expected)


def test_a_message_that_moved_on_is_left_alone(ledger):
    put(ledger, row("m1", state="cancelled"))
    assert finish(ledger, Settlement("m1", State.SENT, "x"), expected=State.SENDING) == 0
    assert story(ledger, "m1") == ["accepted"]


# --- sweeping ---------------------------------------------------------------------------------------------


def test_what_a_dead_worker_held(ledger):
    put(ledger, row("unsent"), row("called"), row("alive"), row("pdf", state="accepted"))
    take(ledger, choose=lambda c: ["unsent"], lease=Lease("a", after(10)))
    take(ledger, choose=lambda c: ["called"], lease=Lease("b", after(10)))
    begin(ledger, Lease("b", after(10)), after(5))
    take(ledger, lease=Lease("c", after(100)))
    with ledger.write() as connection:
        claim_for_rendering(connection, now=NOW, lease=Lease("d", after(10)), limit=1)
    with ledger.write() as connection:
        counts = strand(connection, now=after(11), look_up_after=timedelta(seconds=30), max_attempts=12)
    assert counts == {State.READY: 1, State.UNKNOWN: 1, State.ACCEPTED: 1}
    assert look(ledger, "unsent")["state"] == "ready", "nothing had left"
    assert look(ledger, "called")["state"] == "unknown", "it may have left"
    assert look(ledger, "called")["not_before"] == after(35)
    assert look(ledger, "alive")["state"] == "sending"
    assert look(ledger, "pdf")["state"] == "accepted"
    with ledger.write() as connection:
        assert strand(connection, now=after(11), look_up_after=timedelta(0), max_attempts=12) == {
            State.ACCEPTED: 0
        }


def test_expiry(ledger):
    put(ledger, row("late", expires_at=NOW), row("good", expires_at=after(1)), row("ever"))
    with ledger.write() as connection:
        assert [late["id"] for late in claim_late(connection, NOW)] == ["late"]


def test_forgetting_takes_everything_that_hangs_on_a_message(ledger):
    put(ledger, row("old", state="sent", changed_at=after(-10)), row("new", state="sent"), row("waits", changed_at=after(-10)))  # fmt: skip
    with ledger.write() as connection:
        connection.execute(insert(events), [{"id": "e", "message_id": "old", "event": "open", "at": NOW, "received_at": NOW}])  # fmt: skip
        assert forget(connection, before=after(-1)) == 1
        assert forget(connection, before=after(-1)) == 0
        for table in (timeline, events):
            assert not connection.execute(select(table).where(table.c.message_id == "old")).all()
        assert connection.execute(select(func.count()).select_from(messages)).scalar() == 2


def test_looking_up_what_is_unknown(ledger):
    put(ledger, row("m1", state="unknown"), row("m2", state="unknown", not_before=after(1)))
    with ledger.read() as connection:
        assert anything_due(connection, State.UNKNOWN, NOW)
        assert not anything_due(connection, State.UNKNOWN, after(-1))
    with ledger.write() as connection:
        (claimed,) = claim_unknown(connection, now=NOW, lease=Lease("asker", after(120)), limit=9)
        assert (claimed["id"], claimed["lookups"]) == ("m1", 1)
        again = claim_unknown(connection, now=NOW, lease=Lease("other", after(120)), limit=9)
        assert again == [], "nobody asks twice"
        late = Settlement("m1", State.UNKNOWN, "from long ago", not_before=after(5))
        put_off(connection, [late], lease="who asked before")
        put_off(
            connection, [Settlement("m1", State.UNKNOWN, "not yet", not_before=after(600))], lease="asker"
        )
    assert (look(ledger, "m1")["not_before"], look(ledger, "m1")["reason"]) == (after(600), "not yet")
    finish(ledger, Settlement("m1", State.SENT, "found"), expected=State.UNKNOWN)
    with ledger.write() as connection:
        put_off(connection, [Settlement("m1", State.UNKNOWN, "late", not_before=after(9))], lease="asker")
    assert look(ledger, "m1")["reason"] == "found"


def test_preparing(ledger):
    put(
        ledger,
        row("m1", state="accepted", to_email=None, lane=1),
        row("m2", state="accepted", not_before=after(9)),
    )
    with ledger.write() as connection:
        assert anything_due(connection, State.ACCEPTED, NOW)
        (claimed,) = claim_for_rendering(connection, now=NOW, lease=LEASE, limit=5)
        assert (claimed["id"], claimed["state"], claimed["attempts"]) == ("m1", "rendering", 1)
        assert not anything_due(connection, State.ACCEPTED, NOW)
        assert claim_for_rendering(connection, now=NOW, lease=LEASE, limit=5) == []
        values = {"to_email": "c@client.example", "variables": {"a": 1}}
        assert not prepared(connection, "m1", "lease-b", values=values, note="x", now=NOW)
        assert prepared(connection, "m1", "lease-a", values=values, note="PDF", now=NOW)
        assert not prepared(connection, "m1", "lease-a", values=values, note="PDF", now=NOW)
    done = look(ledger, "m1")
    assert (done["state"], done["to_email"], done["attempts"], done["reason"]) == (
        "ready",
        "c@client.example",
        0,
        "PDF",
    )
    assert story(ledger, "m1") == ["accepted", "ready"]


# --- holds and suppressions -------------------------------------------------------------------------------


def holds_of(ledger):
    with ledger.read() as connection:
        return {one.scope: one for one in current_holds(connection)}


def test_a_holds_probes_come_ever_later(ledger):
    pauses, now = [], NOW
    for _ in range(7):
        with ledger.write() as connection:
            hold(connection, "a", reason="why", code="401", now=now)
        probe_at = holds_of(ledger)["a"].probe_at
        pauses.append((probe_at - now).total_seconds())
        now = probe_at
    assert pauses == [60, 120, 240, 480, 900, 900, 900]
    with ledger.write() as connection:
        hold(connection, "b", reason="why", code="", now=after(1))
    assert list(holds_of(ledger)) == ["a", "b"]
    with ledger.write() as connection:
        assert release(connection, ["a", "nobody"]) == 1
    assert list(holds_of(ledger)) == ["b"]


def test_calls_that_were_under_way_when_a_hold_began_are_no_probes(ledger):
    for seconds in (0, 1, 59):
        with ledger.write() as connection:
            hold(connection, "a", reason="why", code="401", now=after(seconds))
    assert (holds_of(ledger)["a"].probe_at, holds_of(ledger)["a"].probes) == (after(60), 0)


def test_a_hold_by_hand_stays_one_when_a_call_fails_meanwhile(ledger):
    with ledger.write() as connection:
        hold_by_hand(connection, "*", reason="maintenance", now=NOW)
        hold(connection, "*", reason="why", code="401", now=after(1))
    assert (holds_of(ledger)["*"].probe_at, holds_of(ledger)["*"].reason) == (None, "maintenance")


def test_a_hold_by_hand_is_never_probed(ledger):
    with ledger.write() as connection:
        hold(connection, "*", reason="why", code="401", now=NOW)
        hold_by_hand(connection, "*", reason="maintenance", now=NOW)
    assert (holds_of(ledger)["*"].probe_at, holds_of(ledger)["*"].reason) == (None, "maintenance")


@pytest.mark.parametrize(
    ("reasons", "kept"),
    [
        (["unsubscribed"], "unsubscribed"),
        (["unsubscribed", "hard_bounce"], "hard_bounce"),
        (["hard_bounce", "unsubscribed"], "hard_bounce"),
        (["spam", "hard_bounce"], "spam"),
    ],
)
def test_a_harder_reason_replaces_a_softer_one(ledger, reasons, kept):
    for reason in reasons:
        with ledger.write() as connection:
            suppress(connection, "Zoe@Client.example", reason=reason, source="test", now=NOW)
    with ledger.write() as connection:
        assert suppressed(connection, ["zoe@client.example", "b@client.example"]) == {
            "zoe@client.example": kept
        }
        assert lift(connection, "ZOE@client.example", why="it works again", by="ops", now=NOW)
        assert suppressed(connection, ["zoe@client.example"]) == {}


# --- books and absence ------------------------------------------------------------------------------------


def test_the_books_balance(ledger):
    put(ledger, *[row(state=str(state)) for state in State], row())
    with ledger.read() as connection:
        found = tally(connection)
        assert (found.accepted, found.final, found.waiting) == (12, 5, 7)
        assert found.by_state[State.READY] == 2


def test_since_when_each_lane_waits(ledger):
    put(ledger, row(lane=0, not_before=after(9)), row(lane=1, not_before=after(-5)), row(lane=1), row(lane=2, state="sent"))  # fmt: skip
    with ledger.read() as connection:
        assert oldest_ready(connection, NOW) == {Lane.NORMAL: after(-5)}


def test_a_reader_waits_for_no_writer(ledger):
    put(ledger, row("m1"))
    with ledger.write() as connection:
        claim(connection, now=NOW, lease=LEASE, wish=Wish(1), choose=all_ids)
        assert look(ledger, "m1")["state"] == "ready"


def test_a_locked_sqlite_says_so(sqlite_url, monkeypatch):
    monkeypatch.setattr("mailworker.ledger.database.PATIENCE_SECONDS", 0.1)
    ledger = Ledger.open(sqlite_url)
    other_tool = sqlite3.connect(sqlite_url.removeprefix("sqlite:///"), isolation_level=None)
    other_tool.execute("BEGIN IMMEDIATE")
    with pytest.raises(LedgerUnavailable, match="The ledger does not answer: another program has locked it"):
        put(ledger, row())
    other_tool.close()
    put(ledger, row("m1"))
    assert look(ledger, "m1")["state"] == "ready"
    ledger.close()


def test_a_writer_that_holds_the_queue_too_long_says_so(sqlite_url, monkeypatch):
    monkeypatch.setattr("mailworker.ledger.database.PATIENCE_SECONDS", 0.05)
    ledger, other = Ledger.open(sqlite_url), Ledger.open(sqlite_url)
    with (
        other.write(),
        pytest.raises(LedgerUnavailable, match="The ledger is locked: another writer has held it for"),
        ledger.write(),
    ):
        pass
    put(ledger, row("m1"))
    ledger.close()
    other.close()


def refuses_jobs(ledger, words):
    """Writers and whoever asks hear of it alike, as of a ledger that is away: their jobs wait."""
    with pytest.raises(LedgerUnavailable, match=words):
        put(ledger, row())
    with pytest.raises(LedgerUnavailable, match=words):
        ledger.demand_writable()


def test_a_sqlite_file_whose_rights_were_taken_is_an_absent_ledger(sqlite_url):
    """Its queue of writers cannot be entered; jobs must not be taken for guilty of that."""
    ledger = Ledger.open(sqlite_url)
    queue = Path(sqlite_url.removeprefix("sqlite:///") + ".lock")
    queue.unlink(missing_ok=True)
    queue.mkdir()  # which keeps root out as well
    refuses_jobs(ledger, r"The ledger .*\.db cannot be written \(Is a directory\): let this user write")
    queue.rmdir()
    put(ledger, row("m1"))
    ledger.close()


def test_a_damaged_sqlite_file_is_an_absent_ledger(sqlite_url):
    ledger = Ledger.open(sqlite_url)
    ledger.close()
    path = Path(sqlite_url.removeprefix("sqlite:///"))
    path.write_bytes(path.read_bytes()[:4096] + b"\xff" * (path.stat().st_size - 4096))
    with pytest.raises(LedgerUnavailable, match="cannot be used: it is damaged"):
        put(ledger, row())
    ledger.close()


def test_a_user_who_may_not_write_has_an_absent_ledger(fresh_postgres_url):
    Ledger.open(fresh_postgres_url).close()
    owner = create_engine(fresh_postgres_url)
    with owner.begin() as link:
        link.execute(text("CREATE ROLE guest LOGIN; GRANT SELECT ON ALL TABLES IN SCHEMA public TO guest"))
    guest = make_url(fresh_postgres_url).set(username="guest")
    try:
        with closing(Ledger.open(guest.render_as_string())) as ledger:
            refuses_jobs(ledger, "cannot be used: this user lacks a right")
    finally:
        with owner.begin() as link:
            link.execute(text("DROP OWNED BY guest; DROP ROLE guest"))
        owner.dispose()


def test_a_lock_that_does_not_end_is_an_absent_ledger(fresh_postgres_url, monkeypatch):
    monkeypatch.setattr("mailworker.ledger.database.PATIENCE_SECONDS", 0.1)
    monkeypatch.setattr("mailworker.ledger.database._QUICK_SECONDS", 0.1)
    ledger, other = Ledger.open(fresh_postgres_url), create_engine(fresh_postgres_url)
    with other.begin() as link:
        link.execute(text("LOCK TABLE messages IN ACCESS EXCLUSIVE MODE"))
        refuses_jobs(ledger, "does not answer: somebody else.s transaction holds it")
        with pytest.raises(LedgerUnavailable, match="lock timeout"), ledger.read() as connection:
            connection.execute(select(messages.c.id))
    put(ledger, row("m1"))
    ledger.demand_writable()
    ledger.close()
    other.dispose()


def test_a_bounded_wait_costs_no_round_trip_and_a_migration_has_no_bound(fresh_postgres_url):
    said = []

    def note(_connection, _cursor, statement, *_):
        said.append(statement)

    event.listen(Engine, "before_cursor_execute", note)
    try:
        Ledger.migrate_tables(fresh_postgres_url)
        assert "BEGIN" in said
        assert not [one for one in said if "lock_timeout" in one]
        with closing(Ledger.open(fresh_postgres_url)) as ledger, ledger.write() as connection:
            said.clear()
            with ledger.read() as beside:
                beside.execute(select(1))
            assert len(said) == 2
            assert connection.exec_driver_sql("SHOW lock_timeout").scalar() == "30s"
    finally:
        event.remove(Engine, "before_cursor_execute", note)


@pytest.mark.parametrize("url", ["postgresql://nobody@127.0.0.1:1/none", "sqlite:////proc/none/ledger.db"])
def test_a_ledger_that_is_not_there(url):
    with pytest.raises((LedgerUnavailable, OSError)):
        Ledger.open(url)


def test_rejected_jobs_are_forgotten_too(ledger):
    with ledger.write() as connection:
        reject(connection, [{"at": datetime(2020, 1, 1, tzinfo=UTC), "source": "task", "faults": []}])
        forget(connection, before=NOW)
        assert connection.execute(select(rejected_jobs)).all() == []


# --- what goes wrong below ----------------------------------------------------------------------------------


def test_a_server_that_only_answers_questions_is_an_absent_one(fresh_postgres_url):
    Ledger.open(fresh_postgres_url).close()
    engine = create_engine(fresh_postgres_url)
    with engine.begin() as link:
        name = link.execute(text("SELECT current_database()")).scalar_one()
        link.execute(text(f'ALTER DATABASE "{name}" SET default_transaction_read_only = on'))
    engine.dispose()
    ledger = Ledger.open(fresh_postgres_url)
    with (
        pytest.raises(LedgerUnavailable, match="is a standby, or read-only, and takes no mail"),
        ledger.write() as connection,
    ):
        accept(connection, [row("m1")], NOW)
    with psycopg.connect(fresh_postgres_url.replace("+psycopg", ""), autocommit=True) as link:
        link.execute("SET default_transaction_read_only = off")
        link.execute(f'ALTER DATABASE "{name}" RESET default_transaction_read_only')
    put(ledger, row("m1"))  # by a session of the time after that, without a restart
    ledger.close()


def test_an_error_quotes_nobodys_data(ledger):
    wrong = row("m1", customer_id=None, kind=None, to_name="Ana Secret", to_email="ana@secret.example")
    with pytest.raises(IntegrityError) as caught, ledger.write() as connection:
        accept(connection, [wrong], NOW)
    assert "ecret" not in "".join(traceback.format_exception(caught.value))


def test_a_ledger_of_another_make_is_refused_in_a_sentence():
    with pytest.raises(
        ConfigError, match=r"worker\.database_url \(or DATABASE_URL\): the ledger is SQLite or PostgreSQL"
    ):
        Ledger.open("mysql://127.0.0.1/crm")


# --- what a settlement counts, and who may still write ---------------------------------------------------


def test_a_throttled_message_gets_its_attempt_back(ledger):
    put(ledger, row("m1"), row("m2"))
    for round_ in range(1, 31):
        now = after(round_)
        take(ledger, now=now, lease=Lease(f"lease-{round_}", after(round_ + 150)))
        again = Settlement("m1", State.READY, "too fast", not_before=now, attempts=0)
        other = Settlement("m2", State.READY, "unreachable", not_before=now)
        assert finish(ledger, again, other, lease=f"lease-{round_}", now=now) == 2
    assert (look(ledger, "m1")["attempts"], look(ledger, "m2")["attempts"]) == (0, 30)
    assert look(ledger, "m1")["changed_at"] == after(30)


def test_a_late_reconciler_does_not_overwrite_the_next_look_up(ledger):
    put(ledger, row("m1", state="unknown"))
    with ledger.write() as connection:
        claim_unknown(connection, now=NOW, lease=Lease("first", after(120)), limit=9)
        claim_unknown(connection, now=after(121), lease=Lease("second", after(241)), limit=9)
        put_off(connection, [Settlement("m1", State.UNKNOWN, "late", not_before=after(9))], lease="first")
    assert look(ledger, "m1")["not_before"] == after(241)
    assert look(ledger, "m1")["reason"] != "late"


def test_of_invoices_that_came_together_the_urgent_one_is_rendered_first(ledger):
    put(ledger, row("bulk", state="accepted", lane=2), row("urgent", state="accepted", lane=0))
    with ledger.write() as connection:
        (first,) = claim_for_rendering(connection, now=NOW, lease=LEASE, limit=1)
    assert first["id"] == "urgent"


def test_what_stands_on_the_operators_page_is_counted_alike(ledger):
    told = "Mailjet refuses the message: mj-0013 [Mailjet's id {}-1]."
    failed = [row(f"f{n}", state="failed", reason=told.format(n), changed_at=NOW) for n in range(3)]
    with ledger.write() as connection:
        later = row("later", reason=None, not_before=after(60))
        connection.execute(insert(messages), [*failed, row("now", reason=None), later])
    with ledger.read() as connection:
        (group,) = failures_by_reason(connection, since=NOW, limit=9)
        assert (group.reason, group.messages) == ("Mailjet refuses the message: mj-0013", 3)
        assert list(failed_since(connection, NOW)) == [(group.reason, 3)]
        assert waiting_by_lane(connection, NOW) == {Lane.NORMAL: (1, 1)}
        first = list_messages(connection, MessageFilter(), limit=2)
        beyond = (first[1]["changed_at"], first[1]["id"])
        rest = list_messages(connection, MessageFilter(before=beyond[0], beyond=beyond), limit=9)
        assert sorted(one["id"] for one in [*first, *rest]) == ["f0", "f1", "f2", "later", "now"]


def test_a_file_that_is_no_database_is_named(tmp_path):
    path = tmp_path / "notes.txt"
    path.write_text("Customers to call back.\n" * 50, encoding="utf-8")
    with pytest.raises(
        LedgerUnavailable,
        match=r"^The ledger cannot be used: its file is none of SQLite's \(“file is not a database”\)\.$",
    ):
        Ledger.open(f"sqlite:///{path}")
    assert path.read_text(encoding="utf-8").startswith("Customers to call back.")


def test_a_user_who_may_make_no_tables_is_named(fresh_postgres_url):
    plain = fresh_postgres_url.replace("postgresql+psycopg://", "postgresql://")
    with psycopg.connect(plain, autocommit=True) as connection:
        connection.execute("DROP ROLE IF EXISTS reader")
        connection.execute("CREATE ROLE reader LOGIN PASSWORD 'reader'")
        connection.execute("REVOKE CREATE ON SCHEMA public FROM public")
    url = make_url(fresh_postgres_url).set(username="reader", password="reader")
    try:
        with pytest.raises(
            LedgerUnavailable,
            match=r"^The ledger cannot be used: this user lacks a right \(“permission denied",
        ):
            Ledger.open(url.render_as_string(hide_password=False))
    finally:
        with psycopg.connect(plain, autocommit=True) as connection:
            connection.execute("DROP ROLE reader")
