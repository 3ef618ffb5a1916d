"""An event of Mailjet's as the ledger keeps it, and the ledger's steps with it, one by one."""

from collections import Counter
from datetime import timedelta

import pytest
from sqlalchemy import insert, select

from mailworker.core.settlement import Receipt, Settlement
from mailworker.core.states import State
from mailworker.deliveries.kept_event_fields import EventRecord, record_from_event, record_from_row
from mailworker.deliveries.record_events import UNMATCHED_FOR, Deliveries, Recorded
from mailworker.deliveries.suppress_from_events import suppress_by, weigh_soft_bounces
from mailworker.ledger.confirm_sent import PROVABLE, prove
from mailworker.ledger.delivery_events import (
    attach,
    forget_unmatched,
    history,
    keep,
    messages_of_events,
    set_delivery,
    set_receipts,
    unmatched,
)
from mailworker.ledger.settle_messages import CallRecord, put_off, settle
from mailworker.ledger.tables import (
    attempts,
    events,
    messages,
    opt_outs,
    suppression_changes,
    suppressions,
    timeline,
)
from mailworker.mailjet.bounce_classification import SuppressionVerdict as Verdict
from mailworker.mailjet.parse_webhook import WebhookEvent
from mailworker.rules.pseudonym import pseudonym
from mailworker.rules.suppression_reasons import TEMPORARY
from tests.rows import NOW, STRICT, URGENT, after, put, row

ZOE, PAUL = "zoe@x.example", "paul@x.example"


def look(connection, id_):
    return dict(connection.execute(select(messages).where(messages.c.id == id_)).mappings().one())


def record(id_="e", word="open", email="", number=None, at=NOW, **more):
    return EventRecord(id_, word, at, number, "", "", email, **more)


# --- one event --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("event", "message", "is_for"),
    [
        ({"email": ZOE}, {"to_email": "Zoe@X.example"}, True),
        ({"email": ZOE}, {"to_email": PAUL}, False),
        ({"email": ZOE}, {"to_email": None}, False),
        ({"email": ZOE}, {"to_email": pseudonym(ZOE)}, True),
        ({"email": ZOE}, {"to_email": pseudonym(PAUL)}, False),
        ({"email": pseudonym(ZOE)}, {"to_email": ZOE}, True),
        ({"email": pseudonym(ZOE)}, {"to_email": pseudonym(ZOE)}, True),
        ({"email": pseudonym(ZOE)}, {"to_email": PAUL}, False),
        ({"email": ZOE, "number": 1}, {"to_email": ZOE, "mailjet_id": 2}, True),
        ({"number": 1}, {"to_email": ZOE, "mailjet_id": 1}, True),
        ({"number": 1}, {"to_email": ZOE, "mailjet_id": 2}, False),
        ({"number": 1}, {"to_email": ZOE, "mailjet_id": None}, True),
        ({}, {"to_email": ZOE, "mailjet_id": 2}, True),
    ],
)
def test_whom_an_event_tells_of(event, message, is_for):
    assert record(**event).is_for({"mailjet_id": None} | message) is is_for


@pytest.mark.parametrize(
    ("related", "error", "cause"),
    [
        ("recipient", "user unknown", "recipient, user unknown"),
        ("", "x", "x"),
        ("spam", "", "spam"),
        ("", "", ""),
    ],
)
def test_a_failures_cause(related, error, cause):
    assert record(related=related, error=error).cause == cause


FULL = {"hard": False, "related": "r", "error": "e", "reply": "p", "verdict": Verdict.SOFT_BOUNCE}


def full(**changes):
    given = {"id": "e", "word": "bounce", "at": NOW, "mailjet_id": 7, "mailjet_uuid": "u", "custom_id": "c"}
    return EventRecord(**given | {"email": ZOE} | FULL | changes)


@pytest.mark.parametrize(
    ("message", "more"),
    [
        (None, {"email": ZOE, "custom_id": "c", "uuid": "u"}),
        (row("m", to_email=PAUL) | {"mailjet_id": 7}, {"email": ZOE}),
        (row("m", to_email=ZOE) | {"mailjet_id": 7}, {}),
    ],
)
def test_what_is_kept_of_an_event(message, more):
    kept = full().row(received_at=after(5), message=message)
    words = {"hard": False, "related": "r", "error": "e", "reply": "p", "verdict": "soft_bounce"}
    assert kept == {
        "id": "e",
        "message_id": message and "m",
        "mailjet_id": 7,
        "event": "bounce",
        "at": NOW,
        "received_at": after(5),
        "detail": words | more,
    }
    if message is None:
        assert record_from_row(kept) == full()


def test_what_says_nothing_is_not_kept():
    bare = record("e", "sent", ZOE)
    assert bare.row(received_at=NOW, message=row("m", to_email=ZOE) | {"mailjet_id": None})["detail"] is None
    again = record_from_row({"id": "e", "event": "sent", "at": NOW, "mailjet_id": None, "detail": None})
    assert again == record("e", "sent")


def webhook(**changes):
    given = {"event": "bounce", "time": NOW, "message_id": 7, "custom_id": "m-1", "email": "Zoe@X.example"}
    return WebhookEvent(**given | changes)


@pytest.mark.parametrize(
    ("changes", "name", "value"),
    [
        ({}, "email", ZOE),
        ({"email": "zoe"}, "email", ""),
        ({"email": "z@" + "x" * 318}, "email", "z@" + "x" * 318),
        ({"email": "z@" + "x" * 319}, "email", ""),
        ({"email": "zo\x00e@x.example"}, "email", ZOE),
        ({}, "custom_id", "m-1"),
        ({"custom_id": "a" * 36}, "custom_id", "a" * 36),
        ({"custom_id": "a" * 37}, "custom_id", ""),
        ({"custom_id": "m_1"}, "custom_id", ""),
        ({}, "mailjet_id", 7),
        ({"message_id": 2**63 - 1}, "mailjet_id", 2**63 - 1),
        ({"message_id": 2**63}, "mailjet_id", None),
        ({"message_id": None}, "mailjet_id", None),
        ({"extras": {"Message_GUID": "u-1"}}, "mailjet_uuid", "u-1"),
        ({"extras": {"Message_GUID": 5}}, "mailjet_uuid", ""),
        ({"extras": {"Message_GUID": "u 1"}}, "mailjet_uuid", ""),
        ({"extras": {"smtp_reply": "550 no", "comment": "c"}, "source": "s"}, "reply", "550 no"),
        ({"extras": {"comment": "c"}, "source": "s"}, "reply", "c"),
        ({"extras": {"smtp_reply": ["x"]}, "source": "s"}, "reply", "s"),
        ({"extras": {"smtp_reply": f"for {PAUL}"}}, "reply", "for ***@***"),
        ({"extras": {"smtp_reply": "a\x00b"}}, "reply", "ab"),
        ({"extras": {"smtp_reply": "x" * 300}}, "reply", "x" * 300),
        ({"extras": {"smtp_reply": "ab " * 150}}, "reply", "ab " * 100),
        ({"event": "e" * 16}, "word", "e" * 16),
        ({"event": "ab " * 9}, "word", "ab ab ab ab ab a"),
        ({"error": "user unknown", "error_related_to": "recipient"}, "error", "user unknown"),
        ({"error": "user unknown", "error_related_to": "recipient"}, "related", "recipient"),
        ({"hard_bounce": True}, "hard", True),
        ({"error_related_to": "spam"}, "verdict", Verdict.ALERT),
    ],
)
def test_what_an_event_of_the_webhook_says(changes, name, value):
    found = record_from_event(webhook(**changes), "id", now=NOW)
    assert getattr(found, name) == value
    assert (found.id, found.at) == ("id", NOW)


@pytest.mark.parametrize(("ahead", "at"), [(-5, -5), (0, 0), (300, 300), (301, 0), (10**7, 0)])
def test_what_is_told_to_happen_later_happened_as_it_was_told(ahead, at):
    event = webhook(time=NOW + timedelta(seconds=ahead))
    assert record_from_event(event, "id", now=NOW).at == NOW + timedelta(seconds=at)


# --- events in the ledger ---------------------------------------------------------------------------------


def event(id_, message=None, *, received=NOW, word="open", at=NOW, detail=None):
    more = {"mailjet_id": None, "event": word, "at": at, "received_at": received, "detail": detail}
    return {"id": id_, "message_id": message} | more


def test_an_event_is_kept_once(connection):
    assert keep(connection, []) == set()
    assert keep(connection, [event("b"), event("a", "m")]) == {"a", "b"}
    assert keep(connection, [event("b", "x"), event("c")]) == {"c"}
    found = connection.execute(select(events.c.id, events.c.message_id)).all()
    assert dict(map(tuple, found)) == {"a": "m", "b": None, "c": None}


def test_messages_are_found_by_id_or_by_mailjets_number(connection):
    put(connection, row("b", mailjet_id=7), row("a"), row("c", mailjet_id=8))
    assert [one["id"] for one in messages_of_events(connection, {"a", "x"}, {7, 9})] == ["a", "b"]
    assert messages_of_events(connection, set(), set()) == []
    (one,) = messages_of_events(connection, {"a"}, set())
    names = {"id", "kind", "state", "to_email", "cc", "bcc", "mailjet_id", "delivery", "variables"}
    assert set(one) == names


def test_events_without_a_message_wait_for_it(connection):
    rows = [
        event("old", received=after(-1)),
        event("edge"),
        event("new", received=after(1)),
        event("known", "m"),
    ]
    keep(connection, rows)
    assert [one["id"] for one in unmatched(connection, since=NOW, limit=9)] == ["new", "edge"]
    assert [one["id"] for one in unmatched(connection, since=after(-1), limit=1)] == ["new"]
    attach(connection, {})
    attach(connection, {"edge": "m"})
    assert [one["id"] for one in unmatched(connection, since=after(-1), limit=9)] == ["new", "old"]
    forget_unmatched(connection, before=after(1))
    assert set(connection.execute(select(events.c.id)).scalars()) == {"edge", "new", "known"}


def test_a_status_and_a_receipt_go_to_these_messages_only(connection):
    put(connection, row("a"), row("b", mailjet_id=5, mailjet_uuid="v"), row("c"))
    set_delivery(connection, ["a", "b"], {"delivery": "opened", "reason": "r"})
    set_receipts(connection, [])
    set_receipts(connection, [("a", 7, "u"), ("b", 8, "w")])
    found = [look(connection, id_) for id_ in "abc"]
    assert [(one["delivery"], one["reason"], one["mailjet_id"], one["mailjet_uuid"]) for one in found] == [
        ("opened", "r", 7, "u"),
        ("opened", "r", 5, "v"),
        (None, None, None, None),
    ]


def test_an_addresss_history_has_its_own_events_of_these_words(connection):
    put(connection, row("a", to_canonical=ZOE, to_email=ZOE), row("b", to_canonical=PAUL, to_email=PAUL))
    keep(connection, [event("1", "a"), event("2", "a", word="spam"), event("3", "b"), event("4")])
    found = history(connection, [ZOE], ["open"])
    assert [(one["to_email"], one["message_id"], one["event"]) for one in found] == [(ZOE, "a", "open")]


def test_events_of_nobodys_are_forgotten_after_thirty_days(ledger):
    with ledger.write() as connection:
        keep(connection, [event("a", received=NOW), event("b", received=after(1))])
        listed = [{"email": f"{n}@x.example", "reason": "soft_bounces", "since": after(n)} for n in (0, 1)]
        connection.execute(insert(suppressions), listed)
    assert UNMATCHED_FOR == TEMPORARY == timedelta(days=30)
    Deliveries(ledger, {}).tidy(now=after(1) + UNMATCHED_FOR)
    with ledger.read() as connection:
        assert list(connection.execute(select(events.c.id)).scalars()) == ["b"]
        assert list(connection.execute(select(suppressions.c.email)).scalars()) == ["1@x.example"]


def test_what_several_goes_did_adds_up():
    one = Recorded(1, 2, 3, 4, 5, Counter({"open": 1, "sent": 2}), ("a",), (0.5,))
    two = Recorded(10, 20, 30, 40, 50, Counter({"open": 1}), ("b",), (1.5,))
    assert one + two == Recorded(11, 22, 33, 44, 55, {"open": 2, "sent": 2}, ("a", "b"), (0.5, 1.5))


# --- addresses --------------------------------------------------------------------------------------------


def listed(connection):
    rows = connection.execute(select(suppressions)).mappings()
    return {one["email"]: (one["reason"], one["since"], one["source"]) for one in rows}


@pytest.mark.parametrize(
    ("verdict", "reason"),
    [
        (Verdict.HARD_BOUNCE, "hard_bounce"),
        (Verdict.COMPLAINT, "spam"),
        (Verdict.UNSUBSCRIBED, "unsubscribed"),
        (Verdict.PREBLOCKED, "preblocked"),
        (Verdict.SOFT_BOUNCE, None),
        (Verdict.ALERT, None),
        (Verdict.NONE, None),
    ],
)
def test_for_what_one_event_lists_an_address(connection, verdict, reason):
    one = record(email=ZOE, word="bounce", error="e", verdict=verdict)
    assert suppress_by(connection, [(one, None)], now=after(9)) == int(reason is not None)
    assert listed(connection) == ({ZOE: (reason, NOW, "e")} if reason else {})


def test_of_several_events_the_weightiest_reason_counts_and_each_address_once(connection):
    pairs = [
        (record("a", "unsub", ZOE, verdict=Verdict.UNSUBSCRIBED), None),
        (record("b", "spam", ZOE, at=after(5), verdict=Verdict.COMPLAINT), None),
        (record("c", "unsub", ZOE, at=after(6), verdict=Verdict.UNSUBSCRIBED), None),
        (record("d", "spam", "", verdict=Verdict.COMPLAINT), None),
        (record("e", "spam", PAUL, verdict=Verdict.COMPLAINT), None),
    ]
    assert suppress_by(connection, pairs, now=after(9)) == 2
    assert listed(connection) == {ZOE: ("spam", after(5), "spam"), PAUL: ("spam", NOW, "spam")}


@pytest.mark.parametrize(
    ("message", "kinds", "off", "on_list"),
    [
        (row("m", to_email=ZOE, kind=URGENT), {URGENT}, {(pseudonym(ZOE), URGENT)}, set()),
        (row("m", to_email=ZOE, kind=STRICT), {URGENT}, set(), {ZOE}),
        (row("m", to_email=pseudonym(ZOE), kind=URGENT), {URGENT}, {(pseudonym(ZOE), URGENT)}, set()),
        (row("m", to_email=pseudonym(ZOE), kind=STRICT), {URGENT}, set(), {pseudonym(ZOE)}),
        (row("m", to_email=PAUL, kind=STRICT), {URGENT}, set(), {ZOE}),
        (None, {URGENT}, set(), {ZOE}),
    ],
)
def test_who_leaves_mail_of_an_optional_kind_leaves_that_kind(connection, message, kinds, off, on_list):
    one = record(email=ZOE, word="unsub", verdict=Verdict.UNSUBSCRIBED)
    message = message and message | {"mailjet_id": None}
    assert suppress_by(connection, [(one, message)], optional=kinds, now=NOW) == len(on_list)
    assert set(listed(connection)) == on_list
    assert {(one.person, one.kind) for one in connection.execute(select(opt_outs))} == off


@pytest.mark.parametrize(("opted_in", "counts"), [(-1, True), (0, False), (1, False), (None, True)])
def test_a_choice_from_before_it_was_taken_back_counts_no_more(connection, opted_in, counts):
    if opted_in is not None:
        change = {
            "email": ZOE,
            "at": after(opted_in),
            "what": "opted_in",
            "reason": "",
            "why": "",
            "changed_by": "",
        }
        connection.execute(insert(suppression_changes), [change])
    one = record(email=ZOE, word="unsub", verdict=Verdict.UNSUBSCRIBED)
    message = row("m", to_email=ZOE, kind=URGENT) | {"mailjet_id": None}
    suppress_by(connection, [(one, message)], optional={URGENT}, now=after(9))
    assert (len(connection.execute(select(opt_outs)).all()) == 1) is counts


SOFT = {"verdict": "soft_bounce"}


def tries(connection, *moments, word="bounce", detail=SOFT, email=ZOE):
    """One mail and its event for each of these moments."""
    for moment in moments:
        id_ = f"{email[0]}{word}{moment}"
        put(connection, row(id_, to_email=email, to_canonical=email))
        keep(connection, [event(id_, id_, word=word, at=after(moment), detail=detail)])
    return row(id_, to_email=email) | {"mailjet_id": None}


@pytest.mark.parametrize(("failures", "often"), [(4, False), (5, True), (6, True)])
def test_who_could_not_be_reached_five_times_in_a_row_is_listed(connection, failures, often):
    message = tries(connection, *range(failures))
    tries(connection, *range(9), email=PAUL)
    one = record(email=ZOE, word="bounce", verdict=Verdict.SOFT_BOUNCE)
    assert weigh_soft_bounces(connection, [(one, message)], now=NOW) == int(often)
    last = ("soft_bounces", after(failures - 1), "could not be delivered, again and again")
    assert listed(connection) == ({ZOE: last} if often else {})


@pytest.mark.parametrize(
    ("word", "detail"),
    [
        ("bounce", None),
        ("bounce", {"verdict": "hard_bounce"}),
        ("bounce", SOFT | {"email": "copy@x.example"}),
    ],
)
def test_what_is_no_soft_bounce_of_the_address_does_not_count(connection, word, detail):
    message = tries(connection, *range(4))
    tries(connection, 9, word=word, detail=detail)
    one = record(email=ZOE, word="bounce", verdict=Verdict.SOFT_BOUNCE)
    assert weigh_soft_bounces(connection, [(one, message)], now=NOW) == 0


@pytest.mark.parametrize("word", ["sent", "open", "click"])
@pytest.mark.parametrize(("at", "often"), [(3, True), (4, False), (99, False)])
def test_an_arrival_begins_the_count_anew(connection, word, at, often):
    message = tries(connection, *range(4, 9))
    tries(connection, at, word=word, detail=None)
    one = record(email=ZOE, word="bounce", verdict=Verdict.SOFT_BOUNCE)
    assert weigh_soft_bounces(connection, [(one, message)], now=NOW) == int(often)


@pytest.mark.parametrize(
    ("reason", "word", "stays"),
    [
        ("soft_bounces", "sent", False),
        ("soft_bounces", "open", False),
        ("soft_bounces", "click", False),
        ("soft_bounces", "bounce", True),
        ("spam", "sent", True),
        ("preblocked", "sent", True),
    ],
)
def test_who_was_reached_again_leaves_the_list(connection, reason, word, stays):
    connection.execute(insert(suppressions), [{"email": ZOE, "reason": reason, "since": NOW}])
    message = tries(connection, 1, word="sent", detail=None)
    assert weigh_soft_bounces(connection, [(record(email=ZOE, word=word), message)], now=NOW) == 0
    assert (ZOE in listed(connection)) is stays


def test_who_was_reached_once_before_five_failures_stays_on_the_list(connection):
    """The event of the arrival comes late."""
    connection.execute(insert(suppressions), [{"email": ZOE, "reason": "soft_bounces", "since": after(2)}])
    tries(connection, *range(1, 6))
    message = tries(connection, 0, word="sent", detail=None)
    assert weigh_soft_bounces(connection, [(record(email=ZOE, word="sent"), message)], now=NOW) == 1
    assert ZOE in listed(connection)


def test_a_copys_fate_weighs_nothing(connection):
    message = tries(connection, *range(5))
    one = record(email=PAUL, word="bounce", verdict=Verdict.SOFT_BOUNCE)
    assert weigh_soft_bounces(connection, [(one, message), (one, message | {"to_email": None})], now=NOW) == 0


# --- outcomes ---------------------------------------------------------------------------------------------


def test_each_message_gets_what_its_own_settlement_says(connection):
    put(connection, *[row(id_, state="sending", lease="l", lease_until=after(9)) for id_ in "abcde"])
    settlements = [
        Settlement("a", State.SENT, "taken", receipt=Receipt(7, "u"), wiped={}),
        Settlement("b", State.READY, "later", not_before=after(5), attempts=0),
        Settlement("c", State.READY, "smaller", batch_limit=3),
        Settlement("d", State.FAILED, "no", code="mj-1"),
        Settlement("x", State.SENT, "nobody"),
    ]
    call = CallRecord("c1", NOW, after(1))
    moved = settle(connection, settlements, now=after(2), expected=State.SENDING, lease="l", call=call)
    assert moved == set("abcd")
    names = ("state", "reason", "lease", "lease_until", "changed_at", "not_before", "attempts", "batch_limit")
    more = ("mailjet_id", "mailjet_uuid", "variables")
    found = {id_: look(connection, id_) for id_ in "abcde"}
    usual, kept = (None, None, after(2)), (None, None, {"customer_name": "Zoé"})
    assert {id_: tuple(one[name] for name in names) for id_, one in found.items()} == {
        "a": ("sent", "taken", *usual, NOW, 0, 50),
        "b": ("ready", "later", *usual, after(5), 0, 50),
        "c": ("ready", "smaller", *usual, NOW, 0, 3),
        "d": ("failed", "no", *usual, NOW, 0, 50),
        "e": ("sending", None, "l", after(9), NOW, NOW, 0, 50),
    }
    assert {id_: tuple(one[name] for name in more) for id_, one in found.items()} == dict.fromkeys(
        "bcde", kept
    ) | {"a": (7, "u", {})}
    rows = connection.execute(select(attempts)).mappings()
    tried = {one["message_id"]: (one["call_id"], one["outcome"], one["code"], one["why"]) for one in rows}
    assert tried == {
        "a": ("c1", "sent", None, "taken"),
        "b": ("c1", "ready", None, "later"),
        "c": ("c1", "ready", None, "smaller"),
        "d": ("c1", "failed", "mj-1", "no"),
    }
    entries = connection.execute(select(timeline)).mappings()
    story = {(one["message_id"], one["what"], one["why"], one["at"]) for one in entries}
    assert story == {(one.id, str(one.state), one.why, after(2)) for one in settlements[:4]}


@pytest.mark.parametrize(("lease", "moves"), [("l", True), ("other", False), (None, True)])
def test_who_lost_the_lease_changes_nothing(connection, lease, moves):
    put(connection, row("a", state="sending", lease="l"))
    settled = [Settlement("a", State.SENT, "w")]
    call = CallRecord("c", NOW, NOW)
    moved = settle(connection, settled, now=NOW, expected=State.SENDING, lease=lease, call=call)
    assert moved == ({"a"} if moves else set())
    assert look(connection, "a")["state"] == ("sent" if moves else "sending")
    assert (
        len(connection.execute(select(attempts)).all())
        == len(connection.execute(select(timeline)).all())
        == moves
    )


@pytest.mark.parametrize(
    ("changes", "noted"), [({}, True), ({"lease": "other"}, False), ({"state": "sent"}, False)]
)
def test_when_an_unknown_one_is_asked_about_again_is_noted_by_who_asks(connection, changes, noted):
    put(
        connection,
        row("a", **({"state": "unknown", "lease": "l"} | changes)),
        row("b", state="unknown", lease="l"),
    )
    put_off(connection, [], lease="l")
    put_off(connection, [Settlement("a", State.UNKNOWN, "not yet", not_before=after(5))], lease="l")
    one = look(connection, "a")
    assert (one["not_before"], one["reason"]) == ((after(5), "not yet") if noted else (NOW, None))
    assert look(connection, "b")["reason"] is None


@pytest.mark.parametrize("state", list(State))
def test_a_proof_makes_a_message_sent_wherever_it_stands(connection, state):
    put(connection, row("a", state=str(state), lease="l"), row("b", state=str(state)))
    proof = Settlement("a", State.SENT, "proved", receipt=Receipt(7, "u"))
    moved = prove(connection, [proof], now=after(1), call=CallRecord("c", NOW, NOW))
    assert moved == int(state in PROVABLE)
    assert look(connection, "a")["state"] == ("sent" if moved else str(state))
    assert look(connection, "b")["state"] == str(state)
    assert len(connection.execute(select(attempts)).all()) == moved


def test_of_several_proofs_each_finds_its_message(connection):
    states = [str(state) for state in PROVABLE]
    put(connection, *[row(f"m{n}", state=state) for n, state in enumerate(states)])
    proofs = [Settlement(f"m{n}", State.SENT, "proved") for n in range(len(states))]
    assert prove(connection, proofs, now=NOW) == len(states)
