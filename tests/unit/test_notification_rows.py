"""What was said about which invoice or balance: claimed once, moved with its message, and read with its fate."""

import pytest
from sqlalchemy import select

from mailworker.core.states import FINAL, State
from mailworker.ledger.alert_once_per_address import notified_before
from mailworker.ledger.bulk_insert import WORTH_IT
from mailworker.ledger.find_by_invoice_number import invoice_ids_of, messages_about, numbers_of, remember
from mailworker.ledger.insert_messages import AcceptVerdict, accept, missing_keys
from mailworker.ledger.notification_log import (
    Claim,
    about_balance,
    about_invoice,
    by_hand,
    claim,
    claim_alerts,
    fates,
    move,
    move_all,
    notifications_about,
    notifications_of,
    unclaim,
    withdraw,
)
from mailworker.ledger.rejected_jobs import reject
from mailworker.ledger.scan_tables import notifications
from mailworker.ledger.tables import invoice_numbers, rejected_jobs, timeline
from mailworker.rules.balance_key import Alert, AlertKey
from tests.rows import NOW, STRICT, URGENT, after, put, row

FIRST, SECOND = Claim("k1", about_invoice("7"), 5), Claim("k2", about_balance("b"))


def owners(connection):
    return dict(map(tuple, connection.execute(select(notifications.c.key, notifications.c.message_id)).all()))


def test_a_claim_is_the_first_ones(connection):
    assert claim(connection, [], run_id=1, now=NOW) == set()
    assert claim(connection, [(SECOND, "m"), (FIRST, "m")], run_id=3, now=NOW) == {"k1", "k2"}
    assert claim(connection, [(FIRST, "n"), (Claim("k3", "x"), "n")], run_id=4, now=after(1)) == {"k3"}
    rows = {one["key"]: dict(one) for one in connection.execute(select(notifications)).mappings()}
    same = {"run_id": 3, "at": NOW, "withdrawn_at": None, "message_id": "m"}
    assert rows["k1"] == {"key": "k1", "about": "invoice:7", "days": 5} | same
    assert rows["k2"] == {"key": "k2", "about": "balance:b", "days": None} | same
    assert (rows["k3"]["run_id"], rows["k3"]["message_id"]) == (4, "n")


@pytest.mark.parametrize("number", [1, WORTH_IT - 1, WORTH_IT, WORTH_IT + 1, 60])
@pytest.mark.parametrize("known", [0, 1])
def test_of_many_claims_the_new_ones_are_given(connection, number, known):
    claims = [(Claim(f"k{n:02}", "a"), "m") for n in range(number)]
    claim(connection, claims[:known], run_id=None, now=NOW)
    assert claim(connection, claims, run_id=None, now=NOW) == {f"k{n:02}" for n in range(known, number)}
    assert len(owners(connection)) == number


def test_claims_are_let_go_and_moved(connection):
    put(connection, row("m"), row("n"))
    claim(connection, [(FIRST, "m"), (SECOND, "m"), (Claim("k3", "x"), "other")], run_id=1, now=NOW)
    unclaim(connection, [])
    assert len(owners(connection)) == 3
    move(connection, ["k1", "k3"], old="m", new="n", now=after(2))
    assert owners(connection) == {"k1": "n", "k2": "m", "k3": "other"}
    entries = connection.execute(select(timeline).order_by(timeline.c.id)).mappings()
    assert [(one["message_id"], one["at"], one["what"], one["why"]) for one in entries] == [
        ("m", after(2), "note", "what is still true is said by n"),
        ("n", after(2), "note", "says what is still true of m"),
    ]
    move_all(connection, old="n", new="o")
    assert owners(connection) == {"k1": "o", "k2": "m", "k3": "other"}
    unclaim(connection, ["k2", "k3"])
    assert owners(connection) == {"k1": "o"}


@pytest.mark.parametrize("state", [*State, None])
def test_what_was_said_is_read_with_what_became_of_it(connection, state):
    claim(connection, [(FIRST, "m"), (SECOND, "n")], run_id=3, now=NOW)
    if state is not None:
        put(connection, row("m", state=str(state), changed_at=after(9)))
    withdraw(connection, "n", now=after(1))
    found = notifications_about(connection, ["invoice:7", "invoice:8"])
    ((about, (one,)),) = found.items()
    assert (about, one.claim, one.message_id, one.written_at) == ("invoice:7", FIRST, "m", NOW)
    assert (one.state, one.by_scan, one.withdrawn) == (state, True, False)
    assert one.at == (NOW if state is None else after(9) if state in FINAL else None)
    ((message, (other,)),) = notifications_of(connection, ["n"]).items()
    assert (message, other.claim, other.withdrawn) == ("n", SECOND, True)


def alert(key="k", balance="b", recipient=""):
    return AlertKey(key, Alert.LOW, balance, NOW, recipient, "")


def test_alerts_of_the_crms_own_are_claimed_for_the_first_of_their_messages(connection):
    claim_alerts(connection, {}, now=NOW)
    claim_alerts(connection, {"m": alert(), "n": alert("k2", "c")}, now=NOW)
    claim_alerts(connection, {"o": alert()}, now=NOW)
    rows = connection.execute(select(notifications).order_by(notifications.c.key)).mappings()
    assert [(one["key"], one["about"], one["days"], one["message_id"], one["run_id"]) for one in rows] == [
        ("k", "balance:b", None, "m", None),
        ("k2", "balance:c", None, "n", None),
    ]
    assert notifications_about(connection, ["balance:b"])["balance:b"][0].by_scan is False


@pytest.mark.parametrize("state", list(State))
@pytest.mark.parametrize(
    ("changes", "earlier"),
    [
        ({}, True),
        ({"to_email": "ZOE@x.example"}, True),
        ({"to_email": "paul@x.example"}, False),
        ({"to_email": None}, False),
        ({"accepted_at": after(1)}, False),
        ({"accepted_at": NOW}, True),
        ({"accepted_at": NOW, "id": "z"}, False),
    ],
)
def test_an_alert_is_told_to_an_address_once(connection, state, changes, earlier):
    first = (
        row("a", idempotency_key="k", to_email="zoe@x.example", accepted_at=after(-1), state=str(state))
        | changes
    )
    later = row("m", idempotency_key="k#zoe@x.example", to_email="Zoe@x.example")
    put(connection, first, later, row("n", idempotency_key="other"))
    alive = state is State.SENT or state not in FINAL
    found = notified_before(connection, [(later, alert(recipient="zoe@x.example"))])
    assert found == ({"m": first["id"]} if earlier and alive else {})


def test_an_alert_with_its_own_key_looks_for_the_one_with_the_address(connection):
    several = row("a", idempotency_key="k#zoe@x.example", to_email="zoe@x.example", accepted_at=after(-1))
    own = row("m", idempotency_key="k", to_email="Zoe@X.example")
    put(connection, several, own)
    assert notified_before(connection, [(own, alert())]) == {"m": "a"}
    assert notified_before(connection, [(several, alert(recipient="zoe@x.example"))]) == {}


def test_reminders_that_no_step_says_are_found_by_their_invoice(connection):
    put(
        connection,
        row("m", invoice_id="7", kind=STRICT, state="sent", changed_at=after(5), accepted_at=after(1)),
        row("waits", invoice_id="7", kind=STRICT),
        row("said", invoice_id="7", kind=STRICT),
        row("kind", invoice_id="7", kind=URGENT),
        row("other", invoice_id="8", kind=STRICT),
        row("none", kind=STRICT),
    )
    claim(connection, [(FIRST, "said")], run_id=1, now=NOW)
    found = by_hand(connection, ["7", "9"], [STRICT])
    assert list(found) == ["7"]
    one, two = sorted(found["7"], key=lambda each: each.message_id)
    assert (one.claim, one.message_id, one.written_at, one.at) == (
        Claim("", "invoice:7"),
        "m",
        after(1),
        after(5),
    )
    assert (one.state, one.by_scan, one.withdrawn) == (State.SENT, False, False)
    assert (two.message_id, two.at) == ("waits", None)


def test_what_became_of_a_scans_messages_is_counted_by_message(connection):
    put(
        connection,
        row("a", state="sent"),
        row("b", state="sent"),
        row("c", state="held"),
        row("d", state="sent"),
    )
    claims = [(Claim(f"k{n}", "x"), id_) for n, id_ in enumerate("aabc")]
    claim(connection, claims, run_id=3, now=NOW)
    claim(connection, [(Claim("k9", "x"), "d")], run_id=4, now=NOW)
    assert fates(connection, 3) == {State.SENT: 2, State.HELD: 1}


# --- new messages -----------------------------------------------------------------------------------------


def job(key, id_=None, **changes):
    return row(id_ or f"id-{key}", idempotency_key=key, **changes)


@pytest.mark.parametrize("many", [1, WORTH_IT, 501])
def test_each_job_hears_of_its_message_in_order(connection, many):
    jobs = [job(f"k{n:03}") for n in range(many)]
    first = accept(connection, jobs, NOW)
    assert [(one.message_id, one.verdict) for one in first] == [
        (one["id"], AcceptVerdict.NEW) for one in jobs
    ]
    again = accept(connection, jobs[::-1], NOW)
    assert [one.message_id for one in again] == [one["id"] for one in jobs[::-1]]
    assert {one.verdict for one in again} == {AcceptVerdict.REPEATED}
    entries = list(connection.execute(select(timeline.c.message_id, timeline.c.what, timeline.c.at)))
    assert sorted(map(tuple, entries)) == sorted((one["id"], "accepted", NOW) for one in jobs)


def test_the_same_key_in_one_call_and_with_other_content(connection):
    jobs = [job("a"), job("a", "x"), job("a", "y", fingerprint="g"), job("b")]
    given = [(one.message_id, str(one.verdict)) for one in accept(connection, jobs, NOW)]
    assert given == [("id-a", "new"), ("id-a", "repeated"), ("id-a", "conflict"), ("id-b", "new")]
    later = accept(connection, [job("b", "z", fingerprint="g"), job("c")], NOW)
    assert [(one.message_id, str(one.verdict)) for one in later] == [("id-b", "conflict"), ("id-c", "new")]


@pytest.mark.parametrize("many", [1, WORTH_IT])
def test_an_id_that_another_key_has_is_a_conflict_with_it(connection, many):
    accept(connection, [job("a", "m")], NOW)
    jobs = [job("b", "m"), *(job(f"k{n}") for n in range(many))]
    found = accept(connection, jobs, NOW)
    assert (found[0].message_id, found[0].verdict) == ("m", AcceptVerdict.CONFLICT)
    assert {one.verdict for one in found[1:]} == {AcceptVerdict.NEW}
    assert missing_keys(connection, ["a", "b", "k0", "z"]) == {"b", "z"}


def test_what_was_wrong_with_an_entry_is_kept_once(connection):
    reject(connection, [])
    one = {"entry_id": "1", "at": NOW, "source": "stream", "faults": ["a"]}
    reject(connection, [one])
    reject(connection, [one | {"faults": ["b"]}, one | {"entry_id": "2"}])
    assert [
        tuple(each) for each in connection.execute(select(rejected_jobs.c.entry_id, rejected_jobs.c.faults))
    ] == [
        ("1", ["a"]),
        ("2", ["a"]),
    ]


# --- invoice numbers --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("own", "numbers"),
    [
        ({"invoice": {"invoice_number": " F-7 "}}, {"f-7"}),
        ({"variables": {"invoice_number": "F-7"}}, {"f-7"}),
        ({"invoice": {"invoice_number": "A"}, "variables": {"invoice_number": "B"}}, {"a"}),
        ({"invoice": {"invoice_number": ""}, "variables": {"invoice_number": "B"}}, {"b"}),
        ({"variables": {"invoices": [{"number": "A"}, {"number": 7}, {"number": ""}, {}, "x"]}}, {"a", "7"}),
        ({"variables": {"invoices": [{}], "invoice_number": "B"}}, {"b"}),
        ({"variables": {"invoices": "F-1", "invoice_number": "B"}}, {"b"}),
        ({"variables": {"invoices": [{"number": ["x"]}], "invoice_number": "B"}}, set()),
        ({"variables": {"invoice_number": 12}}, {"12"}),
        ({"variables": {"invoice_number": 0}}, set()),
        ({"variables": {"invoice_number": 1.5}}, set()),
        ({"variables": {"invoice_number": "x" * 130}}, {"x" * 120}),
        ({"variables": ["invoice_number"], "invoice": "F-1"}, set()),
        ({}, set()),
    ],
)
def test_by_which_numbers_a_message_is_found(own, numbers):
    assert numbers_of(own) == numbers


def test_a_message_is_found_by_its_invoices_number(connection):
    put(
        connection,
        row("old", invoice_id="1", accepted_at=after(-5)),
        row("new", invoice_id="2", accepted_at=after(-1)),
        row("bare", accepted_at=NOW),
    )
    rows = [{"id": id_, "variables": {"invoice_number": "F-7"}} for id_ in ("old", "new", "bare")]
    remember(connection, [])
    remember(connection, [*rows, {"id": "other", "variables": {"invoice_number": "F-8"}}])
    remember(connection, rows)
    assert len(connection.execute(select(invoice_numbers)).all()) == 4
    assert set(connection.execute(messages_about(" f-7")).scalars()) == {"old", "new", "bare"}
    assert invoice_ids_of(connection, "F-7") == ["2", "1"]
    assert invoice_ids_of(connection, "F-9") == []
