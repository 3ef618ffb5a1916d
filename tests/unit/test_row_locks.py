"""What PostgreSQL is asked to lock: what somebody else has is passed over, waited for, or refused, as each step needs it.

SQLite has one writer at a time and locks no rows, so the questions themselves are looked at, as PostgreSQL gets them.
"""

from datetime import timedelta

import pytest
from sqlalchemy import Select, event, insert
from sqlalchemy.dialects import postgresql

from mailworker.core.lane import Lane
from mailworker.core.states import State
from mailworker.ledger import (
    campaign_rows,
    claiming,
    contact_counts,
    contact_exclusion,
    contact_push_queue,
    contact_sync_runs,
    delivery_events,
    forget_old_messages,
    mailjet_contact_rows,
    message_counts,
    readdress_waiting_mail,
    recipient_limits,
    scan_runs,
    stale_secrets,
    stuck_messages,
    suppressions,
)
from mailworker.ledger.claiming import Lease, Wish
from mailworker.ledger.contact_tables import contact_calls
from mailworker.ledger.readdress_waiting_mail import former_addresses as left
from mailworker.rules.contact_diff import ContactPerson, Stamp
from tests.rows import NOW, after

LEASE = Lease("l", after(60))
PASSED_OVER, WAITED_FOR, REFUSED = " FOR UPDATE SKIP LOCKED", " FOR UPDATE", " FOR UPDATE NOWAIT"
PERSON = ContactPerson(contact_id="1", email="a@x.example", stamp=Stamp(NOW, None))


def a_call_is_open(connection):
    call = {"state": "running", "contacts": 0, "refused": 0, "started_at": NOW, "poll_at": NOW, "polls": 0}
    connection.execute(insert(contact_calls), [{"id": "c"} | call])


def somebody_left(connection):
    gone = {"email": "a@x.example", "contact_id": "2", "customer_id": "c", "left_at": NOW}
    connection.execute(insert(left), [gone])


def a_contact_waits(connection):
    empty = {"name": "", "properties": {}, "lists": [], "excluded": None, "barred": None, "fingerprint": "f"}
    more = {"task": "tell", "audience": "a", "due_at": NOW, "changed_at": NOW}
    mailjet_contact_rows.add_entries(
        connection, [mailjet_contact_rows.new_entry(email="a@x.example", **empty, **more)]
    )


def nothing(_connection):
    """The question is asked whatever is there."""


STEPS = {
    "claiming": (
        nothing,
        lambda c: claiming.claim(c, now=NOW, lease=LEASE, wish=Wish(9), choose=lambda _: []),
        [PASSED_OVER] * 3,
    ),
    "preparing": (
        nothing,
        lambda c: claiming.claim_for_rendering(c, now=NOW, lease=LEASE, limit=9),
        [PASSED_OVER],
    ),
    "asking": (nothing, lambda c: claiming.claim_unknown(c, now=NOW, lease=LEASE, limit=9), [PASSED_OVER]),
    "sweeping": (
        nothing,
        lambda c: stuck_messages.strand(c, now=NOW, look_up_after=timedelta(0), max_attempts=1),
        [PASSED_OVER] * 2,
    ),
    "ending what is late": (nothing, lambda c: stuck_messages.claim_late(c, NOW), [PASSED_OVER]),
    "forgetting": (nothing, lambda c: forget_old_messages.forget(c, before=NOW), [PASSED_OVER]),
    "wiping": (
        nothing,
        lambda c: stale_secrets.claim_unreplayable(c, ["k"], now=NOW, failed_before=NOW, after=""),
        [PASSED_OVER],
    ),
    "stopping a flood": (
        nothing,
        lambda c: recipient_limits.stop_flood(c, {("k", "a")}, why=str, wipe=lambda _: None, now=NOW),
        [PASSED_OVER],
    ),
    "recording events": (
        nothing,
        lambda c: delivery_events.messages_of_events(c, {"a"}, {1}),
        [REFUSED],
    ),
    "matching events": (
        nothing,
        lambda c: delivery_events.unmatched(c, since=NOW, limit=9),
        [PASSED_OVER],
    ),
    "telling contacts": (
        a_contact_waits,
        lambda c: contact_push_queue.claim(c, "c", now=NOW, until=NOW, limit=9),
        [PASSED_OVER],
    ),
    "looking at a call": (
        a_call_is_open,
        lambda c: contact_push_queue.next_poll(c, now=NOW, until=NOW),
        [PASSED_OVER],
    ),
    "ending a call": (nothing, lambda c: contact_push_queue.finish(c, "c", {}, now=NOW), [WAITED_FOR]),
    "hearing of contacts": (nothing, lambda c: mailjet_contact_rows.entries(c, ["a"]), [WAITED_FOR]),
    "barring": (nothing, lambda c: contact_exclusion.bar(c, {"a": "hard_bounce"}, now=NOW), [WAITED_FOR]),
    "a full sync": (
        nothing,
        lambda c: contact_sync_runs.take_sync(c, "l", now=NOW, until=NOW),
        [PASSED_OVER],
    ),
    "a scan": (nothing, lambda c: scan_runs.take(c, scan_runs.Start("s"), LEASE, NOW), [WAITED_FOR]),
    "a campaign": (nothing, lambda c: campaign_rows.lock(c, "a"), [WAITED_FOR]),
    "following a contact": (
        nothing,
        lambda c: readdress_waiting_mail.follow_contact(c, "1", "b@x.example", now=NOW),
        [WAITED_FOR],
    ),
    "passing an address on": (
        somebody_left,
        lambda c: readdress_waiting_mail.pass_on(c, [PERSON], now=NOW),
        [WAITED_FOR],
    ),
    "looking": (nothing, lambda c: campaign_rows.shift(c, "a", State.READY, State.HELD, why="", now=NOW), []),
}


@pytest.mark.parametrize("step", STEPS)
def test_what_is_asked_of_rows_that_somebody_else_has(connection, step):
    prepare, act, locks = STEPS[step]
    prepare(connection)
    asked = []

    def hear(_connection, statement, *_more):
        if isinstance(statement, Select):
            asked.append(str(statement.compile(dialect=postgresql.dialect())))

    event.listen(connection, "before_execute", hear)
    act(connection)
    endings = [text[text.index(" FOR UPDATE") :] for text in asked if " FOR UPDATE" in text]
    assert endings == locks


# --- how many rows are read -------------------------------------------------------------------------------

ONE_ROW = {
    "anything due at Mailjet": lambda c: contact_push_queue.anything_due(c, NOW),
    "the next contact": lambda c: contact_push_queue.claim(c, "c", now=NOW, until=NOW, limit=9),
    "the next call": lambda c: contact_push_queue.next_poll(c, now=NOW, until=NOW),
    "an entry of the list": lambda c: suppressions.listing_of(c, "a@x.example"),
    "a campaign's open message": lambda c: campaign_rows.anything_open(c, "a"),
    "the first that was sent": lambda c: stuck_messages.first_sent_after(c, NOW),
    "anything unknown": lambda c: stuck_messages.anything_due(c, State.UNKNOWN, NOW),
    "anything to prepare": lambda c: stuck_messages.anything_due(c, State.ACCEPTED, NOW),
    "a full sync under way": lambda c: contact_sync_runs.open_sync(c, "a", NOW),
    "a full sync to take": lambda c: contact_sync_runs.take_sync(c, "l", now=NOW, until=NOW),
    "the latest full sync": contact_sync_runs.latest_sync,
    "any full sync": lambda c: contact_sync_runs.any_sync_free(c, NOW),
    "anything ready": lambda c: claiming.anything_ready(c, NOW, list(Lane), Wish(9)),
    "the oldest of each lane": lambda c: message_counts.oldest_ready(c, NOW),
    "why contacts wait": contact_counts.stuck,
}


@pytest.mark.parametrize("question", ONE_ROW)
def test_who_asks_whether_there_is_any_reads_one_row(connection, question):
    """However many wait: a hundred thousand do after an outage."""
    limits = []

    def hear(_connection, statement, *_more):
        if isinstance(statement, Select):
            limits.append(statement._limit)

    event.listen(connection, "before_execute", hear)
    ONE_ROW[question](connection)
    assert set(limits) == {1}
