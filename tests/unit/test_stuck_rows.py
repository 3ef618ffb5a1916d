"""Messages that stand still: to the second, which are taken back, ended or forgotten, and which are left."""

from datetime import timedelta

import pytest
from sqlalchemy import event, insert, select

from mailworker.core.states import FINAL, State
from mailworker.ledger import stuck_messages
from mailworker.ledger.forget_old_messages import forget
from mailworker.ledger.run_query import any_row, first_row, first_value
from mailworker.ledger.stuck_messages import anything_due, claim_late, first_sent_after, strand
from mailworker.ledger.tables import attempts, events, invoice_numbers, messages, rejected_jobs, timeline
from tests.rows import NOW, after, put, row

ASK = timedelta(seconds=30)


def stranded(connection, **changes):
    """One message whose lease ended a second ago, after it was looked at."""
    held = {"state": "sending", "lease": "gone", "lease_until": after(-1), "attempts": 1}
    put(connection, row("m", **(held | changes)))
    counts = strand(connection, now=NOW, look_up_after=ASK, max_attempts=3)
    found = connection.execute(select(messages).where(messages.c.id == "m")).mappings().one()
    return {state: count for state, count in counts.items() if count}, found


@pytest.mark.parametrize(
    ("changes", "state", "why"),
    [
        ({}, "ready", "the worker that held it is gone; nothing had left"),
        ({"attempts": 2}, "ready", "the worker that held it is gone; nothing had left"),
        ({"attempts": 3}, "failed", "gave up: 3 workers died with it"),
        ({"attempts": 4}, "failed", "gave up: 4 workers died with it"),
        ({"called_at": after(-60)}, "unknown", "the worker that sent it is gone"),
        ({"called_at": after(-60), "attempts": 9}, "unknown", "the worker that sent it is gone"),
        ({"state": "rendering", "attempts": 9}, "accepted", "the worker that rendered it is gone"),
    ],
)
def test_what_a_dead_worker_held_goes_where_it_can_go_on(connection, changes, state, why):
    counts, found = stranded(connection, **changes)
    assert counts == {State(state): 1}
    assert (found["state"], found["reason"], found["lease"], found["lease_until"]) == (state, why, None, None)
    assert found["changed_at"] == NOW
    assert found["not_before"] == (after(-30) if state == "unknown" else NOW)


@pytest.mark.parametrize("state", ["sending", "rendering"])
def test_a_lease_holds_to_its_last_moment(connection, state):
    assert stranded(connection, state=state, lease_until=NOW)[0] == {}


def test_what_went_where_is_counted_by_state(connection):
    rows = [row(f"r{n}", state="sending", lease_until=after(-1)) for n in range(3)]
    rows += [
        row(f"u{n}", state="sending", lease_until=after(-1), called_at=after(-2), attempts=3)
        for n in range(2)
    ]
    put(connection, *rows, row("pdf", state="rendering", lease_until=after(-1)))
    counts = strand(connection, now=NOW, look_up_after=ASK, max_attempts=3)
    assert counts == {State.ACCEPTED: 1, State.READY: 3, State.UNKNOWN: 2}


def test_only_what_is_ready_and_whose_time_is_over_is_late(connection):
    put(
        connection,
        row("now", expires_at=NOW, variables={"a": 1}),
        row("soon", expires_at=after(1)),
        row("sent", state="sent", expires_at=after(-9)),
    )
    assert claim_late(connection, NOW) == [{"id": "now", "kind": row("x")["kind"], "variables": {"a": 1}}]


HANGING = (timeline, attempts, events, invoice_numbers)


def hang(connection, id_):
    """One row on each table that has a message's id."""
    moments = {"started_at": NOW, "finished_at": NOW}
    connection.execute(insert(timeline), [{"message_id": id_, "at": NOW, "what": "sent"}])
    connection.execute(insert(attempts), [{"message_id": id_, "call_id": "c", "outcome": "sent"} | moments])
    event = {"id": id_, "message_id": id_, "event": "open", "at": NOW, "received_at": NOW}
    connection.execute(insert(events), [event])
    connection.execute(insert(invoice_numbers), [{"number": "f-1", "message_id": id_}])


@pytest.mark.parametrize("state", list(State))
def test_what_is_final_is_forgotten_with_all_that_hangs_on_it(connection, state):
    put(
        connection,
        row("old", state=str(state), changed_at=after(-1)),
        row("edge", state=str(state), changed_at=NOW),
    )
    hang(connection, "old")
    hang(connection, "edge")
    gone = state in FINAL
    assert forget(connection, before=NOW) == int(gone)
    left = {"edge"} if gone else {"edge", "old"}
    assert set(connection.execute(select(messages.c.id)).scalars()) == left
    for table in HANGING:
        assert set(connection.execute(select(table.c.message_id)).scalars()) == left, table.name


def test_no_more_is_forgotten_at_once_than_was_asked_for(connection):
    put(connection, *[row(f"m{n}", state="sent", changed_at=after(-1)) for n in range(5)])
    assert [forget(connection, before=NOW, limit=2) for _ in range(4)] == [2, 2, 1, 0]


def test_jobs_that_were_refused_before_are_forgotten_too(connection):
    refused = {"source": "stream", "faults": ["kind"]}
    connection.execute(
        insert(rejected_jobs),
        [{"entry_id": "old", "at": after(-1)} | refused, {"entry_id": "edge", "at": NOW} | refused],
    )
    assert forget(connection, before=NOW) == 0
    assert list(connection.execute(select(rejected_jobs.c.entry_id)).scalars()) == ["edge"]


@pytest.mark.parametrize(
    ("changes", "counts"),
    [
        ({}, True),
        ({"state": "failed"}, False),
        ({"changed_at": NOW}, False),
        ({"called_at": NOW}, False),
        ({"called_at": None}, False),
    ],
)
def test_what_mailjet_took_since_shows_that_it_lists_what_it_takes(connection, changes, counts):
    put(connection, row("m", **({"state": "sent", "changed_at": after(2), "called_at": after(1)} | changes)))
    assert first_sent_after(connection, NOW) == ("m" if counts else None)


def test_the_first_that_was_sent_since_is_given(connection):
    put(
        connection,
        *[row(f"m{n}", state="sent", changed_at=after(n), called_at=after(1)) for n in (5, 3, 4)],
    )
    assert first_sent_after(connection, NOW) == "m3"


@pytest.mark.parametrize("state", [State.UNKNOWN, State.ACCEPTED])
def test_something_is_due_from_its_moment_on_and_in_its_state_only(connection, state):
    put(connection, row("m", state=state), row("other", not_before=after(-99)))
    assert not anything_due(connection, state, after(-1))
    assert anything_due(connection, state, NOW)


def test_a_sweep_takes_a_bounded_number_and_the_next_one_the_rest(connection, monkeypatch):
    monkeypatch.setattr(stuck_messages, "_AT_ONCE", 2)
    put(connection, *[row(f"m{n}", state="sending", lease_until=after(-1)) for n in range(3)])
    put(connection, *[row(f"p{n}", state="rendering", lease_until=after(-1)) for n in range(3)])
    sweeps = [strand(connection, now=NOW, look_up_after=ASK, max_attempts=3) for _ in range(3)]
    assert sweeps == [
        {State.ACCEPTED: 2, State.READY: 2},
        {State.ACCEPTED: 1, State.READY: 1},
        {State.ACCEPTED: 0},
    ]


@pytest.mark.parametrize("ask", [first_row, first_value, any_row])
def test_who_wants_one_row_has_the_database_look_for_no_second_one(connection, ask):
    put(connection, row("a"), row("b"))
    asked = []
    event.listen(connection, "before_execute", lambda _c, statement, *_: asked.append(statement))
    assert ask(connection, select(messages.c.id).order_by(messages.c.id))
    assert not ask(connection, select(messages.c.id).where(messages.c.id == "c"))
    assert [statement._limit for statement in asked] == [1, 1]
