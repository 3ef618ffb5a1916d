"""What operators are shown of the ledger: counted and dated to the second."""

import pytest
from sqlalchemy import insert, select

from mailworker.cli.doctor_checks.mailjet_events import unheard_faults
from mailworker.core.lane import Lane
from mailworker.core.states import FINAL, State
from mailworker.ledger.contact_counts import ContactBacklog, contact_backlog
from mailworker.ledger.failure_reasons import failures_by_reason
from mailworker.ledger.holds import current_holds, hold, hold_by_hand, release
from mailworker.ledger.mailjet_contact_rows import add_entries, new_entry
from mailworker.ledger.message_counts import (
    MessageCounts,
    changed_since,
    failed_since,
    oldest_in_state,
    oldest_ready,
    rejected,
    rejected_since,
    tally,
    unknown_outcomes,
    waiting_by_lane,
)
from mailworker.ledger.message_search import MessageFilter, list_messages
from mailworker.ledger.operator_audit_log import Act, OperatorAction, latest_actions, record_action
from mailworker.ledger.recipient_limits import ahead_of, stop_flood
from mailworker.ledger.stale_secrets import claim_unreplayable, wipe
from mailworker.ledger.tables import events, holds, messages, rejected_jobs
from mailworker.rules.claimable_while_held import Hold
from mailworker.rules.delivery_status import OUR_FAULT
from tests.rows import NOW, STRICT, URGENT, after, put, row


def refused(connection, *moments):
    job = {"source": "stream", "faults": []}
    connection.execute(
        insert(rejected_jobs), [job | {"entry_id": str(n), "at": at} for n, at in enumerate(moments)]
    )


DAY = 86_400


@pytest.mark.parametrize(
    ("mails", "named"),
    [
        # kind, state, days ago, delivery
        ([("a", "sent", 1, None)] * 3 + [("b", "sent", 1, "delivered")], ["a"]),
        ([("a", "sent", 1, None)] * 2 + [("b", "sent", 1, "delivered")], []),
        ([("a", "sent", 1, None)] * 3, []),
        ([("a", "sent", 1, None)] * 3 + [("a", "sent", 1, "bounced")], []),
        ([("a", "sent", 0.2, None)] * 3 + [("b", "sent", 1, "opened")], []),
        ([("a", "sent", 4, None)] * 3 + [("b", "sent", 1, "opened")], []),
        ([("a", "sent", 3, None)] * 3 + [("b", "sent", 1, "opened")], ["a"]),
        ([("a", "sent", 0.25, None)] * 3 + [("b", "sent", 1, "opened")], []),
        ([("a", "failed", 1, None)] * 3 + [("b", "sent", 1, "opened")], []),
    ],
)
def test_a_kind_without_any_event_is_named_where_events_come(connection, mails, named):
    given = [
        row(kind=kind, state=state, delivery=delivery, changed_at=after(-days * DAY))
        for kind, state, days, delivery in mails
    ]
    put(connection, *given)
    found = list(unheard_faults(connection, NOW))
    assert [sentence.split(" mails of ")[1].split()[0] for sentence in found] == named


# --- messages by state ------------------------------------------------------------------------------------


def test_the_sum_of_all_states_is_all_that_was_accepted(connection):
    for number, state in enumerate(State, 1):
        put(connection, *[row(state=str(state)) for _ in range(number)])
    found = tally(connection)
    assert found.by_state == {state: number for number, state in enumerate(State, 1)}
    assert found.accepted == sum(range(1, len(State) + 1))
    assert found.final == sum(number for number, state in enumerate(State, 1) if state in FINAL)
    assert found.waiting == found.accepted - found.final


def test_where_nothing_was_sent_nothing_is_said_of_it(connection):
    assert tally(connection) == MessageCounts({})
    put(connection, row())
    assert tally(connection).by_state == {State.READY: 1}


def test_what_changed_since_then_is_counted_where_it_stands(connection):
    put(connection, row(changed_at=after(-1)), row(changed_at=NOW), row(state="sent", changed_at=after(1)))
    assert changed_since(connection, NOW) == {State.READY: 1, State.SENT: 1}


def test_since_when_each_lane_could_go(connection):
    put(
        connection,
        row(lane=0, not_before=after(-5)),
        row(lane=0, not_before=after(-7)),
        row(lane=1, not_before=NOW),
        row(lane=2, not_before=after(1)),
        row(lane=2, not_before=after(-9), state="held"),
    )
    assert oldest_ready(connection, NOW) == {Lane.URGENT: after(-7), Lane.NORMAL: NOW}
    assert waiting_by_lane(connection, NOW) == {Lane.URGENT: (2, 0), Lane.NORMAL: (1, 0), Lane.BULK: (0, 1)}


@pytest.mark.parametrize(
    ("changes", "found"),
    [
        ({"state": "accepted", "not_before": NOW}, {"accepted": NOW}),
        ({"state": "accepted", "not_before": after(1)}, {}),
        ({"state": "rendering", "changed_at": after(-1)}, {"rendering": after(-1)}),
        ({"state": "sending", "changed_at": after(-2)}, {"sending": after(-2)}),
        ({"state": "unknown", "called_at": after(-3)}, {"unknown": after(-3)}),
        ({"state": "unknown", "called_at": None}, {}),
        ({"state": "ready", "not_before": after(-9)}, {}),
        ({"state": "held", "changed_at": after(-9)}, {}),
    ],
)
def test_since_when_a_message_stands_where_it_should_not_stay(connection, changes, found):
    put(connection, row(**({"not_before": after(-20), "changed_at": after(-20)} | changes)))
    assert oldest_in_state(connection, NOW) == found


def test_the_oldest_counts(connection):
    put(connection, *[row(state="accepted", not_before=after(-n)) for n in (1, 3, 2)])
    assert oldest_in_state(connection, NOW) == {"accepted": after(-3)}


def test_how_many_are_of_unknown_outcome_and_since_when(connection):
    assert unknown_outcomes(connection, except_because="no") == (0, None)
    put(connection, *[row(state="unknown", called_at=after(-n)) for n in (1, 3, 2)], row(called_at=after(-9)))
    put(connection, row(state="unknown", called_at=after(-5), reason="no answer"))
    put(connection, row(state="unknown", called_at=after(-4), reason="away, no answer"))
    assert unknown_outcomes(connection, except_because="no ") == (4, after(-4))


# --- failures ---------------------------------------------------------------------------------------------


def test_the_most_frequent_reasons_come_first_and_alike_by_their_words(connection):
    for reason, count in {"b": 2, "a": 2, "c": 3, "d": 1, "e": 1, "f": 1}.items():
        put(connection, *[row(state="failed", reason=reason, changed_at=NOW) for _ in range(count)])
    put(connection, row(state="failed", reason="old", changed_at=after(-1)), row(state="held", reason="held"))
    every = [("c", 3), ("a", 2), ("b", 2), ("d", 1), ("e", 1), ("f", 1)]
    assert list(failed_since(connection, NOW)) == every[:5]


def test_one_refusal_of_mailjets_is_one_reason_whatever_number_it_gives_each(connection):
    for n in range(3):
        reason = f"Mailjet refuses the message: mj-0013, no address (To[0].Email) [Mailjet's id {n}a-{n}]."
        put(connection, row(state="failed", reason=reason, changed_at=NOW))
    alone = "Mailjet refuses the message: mj-0013, no address (To[0].Email)"
    assert [tuple(one) for one in failures_by_reason(connection, since=NOW, limit=9)] == [
        (STRICT, alone, 3, NOW)
    ]
    assert list(failed_since(connection, NOW)) == [(alone, 3)]
    assert len(list_messages(connection, MessageFilter(kind=STRICT, reason=alone), limit=9)) == 3


def test_failures_are_grouped_by_kind_and_reason_with_the_last_moment(connection):
    failed = {"state": "failed", "reason": "r"}
    put(connection, *[row(changed_at=after(n), **failed) for n in (1, 3, 2)])
    put(connection, row(kind=URGENT, changed_at=after(1), **failed), row(state="failed", changed_at=NOW))
    put(connection, row(changed_at=after(-1), state="failed", reason="old"), row(state="held", reason="r"))
    found = failures_by_reason(connection, since=NOW, limit=9)
    assert [tuple(one) for one in found[:1]] == [(STRICT, "r", 3, after(3))]
    assert {tuple(one) for one in found[1:]} == {(STRICT, "", 1, NOW), (URGENT, "r", 1, after(1))}
    assert len(failures_by_reason(connection, since=NOW, limit=2)) == 2


@pytest.mark.parametrize(
    ("changes", "event", "counts"),
    [
        ({}, None, True),
        ({}, "blocked", True),
        ({}, "open", False),
        ({}, "sent", False),
        ({}, "click", False),
        ({"delivery": "bounced"}, None, False),
        ({"reason": "somebody else's"}, None, False),
        ({"state": "held"}, None, False),
        ({"changed_at": after(-1)}, None, False),
    ],
)
def test_what_mailjet_blocked_for_a_fault_of_ours_failed_too(connection, changes, event, counts):
    blocked = {"state": "sent", "delivery": "blocked", "reason": f"x. {OUR_FAULT}", "changed_at": NOW}
    put(connection, row("m", **(blocked | changes)), row("n"))
    happened = {"id": "e", "at": NOW, "received_at": NOW}
    if event:
        connection.execute(insert(events), [happened | {"message_id": "m", "event": event}])
    connection.execute(insert(events), [happened | {"id": "f", "message_id": "n", "event": "open"}])
    found = failures_by_reason(connection, since=NOW, limit=9)
    assert [tuple(one) for one in found] == ([(STRICT, f"x. {OUR_FAULT}", 1, NOW)] if counts else [])


def test_jobs_that_became_no_message(connection):
    refused(connection, after(-1), NOW, after(1))
    assert rejected_since(connection, NOW) == 2
    assert rejected(connection) == 3


# --- contacts that wait -----------------------------------------------------------------------------------


def contact(connection, email, **own):
    empty = {"name": "", "properties": {}, "lists": [], "excluded": None, "barred": None}
    more = {"fingerprint": "f", "task": "tell", "audience": "a", "due_at": NOW, "changed_at": NOW}
    add_entries(connection, [new_entry(email=email, **(empty | more | own))])


def test_how_the_contacts_stand(connection):
    assert contact_backlog(connection, NOW) == ContactBacklog(0, 0, None, None)
    contact(connection, "a", due_at=after(-3))
    contact(connection, "b", due_at=after(-5))
    contact(connection, "c", due_at=after(1), error="not yet")
    contact(connection, "d", state="refused", error="no")
    contact(connection, "e", state="refused", task="bar")
    contact(connection, "f", state="in_step", due_at=after(-9), error="long ago")
    assert contact_backlog(connection, NOW) == ContactBacklog(3, 1, after(-5), None)
    contact(connection, "g", error="HTTP 500")
    assert contact_backlog(connection, NOW) == ContactBacklog(4, 1, after(-5), "HTTP 500")


# --- holds ------------------------------------------------------------------------------------------------


def held(connection):
    return {one.scope: one for one in current_holds(connection)}


def test_a_failed_probe_puts_the_next_one_off_for_twice_as_long(connection):
    pauses, now = [], NOW
    for number in range(7):
        hold(connection, "k", reason=f"r{number}", code=f"c{number}", now=now)
        one = held(connection)["k"]
        assert (one.reason, one.since, one.probes) == (f"r{number}", NOW, number)
        assert connection.execute(select(holds.c.code)).scalar_one() == f"c{number}"
        pauses.append((one.probe_at - now).total_seconds())
        now = one.probe_at
    assert pauses == [60, 120, 240, 480, 900, 900, 900]


def test_a_call_that_was_under_way_is_no_probe(connection):
    hold(connection, "k", reason="first", code="c", now=NOW)
    hold(connection, "k", reason="second", code="c", now=after(59))
    assert held(connection)["k"] == Hold("k", "first", NOW, after(60), 0)
    hold(connection, "another", reason="o", code="c", now=after(59))
    assert [one.scope for one in current_holds(connection)] == ["k", "another"], "the oldest first"


def test_a_hold_by_hand_takes_the_place_of_another_and_is_never_probed(connection):
    hold(connection, "k", reason="first", code="c", now=NOW)
    hold_by_hand(connection, "k", reason="by hand", now=after(5))
    assert held(connection)["k"] == Hold("k", "by hand", NOW, None, 0)
    assert connection.execute(select(holds.c.code)).scalar_one() is None
    hold(connection, "k", reason="later", code="c", now=after(999))
    assert held(connection)["k"].reason == "by hand"


def test_what_is_released_is_counted_and_the_rest_stays(connection):
    for scope in "abc":
        hold_by_hand(connection, scope, reason="r", now=NOW)
    assert release(connection, ["a", "b", "z"]) == 2
    assert list(held(connection)) == ["c"]


# --- what operators did -----------------------------------------------------------------------------------


def test_what_was_done_is_shown_youngest_first(connection):
    done = [OperatorAction(after(n), "who", "1.2.3.4", Act.REPLAY, f"m{n}", "why", n) for n in (3, 1, 2)]
    for one in done:
        record_action(connection, one)
    assert list(latest_actions(connection, limit=2)) == done[:0:-1]
    assert list(latest_actions(connection, limit=9)) == done[::-1]


# --- one address and its limit ----------------------------------------------------------------------------

ONE = {"kind": URGENT, "to_email": "Zoe@x.example", "to_canonical": "zoe@x.example"}
SINCE = {URGENT: NOW}


@pytest.mark.parametrize(
    ("changes", "counts"),
    [
        ({"state": "sent", "called_at": after(1)}, True),
        ({"state": "unknown", "called_at": after(1)}, True),
        ({"state": "sent", "called_at": NOW}, False),
        ({"state": "sent", "called_at": None}, False),
        ({"state": "failed", "called_at": after(1)}, False),
        ({"state": "ready", "called_at": after(1)}, False),
        ({"state": "sending", "accepted_at": after(-1)}, True),
        ({"state": "sending", "accepted_at": after(1)}, False),
        ({"state": "sending", "accepted_at": after(1), "called_at": after(-9)}, True),
        ({"state": "sent", "called_at": after(1), "kind": STRICT}, False),
        ({"state": "sending", "accepted_at": after(-1), "kind": STRICT}, False),
        (
            {
                "state": "sent",
                "called_at": after(1),
                "to_email": "y@x.example",
                "to_canonical": "y@x.example",
            },
            False,
        ),
        ({"state": "sent", "called_at": after(1), "to_email": "ZOE@x.example", "to_canonical": None}, True),
    ],
)
def test_what_is_ahead_of_a_message(connection, changes, counts):
    own = row("m", state="sending", **ONE)
    put(connection, own, row("other", **(ONE | changes)))
    assert ahead_of(connection, [own], SINCE) == {"m": int(counts)}


def test_of_those_that_came_in_one_moment_the_first_by_id_sees_nobody(connection):
    rows = [row(id_, state="sending", **ONE) for id_ in "bca"]
    put(connection, *rows)
    assert ahead_of(connection, rows, SINCE) == {"a": 0, "b": 1, "c": 2}
    assert ahead_of(connection, rows, {STRICT: NOW}) == {}
    assert ahead_of(connection, [*rows, row("n")], SINCE) == {"a": 0, "b": 1, "c": 2}


def test_of_a_flood_only_what_waits_of_that_kind_to_that_address_is_stopped(connection):
    put(
        connection,
        row("flood", **ONE),
        row("later", **ONE | {"not_before": after(1)}),
        row("held", **ONE | {"state": "held"}),
        row("kind", **ONE | {"kind": STRICT}),
        row("other", kind=URGENT),
    )
    wiped = {"a": "kept"}
    floods = {(URGENT, "zoe@x.example")}
    stop_flood(connection, floods, why=lambda kind: f"too many {kind}", wipe=lambda _: wiped, now=NOW)
    found = connection.execute(select(messages)).mappings().all()
    stopped = [one for one in found if one["state"] == "suppressed"]
    assert [(one["id"], one["reason"], one["variables"]) for one in stopped] == [
        ("flood", f"too many {URGENT}", wiped)
    ]


# --- secrets of what cannot be sent again -----------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "found"),
    [
        ({"expires_at": NOW}, True),
        ({"expires_at": after(1)}, False),
        ({"changed_at": after(-61)}, True),
        ({"changed_at": after(-60)}, False),
        ({"expires_at": NOW, "state": "held"}, False),
        ({"expires_at": NOW, "kind": STRICT}, False),
    ],
)
def test_whose_secrets_nobody_needs_any_more(connection, changes, found):
    put(connection, row("m", **({"state": "failed", "kind": URGENT} | changes)))
    given = {"now": NOW, "failed_before": after(-60)}
    assert [one["id"] for one in claim_unreplayable(connection, [URGENT], after="", **given)] == ["m"] * found
    assert claim_unreplayable(connection, [URGENT], after="m", **given) == []


def test_secrets_are_wiped_where_they_were_and_nowhere_else(connection):
    put(connection, row("m"), row("n"))
    wipe(connection, {"m": {"a": 1}})
    wipe(connection, {})
    assert dict(map(tuple, connection.execute(select(messages.c.id, messages.c.variables)).all())) == {
        "m": {"a": 1},
        "n": {"customer_name": "Zoé"},
    }
